"""Charts as numbers: where each mark and tick lies in the drawing; the templates write the SVG.

Drawings are WIDTH (strips: WIDE) × HEIGHT units with a margin for labels. Nothing here knows colours: those are the
style sheet's.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kizu.numerals import pretty

WIDTH, WIDE, HEIGHT = 640.0, 960.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 24.0, 40.0
BARS = 1000  # more cannot be told apart on a screen
TICKS = 6

Point = tuple[float, float]


class Tick(NamedTuple):
    at: float
    label: str


class Mark(NamedTuple):
    x: float
    y: float
    title: str


class Series(NamedTuple):
    label: str
    marks: tuple[Mark, ...]


class Chart(NamedTuple):
    """Curves over two axes."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    flagged: bool
    title: str


class Strip(NamedTuple):
    """One bar per image, or per `per_bar` neighbours."""

    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    per_bar: int


def chart(title: str, x_label: str, y_label: str, curves: Mapping[str, Sequence[Point]], *, log: bool = False) -> Chart:
    """Lay out `curves`; on a logarithmic axis what is not positive has no place and is left out."""
    kept = {
        name: [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not log)] for name, points in curves.items()
    }
    xs, ys = ([point[axis] for points in kept.values() for point in points] for axis in (0, 1))
    x_at, y_at = _across(xs), _up(ys, log=log)
    series = tuple(
        Series(name, tuple(Mark(x_at(x), y_at(y), f"{x:g}: {y:.4g}") for x, y in points))
        for name, points in kept.items()
    )
    x_ticks = tuple(Tick(x_at(x), pretty(x)) for x in ticks(xs) if x == int(x))
    y_ticks = tuple(Tick(y_at(y), pretty(y)) for y in (decades(ys) if log else ticks(ys)))
    return Chart(title, x_label, y_label, x_ticks, y_ticks, series)


def strip(scores: Sequence[float], flagged: Sequence[bool], names: Sequence[str]) -> Strip:
    """Lay out one bar per image in input order; above BARS images a bar is the highest of its neighbours."""
    per_bar = math.ceil(len(scores) / BARS)
    tops = [
        max(range(i, min(i + per_bar, len(scores))), key=lambda k: (flagged[k], scores[k]))
        for i in range(0, len(scores), per_bar)
    ]
    y_at = _up([0.0, *scores], log=False)
    step = (WIDE - LEFT - RIGHT) / len(tops)
    ground = y_at(0)
    bars = []
    for n, k in enumerate(tops):
        top, title = y_at(scores[k]), f"{k + 1}: {names[k]}, score {scores[k]:.3g}"
        left, width = round(LEFT + n * step, 2), round(max(step * 0.8, step - 1), 2)
        bars.append(Bar(left, min(top, ground), width, round(abs(top - ground), 2), flagged[k], title))
    places = [k for k in ticks([1, len(scores)]) if k >= 1 and k == int(k)]
    x_ticks = tuple(Tick(round(LEFT + (k - 0.5) / per_bar * step, 2), pretty(k)) for k in places)
    return Strip(tuple(bars), x_ticks, tuple(Tick(y_at(y), pretty(y)) for y in ticks([0.0, *scores])), per_bar)


def _across(values: Sequence[float]) -> Callable[[float], float]:
    low, high = _range(values)
    return lambda x: round(LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT), 2)


def _up(values: Sequence[float], *, log: bool) -> Callable[[float], float]:
    place = math.log10 if log else float
    low, high = _range([place(v) for v in values])
    return lambda y: round(TOP + (high - place(y)) / (high - low) * (HEIGHT - TOP - BOTTOM), 2)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest, apart even if all are equal or none is there."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = 0.0 if high > low else abs(high) / 2 or 0.5
    return low - pad, high + pad


def ticks(values: Sequence[float]) -> list[float]:
    """At most TICKS + 1 round numbers between the lowest and the highest value."""
    low, high = _range(values)
    rough = (high - low) / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    return [float(f"{k * step:.12g}") for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def decades(values: Sequence[float]) -> list[float]:
    """Powers of ten in the range of positive `values`, thinned to TICKS; round numbers if fewer than two."""
    if not values:
        return []
    first, last = math.ceil(math.log10(min(values))), math.floor(math.log10(max(values)))
    if last <= first:
        return [v for v in ticks(values) if v > 0]
    return [10.0**k for k in range(first, last + 1, math.ceil((last - first + 1) / TICKS))]


def finite_list(values: Sequence[float | None]) -> list[float]:
    """`values` with NaN for what JSON could not hold."""
    return [float(v) for v in np.array(values, float)]
