"""A low-rank matrix kept as its two factors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Floats

PIECE = 1 << 16
"""Columns that are brought to float64 at a time."""


@dataclass(frozen=True)
class Factored:
    """left (short, r) @ right (r, long), times 2**`exponent`, transposed if the data are tall.

    Behaves as an array where one is wanted (`np.asarray`); `columns` expands a part only.
    """

    left: Floats
    right: Floats
    exponent: int = 0
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        short, long = self.left.shape[0], self.right.shape[1]
        return (long, short) if self.transposed else (short, long)

    @property
    def rank(self) -> int:
        return int(self.left.shape[1])

    def columns(self, start: int, stop: int) -> Floats:
        """Columns `start:stop` along the long side, shape (short, stop - start)."""
        return np.ldexp(self.left @ self.right[:, start:stop], self.exponent)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        dense = self.columns(0, self.right.shape[1])
        dense = dense.T if self.transposed else dense
        return dense if dtype is None else dense.astype(dtype)


def gram(factor: Floats) -> Floats:
    """factor @ factorᵀ in float64, of a long-side factor or of a block, in pieces that are small beside it."""
    total = np.zeros((len(factor), len(factor)))
    for start in range(0, factor.shape[1], PIECE):
        wide = factor[:, start : start + PIECE].astype(np.float64)
        total += wide @ wide.T
    return total


def nuclear_norm(left: Floats, inside: Floats) -> float:
    """‖left @ right‖_* from `left` and `inside` = right·rightᵀ, in float64."""
    _, upper = np.linalg.qr(left.astype(np.float64))
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(upper @ inside @ upper.T), 0.0)).sum())
