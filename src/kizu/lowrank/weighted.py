"""One round of iteratively reweighted least squares over a block, for a factored background of small rank.

    d = M − left·c,  weight = min(1, tau/|d|) (0 where unknown),  y = weight·d
    c ← c + relaxed·(Σ weight·u uᵀ + tau_background)⁻¹ (leftᵀ y − tau_background·c)      for every column

and for every row the sums Σ weight·M·c and Σ weight·c cᵀ with the new c. The kernel (native/weighted.c) reads
the data once in their own type; its twin does the same in NumPy.
"""

from ctypes import c_double, c_int, c_int64, c_void_p
from typing import NamedTuple

import numpy as np

import kizu.native as native
from kizu.lowrank.blocks import Block, dot
from kizu.lowrank.rows import SOURCE, address, shaped, source, strides
from kizu.typing import Floats

RANKS = (4, 8)
"""Ranks that the kernel has; a smaller one is filled up with zeros."""
ARGUMENTS = (
    *(c_int, c_int, c_int, c_int64, c_int64),  # level, kind, whether rank 8; rows, columns
    *SOURCE,
    *(c_void_p, c_void_p, c_void_p, c_int64),  # left, its products; right with its stride
    *(c_double, c_double, c_double, c_void_p, c_int64),  # tau, tau_background, relaxed; out with its stride
    *(c_void_p, c_void_p, c_void_p),  # target, gram, sums
)


class Thresholds(NamedTuple):
    """tau of the Huber loss, of the ridge, and how far of the way to the minimum a round goes."""

    tau: float
    tau_background: float
    relaxed: float


class Pass(NamedTuple):
    """What one block gives: its new columns, and sums for the rows' systems."""

    right: Floats  # (r, width)
    target: Floats  # Σ weight·M·c of every row (n, r)
    gram: Floats  # Σ weight·c cᵀ of every row, upper triangles (n, r·(r + 1)/2)
    loss: float  # Σ huber(M − L)
    inner: float  # ⟨L, y⟩


def walk(block: Block, left: Floats, right: Floats, numbers: Thresholds, *, level: int | None = None) -> Pass:
    """One round on one block; `left` (n, r) and its columns of `right` (r, width) in the type to compute in.

    `level` are the instructions to use, for tests; 0 is the twin.
    """
    level = native.level() if level is None else level
    kernel = native.function("kizu_weighted", *ARGUMENTS, result=c_int)
    (n, width), r = block.raw.shape, left.shape[1]
    usable = level > 0 and block.dtype == np.float32 and r <= RANKS[-1]
    fit = usable and shaped((left, (n, r)), (right, (r, width)))
    data = source(block.raw, block.scale, block.offset, block.known, block.dtype) if fit else None
    if kernel is None or data is None:
        return twin(block, left, right, numbers)
    rank = next(rank for rank in RANKS if rank >= r)
    wide, old = np.zeros((n, rank), np.float32), np.zeros((rank, width), np.float32)
    wide[:, :r], old[:r] = left, right
    pairs = np.ascontiguousarray(products(wide))
    out, target = np.empty_like(old), np.zeros((n, rank))
    gram, sums = np.zeros((n, -(-pairs.shape[1] // 4) * 4)), np.zeros(2)
    failed = kernel(
        *(level, data.kind, int(rank == RANKS[1]), n, width, *data.arguments),
        *(address(wide), address(pairs), address(old), strides(old), *numbers, address(out), strides(out)),
        *(address(target), address(gram), address(sums)),
    )
    if failed:
        raise MemoryError
    kept = [place for place, (i, j) in enumerate(zip(*np.triu_indices(rank), strict=True)) if max(i, j) < r]
    return Pass(out[:r], target[:, :r], gram[:, kept], *sums.tolist())


def twin(block: Block, left: Floats, right: Floats, numbers: Thresholds) -> Pass:
    """The same in NumPy."""
    rest = left @ right
    np.subtract(block.values, rest, out=rest)
    tau, tau_background, relaxed = (rest.dtype.type(number) for number in numbers)
    weight = np.abs(rest)
    np.divide(tau, np.maximum(weight, tau, out=weight), out=weight)
    if block.known is not None:
        weight *= block.known
    y = rest * weight
    loss = dot(y, rest) - 0.5 * dot(y, y)
    pull = left.T @ y
    inner = dot(pull, right)
    sides = systems((products(left).T @ weight).T, len(right), numbers.tau_background)
    move = np.linalg.solve(sides, (pull - tau_background * right).T[..., None])[..., 0].T
    new = right + relaxed * np.ascontiguousarray(move)
    target = np.multiply(weight, block.values, out=rest) @ new.T  # w·M = w·L + Y
    grams = weight @ products(np.ascontiguousarray(new.T))
    return Pass(new, target.astype(np.float64), grams.astype(np.float64), loss, inner)


def products(factor: Floats) -> Floats:
    """The upper triangle of u uᵀ for every row u: (n, r) → (n, r·(r + 1)/2)."""
    i, j = np.triu_indices(factor.shape[1])
    return factor[:, i] * factor[:, j]


def systems(packed: Floats, rank: int, tau_background: float) -> Floats:
    """Σ w·u uᵀ + tau from sums of :func:`products`: (n, r·(r + 1)/2) → (n, r, r)."""
    i, j = np.triu_indices(rank)
    place = np.empty((rank, rank), np.intp)
    place[i, j] = place[j, i] = np.arange(len(i))
    return packed[:, place] + packed.dtype.type(tau_background) * np.eye(rank, dtype=packed.dtype)
