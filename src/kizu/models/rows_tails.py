"""How unlikely a distance is among the rows that were fitted, and a sum of such.

Neither is trusted where anomalies may lie: both are fitted to the body and continued.
"""

import math

import numpy as np
from scipy import special

from kizu.typing import Floats

EDGE, MIDDLE = 0.9, 0.5
"""The body of the distances ends at one quantile; between the two its tail's slope is measured."""
KNOTS = np.linspace(0.0, EDGE, 91)


def fit_tail(distance: Floats) -> Floats:
    """91 quantiles from 0 to 0.9, then the scale of the exponential that goes on from there."""
    knots = np.quantile(distance, KNOTS)
    middle, edge = np.quantile(distance, (MIDDLE, EDGE))
    scale = (edge - middle) / math.log((1 - MIDDLE) / (1 - EDGE))
    return np.append(knots, max(scale, 1e-12 * max(abs(edge), np.finfo(float).tiny)))


def unlikely(tail: Floats, distance: Floats) -> Floats:
    """−log of the share of rows that are as far, ≥ 0."""
    knots, scale = tail[:-1], tail[-1]
    body = np.interp(distance, knots, -np.log1p(-KNOTS))
    return np.where(distance > knots[-1], -math.log(1 - EDGE) + (distance - knots[-1]) / scale, body)


def fit_law(score: Floats) -> Floats:
    """(shape, scale) of the gamma law of the scores, by their body: a sum of −log tails is nearly of that law."""
    from scipy import optimize  # half a second that pictures need not pay

    body = np.quantile(score, KNOTS[1:])
    goal = KNOTS[1:]

    def loss(numbers: Floats) -> float:
        shape, scale = np.exp(numbers)
        return float(np.abs(special.gammainc(shape, np.maximum(body, 0) / scale) - goal).sum())

    found = optimize.minimize(loss, np.log([2.0, max(float(np.median(score)), 1e-6) / 2]), method="Nelder-Mead").x
    return np.asarray(np.exp(found))


def law_p_value(law: Floats, score: Floats) -> Floats:
    """Share of rows without an anomaly that have such a score or a higher one."""
    return np.asarray(special.gammaincc(law[0], np.maximum(score, 0.0) / law[1]))


def law_score(law: Floats, p_value: float) -> float:
    """The score that has this p-value."""
    return float(law[1] * special.gammainccinv(law[0], min(max(p_value, 0.0), 1.0)))
