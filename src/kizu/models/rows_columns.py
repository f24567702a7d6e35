"""The columns of a table on one scale, and what is not known in them.

z = (x − median) / scale: the scale of the middle half, or of more where that hardly varies.
q = sign(z)·c·log(1 + |z|/c): large deviations count, but not as much as they are large.
"""

from collections.abc import Mapping

import numpy as np

from kizu.typing import Bools, Floats

Arrays = dict[str, Floats]

SPREADS = ((0.25, 0.75, 1.3489795), (0.05, 0.95, 3.2897073), (0.005, 0.995, 5.1516586))
"""Pairs of quantiles and their distance for a standard normal variable."""
NARROW = 0.05
"""A scale below this share of the next wider one says that most values are nearly equal, not how far others vary."""
FARTHEST = 100.0
"""A widest range of more scales than this holds anomalies: they do not set what they are measured by."""
LEAST = 1e-12
"""A scale below this share of the values themselves is rounding: those in that range are equal."""
ELSE = 10.0
"""z of a value that differs where all fitted values were equal."""
TIE = 1e-9
SWEEPS = 10
"""Rounds over the unknown columns; they converge like Gauss & Seidel's."""
LARGEST = 1e300


def column_scales(values: Floats) -> Arrays:
    """{"median", "scale"} (columns,) of `values` (rows, columns), NaN where unknown; scale 0: all values are equal."""
    centers, scales = [], []
    for column in values.T:
        known = column[~np.isnan(column)]
        centers.append(float(np.median(known)) if known.size else 0.0)
        scales.append(_scale(known) if known.size else 0.0)
    return {"median": np.array(centers), "scale": np.array(scales)}


def _scale(known: Floats) -> float:
    """Robust scale of the known values of a column: of the middle half, or of more where those hardly vary.

    What is rare but usual in such a column then stays within a few scales. The price is bounded: where more than one
    value in 200 lies some 20 to 100 scales away, those widen the scale that smaller deviations are measured by.
    """
    half, most = 0.5 * known, float(np.abs(known).max())  # in halves, so that no difference can overflow
    middle, wider, widest = (_spread(half, *spread) for spread in SPREADS)
    scale = wider if middle < NARROW * wider else middle
    if scale < NARROW * widest and not 0 < scale < widest / FARTHEST:
        scale = widest
    if scale == 0 and most > 0:
        scale = most * float(np.std(known / most))
        return scale if scale > LEAST * most else 0.0
    return scale


def _spread(half: Floats, low: float, high: float, normal: float) -> float:
    """Scale between two quantiles; 0 where that is rounding."""
    below, above = np.quantile(half, (low, high))
    scale = 2 * float(above / normal - below / normal)
    return scale if scale > LEAST * 2 * max(abs(below), abs(above)) else 0.0


def standardised(arrays: Mapping[str, Floats], values: Floats) -> Floats:
    """z (rows, columns); NaN stays."""
    median, scale = arrays["median"], arrays["scale"]
    flat = scale == 0
    half = 0.5 * values - 0.5 * median
    away = np.where(np.abs(half) > 0.5 * TIE * np.abs(median), ELSE * np.sign(half), 0.0)
    with np.errstate(over="ignore"):  # infinitely far is far enough
        z = half / np.where(flat, 1.0, 0.5 * scale)
    return np.clip(np.where(flat & ~np.isnan(values), away, z), -LARGEST, LARGEST)


def compressed(z: Floats, knee: float) -> Floats:
    """Linear up to about `knee`, logarithmic beyond."""
    return np.asarray(np.sign(z) * knee * np.log1p(np.abs(z) / knee))


def filled(rows: Floats, missing: Bools, mean: Floats, precision: Floats) -> Floats:
    """`rows` with what is missing at its conditional mean under a normal law (mean, precision)."""
    if not missing.any():
        return rows
    holed = np.flatnonzero(missing.any(axis=1))
    gaps = missing[holed]
    away = np.where(gaps, 0.0, rows[holed] - mean)
    for _ in range(SWEEPS):
        for column in np.flatnonzero(gaps.any(axis=0)):
            here = gaps[:, column]
            away[here, column] -= away[here] @ precision[column] / precision[column, column]
    whole = rows.copy()
    whole[holed] = away + mean
    return whole
