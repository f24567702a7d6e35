"""Pictures at a fraction of their size, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Floats


def reduced(picture: Floats, factor: int) -> Floats:
    """Means over factor × factor pixels; the rim repeats to fill the last."""
    if factor == 1:
        return picture
    edges = [(0, -side % factor) for side in picture.shape[:2]] + [(0, 0)] * (picture.ndim - 2)
    padded = np.pad(picture, edges, mode="edge")
    height, width = (side // factor for side in padded.shape[:2])
    blocks = padded.reshape(height, factor, width, factor, *picture.shape[2:])
    return np.asarray(blocks.mean(axis=(1, 3), dtype=picture.dtype))


def enlarged(small: Floats, factor: int, shape: tuple[int, ...]) -> Floats:
    """The inverse of :func:`reduced`, linear between the centres of its blocks."""
    if factor == 1:
        return small
    rows, columns = (np.clip((np.arange(n) + 0.5) / factor - 0.5, 0, None) for n in shape)
    return _along(_along(small, rows, 0), columns, 1)


def _along(values: Floats, places: NDArray[Any], axis: int) -> Floats:
    """Linear interpolation at `places` along `axis`; beyond the last, the last."""
    last = values.shape[axis] - 1
    low = np.minimum(places.astype(int), last)
    share = np.asarray(places - low, values.dtype).reshape(-1, *(1,) * (values.ndim - 1 - axis))
    first, second = np.take(values, low, axis=axis), np.take(values, np.minimum(low + 1, last), axis=axis)
    return np.asarray(first + share * (second - first))
