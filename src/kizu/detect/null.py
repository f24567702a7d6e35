"""The null, measured: what maps without anomalies look like, and how many false regions they hold.

A null map is tiled with blocks of the standardised residuals of pixels that nothing was found in,
each from another frame at the same place (so that a restless corner stays restless), with a random
sign for the whole block. It goes through the very same smoothing, hysteresis and area filter as the
data. The logarithm of the rate is a concave parabola in the level; beyond what the maps can show its
tangent goes on.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.engines.protocol import Engine
from kizu.typing import Bools, Floats, Integers

BLOCK = 32
"""Pixels: longer than any correlation that a lens or a codec leaves."""
MAPS = 200
"""At least this many null maps in a run."""
TRIES, WIDE_TRIES = 20, 200
"""Frames tried at the same place, then places and frames tried anywhere, for a block without finds."""


def null_maps(z: Floats, excluded: Bools, *, count: int, seed: int, engine: Engine) -> Floats:
    """`count` maps (count, height, width) tiled with blocks of `z` (frames, height, width).

    Blocks never touch `excluded` pixels, unless hardly anything else is left.
    """
    rng = np.random.default_rng(seed)
    busy = _integral(excluded, engine)
    maps = engine.empty((count, *z.shape[1:]), np.float32)
    for one in maps:
        tiles = _tiles(z.shape[1], z.shape[2], rng)
        signs = rng.choice(np.array([-1, 1], np.float32), len(tiles))
        for tile, block, sign in zip(tiles.tolist(), _free_blocks(busy, tiles, rng).tolist(), signs, strict=True):
            (y0, x0, h, w), (t, y, x) = tile, block
            np.multiply(z[t, y : y + h, x : x + w], sign, out=one[y0 : y0 + h, x0 : x0 + w])
    return maps


def _integral(excluded: Bools, engine: Engine) -> NDArray[np.int32]:
    """Running sums of a mask: any rectangle's count in four look-ups."""
    frames, height, width = excluded.shape
    sums = engine.empty((frames, height + 1, width + 1), np.int32)

    def one(t: int) -> None:
        sums[t, 0] = sums[t, :, 0] = 0
        inside = sums[t, 1:, 1:]
        np.cumsum(excluded[t], axis=0, dtype=np.int32, out=inside)
        np.cumsum(inside, axis=1, out=inside)

    engine.map(one, range(frames))
    return sums


def _tiles(height: int, width: int, rng: np.random.Generator) -> Integers:
    """(y, x, height, width) of blocks that cover a picture, their grid at a random place."""
    oy, ox = (int(o) for o in rng.integers(0, BLOCK, 2))
    corners = np.stack(np.meshgrid(np.arange(-oy, height, BLOCK), np.arange(-ox, width, BLOCK)), axis=-1).reshape(-1, 2)
    first, last = np.maximum(corners, 0), np.minimum(corners + BLOCK, (height, width))
    return np.concatenate([first, last - first], axis=1)


def _free_blocks(busy: NDArray[np.int32], tiles: Integers, rng: np.random.Generator) -> Integers:
    """(frame, y, x) of a block without excluded pixels for every tile; the least busy one tried if there is none."""
    frames = rng.integers(0, len(busy), (len(tiles), TRIES))
    taken = _taken(busy, frames, *tiles.T[..., None])
    best = np.argmin(taken, axis=1)
    every = np.arange(len(tiles))
    found = np.column_stack([frames[every, best], tiles[:, :2]])
    for k in np.flatnonzero(taken[every, best]):
        found[k] = _anywhere(busy, int(tiles[k, 2]), int(tiles[k, 3]), rng)
    return found


def _anywhere(busy: NDArray[np.int32], h: int, w: int, rng: np.random.Generator) -> tuple[int, int, int]:
    frames, height, width = busy.shape[0], busy.shape[1] - 1, busy.shape[2] - 1
    t = rng.integers(0, frames, WIDE_TRIES)
    y, x = rng.integers(0, height - h + 1, WIDE_TRIES), rng.integers(0, width - w + 1, WIDE_TRIES)
    best = int(np.argmin(_taken(busy, t, y, x, h, w)))
    return int(t[best]), int(y[best]), int(x[best])


def _taken(
    busy: NDArray[np.int32], t: Integers, y: Integers, x: Integers, h: Integers | int, w: Integers | int
) -> NDArray[np.int32]:
    """Excluded pixels of the blocks of h × w pixels at (t, y, x)."""
    return np.asarray(busy[t, y + h, x + w] - busy[t, y, x + w] - busy[t, y + h, x] + busy[t, y, x])


class Tail(NamedTuple):
    """log rate(t) = constant + slope·t + curve·t², falling and concave from `start` to `end`.

    Below `start` the rate is what it is there: nothing was measured. Beyond `end`, the last level that
    was, the tangent goes on: noise does not get rarer ever faster on nobody's word.
    """

    constant: float
    slope: float
    curve: float
    start: float
    end: float

    def log_rate(self, t: Floats | float) -> Floats:
        measured = np.clip(t, self.start, self.end)
        inside = self.constant + measured * (self.slope + measured * self.curve)
        return np.asarray(inside + self.last_slope * (np.maximum(t, self.end) - self.end))

    def level(self, rate: float) -> float:
        """The smallest t with at most this rate."""
        wanted, last = math.log(rate), float(self.log_rate(self.end))
        if wanted < last:
            return self.end + (wanted - last) / self.last_slope
        c = self.constant - wanted
        if self.curve == 0:
            return max(self.start, -c / self.slope)
        root = (-self.slope - math.sqrt(max(self.slope**2 - 4 * self.curve * c, 0.0))) / (2 * self.curve)
        return max(self.start, root)

    @property
    def last_slope(self) -> float:
        return self.slope + 2 * self.curve * self.end


def fit_tail(
    levels: Sequence[float] | Floats, counts: Sequence[float] | Floats, weights: Sequence[float] | Floats
) -> Tail:
    """Fit `Tail` to rates `counts` > 0 at `levels`, by weighted least squares of their logarithms."""
    t, logs, weight = np.asarray(levels), np.log(counts), np.sqrt(weights)
    start, end = float(t.min()), float(t.max())
    for terms in (3, 2):
        design = np.vander(t, terms, increasing=True) * weight[:, None]
        found = np.linalg.lstsq(design, logs * weight, rcond=None)[0]
        constant, slope, curve = (*found, 0.0)[:3]
        if (terms == 2 or curve < 0) and slope + 2 * curve * start < 0:
            return Tail(float(constant), float(slope), float(curve), start, end)
    return Tail(float(logs.max()), -1.0 / max(end - start, end, 1.0), 0.0, start, end)
