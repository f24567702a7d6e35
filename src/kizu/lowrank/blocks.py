"""A matrix read in blocks along its long side, in its own dtype, never copied as a whole.

Every block is `(short, width)`: for images the short side are the frames and a block is a run of
pixels; a tall table is read transposed, so that a block is a run of its rows.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Bools, Floats


class Block(NamedTuple):
    """Columns `start:stop` of the short × long matrix. `known` is None where all entries are."""

    start: int
    stop: int
    values: Floats
    known: Bools | None


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
    """Blocks of a matrix in memory, multiplied by 2**-`exponent` on the way (exactly).

    `matrix` is (short, long), any real dtype; `known` like it or None.
    """

    matrix: NDArray[Any]
    known: Bools | None = None
    exponent: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape[0], self.matrix.shape[1]

    @property
    def dtype(self) -> "np.dtype[Any]":
        return working_dtype(self.matrix.dtype)

    def read(self, start: int, stop: int) -> Block:
        values = self.matrix[:, start:stop].astype(self.dtype)
        known = None if self.known is None else self.known[:, start:stop]
        if known is not None:  # before scaling: an unknown entry may be anything, and overflow
            values = np.where(known, values, self.dtype.type(0))
        return Block(start, stop, np.ldexp(values, -self.exponent), known)


def residual(block: Block, left: Floats, right: Floats) -> Floats:
    """M − left @ right on one block, given the block's columns of `right`; 0 where unknown."""
    r = left @ right
    np.subtract(block.values, r, out=r)
    if block.known is not None:
        r *= block.known
    return r


def dot(a: Floats, b: Floats) -> float:
    """⟨a, b⟩: rows in the arrays' own type, their sum in float64."""
    return float(np.einsum("ij,ij->i", a, b).sum(dtype=np.float64))
