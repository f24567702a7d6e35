"""Between a frame's own pixels and the canvas on which all frames are aligned.

    y_t(p) = x_t(p + s_t)          bilinear; a whole shift is an exact copy

The canvas is larger than a frame by the largest shift on each side. What a frame does not see is NaN.
"""

from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kizu.typing import Bools

KNOWN_SHARE = 0.5  # a pixel whose neighbours on the canvas are mostly unknown is unknown


def margins_of(shifts: ArrayLike) -> tuple[int, int]:
    """Say by how many pixels (y, x) the canvas is larger on each side for `shifts` (frames, 2)."""
    largest = np.max(np.abs(np.asarray(shifts, dtype=np.float64).reshape(-1, 2)), axis=0, initial=0.0)
    return ceil(largest[0]), ceil(largest[1])


def resample(picture: NDArray[Any], shift: ArrayLike) -> tuple[NDArray[Any], tuple[int, int]]:
    """Return picture(p + shift) for every whole p at which it is defined, and the first such p (y, x).

    `picture` is (height, width) or (height, width, channels), floating; the result loses a row or
    column where the shift is not whole.
    """
    down, right = np.asarray(shift, dtype=np.float64)
    rows, top = _along_rows(picture, float(down))
    columns, left = _along_rows(rows.swapaxes(0, 1), float(right))
    return columns.swapaxes(0, 1), (top, left)


def _along_rows(picture: NDArray[Any], shift: float) -> tuple[NDArray[Any], int]:
    whole = floor(shift)
    part = picture.dtype.type(shift - whole)
    if part == 0:
        return picture, -whole
    return picture[:-1] * (1 - part) + picture[1:] * part, -whole


def overlap(picture: NDArray[Any], shift: ArrayLike) -> tuple[NDArray[Any], tuple[slice, slice]]:
    """Return picture(p + shift) for those p inside the frame at which it is defined, and where they are."""
    values, (top, left) = resample(picture, shift)
    height, width = picture.shape[:2]
    rows = slice(max(top, 0), max(min(top + values.shape[0], height), 0))
    columns = slice(max(left, 0), max(min(left + values.shape[1], width), 0))
    inside = values[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return inside, (rows, columns)


def to_canvas(frame: NDArray[Any], shift: ArrayLike, margins: tuple[int, int]) -> tuple[NDArray[np.float32], Bools]:
    """Lay `frame` (height, width[, channels]) on the canvas.

    Returns float32 of (height + 2 margin_y, width + 2 margin_x[, channels]) and what the frame sees
    there (without channels): elsewhere values are NaN. An entry that is NaN in any channel is not seen.
    """
    values, (top, left) = resample(np.asarray(frame, dtype=np.float32), shift)
    height, width = (n + 2 * m for n, m in zip(frame.shape[:2], margins, strict=True))
    canvas = np.full((height, width, *frame.shape[2:]), np.nan, dtype=np.float32)
    top, left = top + margins[0], left + margins[1]
    canvas[top : top + values.shape[0], left : left + values.shape[1]] = values
    unknown = np.isnan(canvas)
    return canvas, np.asarray(~(unknown.any(axis=2) if unknown.ndim == 3 else unknown))


def from_canvas(
    picture: NDArray[Any], shift: ArrayLike, margins: tuple[int, int], height: int, width: int
) -> NDArray[Any]:
    """Cut the part of the canvas that a frame sees and move it to the frame's own pixels.

    Masks (boolean) come back as masks: bilinear, more than half. Other pictures keep their floating
    type (integers become float32); unknown neighbours take no part, and a pixel is NaN where they
    are the larger part.
    """
    if picture.dtype == np.bool_:
        return _cut(picture.astype(np.float32), shift, margins, height, width) > 0.5
    values = picture if np.issubdtype(picture.dtype, np.floating) else picture.astype(np.float32)
    unknown = np.isnan(values)
    if not unknown.any():
        return _cut(values, shift, margins, height, width).copy()
    weight = _cut((~unknown).astype(values.dtype), shift, margins, height, width)
    total = _cut(np.where(unknown, 0, values), shift, margins, height, width)
    shares = weight >= KNOWN_SHARE
    return np.where(shares, total / np.where(shares, weight, 1), np.nan).astype(values.dtype)


def _cut(picture: NDArray[Any], shift: ArrayLike, margins: tuple[int, int], height: int, width: int) -> NDArray[Any]:
    values, (top, left) = resample(picture, -np.asarray(shift, dtype=np.float64))
    top, left = margins[0] - top, margins[1] - left
    return values[top : top + height, left : left + width]
