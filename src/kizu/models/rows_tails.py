"""How unlikely a distance is among the rows that were fitted, and a sum of such.

Neither is trusted where anomalies may lie: both are fitted to the body and continued.
"""

import math

import numpy as np

from kizu.calibration import benjamini_hochberg
from kizu.typing import Floats

EDGE, MIDDLE = 0.9, 0.5
"""The body of the distances ends at one quantile; from the other on its tail's slope is measured."""
KNOTS = np.linspace(0.0, EDGE, 91)
ENDS = (0.8, 0.95, 0.99, 1.0)
"""Where the slope is measured to. A tenth of anomalies hardly moves the first; the others are for equal bodies."""
BODY = (0.5, 0.65, 0.8)
"""Quantiles of the scores that the null goes through."""
HEAVIEST = 0.5
"""Largest shape of the null: heavier, and its variance would be infinite."""
FASTEST = 1.0
"""Scale of the null at least: no sum of −log tails falls faster than one of them."""
SET_ASIDE, ROUNDS = 0.1, 10
"""False discovery rate of the rows that the null is fitted without, and how often at most."""


def fit_tail(distance: Floats) -> Floats:
    """91 quantiles from 0 to 0.9, then the scale of the exponential that goes on from there (∞: it never falls)."""
    knots = np.quantile(distance, KNOTS)
    middle, size = float(np.quantile(distance, MIDDLE)), float(np.abs(distance).max())
    for end in ENDS:
        halvings = math.log((1 - MIDDLE) / max(1 - end, MIDDLE / len(distance)))
        scale = (float(np.quantile(distance, end)) - middle) / max(halvings, 1e-9)
        if scale > 1e-9 * size:
            return np.append(knots, scale)
    return np.append(knots, max(size, 1.0) * 1e9)


def unlikely(tail: Floats, distance: Floats) -> Floats:
    """−log of the share of rows that are as far, ≥ 0."""
    knots, scale = tail[:-1], tail[-1]
    body = np.interp(distance, knots, -np.log1p(-KNOTS))
    return np.where(distance > knots[-1], -math.log(1 - EDGE) + (distance - knots[-1]) / scale, body)


def fit_law(score: Floats) -> Floats:
    """(median, scale, shape) of the null: a generalised Pareto law beyond the median (Pickands 1975).

    Fitted to the body, without the rows that it itself finds odd, until those stand still or half would go.
    """
    kept = np.ones(len(score), np.bool_)
    law = _law(score)
    for _ in range(ROUNDS):
        p_value = law_p_value(law, score)
        ordinary = p_value > benjamini_hochberg(p_value, SET_ASIDE)
        if ordinary.mean() < MIDDLE or (ordinary == kept).all():
            break
        kept = ordinary
        law = _law(score[kept])
    return law


def _law(score: Floats) -> Floats:
    from scipy import optimize  # half a second that pictures need not pay

    middle, inner, outer = np.quantile(score, BODY)
    near, far = (math.log((1 - BODY[0]) / (1 - quantile)) for quantile in BODY[1:])
    ratio = float((outer - middle) / max(inner - middle, 1e-12))

    def excess(shape: float) -> float:
        return -ratio + math.expm1(shape * far) / math.expm1(shape * near)

    shape = 1e-6
    if excess(HEAVIEST) < 0:
        shape = HEAVIEST
    elif excess(shape) < 0:
        shape = float(optimize.brentq(excess, shape, HEAVIEST))
    scale = (outer - middle) * shape / math.expm1(shape * far)
    return np.array([middle, max(scale, FASTEST), shape])


def law_p_value(law: Floats, score: Floats) -> Floats:
    """Share of rows without an anomaly that have such a score or a higher one; 1 below their median."""
    middle, scale, shape = law
    beyond = (1 - BODY[0]) * (1 + shape * np.maximum(score - middle, 0.0) / scale) ** (-1 / shape)
    return np.where(score < middle, 1.0, beyond)


def law_score(law: Floats, p_value: float) -> float:
    """The score from the median on that has this p-value."""
    middle, scale, shape = law
    halvings = max(math.log((1 - BODY[0]) / max(p_value, np.finfo(float).tiny)), 0.0)
    return float(middle + scale / shape * math.expm1(shape * halvings))
