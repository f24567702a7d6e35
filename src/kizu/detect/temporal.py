"""Robust location and scale of every pixel along time, from known entries only."""

from ctypes import c_float, c_int, c_int64, c_void_p
from typing import NamedTuple

import numpy as np

import kizu.native as native
from kizu.calibration import MAD_TO_SIGMA
from kizu.lowrank.rows import address, in_rows, shaped, strides
from kizu.typing import Bools, Floats, Integers

ARGUMENTS = (
    *(c_int, c_int64, c_int64, c_void_p, c_int64, c_void_p, c_int64),  # level; frames, pixels; values, known
    *(c_float, c_float, c_void_p, c_void_p, c_void_p),  # factor, quantum; center, scale, entries
)


class PixelStatistics(NamedTuple):
    """Median, 1.4826·MAD and number of known entries of every column; NaN where none is known."""

    center: Floats
    scale: Floats
    entries: Integers


def pixel_statistics(
    values: Floats, known: Bools | None = None, *, quantum: float | None = None, level: int | None = None
) -> PixelStatistics:
    """Robust statistics of every column of `values` (frames, pixels), finite where `known`.

    `quantum` is the step of input that was rounded: where the scale is below it, the median says no
    more than which step is the usual one, and the center is refined by :func:`_between_steps`.
    `level` are the instructions to use, for tests; 0 is the twin, which sorts where the kernel counts.
    """
    level = native.level() if level is None else level
    kernel = native.function("kizu_temporal", *ARGUMENTS, result=c_int)
    if level == 0 or kernel is None or values.dtype != np.float32 or not shaped((known, values.shape)):
        return twin(values, known, quantum)
    lines, mask = in_rows(values, values.dtype), None if known is None else in_rows(known, np.dtype(bool))
    center, scale = np.empty((2, values.shape[1]), np.float32)
    entries = np.empty(values.shape[1], np.int32)
    failed = kernel(
        *(level, *values.shape, address(lines), strides(lines), address(mask), strides(mask)),
        *(MAD_TO_SIGMA, quantum or 0.0, address(center), address(scale), address(entries)),
    )
    if failed:
        raise MemoryError
    return PixelStatistics(center, scale, entries.astype(np.intp))


def twin(values: Floats, known: Bools | None, quantum: float | None) -> PixelStatistics:
    """The same in NumPy."""
    frames, pixels = values.shape
    lines = np.array(values.T, order="C")  # one pixel's time line is contiguous: sorting it is fast
    if known is None:
        count = np.full(pixels, frames)
    else:
        # −∞ where known and ∞ where not: the larger of the two is three times faster than choosing
        barrier = np.subtract(0.5, np.ascontiguousarray(known.T), dtype=lines.dtype) * lines.dtype.type(np.inf)
        np.fmax(lines, barrier, out=lines)
        count = np.count_nonzero(known, axis=0)
    lines.sort(axis=1)
    center = _middle(lines, count)
    scale = lines.dtype.type(MAD_TO_SIGMA) * _middle_distance(lines, count, center)
    if quantum is not None:
        coarse = scale < quantum
        center[coarse] = _between_steps(
            values[:, coarse], None if known is None else known[:, coarse], center[coarse], quantum
        )
    return PixelStatistics(center, scale, count)


def _between_steps(values: Floats, known: Bools | None, center: Floats, quantum: float) -> Floats:
    """`center` moved by the mean distance of the known entries, none of them counted as more than a step.

    A pixel that flips between two grey levels is then judged from where it is on average, so that
    rare flips are farther away than frequent ones. From the median all flips look alike, the rate of
    false regions falls in one jump, and no threshold gives the rate between (measured: a third of it).
    """
    distance = np.clip(values - center, -quantum, quantum)
    return np.asarray(center + distance.mean(axis=0, where=True if known is None else known))


def _middle(lines: Floats, count: Integers) -> Floats:
    """Median of the first `count` entries of every sorted line."""
    low, high = _at(lines, (count - 1) // 2), _at(lines, count // 2)
    return np.where(count > 0, 0.5 * (low + high), np.nan).astype(lines.dtype)


def _middle_distance(lines: Floats, count: Integers, center: Floats) -> Floats:
    """Median distance from `center` of the first `count` entries of every sorted line.

    The k entries nearest to a point are neighbours in a sorted line. The first of them is where the
    entry k places on is no nearer any more, found by bisection: no distances are sorted.
    """
    k = count // 2 + 1
    first, last = np.zeros_like(count), np.maximum(count - k, 0)
    while (first < last).any():
        middle = (first + last) // 2
        nearer = center - _at(lines, middle) > _at(lines, middle + k) - center
        first, last = np.where(nearer & (first < last), middle + 1, first), np.where(nearer, last, middle)
    below, above = center - _at(lines, first), _at(lines, first + k - 1) - center
    farthest = np.maximum(below, above)
    inner = np.where(below > above, center - _at(lines, first + 1), _at(lines, first + k - 2) - center)
    second = np.maximum(inner, np.minimum(below, above))
    return np.where(count % 2 == 1, farthest, 0.5 * (farthest + second)).astype(lines.dtype)


def _at(lines: Floats, places: Integers) -> Floats:
    """One entry of every line, the places held inside it."""
    chosen: Floats = lines[np.arange(len(lines)), np.clip(places, 0, lines.shape[1] - 1)]
    return chosen
