"""The drawings of a table's page as numbers: scores and their threshold, their histogram, shares, usual ranges."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kizu.numerals import pretty
from kizu.report.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Tick, decades, ticks
from kizu.typing import Floats

BINS = 48
LOWEST = 0.5
"""Rows at the bottom of the histogram's logarithmic axis: one row is still a bar."""
GLYPH = 160.0
"""Width of a share and of a range in a table."""
EDGE = 6.0
"""Room at both ends of a range for the mark of the value."""


class Cell(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    flagged: bool
    title: str


class Histogram(NamedTuple):
    """How many rows have which score, how many would without anomalies, and where flagging begins."""

    bars: tuple[Cell, ...]
    expected: tuple[tuple[float, float], ...]
    threshold: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


class Range(NamedTuple):
    """The usual values from `left`, `width` wide, their median at `middle`, the value at `mark`."""

    left: float
    width: float
    middle: float
    mark: float


def threshold_in_strip(scores: Sequence[float], threshold: float | None) -> float | None:
    """Where the threshold lies in :func:`kizu.report.charts.strip` of the same scores; None above all of them."""
    highest = max(scores, default=0.0)
    if threshold is None or not 0 <= threshold <= highest or highest == 0:
        return None
    return round(TOP + (highest - threshold) / highest * (HEIGHT - TOP - BOTTOM), 2)


def histogram(scores: Floats, null: Mapping[str, Any], threshold: float | None) -> Histogram:
    """Rows per score on a logarithmic axis, and what `null` would make of them.

    That is the law of rows without anomalies, generalised Pareto beyond its median.
    """
    highest = max(float(scores.max()), threshold or 0.0, 1e-9) * 1.02
    counts, edges = np.histogram(scores, BINS, (0.0, highest))
    fewer = -len(scores) * np.diff(_tail(null, edges))
    expected = np.where(edges[:-1] >= null["median"], fewer, 0.0)  # below the median the law says nothing
    most = max(float(counts.max()), float(expected.max()), 2.0)
    x_at, y_at = _across(highest), _log_up(most)
    ground = y_at(LOWEST)
    bars = []
    for number, count in enumerate(counts.tolist()):
        if count:
            left, right, top = x_at(edges[number]), x_at(edges[number + 1]), y_at(count)
            flagged = threshold is not None and edges[number] >= threshold - (edges[1] - edges[0]) / 2
            title = f"score {edges[number]:.3g} to {edges[number + 1]:.3g}: {count}"
            width = round(max(right - left - 1, 0.5), 2)
            bars.append(Cell(left, top, width, round(ground - top, 2), flagged, title))
    middles = (edges[:-1] + edges[1:]) / 2
    line = tuple((x_at(m), y_at(e)) for m, e in zip(middles.tolist(), expected.tolist(), strict=True) if e >= LOWEST)
    at = None if threshold is None else x_at(threshold)
    x_ticks = tuple(Tick(x_at(value), pretty(value)) for value in ticks([0.0, highest]))
    return Histogram(tuple(bars), line, at, x_ticks, tuple(Tick(y_at(v), pretty(v)) for v in decades([1.0, most])))


def _tail(null: Mapping[str, Any], scores: Floats) -> Floats:
    beyond = np.maximum(scores - null["median"], 0.0)
    return np.asarray(0.5 * (1 + null["shape"] * beyond / null["scale"]) ** (-1 / null["shape"]))


def _across(highest: float) -> Callable[[float], float]:
    return lambda value: round(LEFT + float(value) / highest * (WIDTH - LEFT - RIGHT), 2)


def _log_up(most: float) -> Callable[[float], float]:
    low, high = math.log10(LOWEST), math.log10(most * 1.2)
    return lambda count: round(TOP + (high - math.log10(float(count))) / (high - low) * (HEIGHT - TOP - BOTTOM), 2)


def share_width(share: float) -> float:
    return round(max(share, 0.0) * GLYPH, 1)


def range_of(value: float, usual: Mapping[str, Any]) -> Range:
    """A line from the lowest to the highest of usual values and `value`."""
    low, median, high = usual["low"], usual["median"], usual["high"]
    first, last = min(low, value), max(high, value)
    if not math.isfinite(last - first) or not math.isfinite(value) or last == first:
        return Range(EDGE, GLYPH - 2 * EDGE, GLYPH / 2, GLYPH / 2)

    def at(number: float) -> float:
        return round(EDGE + float((number - first) / (last - first)) * (GLYPH - 2 * EDGE), 1)

    return Range(at(low), round(max(at(high) - at(low), 2.0), 1), at(median), at(value))
