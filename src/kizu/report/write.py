"""Results folder → report/index.html: self-contained, without a network, without a script where it matters."""

from collections.abc import Callable, Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from kizu.engines.protocol import Engine
from kizu.engines.threads import DEFAULT
from kizu.errors import printable
from kizu.files import write_bytes, write_text
from kizu.io.pictures import display
from kizu.io.results import Saved
from kizu.report.page import Card, context, matrix_context, worst_first
from kizu.report.panels import Small, anomaly_bytes, outline_bytes, photo_bytes, scale_of, shrink

MOST = 60
STATIC = ("report.css", "report.js")

Frame = Callable[[int], NDArray[Any]]


def write_report(
    saved: Saved,
    *,
    original: Frame,
    residual: Frame,
    extra: Mapping[str, bytes] | None = None,
    most: int = MOST,
    engine: Engine = DEFAULT,
) -> Path:
    """Write report/index.html and its assets into the results folder of `saved`; returns the page's path.

    `original(i)` is frame i (the i-th row of results.json) as uint8 (height, width[, 3]); `residual(i)` is M − L in
    grey levels (height, width), of the winning channel. Both are called once for each of the `most` worst frames and
    for no other. `extra` are pictures of the model, by name. The same folder gives the same bytes.
    """
    folder = saved.folder
    shown = worst_first(saved.results, most)
    frames = engine.map(lambda i: _small(saved, i, original(i), residual(i)), shown)
    scale = scale_of(frames)
    cards = [_card(saved, i, frame) for i, frame in zip(shown, frames, strict=True)]
    assets = folder / "report" / "assets"
    pictures = engine.map(lambda frame: _pictures(frame, scale), frames)
    content = {
        f"{card.key}-{name}": data for card, made in zip(cards, pictures, strict=True) for name, data in made.items()
    }
    content |= {name: static(name) for name in STATIC} | dict(extra or {})
    for name, data in content.items():
        write_bytes(assets / name, data)
    sweep(assets, content)
    page = folder / "report" / "index.html"
    write_text(page, templates().get_template("report.html").render(context(saved, cards, scale=scale)))
    return page


def write_matrix_report(saved: Saved, *, picture: str) -> Path:
    """Write the page of a matrix, with `picture` (a path below its folder); returns its path."""
    folder = saved.folder
    assets = folder / "report" / "assets"
    for name in STATIC:
        write_bytes(assets / name, static(name))
    sweep(assets, STATIC)
    page = folder / "report" / "index.html"
    write_text(page, templates().get_template("matrix.html").render(matrix_context(saved, picture=picture)))
    return page


def _small(saved: Saved, position: int, original: NDArray[Any], residual: NDArray[Any]) -> Small:
    name = saved.results[position]["name"]
    background = saved.background(name)
    # 8-bit backgrounds show as they are; deeper ones on the range that the run used, else on their own.
    low, high = saved.run.get("display") or (float(background.min()), float(background.max()))
    return shrink(original, display(background, (low, high)), residual.astype(np.float32, copy=False), saved.mask(name))


def _card(saved: Saved, position: int, frame: Small) -> Card:
    height, width = frame.mask.shape
    return Card(f"{position:06d}", position, saved.results[position], width, height)


def _pictures(frame: Small, scale: float) -> dict[str, bytes]:
    return {
        "original.webp": photo_bytes(frame.original),
        "background.webp": photo_bytes(frame.background),
        "anomaly.png": anomaly_bytes(frame, scale),
        "outline.png": outline_bytes(frame.mask),
    }


def static(name: str) -> bytes:
    return (files("kizu.report") / "templates" / name).read_bytes()


def templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("kizu.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"brief": brief, "exact": exact}
    return environment


def _visible(value: Any) -> Any:
    """Text with its control characters escaped: names can turn a line around or hold half a character."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def brief(value: float | None) -> str:
    """A measured number to three digits; an en dash where there is none."""
    return "–" if value is None else f"{value:.3g}"


def exact(value: float | None) -> str:
    """A number to the digits that tell a bound from its objective."""
    return "–" if value is None else f"{value:.8g}"


def sweep(assets: Path, kept: Collection[str]) -> None:
    """Remove the pictures of an earlier report that this one does not show."""
    for path in assets.iterdir():
        if path.name not in kept and path.suffix in {".png", ".webp"}:
            path.unlink()
