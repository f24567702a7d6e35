"""Passes over the data that the augmented-Lagrangian form of principal component pursuit makes in every step.

The state is one matrix W = Y + mu·S: |Y| ≤ lam wherever S is not 0, so Y = clip(W, ±lam) and
S = (W − Y)/mu give both back. Where an entry is unknown W holds the background L, and Y = S = 0.

    z = M − S + Y/mu,   L = left (uᵀz),   W ← Y + mu·(relax·(M − L) + (1 − relax)·S)

The kernels (native/augmented.c) read M and W once and write W once; their twins do the same in NumPy, in
tiles of columns that stay in the cache.
"""

from ctypes import c_double, c_int, c_int64, c_void_p
from typing import Any, NamedTuple

import numpy as np

import kizu.native as native
from kizu.lowrank.rows import MAX_RANK, address, in_rows, padded, shaped, strides, takes, tiles
from kizu.typing import Bools, Floats

NUMBERS = (c_double,) * 5  # as in Numbers
STATE = (c_void_p, c_int64) * 3  # M, known, W, each with its stride
PASS = (
    *(c_int, c_int, c_int64, c_int64, c_int64, c_int64, *STATE),  # level, type; rows, columns, r, q
    *(c_void_p, c_void_p, c_void_p, c_void_p, c_int64, *NUMBERS, c_void_p, c_void_p),  # left, u, basis, uᵀz; two sums
)
EACH = (
    *(c_int, c_int, c_int, c_int64, c_int64, *STATE),  # level, type, whether W moves; rows, columns
    *(c_void_p, c_int64, c_void_p, c_int64, *NUMBERS, c_void_p),  # L, z; sums
)


class Numbers(NamedTuple):
    """The weight that W was written with, that of this step and of the next; the clip; the over-relaxation."""

    mu_before: float
    mu: float
    mu_after: float
    lam: float
    relax: float = 1.0


class Sums(NamedTuple):
    """Over known entries, with the S and Y of after the step."""

    open: float  # Σ (M − L − S)²
    rest: float  # Σ |M − L|
    sparse: float  # Σ |S|
    moved: float  # Σ (S − S before)²
    inner: float  # ⟨M, Y⟩
    square: float  # ‖Y‖²


class Pass(NamedTuple):
    """What one block gives: z dᵀ (n, q) for d = basisᵀz and the z of the next step, and sums."""

    power: Floats
    sums: Sums


def walk(
    m: Floats,
    w: Floats,
    known: Bools | None,
    left: Floats,
    u: Floats,
    basis: Floats,
    numbers: Numbers,
    *,
    factor: Floats | None = None,
    level: int | None = None,
) -> Pass:
    """One step on one block whose background has few dimensions.

    Parameters
    ----------
    m : (n, width) array
        The data; unknown entries may hold anything.
    w : (n, width) array
        The state, which becomes the next one in place, in the type to compute in.
    known : (n, width) array of bool or None
        None where every entry is known.
    left, u : (n, r) arrays
        L = left (uᵀz).
    basis : (n, q) array
        What the next z is projected on.
    factor : (r, width) array, optional
        Where uᵀz goes.
    level : int, optional
        The instructions to use, for tests; 0 is the twin.
    """
    level = native.level() if level is None else level
    kernel = native.function("kizu_augmented", *PASS, result=c_int)
    (n, width), dtype, r, q = w.shape, w.dtype, u.shape[1], basis.shape[1]
    whole = shaped((m, w.shape), (known, w.shape), (left, (n, r)), (u, (n, r)), (basis, (n, q)))
    usable = whole and takes(w, w.shape, dtype) and takes(factor, (r, width), dtype) and max(r, q) <= MAX_RANK
    if level == 0 or kernel is None or not usable:
        return _walk_twin(m, w, known, left, u, basis, numbers, factor)
    factors = np.ascontiguousarray(left, dtype), np.ascontiguousarray(u, dtype), padded(basis, dtype)
    data, mask = in_rows(m, dtype), None if known is None else in_rows(known, np.dtype(bool))
    power, sums = np.zeros(factors[2].shape), np.zeros(len(Sums._fields))
    failed = kernel(
        *(level, dtype.itemsize // 8, n, width, r, factors[2].shape[1]),
        *(address(data), strides(data), address(mask), strides(mask), address(w), strides(w)),
        *(*map(address, factors), address(factor), strides(factor), *numbers, address(power), address(sums)),
    )
    if failed:
        raise MemoryError
    return Pass(power[:, :q], Sums(*sums.tolist()))


def target(
    m: Floats,
    w: Floats,
    known: Bools | None,
    numbers: Numbers,
    *,
    out: Floats | None = None,
    level: int | None = None,
) -> Floats:
    """The z of this step, (n, width), in `out` if given; `mu_after` and `relax` play no part."""
    out = np.empty(w.shape, w.dtype) if out is None else out
    if not _each(m, w, known, w, out, numbers, None, level):
        room = _room(w)
        for here in tiles(*w.shape):
            out[here] = _aim(*_parts(m, w, known, here), numbers, room)
    return out


def update(
    m: Floats,
    background: Floats,
    w: Floats,
    known: Bools | None,
    numbers: Numbers,
    *,
    out: Floats | None = None,
    level: int | None = None,
) -> tuple[Floats, Sums]:
    """The step for a background that was made elsewhere: W in place, and the next z with its sums.

    `out`, where z goes, may be `background` itself.
    """
    out = np.empty(w.shape, w.dtype) if out is None else out
    sums = np.zeros(len(Sums._fields))
    if not _each(m, w, known, background, out, numbers, sums, level):
        room = _room(w)
        for here in tiles(*w.shape):
            out[here], part = _move(*_parts(m, w, known, here), background[here], numbers, room)
            sums += part
    return out, Sums(*sums.tolist())


def _each(
    m: Floats,
    w: Floats,
    known: Bools | None,
    background: Floats,
    out: Floats,
    numbers: Numbers,
    sums: Floats | None,
    level: int | None,
) -> bool:
    """Whether the kernel has done it: z alone, or with `sums` the whole step."""
    level = native.level() if level is None else level
    kernel = native.function("kizu_augmented_each", *EACH)
    whole = shaped((m, w.shape), (known, w.shape), (background, w.shape))
    usable = whole and takes(w, w.shape, w.dtype) and takes(out, w.shape, w.dtype)
    if level == 0 or kernel is None or not usable:
        return False
    data, old = in_rows(m, w.dtype), in_rows(background, w.dtype)
    mask = None if known is None else in_rows(known, np.dtype(bool))
    kernel(
        *(level, w.dtype.itemsize // 8, int(sums is not None), *w.shape),
        *(address(data), strides(data), address(mask), strides(mask), address(w), strides(w)),
        *(address(old), strides(old), address(out), strides(out), *numbers, address(sums)),
    )
    return True


def _walk_twin(
    m: Floats,
    w: Floats,
    known: Bools | None,
    left: Floats,
    u: Floats,
    basis: Floats,
    numbers: Numbers,
    factor: Floats | None,
) -> Pass:
    power, sums, room = np.zeros(basis.shape), np.zeros(len(Sums._fields)), _room(w)
    for here in tiles(*w.shape):
        data, state, mask = _parts(m, w, known, here)
        c = u.T @ _aim(data, state, mask, numbers, room)
        if factor is not None:
            factor[here] = c
        z, part = _move(data, state, mask, left @ c, numbers, room)
        power += z @ (basis.T @ z).T
        sums += part
    return Pass(power, Sums(*sums.tolist()))


def _parts(m: Floats, w: Floats, known: Bools | None, here: Any) -> tuple[Floats, Floats, Bools | None]:
    """A tile of the data, zero where unknown, of the state as a view, and of `known`."""
    data = m[here].astype(w.dtype, copy=False)
    if known is None:
        return data, w[here], None
    return np.where(known[here], data, w.dtype.type(0)), w[here], known[here]


def _room(w: Floats) -> Floats:
    """Memory for what :func:`_move` makes of a tile: asking for it anew each time takes longer than the work."""
    widest = next(iter(tiles(*w.shape)))[1].stop
    return np.empty((6, w.shape[0], min(widest, w.shape[1])), w.dtype)


def _aim(m: Floats, w: Floats, known: Bools | None, numbers: Numbers, room: Floats) -> Floats:
    y, s = room[:2, :, : w.shape[1]]
    np.clip(w, -numbers.lam, numbers.lam, out=y)
    np.subtract(w, y, out=s)
    s *= 1 / numbers.mu_before
    y *= 1 / numbers.mu
    z: Floats = np.subtract(m, s, out=s)
    z += y
    if known is not None:
        np.copyto(z, w, where=~known)
    return z


def _move(
    m: Floats, w: Floats, known: Bools | None, background: Floats, numbers: Numbers, room: Floats
) -> tuple[Floats, Floats]:
    """W in place; the next z, and what the tile adds to the sums."""
    y, s, rest, new, z, spare = room[:, :, : w.shape[1]]
    np.clip(w, -numbers.lam, numbers.lam, out=y)
    np.subtract(w, y, out=s)
    s *= 1 / numbers.mu_before
    np.subtract(m, background, out=rest)
    np.multiply(rest, numbers.relax, out=w)
    w += np.multiply(s, 1 - numbers.relax, out=spare)
    w *= numbers.mu
    w += y
    np.clip(w, -numbers.lam, numbers.lam, out=y)
    np.subtract(w, y, out=new)
    new *= 1 / numbers.mu
    np.multiply(y, 1 / numbers.mu_after, out=z)
    z += np.subtract(m, new, out=spare)
    if known is not None:
        np.copyto(w, background, where=~known)
        np.copyto(z, background, where=~known)
        for part in (y, s, rest, new):
            part *= known
    left_open = _sum(np.subtract(rest, new, out=spare), spare)
    moved = _sum(np.subtract(new, s, out=spare), spare)
    absolute = [_sum(np.abs(part, out=spare), None) for part in (rest, new)]
    return z, np.array([left_open, *absolute, moved, _sum(m, y), _sum(y, y)])


def _sum(a: Floats, b: Floats | None) -> float:
    """Σ a·b, or Σ a: rows of a tile in their own type, the rest in float64."""
    rows = a.sum(axis=1) if b is None else np.einsum("ij,ij->i", a, b)
    return float(rows.sum(dtype=np.float64))
