"""Spatial medians over known pixels only: what is outside the picture or unknown has no vote."""

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Bools, Floats

BLOCK_PIXELS = 1 << 14
LARGEST_HALF = 6e4
UNKNOWN = int(np.array([np.nan], dtype=np.float16).view(np.int16)[0])
"""The pattern of NaN, above that of every number."""


def median(pictures: Floats, size: int, known: Bools | None = None) -> Floats:
    """Median of the known pixels in a size × size window around every pixel of pictures ≥ 0.

    `pictures` is (..., height, width); NaN where the pixel itself is unknown. An even number of
    known pixels gives the upper of the two middle values. Windows are sorted as half-precision
    numbers (eleven bits), whose patterns order like integers: three times faster.
    """
    values = pictures if known is None else np.where(known, pictures, np.nan)
    if size == 1:
        return values
    patterns = np.minimum(values, LARGEST_HALF).astype(np.float16).view(np.int16)
    flat = patterns.reshape(-1, *values.shape[-2:])
    found = np.stack([_median_one(picture, size) for picture in flat]).view(np.float16)
    found = found.reshape(values.shape).astype(values.dtype)
    return found if known is None else np.where(known, found, np.nan)


def _median_one(picture: NDArray[np.int16], size: int) -> NDArray[np.int16]:
    half, width = size // 2, picture.shape[1]
    padded = np.pad(picture, half, constant_values=UNKNOWN)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    middle = box_sum(picture < UNKNOWN, size) // 2  # unknown patterns sort last
    rows = max(1, BLOCK_PIXELS // width)
    out = np.empty_like(picture)
    for start in range(0, len(picture), rows):
        block = np.sort(windows[start : start + rows].reshape(-1, size * size), axis=1)
        chosen = block[np.arange(len(block)), middle[start : start + rows].ravel()]
        out[start : start + rows] = chosen.reshape(-1, width)
    return out


def majority(votes: Bools, size: int, known: Bools | None = None) -> Bools:
    """Whether more than half of the known pixels in the window vote: a median of a 0/1 picture."""
    yes = box_sum(votes if known is None else votes & known, size)
    all_known = np.ones(votes.shape[-2:], dtype=np.bool_) if known is None else known
    return yes > box_sum(all_known, size) // 2


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
