"""Read damaged files of every format and count what happens: `python bench/fuzz.py --count 2000`.

A damaged file must be read (with every lost frame named) or refused in one line that names it, within two
seconds. Exit code 1 where one was not.
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import KizuError
from kizu.io import read
from kizu.stack import Stack

SLOWEST = 2.0
Mutate = Callable[[np.random.Generator, bytearray], bytearray]


def seeds(folder: Path) -> Mapping[str, list[Path]]:
    """Write small valid files of every format into `folder`; format → files."""
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(48), np.arange(64))
    grey = ((ramp + rng.integers(0, 40, (6, 48, 64))) % 256).astype(np.uint8)
    colour = np.stack([grey, grey[::-1], 255 - grey], axis=-1)
    writers: dict[str, Callable[[Path], object]] = {
        "grey.png": lambda p: _picture(grey[0]).save(p),
        "colour.png": lambda p: _picture(colour[0]).save(p),
        "palette.png": lambda p: _picture(colour[0]).convert("P").save(p),
        "deep.png": lambda p: _picture(grey[0].astype(np.uint16) * 257).save(p),
        "animated.png": lambda p: _movie(p, colour),
        "grey.jpg": lambda p: _picture(grey[0]).save(p),
        "colour.jpg": lambda p: _picture(colour[0]).save(p, exif=_turned()),
        "cmyk.jpg": lambda p: _picture(colour[0]).convert("CMYK").save(p),
        "plain.tif": lambda p: tifffile.imwrite(p, grey),
        "pages.tif": lambda p: _movie(p, grey),
        "deflate.tif": lambda p: tifffile.imwrite(p, grey, compression="zlib", predictor=True),
        "lzw.tif": lambda p: _picture(colour[0]).save(p, compression="tiff_lzw"),
        "tiles.tif": lambda p: tifffile.imwrite(p, colour, tile=(16, 16), photometric="rgb"),
        "big.tif": lambda p: tifffile.imwrite(p, grey.astype(np.float32), bigtiff=True, byteorder=">"),
        "imagej.tif": lambda p: tifffile.imwrite(p, grey, imagej=True),
        "stack.npy": lambda p: np.save(p, grey),
        "fortran.npy": lambda p: np.save(p, np.asfortranarray(grey.astype(np.float64))),
        "stack.npz": lambda p: np.savez_compressed(p, frames=grey),
        "grey.bmp": lambda p: _picture(grey[0]).save(p),
        "colour.bmp": lambda p: _picture(colour[0]).save(p),
        "still.webp": lambda p: _picture(colour[0]).save(p, lossless=True),
        "animated.webp": lambda p: _movie(p, colour),
        "still.gif": lambda p: _picture(grey[0]).save(p),
        "animated.gif": lambda p: _movie(p, colour),
    }
    formats: dict[str, list[Path]] = {}
    for name, write in writers.items():
        write(folder / name)
        formats.setdefault(Path(name).suffix, []).append(folder / name)
    return formats


def _picture(array: NDArray[Any]) -> Image.Image:
    return Image.fromarray(array)


def _movie(path: Path, frames: NDArray[Any]) -> None:
    first, *others = (_picture(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=40)


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[274] = 6
    return exif


def flip_bits(rng: np.random.Generator, data: bytearray) -> bytearray:
    for place in rng.integers(0, len(data), rng.integers(1, 30)):
        data[place] ^= 1 << int(rng.integers(8))
    return data


def cut(rng: np.random.Generator, data: bytearray) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def swap_blocks(rng: np.random.Generator, data: bytearray) -> bytearray:
    size = int(rng.integers(1, max(2, len(data) // 4)))
    a, b = (int(n) for n in rng.integers(0, max(1, len(data) - size), 2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return data


def edit_header(rng: np.random.Generator, data: bytearray) -> bytearray:
    values = [0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]
    for place in rng.integers(0, min(200, len(data)), rng.integers(1, 6)):
        data[place] = values[int(rng.integers(len(values)))]
    return data


def edit_end(rng: np.random.Generator, data: bytearray) -> bytearray:
    """TIFF pages and ZIP directories lie at the end."""
    return edit_header(rng, data[::-1])[::-1]


def zero_run(rng: np.random.Generator, data: bytearray) -> bytearray:
    start = int(rng.integers(0, len(data)))
    size = min(int(rng.integers(1, 200)), len(data) - start)
    data[start : start + size] = bytes(size)
    return data


MUTATIONS: tuple[Mutate, ...] = (flip_bits, cut, swap_blocks, edit_header, edit_end, zero_run)


@dataclass
class Tally:
    """What became of the damaged files of one format."""

    read: int = 0
    refused: int = 0
    faults: int = 0
    slowest: float = 0.0


def examine(path: Path, tally: Tally) -> str:
    """Read `path`, add to `tally`, return what kizu did wrong, '' for nothing."""
    started = time.perf_counter()
    fault = _fault(path, tally)
    seconds = time.perf_counter() - started
    tally.slowest = max(tally.slowest, seconds)
    if not fault and seconds > SLOWEST:
        fault = f"{seconds:.2f} s"
    tally.faults += bool(fault)
    return fault


def _fault(path: Path, tally: Tally) -> str:
    try:
        stack = read([str(path)])
    except KizuError as error:
        tally.refused += 1
        return "" if path.name in str(error) and "\n" not in str(error) else f"does not name the file: {error}"
    except Exception as error:  # what is looked for
        return f"{type(error).__name__}: {error}"
    tally.read += 1
    return _silent_loss(stack)


def _silent_loss(stack: Stack) -> str:
    lost = stack.declared - stack.used
    return f"{lost} frames lost in silence" if (lost != 0) != bool(stack.skipped) or stack.used == 0 else ""


def damaged(formats: Mapping[str, list[Path]], folder: Path, count: int, seed: int) -> Iterator[tuple[str, Path]]:
    """`count` damaged files, formats and mutations in turn: (suffix, path)."""
    turns = itertools.cycle(
        [(suffix, file) for i in range(12) for suffix, files in formats.items() for file in [files[i % len(files)]]]
    )
    for number, (suffix, file) in zip(range(count), turns, strict=False):
        rng = np.random.default_rng([seed, number])
        mutate = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        path = folder / f"{number:07d}-{mutate.__name__}-{file.name}"
        path.write_bytes(mutate(rng, bytearray(file.read_bytes())))
        yield suffix, path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="damaged files to read")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return run(Path(name), options.count, options.seed, options.keep)


def run(folder: Path, count: int, seed: int, keep: Path | None) -> int:
    formats = seeds(folder)
    for file in itertools.chain(*formats.values()):
        if read([str(file)]).skipped:
            raise SystemExit(f"the seed {file.name} is not read whole")
    tallies = {suffix: Tally() for suffix in formats}
    for suffix, path in damaged(formats, folder, count, seed):
        fault = examine(path, tallies[suffix])
        if fault:
            sys.stdout.write(f"{path.name}: {fault}\n")
        if fault and keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / path.name).write_bytes(path.read_bytes())
        path.unlink()
    sys.stdout.write(table(tallies))
    return int(any(tally.faults for tally in tallies.values()))


def table(tallies: Mapping[str, Tally]) -> str:
    lines = [f"{'format':8}{'read':>8}{'refused':>9}{'faults':>8}{'slowest s':>11}"]
    for suffix, tally in tallies.items():
        lines.append(f"{suffix:8}{tally.read:8}{tally.refused:9}{tally.faults:8}{tally.slowest:11.2f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
