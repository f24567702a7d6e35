"""The background of new rows, one by one, within the subspace that `fit` found.

stable form   min over v  Σ huber(y − Vv; tau_anomaly) + (tau_background/2)·Σ v_j²/d_j
exact form    min over v  ‖y − Vv‖₁

d are the singular values of the fitted background. The ridge is the nuclear norm seen from one row:
‖L‖_* = min ½Σ(‖row coefficients‖²/d + d) over d, attained at L's own singular values. So the fitted
rows come out as they were fitted. Solved by iteratively reweighted least squares.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kizu.typing import Bools, Floats

MAX_ITER = 200
CHANGE = 1e-10
"""A row is done when its coefficients move by less than this share of its largest entry."""
SMOOTH_START, SMOOTH_END, SMOOTH_FACTOR = 1e-1, 1e-9, 0.7
"""|r| is smoothed below a share of the row's largest entry that shrinks to `SMOOTH_END` (exact form)."""


class Subspace(NamedTuple):
    """V (features, r) orthonormal, d (r,), and the thresholds; `tau_anomaly` None is the exact form."""

    components: Floats
    singular_values: Floats
    tau_background: float
    tau_anomaly: float | None

    @property
    def ridge(self) -> Floats:
        """tau_background / d (r,); 0 in the exact form."""
        return np.asarray(self.tau_background / self.singular_values.astype(np.float64))


def project(rows: Floats, known: Bools, subspace: Subspace) -> Floats:
    """Background of every row (rows, features); unknown entries have no influence."""
    if subspace.components.shape[1] == 0:
        return np.zeros_like(rows)
    v = subspace.components.astype(np.float64)
    values = np.where(known, rows, 0.0).astype(np.float64)
    return np.stack([v @ _coefficients(v, y, k, subspace) for y, k in zip(values, known, strict=True)]).astype(
        rows.dtype
    )


def _coefficients(v: Floats, y: Floats, known: Bools, subspace: Subspace) -> Floats:
    """v (r,) of one row y (features,)."""
    unit, ridge = float(np.abs(y).max(initial=0.0)), subspace.ridge
    coefficients = _weighted(v, y, known.astype(np.float64), ridge)
    for level in _levels(unit, subspace.tau_anomaly):
        size = np.maximum(np.abs(y - v @ coefficients), np.finfo(float).tiny)
        weights = np.where(known, np.minimum(1.0, level / size), 0.0)
        previous, coefficients = coefficients, _weighted(v, y, weights, ridge)
        last = subspace.tau_anomaly is not None or level <= SMOOTH_END * unit
        if last and np.abs(coefficients - previous).max() <= CHANGE * unit:
            break
    return coefficients


def _levels(unit: float, tau_anomaly: float | None) -> Iterator[float]:
    """Where |r| turns from square to linear in each round: fixed, or shrinking towards none."""
    for k in range(MAX_ITER):
        yield max(SMOOTH_START * SMOOTH_FACTOR**k, SMOOTH_END) * unit if tau_anomaly is None else tau_anomaly


def _weighted(v: Floats, y: Floats, weights: Floats, ridge: Floats) -> Floats:
    """argmin Σ w(y − Vv)² + Σ ridge·v²; the minimum-norm one where entries do not suffice."""
    weighted = v * weights[:, None]
    return np.asarray(np.linalg.lstsq(v.T @ weighted + np.diag(ridge), weighted.T @ y, rcond=None)[0])
