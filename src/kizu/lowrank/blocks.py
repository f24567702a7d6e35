"""A matrix read in blocks along its long side, in its own dtype, never copied as a whole.

Every block is `(short, width)`: for images the short side are the frames and a block is a run of
pixels; a tall table is read transposed, so that a block is a run of its rows.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Bools, Floats


@dataclass(frozen=True)
class Block:
    """Columns `start:stop` of the short × long matrix: raw · scale + offset.

    `raw` (short, width) are the data as they are stored; `scale` and `offset` have one number per row, or
    are None for 1 and 0. `known` is None where all entries are; elsewhere `raw` may hold anything.
    """

    start: int
    stop: int
    raw: NDArray[Any]
    known: Bools | None
    dtype: "np.dtype[Any]"
    scale: Floats | None = None
    offset: Floats | None = None

    @cached_property
    def values(self) -> Floats:
        """The block in the type to compute in, 0 where unknown; not to be written to."""
        values = self.raw
        if self.known is not None and values.dtype.kind == "f":  # what is unknown may be NaN, or overflow
            values = np.where(self.known, values, values.dtype.type(0))
        if self.scale is None or self.offset is None:
            values = values.astype(self.dtype, copy=False)
        else:
            values = np.multiply(values, self.scale[:, None], dtype=self.dtype)
            values += self.offset[:, None]
        if self.known is not None and (self.offset is not None or self.raw.dtype.kind != "f"):
            values = values * self.known
        return values


class Columns(Protocol):
    """A matrix (short, long) whose columns can be asked for: an array, or one that lies elsewhere."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(short, long)."""

    @property
    def dtype(self) -> "np.dtype[Any]":
        """That of what `[:, start:stop]` gives."""

    def __getitem__(self, index: tuple[slice, slice], /) -> NDArray[Any]:
        """Columns `[:, start:stop]`."""


class Blocks(Protocol):
    """What a block solver needs of its data: nothing else is known about where they live."""

    @property
    def shape(self) -> tuple[int, int]:
        """(short side, long side)."""

    @property
    def dtype(self) -> "np.dtype[Any]":
        """float32 or float64: the type to compute in."""

    def read(self, start: int, stop: int) -> Block:
        """Columns `start:stop`; unknown entries hold 0."""


def working_dtype(dtype: "np.dtype[Any]") -> "np.dtype[Any]":
    """float32 where every value of `dtype` is exact in it, else float64."""
    return np.dtype(np.float32) if np.can_cast(dtype, np.float32, "safe") else np.dtype(np.float64)


@dataclass(frozen=True)
class MatrixBlocks:
    """Blocks of a matrix, multiplied by 2**-`exponent` on the way (exactly).

    `matrix` is (short, long), any real dtype; `known` like it or None. `double` asks for float64 where
    float32 would hold the data.
    """

    matrix: Columns
    known: Columns | None = None
    exponent: int = 0
    double: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape[0], self.matrix.shape[1]

    @property
    def dtype(self) -> "np.dtype[Any]":
        return np.dtype(np.float64) if self.double else working_dtype(self.matrix.dtype)

    def read(self, start: int, stop: int) -> Block:
        raw = self.matrix[:, start:stop]
        known = None if self.known is None else self.known[:, start:stop]
        if self.exponent:
            raw = raw.astype(self.dtype)
            if known is not None:  # before scaling: an unknown entry may be anything, and overflow
                raw = np.where(known, raw, self.dtype.type(0))
            raw = np.ldexp(raw, -self.exponent)
        return Block(start, stop, raw, known, self.dtype)


def dot(a: Floats, b: Floats) -> float:
    """⟨a, b⟩: rows in the arrays' own type, their sum in float64."""
    return float(np.einsum("ij,ij->i", a, b).sum(dtype=np.float64))
