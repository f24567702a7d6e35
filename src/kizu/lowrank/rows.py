"""How arrays reach the kernels: as rows whose columns are neighbours in memory; and their twins: in tiles."""

from collections.abc import Iterator
from ctypes import c_int64, c_void_p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Floats

KINDS = {"u1": 0, "u2": 1, "f4": 2, "f8": 3}
"""The types of data that the kernels read; others become the type to compute in first."""
SOURCE = (c_void_p, c_int64, c_void_p, c_int64, c_void_p, c_void_p)  # Source.arguments
COLUMNS = 4
"""The kernels make this many columns of a factor at a time."""
MAX_RANK = 64
"""Beyond this rank the products are BLAS's to make."""
TILE = 1 << 17
"""Entries of a tile of a twin: the tile and its companions stay in the third cache, and the calls are few."""
LONGEST_SUM = 4096
"""Columns over which a twin sums floats before it goes on in float64; the kernels do so in their own lanes."""


def in_rows(array: NDArray[Any], dtype: "np.dtype[Any]") -> NDArray[Any]:
    """`array` itself where its rows can be read as they are, a copy in `dtype` otherwise."""
    return array if array.dtype == dtype and readable(array) else np.ascontiguousarray(array, dtype)


def as_read(raw: NDArray[Any], working: "np.dtype[Any]") -> NDArray[Any]:
    """`raw` as a kernel that computes in `working` reads it: as it is where it can."""
    small = working == np.float32 and raw.dtype.isnative and raw.dtype.str[1:] in ("u1", "u2")
    return in_rows(raw, raw.dtype if small else working)


class Source(NamedTuple):
    """The data of a block, raw·scale + offset, as the kernels read them; holds what they point to."""

    raw: NDArray[Any]
    known: NDArray[Any] | None
    scale: Floats
    offset: Floats

    @property
    def kind(self) -> int:
        return KINDS[self.raw.dtype.str[1:]]

    @property
    def arguments(self) -> tuple[int | None, ...]:
        """raw and known, each with its stride; scale, offset."""
        places = address(self.raw), strides(self.raw), address(self.known), strides(self.known)
        return *places, address(self.scale), address(self.offset)


def source(
    raw: NDArray[Any],
    scale: Floats | None,
    offset: Floats | None,
    known: NDArray[Any] | None,
    working: "np.dtype[Any]",
) -> Source | None:
    """The data for kernels that compute in `working`, or None where shapes do not belong together."""
    n = len(raw)
    if not shaped((scale, (n,)), (offset, (n,)), (known, raw.shape)):
        return None
    mask = None if known is None else in_rows(known, np.dtype(bool))
    return Source(as_read(raw, working), mask, per_row(scale, 1.0, n, working), per_row(offset, 0.0, n, working))


def per_row(numbers: Floats | None, absent: float, n: int, dtype: "np.dtype[Any]") -> Floats:
    """One number per row in `dtype`, `absent` in each where there are none."""
    return np.full(n, absent, dtype) if numbers is None else np.ascontiguousarray(numbers, dtype)


def readable(array: NDArray[Any]) -> bool:
    """Whether the columns of `array` are neighbours in memory, and its rows whole numbers of entries apart."""
    near = array.shape[1] <= 1 or array.strides[1] == array.itemsize
    return near and array.strides[0] % array.itemsize == 0


def takes(array: NDArray[Any] | None, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> bool:
    """Whether a kernel may write numbers of `dtype` to `array` as to a matrix of `shape`, or it is None."""
    if array is None:
        return True
    typed = array.dtype == dtype and dtype.isnative and dtype.str[1:] in {"f4", "f8"}
    return typed and array.shape == shape and array.flags.writeable and readable(array)


def shaped(*pairs: tuple[NDArray[Any] | None, tuple[int, ...]]) -> bool:
    """Whether every array that is not None has its shape: a kernel would read beyond its end, a twin complains."""
    return all(array is None or array.shape == shape for array, shape in pairs)


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


def tiles(n: int, width: int) -> Iterator[tuple[slice, slice]]:
    """The columns of an (n, width) matrix, a tile at a time."""
    step = min(max(1, TILE // max(n, 1)), LONGEST_SUM)
    for start in range(0, width, step):
        yield np.s_[:, start : start + step]
