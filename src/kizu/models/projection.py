"""The background of new rows, one by one, within the subspace that `fit` found.

stable form   min over v  Σ huber(y − Vv; tau_anomaly) + (tau_background/2)·Σ v_j²/d_j
exact form    min over v  ‖y − Vv‖₁

d are the singular values of the fitted background. The ridge is the nuclear norm seen from one row:
‖L‖_* = min ½Σ(‖row coefficients‖²/d + d) over d, attained at L's own singular values. So the fitted
rows come out as they were fitted. Solved by iteratively reweighted least squares.
"""

from typing import NamedTuple

import numpy as np

from kizu.typing import Bools, Floats

MAX_ITER = 200
CHANGE = 1e-10
SMOOTH_START, SMOOTH_END, SMOOTH_FACTOR = 1e-1, 1e-9, 0.3
"""|r| is smoothed below a share of the row's scale that shrinks to `SMOOTH_END` (exact form)."""


class Subspace(NamedTuple):
    """V (features, r) orthonormal, d (r,), and the thresholds; `tau_anomaly` None is the exact form."""

    components: Floats
    singular_values: Floats
    tau_background: float
    tau_anomaly: float | None


def project(rows: Floats, known: Bools, subspace: Subspace) -> Floats:
    """Background of every row (rows, features); unknown entries have no influence."""
    v = subspace.components
    if v.shape[1] == 0:
        return np.zeros_like(rows)
    values = np.where(known, rows, 0.0)
    return np.stack([_one(y, k, subspace) @ v.T for y, k in zip(values, known, strict=True)]).astype(rows.dtype)


def _one(y: Floats, known: Bools, subspace: Subspace) -> Floats:
    """Coefficients (r,) of one row."""
    v = subspace.components.astype(np.float64)
    y = y.astype(np.float64)
    ridge = np.zeros(v.shape[1])
    if subspace.tau_anomaly is not None:
        ridge = subspace.tau_background / subspace.singular_values
    unit = float(np.abs(y).max(initial=0.0))
    level = SMOOTH_START * unit if subspace.tau_anomaly is None else subspace.tau_anomaly
    coefficients = _weighted(v, y, known.astype(np.float64), ridge)
    for _ in range(MAX_ITER):
        size = np.abs(y - v @ coefficients)
        weights = known * np.minimum(1.0, level / np.maximum(size, np.finfo(float).tiny))
        following = _weighted(v, y, weights, ridge)
        moved = float(np.abs(following - coefficients).max())
        coefficients = following
        settled = moved <= CHANGE * unit
        if settled and (subspace.tau_anomaly is not None or level <= SMOOTH_END * unit):
            break
        if subspace.tau_anomaly is None:
            level = max(level * SMOOTH_FACTOR, SMOOTH_END * unit)
    return coefficients


def _weighted(v: Floats, y: Floats, weights: Floats, ridge: Floats) -> Floats:
    """argmin Σ w(y − Vv)² + Σ ridge·v²; the minimum-norm one where entries do not suffice."""
    weighted = v * weights[:, None]
    return np.asarray(np.linalg.lstsq(v.T @ weighted + np.diag(ridge), weighted.T @ y, rcond=None)[0])
