"""How arrays reach the kernels: as addresses of rows, whose columns are neighbours in memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Floats

COLUMNS = 4
"""The kernels make this many columns of a factor at a time."""


def in_rows(array: NDArray[Any], dtype: "np.dtype[Any]") -> NDArray[Any]:
    """`array` itself where its rows can be read as they are, a copy in `dtype` otherwise."""
    whole = array.dtype == dtype and (array.shape[1] <= 1 or array.strides[1] == array.itemsize)
    return array if whole and array.strides[0] % array.itemsize == 0 else np.ascontiguousarray(array, dtype)


def padded(factor: Floats, dtype: "np.dtype[Any]") -> Floats:
    """`factor` (n, q) in `dtype` with columns of zeros up to a multiple of :data:`COLUMNS`."""
    n, q = factor.shape
    whole = np.zeros((n, -(-q // COLUMNS) * COLUMNS), dtype)
    whole[:, :q] = factor
    return whole


def address(array: NDArray[Any] | None) -> int | None:
    """Where `array` begins; the caller keeps it alive."""
    return None if array is None else array.ctypes.data


def strides(array: NDArray[Any] | None) -> int:
    """Entries from one row of `array` to the next."""
    return 0 if array is None else array.strides[0] // array.itemsize
