"""Spatial medians over known pixels only: what is outside the picture or unknown has no vote."""

from ctypes import c_float, c_int, c_int64, c_void_p
from functools import cache
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

import kizu.native as native
from kizu.lowrank.rows import address, in_rows, strides
from kizu.typing import Bools, Floats

BLOCK_PIXELS = 1 << 14
LARGEST_NETWORK = 3
"""Window side up to which pictures are sorted against each other: n² comparisons, but of whole vectors."""
LARGEST_HALF = 6e4
UNKNOWN = int(np.array([np.nan], dtype=np.float16).view(np.int16)[0])
"""The pattern of NaN, above that of every number."""
POSITIVE = 0x7FFF
"""All bits of a pattern but the sign: a zero has none."""
LARGEST_WINDOW = 15
"""Side up to which a window's pixels are counted in bytes."""
ARGUMENTS = (
    *(c_int, c_int64, c_int64, c_int64),  # level; height, width, size
    *(c_void_p, c_int64, c_void_p, c_int64, c_float, c_void_p, c_int64),  # picture, known; largest; out; with strides
)


def median(pictures: Floats, size: int, known: Bools | None = None) -> Floats:
    """Median of the known pixels in a size × size window around every pixel of pictures ≥ 0.

    `pictures` is (..., height, width); NaN where the pixel itself is unknown. An even number of
    known pixels gives the upper of the two middle values. Windows are sorted as half-precision
    numbers (eleven bits), whose patterns order like integers: three times faster.
    """
    if size == 1:
        return pictures if known is None else np.where(known, pictures, np.nan)
    return half_median(pictures, size, known).astype(pictures.dtype)


def half_median(
    pictures: Floats, size: int, known: Bools | None = None, *, level: int | None = None
) -> NDArray[np.float16]:
    """The same in half precision; `level` are the instructions to use, for tests, 0 the twin."""
    level = native.level() if level is None else level
    kernel = native.function("kizu_median", *ARGUMENTS, result=c_int)
    found = np.empty(pictures.shape, np.float16)
    shape = (-1, *pictures.shape[-2:])
    masks = repeat(None) if known is None else np.broadcast_to(known, pictures.shape).reshape(shape)
    for picture, mask, out in zip(pictures.reshape(shape), masks, found.reshape(shape), strict=False):
        if level == 0 or kernel is None or picture.dtype != np.float32 or size > LARGEST_WINDOW:
            out[...] = _twin(picture, size, mask)
            continue
        values, votes = in_rows(picture, picture.dtype), None if mask is None else in_rows(mask, mask.dtype)
        failed = kernel(
            *(level, *picture.shape, size, address(values), strides(values), address(votes), strides(votes)),
            *(LARGEST_HALF, address(out), strides(out)),
        )
        if failed:
            raise MemoryError
    return found


def _twin(picture: Floats, size: int, known: Bools | None) -> NDArray[np.float16]:
    values = picture if known is None else np.where(known, picture, np.nan)
    patterns = np.minimum(values, LARGEST_HALF).astype(np.float16).view(np.int16) & POSITIVE
    found = _median_one(patterns, size).view(np.float16)
    return found if known is None else np.where(known, found, np.float16(np.nan))


def _median_one(picture: NDArray[np.int16], size: int) -> NDArray[np.int16]:
    padded = np.pad(picture, size // 2, constant_values=UNKNOWN)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    middle = box_sum(picture < UNKNOWN, size) // 2  # unknown patterns sort last
    pick = _from_planes if size <= LARGEST_NETWORK else _from_rows
    rows = max(1, BLOCK_PIXELS // picture.shape[1])
    blocks = [slice(start, start + rows) for start in range(0, len(picture), rows)]
    return np.concatenate([pick(windows[block], middle[block]) for block in blocks])


def _from_rows(windows: NDArray[np.int16], middle: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Sort each window on its own; the entry at `middle` of each."""
    ordered = np.sort(windows.reshape(middle.size, -1), axis=1)
    return np.asarray(ordered[np.arange(middle.size), middle.ravel()].reshape(middle.shape))


def _from_planes(windows: NDArray[np.int16], middle: NDArray[np.uint8]) -> NDArray[np.int16]:
    """The same by odd-even transposition of whole pictures, one for each place in the window."""
    planes = [windows[..., y, x].copy() for y in range(windows.shape[-2]) for x in range(windows.shape[-1])]
    spare = np.empty_like(planes[0])
    for turn in range(len(planes)):
        for k in range(turn % 2, len(planes) - 1, 2):
            low, high = planes[k], planes[k + 1]
            np.minimum(low, high, out=spare)
            np.maximum(low, high, out=high)
            planes[k], spare = spare, low
    return np.asarray(np.take_along_axis(np.stack(planes), middle[None].astype(np.intp), axis=0)[0])


def majority(votes: Bools, size: int, known: Bools | None = None) -> Bools:
    """Whether more than half of the known pixels in the window vote: a median of a 0/1 picture."""
    if known is None:
        return box_sum(votes, size) > window_sizes(votes.shape[-2:], size) // 2
    return box_sum(votes & known, size) > box_sum(known, size) // 2


@cache
def window_sizes(shape: tuple[int, int], size: int) -> NDArray[np.uint8]:
    """Number of pixels of each window that lie inside a picture of this shape."""
    return box_sum(np.ones(shape, dtype=np.bool_), size)


def box_sum(votes: Bools, size: int) -> NDArray[np.uint8]:
    """Number of True pixels in a size × size window (size ≤ 15), none outside the picture."""
    half = size // 2
    height, width = votes.shape[-2:]
    padded = np.pad(votes.view(np.uint8), [(0, 0)] * (votes.ndim - 2) + [(half, half)] * 2)
    rows = padded[..., :height, :].copy()
    for shift in range(1, size):
        rows += padded[..., shift : shift + height, :]
    counts = rows[..., :width].copy()
    for shift in range(1, size):
        counts += rows[..., shift : shift + width]
    return counts


def dilate(mask: Bools, size: int) -> Bools:
    """True where any pixel of the size × size window is."""
    return box_sum(mask, size) > 0
