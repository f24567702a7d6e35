"""Robust location and scale of every pixel along time, from known entries only."""

from typing import NamedTuple

import numpy as np

from kizu.calibration import MAD_TO_SIGMA
from kizu.typing import Bools, Floats, Integers


class PixelStatistics(NamedTuple):
    """Median, 1.4826·MAD and number of known entries of every column; NaN where none is known."""

    center: Floats
    scale: Floats
    entries: Integers


def pixel_statistics(values: Floats, known: Bools | None = None, *, quantum: float | None = None) -> PixelStatistics:
    """Robust statistics of every column of `values` (frames, pixels).

    `quantum` is the step of input that was rounded: where the scale is below it, the median says no
    more than which step is the usual one, and the center is refined by :func:`_between_steps`.
    """
    frames, pixels = values.shape
    lines = np.array(values.T, order="C")  # one pixel's time line is contiguous: sorting it is fast
    if known is None:
        count = np.full(pixels, frames)
    else:
        lines[~np.ascontiguousarray(known.T)] = np.inf
        count = np.count_nonzero(known, axis=0)
    lines.sort(axis=1)
    center = _middle(lines, count)
    with np.errstate(invalid="ignore"):  # inf − NaN where a pixel has no known entry
        np.abs(lines - center[:, None], out=lines)
    lines.sort(axis=1)
    scale = lines.dtype.type(MAD_TO_SIGMA) * _middle(lines, count)
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
    last = lines.shape[1] - 1
    rows = np.arange(len(lines))
    low, high = lines[rows, np.clip((count - 1) // 2, 0, last)], lines[rows, np.clip(count // 2, 0, last)]
    return np.where(count > 0, 0.5 * (low + high), np.nan).astype(lines.dtype)
