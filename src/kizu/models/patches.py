"""Pictures as samples: every patch a row, and rows of patches back to a picture by their overlap."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ShapeError
from kizu.typing import Floats, Integers


def corners(length: int, size: int, stride: int) -> Integers:
    """Where patches of `size` start along a side of `length`: every `stride`, and one that ends with the side."""
    starts = np.arange(0, length - size + 1, stride)
    return starts if starts[-1] == length - size else np.append(starts, length - size)


def patches(picture: NDArray[Any], size: int, stride: int) -> NDArray[Any]:
    """Every patch of `picture` (height, width[, channels]) as a row, shape (patches, size·size·channels).

    Patches start every `stride` pixels, and the last of each side ends with it: every pixel is in one.
    ShapeError if the picture is smaller than a patch.
    """
    height, width = picture.shape[:2]
    if min(height, width) < size:
        raise ShapeError(f"{width}x{height} pixels, smaller than a patch of {size}x{size}", "Use smaller patches")
    windows = np.lib.stride_tricks.sliding_window_view(picture, (size, size), axis=(0, 1))
    chosen = windows[np.ix_(corners(height, size, stride), corners(width, size, stride))]
    rows = chosen if picture.ndim == 2 else np.moveaxis(chosen, 2, -1)
    return np.reshape(rows, (chosen.shape[0] * chosen.shape[1], -1))


def fold(rows: Floats, shape: tuple[int, ...], size: int, stride: int) -> Floats:
    """The picture of `shape` whose pixels are the means of what the patches that cover them say.

    Where the patches agree it is what :func:`patches` took them from.
    """
    count = coverage((shape[0], shape[1]), size, stride).reshape(*shape[:2], *(1,) * (len(shape) - 2))
    return np.asarray(folded_sum(rows, shape, size, stride) / count)


def folded_sum(rows: Floats, shape: tuple[int, ...], size: int, stride: int) -> Floats:
    """What every pixel gets from all the patches that cover it."""
    top, left = corners(shape[0], size, stride), corners(shape[1], size, stride)
    blocks = rows.reshape(len(top), len(left), size, size, *shape[2:])
    total = np.zeros(shape, rows.dtype)
    for y in range(size):
        for x in range(size):
            total[np.ix_(top + y, left + x)] += blocks[:, :, y, x]
    return total


def coverage(shape: tuple[int, int], size: int, stride: int) -> NDArray[np.float32]:
    """In how many patches every pixel is, (height, width)."""
    along = []
    for length in shape:
        counts = np.zeros(length, np.float32)
        for start in corners(length, size, stride):
            counts[start : start + size] += 1
        along.append(counts)
    return np.asarray(np.outer(along[0], along[1]), np.float32)
