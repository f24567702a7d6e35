"""The pass over the data that the factored stable principal component pursuit makes in every step.

    d = M − LR,  y = clip(d, ±tau) (0 where unknown),  z = LR + step·y,  C = basisᵀz,  power = z Cᵀ

M is read in its own type and once, the background LR, y and z never exist as a whole. One kernel in C does
it (native/huber.c); its twin does the same in NumPy, in tiles of columns that stay in the cache.
"""

from ctypes import c_double, c_int, c_int64, c_void_p
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import kizu.native as native
from kizu.lowrank.rows import MAX_RANK, SOURCE, address, in_rows, padded, shaped, source, strides, takes, tiles
from kizu.typing import Bools, Floats

ARGUMENTS = (
    *(c_int, c_int, c_int64, c_int64, c_int64, c_int64, c_int64),  # level, kind; rows, columns, r, q, q without padding
    *SOURCE,
    *(c_void_p, c_void_p, c_int64, c_void_p, c_double, c_double),  # left; right with its stride; basis; tau, step
    *(c_void_p, c_int64, c_void_p, c_void_p),  # out with its stride; power, sums
)


class Pass(NamedTuple):
    """What one block gives: C (q, width), power = z Cᵀ (n, q) in float64, and sums over its known entries."""

    right: Floats
    power: Floats
    loss: float  # Σ huber(M − LR; tau)
    inner: float  # ⟨M, y⟩
    square: float  # ‖y‖²


def walk(
    raw: NDArray[Any],
    scale: Floats | None,
    offset: Floats | None,
    known: Bools | None,
    left: Floats,
    right: Floats,
    basis: Floats,
    tau: float,
    *,
    step: float = 1.0,
    out: Floats | None = None,
    level: int | None = None,
) -> Pass:
    """One pass over one block.

    Parameters
    ----------
    raw : (n, width) array of any real dtype
        The data: M = raw · scale + offset. Unknown entries may hold anything.
    scale, offset : (n,) arrays or None
        One number per row; None is 1 and 0.
    known : (n, width) array of bool or None
        None where every entry is known.
    left, right : (n, r) and (r, width) arrays
        The factors of the background, in the type to compute in.
    basis : (n, q) array
        What z is projected on.
    tau : float
        The clip.
    step : float
        The length of the gradient step.
    out : (q, width) array, optional
        Where C goes; it may be `right` itself.
    level : int, optional
        The instructions to use, for tests; 0 is the twin.
    """
    level = native.level() if level is None else level
    out = np.empty((basis.shape[1], raw.shape[1]), right.dtype) if out is None else out
    kernel = native.function("kizu_huber", *ARGUMENTS, result=c_int)
    (n, width), dtype, r, q = raw.shape, right.dtype, left.shape[1], basis.shape[1]
    fit = shaped((left, (n, r)), (right, (r, width)), (basis, (n, q))) and takes(out, (q, width), dtype)
    usable = level > 0 and max(r, q) <= MAX_RANK and fit
    data = source(raw, scale, offset, known, dtype) if usable else None
    if kernel is None or data is None:
        return twin(raw, scale, offset, known, left, right, basis, tau, step, out)
    factors, old = (np.ascontiguousarray(left, dtype), padded(basis, dtype)), in_rows(right, dtype)
    power, sums = np.zeros(factors[1].shape), np.zeros(3)
    failed = kernel(
        *(level, data.kind, n, width, r, factors[1].shape[1], q, *data.arguments),
        *(address(factors[0]), address(old), strides(old), address(factors[1]), tau, step),
        *(address(out), strides(out), address(power), address(sums)),
    )
    if failed:
        raise MemoryError  # for a tile of a few hundred columns
    return _result(out, power[:, :q], sums)


def twin(
    raw: NDArray[Any],
    scale: Floats | None,
    offset: Floats | None,
    known: Bools | None,
    left: Floats,
    right: Floats,
    basis: Floats,
    tau: float,
    step: float,
    out: Floats,
) -> Pass:
    """The same in NumPy, a tile of columns at a time."""
    dtype, power, sums = right.dtype, np.zeros(basis.shape), np.zeros(3)
    for here in tiles(*raw.shape):
        value = _values(raw[here], scale, offset, None if known is None else known[here], dtype)
        z = left @ right[here]
        d = value - z
        y = np.clip(d, -dtype.type(tau), dtype.type(tau))
        if known is not None:
            y *= known[here]
        z += dtype.type(step) * y
        fresh = basis.T @ z
        power += z @ fresh.T
        sums += [np.einsum("ij,ij->i", a, b).sum(dtype=np.float64) for a, b in ((y, d), (value, y), (y, y))]
        out[here] = fresh
    return _result(out, power, sums)


def _values(raw: NDArray[Any], scale: Floats | None, offset: Floats | None, known: Bools | None, dtype: Any) -> Floats:
    value = raw.astype(dtype)
    if known is not None:  # before scaling: an unknown entry may be anything, and overflow
        value = np.where(known, value, dtype.type(0))
    if scale is not None:
        value *= scale.astype(dtype)[:, None]
    if offset is not None:
        value += offset.astype(dtype)[:, None]
        if known is not None:
            value *= known
    return value


def _result(out: Floats, power: Floats, sums: Floats) -> Pass:
    slope, inner, square = sums.tolist()
    return Pass(out, power, slope - 0.5 * square, inner, square)
