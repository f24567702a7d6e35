"""Make the pictures of the README from real runs: `python docs/pictures.py` (needs matplotlib).

The walls: one line per planted defect of the demo: original, background, anomaly (M − L, faint where nothing is
flagged) and mask, on transparent ground, so that it suits light and dark pages. The lesson: its figure.
"""

import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kizu import explain
from kizu.explain.lesson import LANGS
from kizu.io.results import Saved, read_results
from kizu.pipeline.demo import demo
from kizu.pipeline.road import quiet
from kizu.report.panels import Small, anomaly_bytes, scale_of

PICTURES = Path(__file__).parent / "pictures"
DOTS = 100  # per inch: a figure is as wide as a page of text
ZOOM, GAP = 2, 8
EDGE = (128, 128, 128, 255)  # else white ends on a light page where nobody sees it, and black on a dark one


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        done = demo(Path(name) / "out", overwrite=False, progress=quiet)
        saved = read_results(done.outcome.folder)
        shown = [frame_of(saved, done.frames, wall) for wall in done.planted]
    scale = scale_of(shown)
    lines = [side_by_side(panels(frame, scale)) for frame in shown]
    PICTURES.mkdir(exist_ok=True)
    stacked(lines).save(PICTURES / "walls.png", optimize=True)
    for lang in LANGS:
        explain.shrink(lang=lang).savefig(PICTURES / f"shrink.{lang}.png", dpi=DOTS)


def frame_of(saved: Saved, frames: Path, name: str) -> Small:
    original = np.asarray(Image.open(frames / f"{name}.png"))
    background = saved.background(name)
    return Small(original, background, original - background.astype(np.float32), saved.mask(name))


def panels(frame: Small, scale: float) -> list[Image.Image]:
    anomaly = Image.open(BytesIO(anomaly_bytes(frame, scale)))
    return [shown(frame.original), shown(frame.background), anomaly.convert("RGBA"), shown(frame.mask * np.uint8(255))]


def shown(grey: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(grey).convert("RGBA")


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """The pictures in one line, magnified without smoothing, with transparent gaps."""
    framed = [ImageOps.expand(ImageOps.scale(one, ZOOM, Image.Resampling.NEAREST), 1, EDGE) for one in pictures]
    width, height = framed[0].size
    line = Image.new("RGBA", (len(framed) * (width + GAP) - GAP, height))
    for number, picture in enumerate(framed):
        line.paste(picture, (number * (width + GAP), 0))
    return line


def stacked(lines: list[Image.Image]) -> Image.Image:
    width, height = lines[0].size
    page = Image.new("RGBA", (width, len(lines) * (height + GAP) - GAP))
    for number, line in enumerate(lines):
        page.paste(line, (0, number * (height + GAP)))
    return page


if __name__ == "__main__":
    main()
