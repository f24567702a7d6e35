"""Run `kizu detect` with its default options on real data and score it: `KIZU_DATA=… python bench/quality.py [NAME…]`.

Every run is a process of its own, so that seconds and peak memory are those that a user sees: start and report
included, scoring not. Videos with a truth are scored by `kizu eval --protocol cdnet`; for inputs without one a
contact sheet (original | background | anomaly) is written to bench/out/, to be looked at. Exit code 1 where a
figure misses its limit.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kizu.io.reading import read
from kizu.io.results import read_results

OUT = Path(__file__).parent / "out"
SHOWN = 8
"""Frames in a contact sheet, evenly spaced in the order of the inputs."""
MEASURES = ("f1", "precision", "recall", "auroc")
MEBIBYTE = 1 << 20
HEAD = "| input | frames | F1 | precision | recall | AUROC | seconds | CPU seconds | peak MiB | certificate gap |"


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


class Cost(NamedTuple):
    """Seconds of wall and of CPU time of a run, and the peak memory of the largest of its processes."""

    seconds: float
    cpu: float
    mebibytes: float


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"data sets, all by default: {', '.join(CASES)}")
    names = parser.parse_args().names or list(CASES)
    if not CASES.keys() >= set(names):
        parser.error(f"NAME: {', '.join(names)} are not all among {', '.join(CASES)}")
    if not os.environ.get("KIZU_DATA"):
        sys.stdout.write("skipped: needs real data. Set KIZU_DATA to their folder.\n")
        return 0
    root = Path(os.environ["KIZU_DATA"])
    sys.stdout.write(f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|\n")
    missed = [line for name in names for case in CASES[name](root / name) for line in judge(case)]
    sys.stdout.writelines(f"missed: {line}\n" for line in missed)
    return int(bool(missed))


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


def judge(case: Case) -> Iterator[str]:
    """Run and print a row; yields what missed its limit."""
    figures = measure(case)
    sys.stdout.write(row(case.name, figures))
    sys.stdout.flush()
    limit = LIMITS.get(case.name)
    if limit is None:
        return
    f1, cost = figures.measures["f1"], figures.cost
    if f1 is None or f1 < limit.f1:
        yield f"{case.name}: F1 {f1} is below {limit.f1}"
    if cost.seconds > limit.seconds:
        yield f"{case.name}: {cost.seconds:.1f} s are more than {limit.seconds:g}"
    if cost.mebibytes > limit.mebibytes:
        yield f"{case.name}: {cost.mebibytes:.0f} MiB are more than {limit.mebibytes:.0f}"


def measure(case: Case) -> Figures:
    out = OUT / case.name
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(exist_ok=True)
    cost = watched("detect", *case.inputs, "-o", out, "--quiet")
    run = json.loads((out / "run.json").read_bytes())
    if case.truth is None:
        sheet(case, out).save(OUT / f"{case.name}.png")
    return Figures(run["frames"]["used"], scored(out, case.truth), cost, run["certificate"]["relative_gap"])


def watched(*arguments: object) -> Cost:
    started = time.monotonic()
    process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"kizu detect ends with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / MEBIBYTE)


def scored(out: Path, truth: Path | None) -> dict[str, Any]:
    if truth is None:
        return {}
    asked = command("eval", out, "--truth", truth, "--protocol", "cdnet")
    found: dict[str, Any] = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
    return found


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kizu", *map(str, arguments)]


def row(name: str, figures: Figures) -> str:
    cost = figures.cost
    measures = [figures.measures.get(name) for name in MEASURES]
    cells = [
        name,
        str(figures.frames),
        *("" if value is None else f"{value:.3f}" for value in measures),
        f"{cost.seconds:.1f}",
        f"{cost.cpu:.1f}",
        f"{cost.mebibytes:.0f}",
        f"{figures.gap:.1e}",
    ]
    return f"| {' | '.join(cells)} |\n"


def sheet(case: Case, out: Path) -> Image.Image:
    """One line per shown frame: original, background, and the anomaly M − L on mid grey."""
    stack, saved = read([str(path) for path in case.inputs]), read_results(out)
    places = {(row["source"], row["index"]): row["name"] for row in saved.results}
    shown = np.linspace(0, stack.used - 1, min(SHOWN, stack.used)).round().astype(int)
    lines = []
    for index in shown:
        frame = stack.frames[index]
        background = np.asarray(Image.open(out / "background" / f"{places[stack.origins[index]]}.png"))
        lines.append(np.hstack([frame, background, on_grey(frame, background)]))
    return Image.fromarray(np.vstack(lines))


def on_grey(frame: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    difference: NDArray[np.uint8] = np.clip(128.0 + frame - background, 0, 255).astype(np.uint8)
    return difference


if __name__ == "__main__":
    sys.exit(main())
