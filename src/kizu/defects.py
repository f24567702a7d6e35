"""Defects planted into someone's own pictures: where they are is known, and every other pixel stays bit for bit.

A defect is a change of `contrast` spreads of the picture's own detail, over a few pixels up to a tenth of the
picture. Without labels this is the only truth there is about a picture.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.calibration import mad
from kizu.scenes import dot, scratch
from kizu.typing import Bools, Floats

DETAIL = 5
"""Pixels of the window whose median is a picture's course; what is left is its detail."""
SMALLEST, LARGEST = 3.0, 0.1
"""Pixels of the smallest defect; share of the shorter side of the largest. The one between is their mean by factor."""
CONTRASTS = (1.0, 2.0, 4.0)
"""In spreads of the detail: hidden in it, at its edge, and plain. On a strong texture 8 would not fit into 8 bits."""
LONG, LONGEST, THIN = 4.0, 0.4, 2.0
"""A scratch in sizes, and in shares of the shorter side at most; its least width in pixels."""
BUMP_END = 0.1
"""A blob ends where it has so much of its height."""
LEAST_SWAP = 8
"""Pixels along a swapped square: fewer do not show a texture."""
MOST, MOST_SHARE = 6, 0.04
"""Defects in one picture, and the share of it that they may take: more would be what the picture is made of."""
REPEATS = 4
"""So often is one kind, size and contrast planted, where there is room."""
MARGIN, APART = 3, 6
"""Pixels from a defect to the border, and to another one."""
TRIES = 40
"""Places that are tried before a defect is left out."""


class Planted(NamedTuple):
    """One planted defect.

    `size` in pixels; `contrast` in spreads of the picture's detail and `grey` in its grey levels, both signed, None
    for a swap; `x`, `y`: top left corner of its box; `inside` (height, width) of that box: the pixels that changed.
    """

    frame: int
    kind: str
    size: float
    contrast: float | None
    grey: float | None
    x: int
    y: int
    inside: Bools

    @property
    def box(self) -> tuple[slice, slice]:
        height, width = self.inside.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)

    def mask(self, shape: tuple[int, ...]) -> Bools:
        """The changed pixels in a picture of `shape` (height, width)."""
        whole = np.zeros(shape, np.bool_)
        whole[self.box] = self.inside
        return whole

    @property
    def document(self) -> dict[str, Any]:
        """Everything but the pixels."""
        height, width = self.inside.shape
        return {
            **{name: getattr(self, name) for name in ("frame", "kind", "size", "contrast", "grey", "x", "y")},
            "width": width,
            "height": height,
            "area": int(self.inside.sum()),
        }


def _spot(size: float, _: float, __: np.random.Generator) -> Floats:
    """A disk of diameter `size`."""
    return _shape(size, lambda shape, centre: dot(shape, centre, size / 2))


def _scratch(size: float, shorter: float, rng: np.random.Generator) -> Floats:
    """A slanted line of 4 sizes."""
    length, angle = min(LONG * size, LONGEST * shorter), rng.uniform(0, math.pi)
    return _shape(length, lambda shape, centre: scratch(shape, centre, angle, length, max(THIN, size / 8)))


def _blob(size: float, _: float, __: np.random.Generator) -> Floats:
    """A soft bump, half as high `size` pixels apart."""
    deviation = size / math.sqrt(8 * math.log(2))
    reach = math.ceil(deviation * math.sqrt(-2 * math.log(BUMP_END)))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    bump = np.exp(-(x**2 + y**2) / (2 * deviation**2))
    return np.where(bump >= BUMP_END, bump, 0.0)


def _step(size: float, _: float, rng: np.random.Generator) -> Floats:
    """A square of 1.5 sizes cut by a slanted line: inside, the level jumps."""
    angle, side = rng.uniform(0, 2 * math.pi), round(1.5 * size)
    y, x = np.indices((side, side)) - (side - 1) / 2
    return np.asarray(x * math.cos(angle) + y * math.sin(angle) >= -size / 4, np.float64)


def _shape(extent: float, draw: Callable[[tuple[int, int], tuple[float, float]], Bools]) -> Floats:
    side = 2 * math.ceil(extent / 2) + 3
    return draw((side, side), ((side - 1) / 2, (side - 1) / 2)).astype(np.float64)


SHAPES: Mapping[str, Callable[[float, float, np.random.Generator], Floats]] = {
    "spot": _spot, "scratch": _scratch, "blob": _blob, "step": _step
}  # fmt: skip
"""(size, shorter side of the picture, rng) → heights from 0 to 1 in a small window."""
SWAP = "swap"
"""A square replaced by another place of the picture, turned by a quarter: a flaw of texture, not of brightness."""
KINDS = (*SHAPES, SWAP)


def spread_of(picture: NDArray[Any]) -> float:
    """What a defect's contrast is counted in: the robust spread of `picture` (height, width[, channels]) minus its
    5 × 5 median, in grey levels.

    Slow changes of light and the outline of a part hide no flaw, fine detail and noise do; and a median of sizes is
    not moved by the flaws that are there already. At least the step of an integer picture.
    """
    values = np.nan_to_num(picture.astype(np.float32)).reshape(*picture.shape[:2], -1)
    detail = values - ndimage.median_filter(values, (DETAIL, DETAIL, 1))
    spread = mad(detail)
    if picture.dtype.kind in "ui":
        return max(spread, 1.0)
    return spread or float(detail.std()) or float(np.abs(values).max()) or 1.0


def sizes_of(shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Small, medium and large in pixels for a picture of `shape` (height, width)."""
    large = max(LARGEST * min(shape[:2]), SMALLEST + 2)
    return SMALLEST, round(math.sqrt(SMALLEST * large), 1), round(large, 1)


def plant_defects(
    pictures: Sequence[NDArray[Any]], *, most: int = MOST, seed: int = 0
) -> tuple[list[NDArray[Any]], tuple[Planted, ...]]:
    """Copies of `pictures` (height, width[, channels]; of any sizes) with defects, and what they are.

    Every kind, size and contrast in turn over the pictures, `most` in one, as far as there is room; darker or brighter
    by chance, the same in all channels. Integers are rounded and held inside the range of their dtype.
    """
    rng = np.random.default_rng(seed)
    planted = [np.array(picture) for picture in pictures]
    spreads = [spread_of(picture) for picture in pictures]
    found: list[Planted] = []
    taken = [np.zeros(picture.shape[:2], np.bool_) for picture in pictures]
    counts = np.zeros(len(pictures), int)
    for kind, level, contrast in _wanted(most * len(pictures), rng):
        frame = int(counts.argmin())
        counts[frame] += 1
        size = sizes_of(pictures[frame].shape)[level]
        window = _window(kind, size, min(pictures[frame].shape[:2]), rng)
        grey = None if contrast is None else contrast * spreads[frame] * rng.choice((-1.0, 1.0))
        one = _try(planted[frame], window, grey, taken[frame], rng)
        if one is not None:
            y, x, inside, grey = one
            signed = None if grey is None else grey / spreads[frame]
            found.append(Planted(frame, kind, size, signed, grey, x, y, inside))
    return planted, tuple(sorted(found, key=lambda defect: (defect.frame, defect.y, defect.x)))


def _wanted(room: int, rng: np.random.Generator) -> list[tuple[str, int, float | None]]:
    """(kind, which size, contrast) in an order where every part of it has some of all."""
    every: list[tuple[str, int, float | None]] = list(product(SHAPES, range(3), CONTRASTS))
    every += [(SWAP, level, None) for level in range(3)]
    order = [k for _ in range(REPEATS) for k in rng.permutation(len(every))]
    return [every[k] for k in order[:room]]


def _window(kind: str, size: float, shorter: float, rng: np.random.Generator) -> Floats:
    """Heights from 0 to 1, cut to where they are not 0."""
    if kind == SWAP:
        side = max(round(1.5 * size), LEAST_SWAP)
        return np.ones((side, side))
    drawn = SHAPES[kind](size, shorter, rng)
    (box,) = ndimage.find_objects((drawn > 0).astype(np.int8))
    return np.asarray(drawn[box])


def _try(
    picture: NDArray[Any], window: Floats, grey: float | None, taken: Bools, rng: np.random.Generator
) -> tuple[int, int, Bools, float | None] | None:
    """Change `picture` and `taken` at a free place: (y, x, changed pixels, grey levels); None where there is none."""
    height, width = window.shape
    full = taken.mean() + np.count_nonzero(window) / taken.size > MOST_SHARE
    room = [side - n - 2 * MARGIN for side, n in zip(taken.shape, window.shape, strict=True)]
    if min(room) < 0 or (full and taken.any()):
        return None
    for _ in range(TRIES):
        y, x = (MARGIN + int(rng.integers(0, n + 1)) for n in room)
        box = slice(y, y + height), slice(x, x + width)
        if taken[max(y - APART, 0) : y + height + APART, max(x - APART, 0) : x + width + APART].any():
            continue
        old = picture[box]
        for new, change in _tries(picture, box, window, grey, taken, rng):
            different = differing(new, old)
            inside = np.asarray(different.reshape(*window.shape, -1).any(axis=2))
            if np.count_nonzero(inside) >= np.count_nonzero(window) / 2:  # else it could hardly be seen
                picture[box] = np.where(different, new, old)
                taken[box] |= inside
                return y, x, inside, change
    return None


def _tries(
    picture: NDArray[Any],
    box: tuple[slice, slice],
    window: Floats,
    grey: float | None,
    taken: Bools,
    rng: np.random.Generator,
) -> list[tuple[NDArray[Any], float | None]]:
    """New pixels of `box` and by how much they change: another place of the picture, or either sign of `grey`."""
    old = picture[box]
    if grey is not None:
        heights = window.reshape(*window.shape, *(1,) * (picture.ndim - 2))
        return [(held(old + change * heights, old), change) for change in (grey, -grey)]
    y, x = (int(rng.integers(0, side - n + 1)) for side, n in zip(taken.shape, window.shape, strict=True))
    there = slice(y, y + len(window)), slice(x, x + len(window))
    apart = abs(y - box[0].start) >= len(window) or abs(x - box[1].start) >= len(window)
    return [(np.rot90(picture[there]), None)] if apart and not taken[there].any() else []


def differing(new: NDArray[Any], old: NDArray[Any]) -> Bools:
    """Where `new` differs from `old`, both known."""
    return np.asarray((new != old) & ~np.isnan(new) & ~np.isnan(old))


def held(values: Floats, like: NDArray[Any]) -> NDArray[Any]:
    """`values` in the dtype of `like`; integers rounded, and held inside their range."""
    if like.dtype.kind == "f":
        return values.astype(like.dtype)
    limits = np.iinfo(like.dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(like.dtype)
