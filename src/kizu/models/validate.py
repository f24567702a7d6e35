"""Numbers in: what `robust_pca` accepts, and one clear line for what it does not."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from kizu.arrays import to_numpy
from kizu.engines.columns import place_of
from kizu.engines.disk import Disk
from kizu.engines.protocol import Engine
from kizu.engines.threads import Threads
from kizu.errors import ParameterError, ShapeError
from kizu.lowrank.blocks import MatrixBlocks
from kizu.typing import Array, Bools

Result = TypeVar("Result")

ORDINARY = 20
"""Data between 2**-20 and 2**20 are used as they are: float32 holds the squares of what is left of them at the end."""


class Matrix(NamedTuple):
    """A real 2-D array in a dtype that can be computed with, and which entries are known (None: all).

    `blocks` is what solvers see: its long side along the columns, and divided by 2**`exponent`, which is exact and
    changes no bit but exponents, so that the largest known |entry| is of ordinary size. `vanishes`: every known
    entry is 0. `engine` is where it is worked on: on disk where it lies there.
    """

    values: NDArray[Any]
    known: Bools | None
    exponent: int
    share_known: float
    vanishes: bool
    blocks: MatrixBlocks
    engine: Engine

    @property
    def transposed(self) -> bool:
        return tall(self.values)


def tall(values: NDArray[Any]) -> bool:
    """Whether the samples are the long side."""
    samples, features = values.shape
    return bool(samples > features)


def matrix(X: Array, observed: Array | None = None) -> Matrix:
    """Check `X` (samples, features) and find its known entries and its binary exponent.

    NaN, masked entries and `observed == False` are unknown. Infinity is refused at known entries. Nothing as
    large as `X` is made but a mask, and that only where something is unknown.
    """
    if hasattr(X, "toarray"):
        raise ShapeError("X is a sparse matrix", "Convert it with .toarray() if it fits in memory", where="X")
    mask = None if not isinstance(X, np.ma.MaskedArray) else ~np.ma.getmaskarray(X)
    values = real(np.asarray(X.data) if isinstance(X, np.ma.MaskedArray) else to_numpy(X))
    if values.ndim != 2:
        raise ShapeError(f"X has shape {values.shape}", "Give a matrix (samples, features)", where="X")
    if values.size == 0:
        raise ShapeError(f"X has shape {values.shape}: there is nothing to do", "Give at least one entry", where="X")
    if observed is not None:
        given = _mask(observed, values.shape)
        mask = given if mask is None else mask & given
    engine = Threads() if place_of(values) is None else Disk()
    look = _Look(values, mask, engine)
    largest, unknown = look.sizes()
    known = look.known() if unknown else None
    exponent = exponent_of(largest)
    blocks = MatrixBlocks(look.data, None if known is None else engine.columns(look.turned(known)), exponent)
    return Matrix(values, known, exponent, 1.0 - unknown / values.size, largest == 0.0, blocks, engine)


class _Look:
    """One look at every block of a matrix, its long side along the columns."""

    def __init__(self, values: NDArray[Any], mask: Bools | None, engine: Engine) -> None:
        self.engine, self.shape, self.mask = engine, values.shape, mask
        self.turn = tall(values)
        self.data = engine.columns(self.turned(values))
        self._mask = None if mask is None else engine.columns(self.turned(mask))

    def turned(self, array: NDArray[Any]) -> NDArray[Any]:
        return array.T if self.turn else array

    def sizes(self) -> tuple[float, int]:
        """The largest known |entry|, and how many entries are unknown."""
        found = self._over(self._sizes)
        infinite = [at for _, _, places in found for at in places]
        if infinite:
            row, column = min(infinite)
            raise ShapeError(
                f"infinity at row {row}, column {column} ({len(infinite)} in all)",
                "Replace it by NaN if it is unknown",
                where="X",
            )
        return max(largest for largest, _, _ in found), sum(unknown for _, unknown, _ in found)

    def _sizes(self, span: tuple[int, int]) -> tuple[float, int, list[tuple[int, int]]]:
        raw, known = self.data[:, slice(*span)], self._known(span)
        if raw.dtype.kind == "f":
            known = _not_nan(raw, known)
        where = True if known is None else known
        largest = max(float(raw.max(initial=0, where=where)), -float(raw.min(initial=0, where=where)))
        infinite: list[tuple[int, int]] = []
        if largest == np.inf:
            places = np.argwhere(np.isinf(raw) & where) + np.array([0, span[0]])
            infinite = [(int(a), int(b)) for a, b in (places[:, ::-1] if self.turn else places)]
        return largest, 0 if known is None else known.size - int(np.count_nonzero(known)), infinite

    def known(self) -> Bools:
        """Which entries are known, in the shape of the matrix."""
        if self.mask is not None and self.data.dtype.kind != "f":
            return self.mask
        known: Bools = self.engine.empty(self.shape, np.bool_)
        turned = self.turned(known)

        def one(span: tuple[int, int]) -> None:
            found = _not_nan(self.data[:, slice(*span)], self._known(span))
            turned[:, slice(*span)] = True if found is None else found

        self._over(one)
        return known

    def _known(self, span: tuple[int, int]) -> Bools | None:
        return None if self._mask is None else self._mask[:, slice(*span)]

    def _over(self, function: Callable[[tuple[int, int]], Result]) -> list[Result]:
        shape = self.data.shape[0], self.data.shape[1]
        return self.engine.map(function, self.engine.spans(shape))


def _not_nan(raw: NDArray[Any], known: Bools | None) -> Bools | None:
    """`known` without NaN; None where that is all."""
    if np.isnan(raw.min()):  # NaN is handed on
        finite: Bools = ~np.isnan(raw)
        return finite if known is None else finite & known
    return known


def real(values: NDArray[Any], name: str = "X") -> NDArray[Any]:
    """`values` in a dtype that NumPy's linear algebra knows; refused if they are not real numbers."""
    if values.dtype.kind == "b":
        return values.view(np.uint8)
    if values.dtype.kind == "c":
        raise ShapeError(
            f"Complex data not supported: {name} has dtype {values.dtype}", "Give real numbers", where=name
        )
    if values.dtype.kind == "O":
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ShapeError(f"{name} holds objects ({error})", "Give numbers only", where=name) from error
    if values.dtype.kind not in "iuf":
        raise ShapeError(f"{name} has dtype {values.dtype}", "Give numbers only", where=name)
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


def exponent_of(largest: float) -> int:
    """0 for data of ordinary size, else e with the largest known |entry| in [2**(e−1), 2**e)."""
    exponent = int(np.frexp(largest)[1])
    return 0 if abs(exponent) <= ORDINARY else exponent


def positive(name: str, value: float | None) -> None:
    """Refuse a parameter that is neither None nor a positive finite number."""
    if value is not None and not (isinstance(value, (int, float, np.number)) and 0 < value < np.inf):
        raise ParameterError(name, value, "a positive number, or None for the default")
