"""Small batches of pictures with known defects, and whole runs of the command line on them."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from kizu.scenes import Defect, dot, photographs, plaster, truth

SIZE = (40, 48)
DOT = (15.0, 20.0)
QUIET = ("--quiet", "--false-alarms", "0.001")


def walls(count: int = 24, *, dots: Sequence[int] = (5,), seed: int = 0, depth: float = -40.0):
    """`count` 8-bit frames of one small wall and their truth: a dot of radius 3 in each frame of `dots`."""
    rng = np.random.default_rng(seed)
    wall = plaster(*SIZE, np.random.default_rng(99))
    defects = tuple(Defect(frame, dot(SIZE, DOT, 3.0), depth) for frame in dots)
    return photographs(wall, count, defects, rng), truth(defects, (count, *SIZE))


def cloth(shape: tuple[int, int], seed: int, *, scratched: bool = False) -> np.ndarray:
    """An 8-bit weave; its scratch lies in the rows 40 to 42, columns 12 to 71."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    weave = np.cos(2 * np.pi * y / 6.3) * np.cos(2 * np.pi * x / 5.7 + np.sin(y / 11))
    picture = 120 + 40 * weave + 6 * rng.standard_normal(shape)
    picture[40:43, 12:72] -= 45 * scratched
    return np.clip(picture, 0, 255).astype(np.uint8)


def part(shape: tuple[int, int], seed: int, *, scratched: bool = False) -> np.ndarray:
    """An 8-bit ground surface with streaks along the columns; its scratch crosses them, from (30, 20) on."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    streaks = ndimage.gaussian_filter(rng.standard_normal(shape), (30, 0.8))
    light = 1 + 0.15 * np.sin(x / 60 + seed)
    picture = light * (130 + 9 * streaks / streaks.std() + 3 * rng.standard_normal(shape))
    scratch = (np.abs(y - 30 - 0.4 * (x - 20)) < 1.2) & (x > 20) & (x < 70)
    return np.clip(picture - 45 * scratch * scratched, 0, 255).astype(np.uint8)


def write_grey(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path)


def write_targets(folder: Path, count: int = 12, *, size: tuple[int, int] = (40, 56)) -> Path:
    """Pictures of clouds, each with one bright spot, in images/, and their masks in masks/."""
    rng = np.random.default_rng(0)
    for number in range(count):
        grey = ndimage.gaussian_filter(rng.normal(size=size), 4) * 80 + 100 + rng.normal(size=size) * 3
        y, x = rng.integers(6, size[0] - 6), rng.integers(6, size[1] - 6)
        rows, columns = np.mgrid[: size[0], : size[1]]
        bell = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4)
        write_grey(folder / "images" / f"{number:02}.png", grey + 70 * bell)
        write_grey(folder / "masks" / f"{number:02}.png", 255 * (bell > 0.4))
    return folder


def save(frames: Iterable[np.ndarray], folder: Path, *, first: int = 0) -> Path:
    """Write `frames` as part000.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, start=first):
        Image.fromarray(frame).save(folder / f"part{number:03d}.png")
    return folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kizu", *map(str, arguments)]


def environment() -> dict[str, str]:
    """This interpreter's path for a child, BLAS on one thread."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def process(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        command(*arguments), env=environment(), cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file that promises the same bytes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if p.name != "log.json"}
