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

import numpy as np

import kizu.native as native
from kizu.engines.blas import one_thread
from kizu.engines.protocol import Engine
from kizu.engines.threads import DEFAULT
from kizu.errors import ShapeError
from kizu.lowrank.rows import address, strides
from kizu.solvers.active_set_twin import Coded, Numbers, by_row, twin
from kizu.typing import Floats

ARGUMENTS = (
    *(c_int, c_int, c_int64, c_int64),  # level, whether double; samples, atoms
    *(c_void_p, c_int64, c_void_p, c_int64, c_void_p, c_void_p, c_int64),  # gram, correlation, square, codes
    *(c_double, c_double, c_double, c_int64, c_void_p, c_void_p, c_void_p),  # Numbers; primal, dual, rounds
)
PRODUCT = (*(c_int, c_int, c_int64, c_int64, c_int64), *(c_void_p, c_void_p, c_void_p, c_int64))
WHOLE = 64
"""The kernels read G and write correlations in steps of so many atoms at most: rows are padded to a multiple."""
BLOCK = 1024  # samples: a millisecond's work, whose correlations stay in the cache


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
    _checked(codes, gram=gram)
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
            return by_row(y, turned)
    y, out = np.ascontiguousarray(y), np.empty((samples, atoms + -atoms % WHOLE), y.dtype)
    wide = int(y.dtype == np.float64)
    if kernel(level, wide, samples, features, atoms, address(y), address(turned), address(out), strides(out)):
        raise MemoryError  # for the atoms of a strip
    return out


def _code(gram: Floats, correlation: Floats, square: Floats, codes: Floats, numbers: Numbers, level: int) -> Coded:
    """By the kernel or its twin; `gram` and `correlation` may be padded."""
    kernel = native.function("kizu_lasso", *ARGUMENTS, result=c_int) if level else None
    samples, atoms = codes.shape
    if kernel is None:
        return twin(gram[:, :atoms], correlation[:, :atoms], square, codes, numbers)
    square = np.ascontiguousarray(square, np.float64)
    found = Coded(np.empty(samples), np.empty(samples), np.empty(samples, np.int64))
    data = address(gram), strides(gram), address(correlation), strides(correlation), address(square)
    wide, room = int(codes.dtype == np.float64), (address(codes), strides(codes))
    if kernel(level, wide, samples, atoms, *data, *room, *numbers, *map(address, found)):
        raise MemoryError  # for two matrices (atoms, atoms)
    return found
