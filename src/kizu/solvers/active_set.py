"""Sparse codes of many samples over one dictionary, each with its own certificate: the lasso and its relatives.

    minimise over x   ½xᵀGx − cᵀx + ½‖y‖² + positive·Σ max(x, 0) + negative·Σ max(−x, 0),   G = DDᵀ, c = Dy

for every sample y (a row) and a dictionary D (atoms, features): ½‖y − xD‖² and a weight on either sign, where infinity
forbids it. A ridge is a part of G: the elastic net is the lasso of [D, √ridge·I] and [y, 0] (Zou & Hastie 2005).

Cyclic coordinate descent on the gradients c − xG (Friedman, Hastie & Tibshirani 2010), on a working set of atoms
that grows by those that violate optimality most (Johnson & Guestrin 2015; Massias, Gramfort & Salmon 2018). The
kernel (native/lasso.c) takes every working set to its minimum; its twin in NumPy sweeps over all atoms, for all
samples at once. Both stop a sample on its relative duality gap: the residual r = y − xD, times the best s ≥ 0 with
−negative ≤ s·Dr ≤ positive, is a dual point of value s⟨r, y⟩ − ½s²‖r‖². The values are made of c and G, where
‖r‖² is a difference of numbers as large as ‖y‖² and Σ|c·x|: they are exact to the rounding of those, and no better.
"""

from ctypes import c_double, c_int, c_int64, c_void_p
from typing import NamedTuple

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
    *(c_double, c_double, c_double, c_int64, c_void_p, c_void_p, c_void_p),  # _Numbers; primal, dual, rounds
)
PRODUCT = (*(c_int, c_int, c_int64, c_int64, c_int64), *(c_void_p, c_void_p, c_void_p, c_int64))
WHOLE = 64
"""The kernels read G and write correlations in steps of so many atoms at most: rows are padded to a multiple."""
BLOCK = 1024  # samples: a millisecond's work, whose correlations stay in the cache
IDLE = 10
"""Sweeps of the twin without a better primal value or gap: rounding is all that is left."""
PATIENCE, DEPENDENT = 20, 1e-6
"""Sweeps before the twin solves the samples that are left one by one, and how far it trusts their Gram matrices."""
_Numbers = tuple[float, float, float, int]  # positive, negative, tol, max_rounds


class Coded(NamedTuple):
    """Of every sample (samples,): the values of primal and dual, NaN where it is not finite, and the rounds it took."""

    primal: NDArray[np.float64]
    dual: NDArray[np.float64]
    rounds: NDArray[np.int64]

    @property
    def relative_gap(self) -> NDArray[np.float64]:
        """(primal − dual)/primal; 0 where both are."""
        return np.divide(self.primal - self.dual, self.primal, out=np.zeros_like(self.dual), where=self.primal != 0)


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
    """Change `codes` (samples, atoms) in place until each has a relative gap ≤ `tol`, or `max_rounds` are done.

    `gram` (atoms, atoms) = G, `correlation` (samples, atoms) = Y Dᵀ, `square` (samples,) = ‖y‖². No round increases
    an objective; no sample sees another. `level` are the instructions to use, for tests; 0 is the twin.
    """
    samples, atoms = _checked(codes, gram=gram, correlation=correlation)
    if (gram.shape, correlation.shape, square.shape) != ((atoms, atoms), (samples, atoms), (samples,)):
        got = f"gram is {gram.shape}, correlation {correlation.shape}, square {square.shape}, codes {codes.shape}"
        raise ShapeError(got, "Give (atoms, atoms), (samples, atoms), (samples,) and (samples, atoms)")
    numbers, level = (positive, negative, tol, max_rounds), native.level() if level is None else level
    return _code(_padded(gram), np.ascontiguousarray(correlation), square, codes, numbers, level)


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

    `ridge` adds ½·ridge·‖x‖². Blocks of samples run on `engine`; how many at once does not change a bit.
    """
    samples, atoms = _checked(codes, Y=Y, dictionary=dictionary)
    if (len(Y), len(dictionary)) != (samples, atoms) or Y.shape[1] != dictionary.shape[1]:
        got = f"Y is {Y.shape}, dictionary {dictionary.shape}, codes {codes.shape}"
        raise ShapeError(got, "Give (samples, features), (atoms, features) and (samples, atoms)")
    with one_thread():
        gram = dictionary @ dictionary.T
    gram.flat[:: atoms + 1] += ridge
    padded, turned = engine.broadcast((_padded(gram), np.ascontiguousarray(dictionary.T)))
    numbers, level = (positive, negative, tol, max_rounds), native.level()

    def block(start: int) -> Coded:
        y, x = Y[start : start + BLOCK], codes[start : start + BLOCK]
        square = np.einsum("ij,ij->i", *2 * [y.astype(np.float64)])
        return _code(padded, _correlations(y, turned, level), square, x, numbers, level)

    parts = engine.map(block, range(0, max(samples, 1), BLOCK))
    return Coded(*map(np.concatenate, zip(*parts, strict=True)))


def _checked(codes: Floats, **others: Floats) -> tuple[int, int]:
    """(samples, atoms) of `codes`; the others have to be matrices of the same type, and what samples share finite."""
    if codes.dtype not in (np.float32, np.float64) or not (codes.ndim == 2 and codes.flags.carray):
        mend = "Give a contiguous, writeable matrix of float32 or float64"
        raise ShapeError(f"got {codes.dtype} {codes.shape}", mend, where="codes")
    for name, array in others.items():
        if array.ndim != 2 or array.dtype != codes.dtype:
            raise ShapeError(f"got {array.dtype} {array.shape}", f"Give a matrix of {codes.dtype}", where=name)
        if name in ("gram", "dictionary") and not np.isfinite(array).all():
            raise ShapeError("got numbers that are not finite", "Leave those atoms out", where=name)
    return codes.shape[0], codes.shape[1]


def _padded(gram: Floats) -> Floats:
    """`gram` with zeros after its rows."""
    return np.ascontiguousarray(np.pad(gram, ((0, 0), (0, -len(gram) % WHOLE))))


def _correlations(y: Floats, turned: Floats, level: int) -> Floats:
    """y @ turned, the same bits for a sample in any company; rows may be padded."""
    kernel = native.function("kizu_lasso_correlation", *PRODUCT, result=c_int) if level else None
    (samples, features), atoms = y.shape, turned.shape[1]
    if kernel is None:
        with np.errstate(all="ignore"):  # what is not finite stays in its row
            return _by_row(y, turned)
    y, out = np.ascontiguousarray(y), np.empty((samples, atoms + -atoms % WHOLE), y.dtype)
    wide = int(y.dtype == np.float64)
    if kernel(level, wide, samples, features, atoms, address(y), address(turned), address(out), strides(out)):
        raise MemoryError  # for the atoms of a strip
    return out


def _code(gram: Floats, correlation: Floats, square: Floats, codes: Floats, numbers: _Numbers, level: int) -> Coded:
    """By the kernel or its twin; `gram` and `correlation` may be padded."""
    kernel = native.function("kizu_lasso", *ARGUMENTS, result=c_int) if level else None
    samples, atoms = codes.shape
    if kernel is None:
        return _twin(gram[:, :atoms], correlation[:, :atoms], square, codes, numbers)
    square = np.ascontiguousarray(square, np.float64)
    found = Coded(np.empty(samples), np.empty(samples), np.empty(samples, np.int64))
    data = address(gram), strides(gram), address(correlation), strides(correlation), address(square)
    wide, room = int(codes.dtype == np.float64), (address(codes), strides(codes))
    if kernel(level, wide, samples, atoms, *data, *room, *numbers, *map(address, found)):
        raise MemoryError  # for two matrices (atoms, atoms)
    return found


def _by_row(x: Floats, matrix: Floats) -> Floats:
    """x @ matrix, in a product for each row: none changes with its company."""
    product: Floats = np.matmul(x[:, None], matrix)[:, 0]
    return product


def _twin(gram: Floats, correlation: Floats, square: Floats, codes: Floats, numbers: _Numbers) -> Coded:
    """A round is a sweep over all atoms."""
    *weights, tol, max_rounds = numbers
    for sign, weight in zip((codes > 0, codes < 0), weights, strict=True):
        codes[sign & ((np.diagonal(gram) <= 0) | (weight == np.inf)) & np.isfinite(codes)] = 0
    finite = np.isfinite(correlation).all(1) & np.isfinite(codes).all(1) & np.isfinite(square)
    codes[~finite] = np.nan
    best = np.full((2, len(codes)), np.inf)
    found = Coded(best[0] * np.nan, best[1] * np.nan, np.zeros(len(codes), np.int64))
    open_, idle = np.flatnonzero(finite), np.zeros(len(codes))
    for done in range(max_rounds + 1):
        x, c = codes[open_], correlation[open_]
        q: Floats = c - _by_row(x, gram)
        found.primal[open_], found.dual[open_] = _values(c, q, x, square[open_], *weights)
        found.rounds[open_] = done
        now = np.stack([found.primal, found.relative_gap])
        idle = np.where((now < best).any(0), 0, idle + 1)
        best = np.fmin(best, now)
        left = (now[1, open_] > tol) & (idle[open_] < IDLE)
        open_ = open_[left]
        if done == max_rounds or not open_.size:
            break
        q, x = _swept(gram, q[left], x[left], *weights)
        for row in range(len(x) if done >= PATIENCE else 0):
            while _leapt(gram, q[row], x[row], *weights):
                pass
        codes[open_] = x
    return found


def _swept(gram: Floats, q: Floats, x: Floats, positive: float, negative: float) -> tuple[Floats, Floats]:
    """q = c − xG and x with each coordinate taken to its minimum, once."""
    for j in np.flatnonzero(np.diagonal(gram) > 0):
        free = q[:, j] + gram[j, j] * x[:, j]
        step = (free - np.clip(free, -negative, positive)) / gram[j, j] - x[:, j]
        moved = np.flatnonzero(step)
        q[moved] -= step[moved, None] * gram[j]
        x[:, j] += step
    return q, x


def _leapt(gram: Floats, q: Floats, x: Floats, positive: float, negative: float) -> bool:
    """Take one sample towards the minimum with all signs as they are; returns whether a coordinate turned 0 before."""
    on = np.flatnonzero(x)
    own, wanted = gram[np.ix_(on, on)], q[on] - np.where(x[on] > 0, positive, -negative)
    firm = own + np.eye(len(on), dtype=x.dtype) * DEPENDENT * np.trace(own)  # dependent atoms replace each other
    step = np.linalg.solve(firm, wanted)
    slope, bend = wanted @ step, step @ own @ step
    until = np.divide(-x[on], step, out=np.full_like(step, np.inf), where=step * x[on] < 0)
    part = min(slope / bend if bend > 0 else np.inf, until.min(initial=np.inf))
    if not (slope > 0 and part < np.inf):
        return False
    new = x[on] + part * step
    x[on] = np.where((until == part) | ((new > 0) != (x[on] > 0)), 0, new)
    q -= part * step @ gram[on]
    return bool((until == part).any())


def _values(c: Floats, q: Floats, x: Floats, square: Floats, positive: float, negative: float) -> tuple[Floats, Floats]:
    """(primal, dual) of every sample."""
    inner = square - np.einsum("ij,ij->i", c, x, dtype=np.float64)
    rest = np.maximum(inner - np.einsum("ij,ij->i", q, x, dtype=np.float64), 0)
    scale, primal = np.divide(np.maximum(inner, 0), rest, out=np.zeros_like(rest), where=rest > 0), rest / 2
    for sign, weight in ((1, positive), (-1, negative)):
        amount = np.maximum(sign * x, 0).sum(1, dtype=np.float64)
        primal += np.multiply(weight, amount, out=np.zeros_like(rest), where=amount > 0)
        most = (sign * q).max(1, initial=0).astype(np.float64)
        scale = np.minimum(scale, np.divide(weight, most, out=np.full_like(rest, np.inf), where=most > 0))
    return primal, scale * inner - scale**2 * rest / 2
