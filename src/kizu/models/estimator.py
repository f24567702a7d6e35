"""Robust PCA as a scikit-learn estimator: a shell over :func:`kizu.robust_pca`."""

import warnings
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from kizu.calibration import mad
from kizu.models.decomposition import Decomposition
from kizu.models.flag import column_scales
from kizu.models.projection import Subspace, project
from kizu.models.robust_pca import MAX_ITER, robust_pca
from kizu.typing import Array, Floats, Integers

LARGEST = 20
"""A row's score is the mean of this many largest |z|: a small flaw is not averaged away."""
NORMAL_99 = 2.3263478740408408
"""Φ⁻¹(0.99)."""
TIE = 1e-9
"""Relative slack of the decision: a row on the threshold must not change side by rounding."""


class RobustPCA(TransformerMixin, OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Low-rank background + sparse anomaly + noise, with outlier decisions per row.

    Parameters are those of :func:`kizu.robust_pca`. NaN entries are missing.

    Attributes
    ----------
    background_, anomaly_, noise_ : arrays (samples, features)
    components_ : array (features, rank), orthonormal; singular_values_ : array (rank,)
    scale_ : array (features,), robust scale of M − L per column
    offset_ : float, `predict` is −1 where `score_samples` is below it: minus the 99 % quantile of
        the null fitted to the training rows' scores
    certificate_, history_, converged_, n_iter_, rank_, sigma_, parameters_ : see `Decomposition`
    """

    def __init__(
        self,
        *,
        noise: float | Literal["auto"] | None = "auto",
        lam: float | None = None,
        rank: int | None = None,
        mode: Literal["certified", "fast"] = "certified",
        tol: float | None = None,
        max_iter: int = MAX_ITER,
    ) -> None:
        self.noise = noise
        self.lam = lam
        self.rank = rank
        self.mode = mode
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Array, y: object = None) -> Self:
        """Decompose the rows of X (samples, features); `y` is ignored."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
        found = robust_pca(X, **self.get_params())
        if not found.converged and self.mode != "fast":
            gap = found.certificate.relative_gap
            warnings.warn(
                f"stopped after {len(found.history)} iterations with relative gap {gap:.1e}; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=2,
            )
        self._keep(found)
        score = -self._scores(found.residual, ~np.isnan(X))
        self.offset_ = -null_quantile(score)
        return self

    def _keep(self, found: Decomposition) -> None:
        self.background_, self.anomaly_, self.noise_ = found.background, found.anomaly, found.noise
        self.certificate_, self.history_, self.converged_ = found.certificate, found.history, found.converged
        self.n_iter_, self.rank_, self.sigma_ = max(len(found.history), 1), found.rank, found.sigma
        self.parameters_ = found.parameters
        _, s, vh = np.linalg.svd(found.dense_background, full_matrices=False)
        self.components_, self.singular_values_ = vh[: self.rank_].T, s[: self.rank_]
        self.scale_ = column_scales(found.residual, found.observed)

    def transform(self, X: Array) -> Floats:
        """Background of every row of X on its own, within the fitted subspace (samples, features)."""
        rows, known = self._rows(X)
        return self._background(rows, known)

    def score_samples(self, X: Array) -> Floats:
        """Minus the mean of a row's 20 largest |z| (samples,): lower is more abnormal, as in scikit-learn."""
        rows, known = self._rows(X)
        residual = np.where(known, rows, 0) - np.where(known, self._background(rows, known), 0)
        return self._scores(residual, known)

    def decision_function(self, X: Array) -> Floats:
        """`score_samples` minus `offset_`: negative is abnormal (samples,)."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Array) -> Integers:
        """−1 for abnormal rows, 1 for the others (samples,)."""
        return np.where(self.decision_function(X) < -TIE * abs(self.offset_), -1, 1)

    def _rows(self, X: Array) -> tuple[Floats, Any]:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan", reset=False)
        return X, ~np.isnan(X)

    def _background(self, rows: Floats, known: Any) -> Floats:
        return project(rows, known, Subspace(self.components_, self.singular_values_, *self._thresholds()))

    def _thresholds(self) -> tuple[float, float | None]:
        if "tau_anomaly" not in self.parameters_:
            return 0.0, None
        return self.parameters_["tau_background"].value, self.parameters_["tau_anomaly"].value

    def _scores(self, residual: Floats, known: Any) -> Floats:
        """Minus the mean of the largest |z| among each row's known entries; 0 for a row without any."""
        size = np.where(known, np.abs(residual) / self.scale_, -1.0)
        count = min(LARGEST, size.shape[1])
        largest = np.partition(size, -count, axis=1)[:, -count:]
        usable = largest >= 0
        total = np.where(usable, largest, 0.0).sum(axis=1)
        return np.asarray(-total / np.maximum(usable.sum(axis=1), 1), size.dtype)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def null_quantile(score: Floats) -> float:
    """99 % quantile of the null fitted to the scores, by median and MAD: outliers do not move it.

    The cube root of a mean of |z| is close to normal (Wilson & Hilferty 1931). Where the fitted
    law's tail is too heavy, the scores' own quantile is lower, and outliers can only have raised it.
    """
    roots = np.cbrt(score.astype(np.float64))
    fitted = (float(np.median(roots)) + NORMAL_99 * mad(roots)) ** 3
    return min(fitted, float(np.quantile(score, 0.99, method="higher")))
