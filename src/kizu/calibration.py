"""Robust scales, null tails, p-values and false discovery rates. Arrays in, arrays out.

No threshold of kizu assumes normal noise: the null is fitted to the body of the data themselves
(Efron 2004, empirical null), and its tail is what the fitted law continues to.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kizu.typing import Floats

MAD_TO_SIGMA = 1.482602218505602
"""1/Φ⁻¹(3/4): makes the median absolute deviation a standard deviation for normal noise."""
PRIOR_SAMPLES = 10
"""Samples that the global scale counts for beside a column's own (shrinkage of noisy scales)."""
BODY = 3.0
"""The null is fitted to entries within this many robust scales: what lies beyond may be anomaly."""
BINS = 300
LEAST_DOF, MOST_DOF = 1.5, 1e4


def mad(x: NDArray[Any]) -> float:
    """1.4826 · median |x − median x|; 0 for an empty array."""
    if x.size == 0:
        return 0.0
    return MAD_TO_SIGMA * float(np.median(np.abs(x - np.median(x))))


def shrunken_scale(own: Floats, overall: Floats | float, count: Floats | int) -> Floats:
    """s² = (T·own² + 10·overall²) / (T + 10): robust scales of few samples lean on the global one.

    `own` holds one scale per column, measured on `count` (T) entries each.
    """
    # No squares: scales near the ends of the floating range neither overflow nor vanish
    both = np.hypot(np.sqrt(count) * own, math.sqrt(PRIOR_SAMPLES) * overall)
    return np.asarray(both / np.sqrt(count + PRIOR_SAMPLES))


class Null(NamedTuple):
    """What |z| does where there is no anomaly: a Student law with its own scale.

    `dof` says how heavy the tail is: large is normal, 3 is heavy.
    """

    scale: float
    dof: float

    def p_value(self, z: NDArray[Any]) -> Floats:
        """Two-sided p-value of every z; 1 for a scale of 0."""
        if self.scale == 0:
            return np.where(z == 0, 1.0, 0.0)
        return np.asarray(2.0 * special.stdtr(self.dof, -np.abs(z) / self.scale))


def scale_dof(count: float) -> float:
    """Degrees of freedom of z when its scale is a MAD of `count` entries.

    The MAD of n normal entries has relative variance 1.36/n (Rousseeuw & Croux 1993); a Student law
    with 1/(2·that) degrees of freedom has a scale as uncertain. The prior entries of
    :func:`shrunken_scale` add their share of certainty.
    """
    return max((count + PRIOR_SAMPLES) ** 2 / (2 * 1.361 * max(count, 1.0)), LEAST_DOF + 1)


def fit_null(z: NDArray[Any], *, most_dof: float = MOST_DOF) -> Null:
    """Fit the null to the body of `z` by maximum likelihood of a truncated Student law.

    Only |z| ≤ 3 robust scales enter, and the law is conditioned on that: a few per cent of anomalies
    beyond do not widen it. `most_dof` is how light the tail can be at all, known from how the scales
    were measured (:func:`scale_dof`): the body alone cannot tell 80 degrees of freedom from normal.
    """
    from scipy import optimize  # half a second that pictures need not pay

    size = np.abs(z).ravel()
    unit = MAD_TO_SIGMA * float(np.median(size)) if size.size else 0.0
    if unit == 0:
        return Null(0.0, MOST_DOF)
    counts, edges = np.histogram(size / unit, bins=BINS, range=(0.0, BODY))

    def loss(numbers: Floats) -> float:
        scale, dof = math.exp(numbers[0]), LEAST_DOF + math.exp(numbers[1])
        cdf = special.stdtr(dof, edges / scale)
        share = np.maximum(np.diff(cdf) / (cdf[-1] - cdf[0]), np.finfo(float).tiny)
        return -float(counts @ np.log(share)) / float(counts.sum())

    best = optimize.minimize(
        loss,
        np.array([0.0, math.log(most_dof - LEAST_DOF) / 2]),
        method="Nelder-Mead",
        bounds=[(-2, 2), (-3, math.log(most_dof - LEAST_DOF))],
    ).x
    return Null(unit * math.exp(best[0]), LEAST_DOF + math.exp(best[1]))


def benjamini_hochberg(p: NDArray[Any], fdr: float) -> float:
    """The largest p-value to reject at false discovery rate `fdr`; −1 where none is (Benjamini & Hochberg 1995)."""
    ordered = np.sort(p, axis=None)
    passed = np.flatnonzero(ordered <= fdr * np.arange(1, ordered.size + 1) / ordered.size)
    return float(ordered[passed[-1]]) if passed.size else -1.0
