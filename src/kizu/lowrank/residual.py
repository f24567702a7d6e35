"""What a low-rank background leaves of a block of the data: M − left @ right, 0 where unknown.

The kernel (native/residual.c) reads the data once in their own type and writes the residual once; its twin
does the same in NumPy.
"""

import math
from ctypes import c_double, c_int, c_int64, c_void_p

import numpy as np

import kizu.native as native
from kizu.lowrank.blocks import Block
from kizu.lowrank.rows import MAX_RANK, SOURCE, address, in_rows, shaped, source, strides, takes
from kizu.typing import Floats

ARGUMENTS = (
    *(c_int, c_int, c_int64, c_int64, c_int64),  # level, kind; rows, columns, r
    *SOURCE,
    *(c_void_p, c_void_p, c_int64, c_void_p),  # left; right with its stride; weight
    *(c_double, c_int, c_void_p, c_int64),  # limit, whether the louder stays; out with its stride
)


def residual(block: Block, left: Floats, right: Floats, *, limit: float = math.inf, level: int | None = None) -> Floats:
    """M − left @ right on one block, held inside ±`limit`; 0 where unknown.

    `left` (n, r) and the block's columns of `right` (r, width) are in one type, which is the result's.
    `level` are the instructions to use, for tests; 0 is the twin.
    """
    out = np.empty(block.raw.shape, right.dtype)
    if not _kernel(block, left, right, out, limit=limit, level=level):
        _twin(block, left, right, out)
        if limit < math.inf:
            np.clip(out, -limit, limit, out=out)
    return out


def outshout(
    block: Block, left: Floats, right: Floats, weight: Floats, out: Floats, *, level: int | None = None
) -> None:
    """Put weight·(M − left @ right) into `out` (n, width) wherever it is larger in size than what is there.

    `weight` (width,) is the columns'. Of two numbers as large the positive one stays.
    """
    if not _kernel(block, left, right, out, weight=weight, louder=True, level=level):
        fresh = _twin(block, left, right, np.empty(block.raw.shape, right.dtype)) * weight
        highest, lowest = np.maximum(out, fresh), np.minimum(out, fresh)
        np.copysign(np.maximum(highest, -lowest), highest + lowest, out=out)


def _kernel(
    block: Block,
    left: Floats,
    right: Floats,
    out: Floats,
    *,
    weight: Floats | None = None,
    limit: float = math.inf,
    louder: bool = False,
    level: int | None,
) -> bool:
    """Whether the kernel has filled `out`."""
    level = native.level() if level is None else level
    kernel = native.function("kizu_residual", *ARGUMENTS, result=c_int)
    (n, width), r, dtype = block.raw.shape, left.shape[1], right.dtype
    fit = shaped((left, (n, r)), (right, (r, width)), (weight, (width,))) and left.dtype == dtype == block.dtype
    usable = level > 0 and r <= MAX_RANK and fit and takes(out, (n, width), dtype)
    data = source(block.raw, block.scale, block.offset, block.known, dtype) if usable else None
    if kernel is None or data is None:
        return False
    factor, columns = np.ascontiguousarray(left), in_rows(right, dtype)
    weights = None if weight is None else np.ascontiguousarray(weight, dtype)
    failed = kernel(
        *(level, data.kind, n, width, r, *data.arguments),
        *(address(factor), address(columns), strides(columns), address(weights)),
        *(limit, int(louder), address(out), strides(out)),
    )
    if failed:
        raise MemoryError  # for a strip of a few columns
    return True


def _twin(block: Block, left: Floats, right: Floats, out: Floats) -> Floats:
    np.subtract(block.values, np.matmul(left, right, out=out), out=out)
    if block.known is not None:
        out *= block.known
    return out
