"""Video and faces: `kizu detect` with its default options.

Videos with a truth are scored by `kizu eval --protocol cdnet`; for inputs without one a contact sheet (original |
background | anomaly) is written to bench/out/, to be looked at.
"""

import csv
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kizu.io.reading import read
from kizu.io.results import Saved
from quality import runs
from quality.kinds import Asked, Check, Found, Kind, SkippedError, table
from quality.runs import MEBIBYTE, OUT, Cost

SHOWN = 8
"""Frames in a contact sheet, evenly spaced in the order of the inputs."""
MEASURES = ("f1", "precision", "recall", "auroc")
HEAD = "input | frames | F1 | precision | recall | AUROC | seconds | CPU seconds | peak MiB | certificate gap"


class Case(NamedTuple):
    """One run: its name, what is given to `kizu detect`, and the folder of true masks if there is one."""

    name: str
    inputs: tuple[Path, ...]
    truth: Path | None


class Limit(NamedTuple):
    """What a case must reach."""

    f1: float
    seconds: float = np.inf
    mebibytes: float = np.inf


class Figures(NamedTuple):
    """What a run reached; `measures` are what `kizu eval` says, nothing without a truth."""

    frames: int
    measures: dict[str, Any]
    cost: Cost
    gap: float


LIMITS = {
    "video_highway": Limit(f1=0.96, seconds=25, mebibytes=1.5e9 / MEBIBYTE),
    "video_traffic_jitter": Limit(f1=0.87),
}


def videos(folder: Path) -> list[Case]:
    return [Case(folder.name, (folder / "frames",), folder / "gt")]


def archives(folder: Path) -> list[Case]:
    return [Case(path.stem, (path,), None) for path in sorted(folder.glob("*.npz"))]


def persons(folder: Path) -> list[Case]:
    """One case per person of index.csv; lights from left to right."""
    with (folder / "index.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["light_azimuth_deg"]))
    faces = {row["person"]: [folder / one["file"] for one in rows if one["person"] == row["person"]] for row in rows}
    return [Case(f"face-{person}", tuple(files), None) for person, files in sorted(faces.items())]


CASES: dict[str, Callable[[Path], list[Case]]] = {
    "video_highway": videos,
    "video_traffic_jitter": videos,
    "yale_faces": persons,
    "video_unlabelled": archives,
}


def measure(asked: Asked) -> Found:
    rows: list[list[Any]] = []
    figures: dict[str, Any] = {}
    checks: list[Check] = []
    missing: list[str] = []
    for name in asked.names:
        try:
            cases = CASES[name](asked.folder(name))
        except SkippedError as why:
            missing.append(f"{name} {why}")
            continue
        for case in cases:
            found = _measured(case)
            rows.append(_row(case.name, found))
            figures[case.name] = found._asdict() | {"cost": found.cost._asdict()}
            checks += _judged(case.name, found)
    if not rows:
        raise SkippedError("; ".join(missing))
    notes = [f"Skipped: {why}." for why in missing]
    return Found("\n\n".join([table(HEAD, rows), *notes]), figures, tuple(checks))


def _measured(case: Case) -> Figures:
    saved, cost = runs.detect(case.name, case.inputs)
    if case.truth is None:
        sheet(case, saved).save(OUT / f"{case.name}.png")
    used, gap = saved.run["frames"]["used"], saved.run["certificate"]["relative_gap"]
    return Figures(used, _scored(saved.folder, case.truth), cost, gap)


def _scored(out: Path, truth: Path | None) -> dict[str, Any]:
    if truth is None:
        return {}
    asked = runs.command("eval", out, "--truth", truth, "--protocol", "cdnet")
    found: dict[str, Any] = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
    return found


def _row(name: str, found: Figures) -> list[Any]:
    cost, measures = found.cost, [found.measures.get(name) for name in MEASURES]
    shown = [f"{cost.seconds:.1f}", f"{cost.cpu:.1f}", f"{cost.mebibytes:.0f}", f"{found.gap:.1e}"]
    return [name, found.frames, *measures, *shown]


def _judged(name: str, found: Figures) -> Iterator[Check]:
    limit = LIMITS.get(name)
    if limit is None:
        return
    f1 = found.measures["f1"]
    yield Check(f"{name}: F1", np.nan if f1 is None else f1, least=limit.f1)
    if np.isfinite(limit.seconds):
        yield Check(f"{name}: seconds", found.cost.seconds, most=limit.seconds)
    if np.isfinite(limit.mebibytes):
        yield Check(f"{name}: peak MiB", found.cost.mebibytes, most=limit.mebibytes)


def sheet(case: Case, saved: Saved) -> Image.Image:
    """One line per shown frame: original, background, and the anomaly M − L on mid grey."""
    stack = read([str(path) for path in case.inputs])
    places = {(row["source"], row["index"]): row["name"] for row in saved.results}
    shown = np.linspace(0, stack.used - 1, min(SHOWN, stack.used)).round().astype(int)
    lines = []
    for index in shown:
        frame, background = stack.frames[index], saved.background(places[stack.origins[index]])
        lines.append(np.hstack([frame, background, on_grey(frame, background)]))
    return Image.fromarray(np.vstack(lines))


def on_grey(frame: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    difference: NDArray[np.uint8] = np.clip(128.0 + frame - background, 0, 255).astype(np.uint8)
    return difference


KIND = Kind(measure, tuple(CASES))
