"""Sparse codes of many samples over one dictionary, each with its own certificate: the lasso and its relatives.

For every sample y (a row), with a dictionary D (atoms, features), G = DDᵀ and c = Dy:

    minimise over x   ½xᵀGx − cᵀx + ½‖y‖² + positive·Σ max(x, 0) + negative·Σ max(−x, 0)

which is ½‖y − xD‖² plus a weight on either sign; a weight of infinity forbids it. A ridge is a part of G: the
elastic net is the lasso of [D, √ridge·I] and [y, 0] (Zou & Hastie 2005).

Cyclic coordinate descent on the gradients c − xG (Friedman, Hastie & Tibshirani 2010), on a working set of atoms
that grows by those that violate optimality most (Johnson & Guestrin 2015; Massias, Gramfort & Salmon 2018). The
kernel (native/lasso.c) solves every working set to its minimum; its twin in NumPy does sweeps over all atoms and
all samples at once. Both stop a sample on its relative duality gap: the residual r = y − xD, scaled by the best
s ≥ 0 with −negative ≤ s·Dr ≤ positive, is a dual point of value s⟨r, y⟩ − ½s²‖r‖². The values come from c and G,
where ‖r‖² is a difference of numbers as large as ‖y‖²: they are exact to the rounding of that.
"""

from ctypes import c_double, c_int, c_int64, c_void_p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import kizu.native as native
from kizu.engines.blas import one_thread
from kizu.engines.protocol import Engine
from kizu.engines.threads import DEFAULT
from kizu.errors import ShapeError
from kizu.lowrank.rows import address, strides
from kizu.typing import Floats

ARGUMENTS = (
    *(c_int, c_int, c_int64, c_int64),  # level, whether double; samples, atoms
    *(c_void_p, c_int64, c_void_p, c_int64, c_void_p, c_void_p, c_int64),  # gram, correlation, square, codes
    *(c_double, c_double, c_double, c_int64),  # weights, tol, max_rounds
    *(c_void_p, c_void_p, c_void_p),  # primal, dual, rounds
)
PADDED = 16
"""The kernel reads rows of G in whole vectors, of so many numbers at most."""
TOGETHER = 64
"""Samples whose correlations are one product: always as many, so that they are the same bits in any company."""
BLOCK = 16 * TOGETHER
"""Samples of a block: a millisecond's work, and their correlations stay in the cache."""


class _Numbers(NamedTuple):
    positive: float
    negative: float
    tol: float
    max_rounds: int
    level: int


class Coded(NamedTuple):
    """Of every sample: the values of primal and dual, and how many rounds it took. All NaN where it is not finite."""

    primal: NDArray[np.float64]
    dual: NDArray[np.float64]
    rounds: NDArray[np.int64]

    @property
    def relative_gap(self) -> NDArray[np.float64]:
        """(primal − dual)/primal; 0 where the optimum is."""
        difference = self.primal - self.dual
        return np.divide(difference, self.primal, out=difference, where=self.primal != 0)


def code(
    gram: Floats,
    correlation: Floats,
    square: Floats,
    codes: Floats,
    *,
    positive: float,
    negative: float,
    tol: float,
    max_rounds: int,
    level: int | None = None,
) -> Coded:
    """Change `codes` (samples, atoms) in place until each has a relative gap of at most `tol`, or `max_rounds` are done.

    `gram` (atoms, atoms), `correlation` (samples, atoms) = Y Dᵀ, `square` (samples,) = ‖y‖². No round increases an
    objective, and every sample is on its own. `level` are the instructions to use, for tests; 0 is the twin.
    """
    samples, atoms = _checked(codes, gram=gram, correlation=correlation)
    shapes = gram.shape, correlation.shape, square.shape
    if shapes != ((atoms, atoms), (samples, atoms), (samples,)):
        raise ShapeError(
            f"gram, correlation and square are {shapes}, codes {codes.shape}",
            "Give (atoms, atoms), (samples, atoms) and (samples,) to codes (samples, atoms)",
        )
    numbers = _Numbers(positive, negative, tol, max_rounds, native.level() if level is None else level)
    return _code(_padded(gram), np.ascontiguousarray(correlation), square, codes, numbers)


def encode(
    Y: Floats,
    dictionary: Floats,
    codes: Floats,
    *,
    positive: float,
    negative: float,
    ridge: float = 0.0,
    tol: float,
    max_rounds: int,
    engine: Engine = DEFAULT,
) -> Coded:
    """:func:`code` from the data: `Y` (samples, features) over `dictionary` (atoms, features).

    `ridge` adds ½·ridge·‖x‖². Blocks of samples run on `engine`; the result does not depend on how many at once.
    """
    samples, atoms = _checked(codes, Y=Y, dictionary=dictionary)
    if (len(Y), len(dictionary)) != (samples, atoms) or Y.shape[1] != dictionary.shape[1]:
        raise ShapeError(
            f"Y is {Y.shape}, the dictionary {dictionary.shape}, codes {codes.shape}",
            "Give (samples, features) and (atoms, features) to codes (samples, atoms)",
        )
    with one_thread():
        gram = dictionary @ dictionary.T
    gram.flat[:: atoms + 1] += ridge
    shared = engine.broadcast((_padded(gram), np.ascontiguousarray(dictionary.T)))
    numbers = _Numbers(positive, negative, tol, max_rounds, native.level())

    def block(start: int) -> Coded:
        rows, (padded, atoms_of) = slice(start, start + BLOCK), shared
        y, x = Y[rows], codes[rows]
        square = np.einsum("ij,ij->i", y, y, dtype=np.float64)
        return _code(padded, _correlations(y, atoms_of), square, x, numbers)

    parts = engine.map(block, range(0, samples, BLOCK)) or [Coded(*np.zeros((2, 0)), np.zeros(0, np.int64))]
    return Coded(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def _checked(codes: Floats, **others: Floats) -> tuple[int, int]:
    """The shape of `codes`, which can be written as the kernel does; the others are of its type, and finite if shared."""
    for name, array in others.items():
        if array.ndim != 2 or array.dtype != codes.dtype:
            raise ShapeError(
                f"got {array.dtype} {array.shape} beside codes of {codes.dtype}",
                "Give matrices of one type",
                where=name,
            )
        if name in ("gram", "dictionary") and not np.isfinite(array).all():
            raise ShapeError("not all numbers are finite", "Give finite atoms", where=name)
    usable = codes.ndim == 2 and codes.dtype in (np.float32, np.float64) and codes.dtype.isnative
    if not (usable and codes.flags.c_contiguous and codes.flags.writeable):
        what = f"got {codes.dtype} {codes.shape}, contiguous: {codes.flags.c_contiguous}"
        raise ShapeError(what, "Give a contiguous matrix of float32 or float64 that may be written", where="codes")
    return codes.shape[0], codes.shape[1]


def _padded(gram: Floats) -> Floats:
    """`gram` with zeros after its columns, up to a multiple of `PADDED`."""
    atoms = len(gram)
    if atoms % PADDED == 0:
        return np.ascontiguousarray(gram)
    whole = np.zeros((atoms, -(-atoms // PADDED) * PADDED), gram.dtype)
    whole[:, :atoms] = gram
    return whole


def _correlations(y: Floats, atoms: Floats) -> Floats:
    """y @ atoms, in products of always the same shape."""
    samples, features = y.shape
    groups = -(-samples // TOGETHER)
    if samples % TOGETHER:
        y = np.concatenate([y, np.zeros((groups * TOGETHER - samples, features), y.dtype)])
    return (y.reshape(groups, TOGETHER, features) @ atoms).reshape(groups * TOGETHER, -1)


def _code(padded: Floats, correlation: Floats, square: Floats, codes: Floats, numbers: _Numbers) -> Coded:
    """By the kernel, or its twin."""
    kernel = native.function("kizu_lasso", *ARGUMENTS, result=c_int) if numbers.level else None
    samples, atoms = codes.shape
    if kernel is None:
        return _twin(padded[:, :atoms], correlation[:samples], square, codes, numbers)
    squares = np.ascontiguousarray(square, np.float64)
    found = Coded(np.empty(samples), np.empty(samples), np.empty(samples, np.int64))
    failed = kernel(
        *(numbers.level, int(codes.dtype == np.float64), samples, atoms),
        *(address(padded), strides(padded), address(correlation), strides(correlation), address(squares)),
        *(address(codes), strides(codes), *numbers[:4], *map(address, found)),
    )
    if failed:
        raise MemoryError  # for two matrices (atoms, atoms)
    return found


def _twin(gram: Floats, correlation: Floats, square: Floats, codes: Floats, numbers: _Numbers) -> Coded:
    """A round is a sweep: every atom once, for all samples that are not finished."""
    positive, negative, tol, max_rounds, _ = numbers
    kept = np.diagonal(gram) > 0
    codes *= kept & ((codes < 0) | (positive < np.inf)) & ((codes > 0) | (negative < np.inf)) | np.isnan(codes)
    finite = np.isfinite(correlation).all(1) & np.isfinite(codes).all(1) & np.isfinite(square)
    codes[~finite] = np.nan
    found = Coded(*np.full((2, len(codes)), np.nan), np.zeros(len(codes), np.int64))
    going, before = np.flatnonzero(finite), np.full((2, len(codes)), np.inf)
    for done in range(max_rounds + 1):
        x, c = codes[going], correlation[going]
        q = c - np.matmul(x[:, None], gram)[:, 0]  # a product per sample: its bits do not depend on the others
        found.primal[going], found.dual[going] = _values(c, q, x, square[going], positive, negative)
        found.rounds[going] = done
        now = np.stack([found.primal, found.relative_gap])
        left = (now[1, going] > tol) & (now < before)[:, going].any(0)  # neither better: only rounding is left
        going, before = going[left], now
        if done == max_rounds or not going.size:
            break
        codes[going] = _swept(gram, q[left], x[left], positive, negative)
    return found


def _swept(gram: Floats, q: Floats, x: Floats, positive: float, negative: float) -> Floats:
    """x after one sweep, with q = c − xG on its way."""
    for j in np.flatnonzero(np.diagonal(gram) > 0):
        free = q[:, j] + gram[j, j] * x[:, j]
        best = (free - np.clip(free, -negative, positive)) / gram[j, j]
        moved = np.flatnonzero(best != x[:, j])
        q[moved] -= (best - x[:, j])[moved, None] * gram[j]
        x[:, j] = best
    return x


def _values(c: Floats, q: Floats, x: Floats, square: Floats, positive: float, negative: float) -> tuple[Floats, Floats]:
    """(primal, dual) of every sample."""
    inner = square - np.einsum("ij,ij->i", c, x, dtype=np.float64)
    rest = np.maximum(inner - np.einsum("ij,ij->i", q, x, dtype=np.float64), 0)
    scale = np.divide(np.maximum(inner, 0), rest, out=np.zeros_like(rest), where=rest > 0)
    primal = rest / 2
    for sign, weight in ((1, positive), (-1, negative)):
        amount = np.maximum(sign * x, 0).sum(1, dtype=np.float64)
        primal += np.multiply(weight, amount, out=np.zeros_like(rest), where=amount > 0)
        most = np.maximum((sign * q).max(1, initial=0), 0).astype(np.float64)
        scale = np.minimum(scale, np.divide(weight, most, out=np.full_like(rest, np.inf), where=most > 0))
    return primal, scale * inner - scale**2 * rest / 2
