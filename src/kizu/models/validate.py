"""Numbers in: what `robust_pca` accepts, and one clear line for what it does not."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.arrays import to_numpy
from kizu.errors import ParameterError, ShapeError
from kizu.lowrank.blocks import MatrixBlocks
from kizu.typing import Array, Bools

ORDINARY = 20
"""Data between 2**-20 and 2**20 are used as they are: float32 holds the squares of what is left of them at the end."""


class Matrix(NamedTuple):
    """A real 2-D array in a dtype that can be computed with, and which entries are known (None: all).

    Divided by 2**`exponent`, which is exact, the largest known |entry| is of ordinary size: solvers see the
    matrix in this scale, which changes no bit but exponents, and with its long side along the columns, as `blocks`;
    `double` makes them compute in float64 whatever the dtype.
    """

    values: NDArray[Any]
    known: Bools | None
    exponent: int
    double: bool = False

    @property
    def share_known(self) -> float:
        return 1.0 if self.known is None else float(np.count_nonzero(self.known)) / self.values.size

    @property
    def transposed(self) -> bool:
        samples, features = self.values.shape
        return bool(samples > features)

    @property
    def blocks(self) -> MatrixBlocks:
        known = None if self.known is None else self.known.T if self.transposed else self.known
        return MatrixBlocks(self.values.T if self.transposed else self.values, known, self.exponent, self.double)

    @property
    def vanishes(self) -> bool:
        """Whether every known entry is zero."""
        return not bool(np.any(self.values if self.known is None else self.values[self.known]))


def matrix(X: Array, observed: Array | None = None) -> Matrix:
    """Check `X` (samples, features) and find its known entries and its binary exponent.

    NaN, masked entries and `observed == False` are unknown. Infinity is refused at known entries.
    """
    if hasattr(X, "toarray"):
        raise ShapeError("X is a sparse matrix", "Convert it with .toarray() if it fits in memory", where="X")
    known = None if not isinstance(X, np.ma.MaskedArray) else ~np.ma.getmaskarray(X)
    values = real(np.asarray(X.data) if isinstance(X, np.ma.MaskedArray) else to_numpy(X))
    if values.ndim != 2:
        raise ShapeError(f"X has shape {values.shape}", "Give a matrix (samples, features)", where="X")
    if values.size == 0:
        raise ShapeError(f"X has shape {values.shape}: there is nothing to do", "Give at least one entry", where="X")
    if observed is not None:
        known = _both(known, _mask(observed, values.shape))
    if values.dtype.kind == "f":
        known = _finite(values, known)
    return Matrix(values, known, _exponent(values, known))


def real(values: NDArray[Any]) -> NDArray[Any]:
    """`values` in a dtype that NumPy's linear algebra knows; refused if they are not real numbers."""
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind == "c":
        raise ShapeError(f"Complex data not supported: X has dtype {values.dtype}", "Give real numbers", where="X")
    if values.dtype.kind == "O":
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ShapeError(f"X holds objects ({error})", "Give numbers only", where="X") from error
    if values.dtype.kind not in "iuf":
        raise ShapeError(f"X has dtype {values.dtype}", "Give numbers only", where="X")
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _mask(observed: Array, shape: tuple[int, ...]) -> Bools:
    mask = to_numpy(observed)
    if mask.shape != shape or mask.dtype != np.bool_:
        raise ShapeError(
            f"observed is {mask.dtype} of shape {mask.shape}, X has shape {shape}",
            "Give a boolean array like X, True where the entry is known",
            where="observed",
        )
    return mask


def _both(first: Bools | None, second: Bools) -> Bools:
    return second if first is None else first & second


def _finite(values: NDArray[Any], known: Bools | None) -> Bools | None:
    """Known entries without NaN; None where every entry is known. Infinity is refused by place."""
    infinite = np.isinf(values)
    if known is not None:
        infinite &= known
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise ShapeError(
            f"infinity at row {row}, column {column} ({int(infinite.sum())} in all)",
            "Replace it by NaN if it is unknown",
            where="X",
        )
    missing = np.isnan(values)
    if missing.any():
        known = _both(known, ~missing)
    return None if known is None or known.all() else known


def _exponent(values: NDArray[Any], known: Bools | None) -> int:
    """0 for data of ordinary size, else e with largest known |entry| in [2**(e−1), 2**e)."""
    where = True if known is None else known
    high, low = values.max(initial=0, where=where), values.min(initial=0, where=where)
    exponent = int(np.frexp(max(float(high), -float(low)))[1])
    return 0 if abs(exponent) <= ORDINARY else exponent


def positive(name: str, value: float | None) -> None:
    """Refuse a parameter that is neither None nor a positive finite number."""
    if value is not None and not (isinstance(value, (int, float, np.number)) and 0 < value < np.inf):
        raise ParameterError(name, value, "a positive number, or None for the default")
