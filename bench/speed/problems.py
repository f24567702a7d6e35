"""Problems with a planted truth, rendered from a seed: M = L + S (+ noise), frames × pixels or square.

A folder per problem holds `float64.npy` (and what is made from it: `float32.npy`, `uint8.npy`), and the truth:
L as two factors, S as the entries it is not zero at and their values there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from kizu.typing import Bools, Floats

SEED = 1
SIGMA = 5.0
"""Grey levels: the noise of the problems that have some."""
COVER = 0.05
"""Share of every frame that moving blobs cover (a little less where they meet)."""
RADIUS = 1 / 20
"""Of a blob, in heights of the picture."""
SQUARE_RANK, SQUARE_SHARE, SQUARE_SIZE = 0.05, 0.1, 500.0
"""P1: rank and share of entries that are off, as shares of n and of n²; how far off."""
LEVEL, DEPTH = 125.0, (35.0, 12.0, 8.0)
"""Grey levels: the mean of the background, and the spread of its three patterns, which keeps it within 0..255."""


class Square(NamedTuple):
    """n × n, rank 5 %, one entry in ten off by ±500."""

    n: int


class Video(NamedTuple):
    """Frames × pixels: a background of rank 3 behind moving blobs, values 0..255."""

    height: int
    width: int
    frames: int


KINDS: dict[str, Square | Video] = {
    "P1 1000": Square(1000),
    "P1 2000": Square(2000),
    "P2": Video(240, 320, 200),
    "P2s": Video(144, 176, 200),
    "P3": Video(720, 1280, 300),
    "small square": Square(80),
    "small video": Video(36, 44, 50),
}


class Truth(NamedTuple):
    """L = left @ right; S is `values` where `support` is set, in reading order."""

    left: Floats
    right: Floats
    support: Bools
    values: Floats

    def parts(self, step: int) -> Iterator[tuple[slice, Floats, Floats]]:
        """Runs of at most `step` columns, L there and S there."""
        dense = np.zeros(self.support.shape, self.values.dtype)
        dense[self.support] = self.values
        for start in range(0, dense.shape[1], step):
            here = slice(start, start + step)
            yield here, self.left @ self.right[:, here], dense[:, here]


def folder_of(root: Path, name: str, noisy: bool) -> Path:
    return root / (name.replace(" ", "-") + ("-noisy" if noisy else ""))


def made(root: Path, name: str, noisy: bool, dtype: str) -> Path:
    """The folder of the problem, with the matrix in `dtype`; rendered where it is not there yet."""
    folder = folder_of(root, name, noisy)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{dtype}.npy"
    if not target.exists():
        truth = truth_of(KINDS[name])
        _save(folder, truth)
        _write(target, truth, noisy, np.dtype(dtype))
    return folder


def load_truth(folder: Path) -> Truth:
    names = np.load(folder / "shape.npy")
    bits = np.unpackbits(np.load(folder / "support.npy"), count=int(names.prod())).view(np.bool_)
    left, right, values = (np.load(folder / f"{name}.npy") for name in ("left", "right", "values"))
    return Truth(left, right, bits.reshape(names), values)


def _save(folder: Path, truth: Truth) -> None:
    parts: dict[str, NDArray[Any]] = {"left": truth.left, "right": truth.right, "values": truth.values}
    parts |= {"shape": np.array(truth.support.shape), "support": np.packbits(truth.support)}
    for name, part in parts.items():
        np.save(folder / f"{name}.npy", part)


def _write(path: Path, truth: Truth, noisy: bool, dtype: "np.dtype[Any]") -> None:
    partial = path.with_suffix(".partial.npy")
    out = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=truth.support.shape)
    fill(out, truth, noisy)
    out.flush()
    del out
    partial.rename(path)


def fill(out: NDArray[Any], truth: Truth, noisy: bool) -> None:
    """The matrix, row by row: the largest problem would not fit in memory several times over."""
    rng, used = np.random.default_rng([SEED, 2]), 0
    for index, mask in enumerate(truth.support):
        row = truth.left[index] @ truth.right
        count = int(mask.sum())
        row[mask] += truth.values[used : used + count]
        used += count
        if noisy:
            row += SIGMA * rng.standard_normal(row.size)
        out[index] = np.clip(np.rint(row), 0, 255) if out.dtype == np.uint8 else row


def truth_of(kind: Square | Video) -> Truth:
    return _square(kind) if isinstance(kind, Square) else _video(kind)


def _square(kind: Square) -> Truth:
    rng = np.random.default_rng([SEED, 1])
    rank = max(1, round(SQUARE_RANK * kind.n))
    left, right = rng.standard_normal((kind.n, rank)), rng.standard_normal((rank, kind.n))
    support = rng.random((kind.n, kind.n)) < SQUARE_SHARE
    values = SQUARE_SIZE * rng.choice([-1.0, 1.0], int(support.sum()))
    return Truth(left, right, support, values)


def _video(kind: Video) -> Truth:
    """Three smooth patterns that swell and fade; discs that cross the picture and bounce off its edges."""
    rng = np.random.default_rng([SEED, 1])
    fields = [_pattern(kind, rng) for _ in DEPTH]
    right = np.array([LEVEL + DEPTH[0] * fields[0], DEPTH[1] * fields[1], DEPTH[2] * fields[2]])
    time = np.linspace(0, 2 * np.pi, kind.frames)
    left = np.stack([1 + 0.1 * np.sin(time), np.cos(2 * time + 1), np.sin(3 * time)], axis=1)
    support, level = _blobs(kind, rng)
    frame, pixel = np.nonzero(support)
    return Truth(left, right, support, level - np.einsum("ij,ij->i", left[frame], right[:, pixel].T))


def _pattern(kind: Video, rng: np.random.Generator) -> Floats:
    """Between −1 and 1, flattened."""
    field = gaussian_filter(rng.standard_normal((kind.height, kind.width)), kind.height / 12, mode="reflect")
    return np.asarray(field / np.abs(field).max()).ravel()


def _blobs(kind: Video, rng: np.random.Generator) -> tuple[Bools, Floats]:
    """Where blobs are, (frames, pixels), and the grey level of each such entry."""
    radius = RADIUS * kind.height
    count = round(COVER * kind.height * kind.width / (np.pi * radius**2))
    size = np.array([kind.height, kind.width]) - 1.0
    begin, grey = rng.uniform(0, 2, (count, 2)) * size, rng.uniform(0, 255, count)
    step = radius * rng.uniform(0.3, 1.0, (count, 2)) * rng.choice([-1, 1], (count, 2))
    y, x = np.ogrid[: kind.height, : kind.width]
    support, levels = np.zeros((kind.frames, kind.height * kind.width), np.bool_), []
    for frame in range(kind.frames):
        picture = np.full((kind.height, kind.width), np.nan)
        where = size - np.abs((begin + frame * step) % (2 * size) - size)
        for centre, level in zip(where, grey, strict=True):
            picture[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2] = level
        support[frame] = ~np.isnan(picture).ravel()
        levels.append(picture.ravel()[support[frame]])
    return support, np.concatenate(levels)
