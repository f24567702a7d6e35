"""Robust dictionary learning as a scikit-learn estimator: a shell over :func:`kizu.robust_dictionary`."""

import warnings
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from kizu.engines.blas import one_thread
from kizu.models import dictionary_data, dictionary_online, validate
from kizu.models.dictionary_check import Center
from kizu.models.dictionary_folder import read, write
from kizu.models.estimator import LARGEST, TIE, null_quantile
from kizu.models.flag import column_scales
from kizu.models.robust_dictionary import (
    MAX_ITER,
    STARTS,
    TRIM,
    Form,
    LearnedDictionary,
    encode,
    learning_problem,
    problem,
    robust_dictionary,
)
from kizu.solvers import huber_codes
from kizu.solvers.dictionary import Sums
from kizu.typing import Array, Floats, Integers


class RobustDictionary(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """A few atoms explain each sample; what they cannot explain is abnormal.

    Parameters are those of :func:`kizu.robust_dictionary`, and

    Parameters
    ----------
    memory : `partial_fit` counts a sample 1/e after so many more, so that it follows what changes; None lets samples
        fade as the number of those seen grows, which settles

    Attributes
    ----------
    components_ : array (atoms, features), the dictionary
    codes_, anomaly_, noise_ : arrays of the training rows (samples, atoms) and (samples, features)
    scale_ : array (features,), robust scale of the residual per feature
    offset_ : float, `predict` is −1 where `score_samples` is below it: minus the 99 % quantile of the null fitted to
        the training rows' scores
    usage_, history_, parameters_, sigma_, n_iter_ : see `LearnedDictionary`
    """

    def __init__(
        self,
        atoms: int | None = None,
        *,
        lam: float | None = None,
        lam_anomaly: float | None = None,
        noise: float | Literal["auto"] | None = "auto",
        form: Form = "noisy",
        trim: float = TRIM,
        center: Center | None = "auto",
        positive: bool | Literal["codes"] = False,
        starts: int = STARTS,
        tol: float | None = None,
        max_iter: int = MAX_ITER,
        random_state: int = 0,
        memory: float | None = None,
    ) -> None:
        self.atoms = atoms
        self.lam = lam
        self.lam_anomaly = lam_anomaly
        self.noise = noise
        self.form = form
        self.trim = trim
        self.center = center
        self.positive = positive
        self.starts = starts
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.memory = memory

    def fit(self, X: Array, y: object = None) -> Self:
        """Learn from the rows of X (samples, features); `y` is ignored."""
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        validate.positive("memory", self.memory)
        options = {name: value for name, value in self.get_params(deep=False).items() if name != "memory"}
        found = robust_dictionary(X, **options)
        self._keep(found)
        self._begin(X, found)
        if not found.converged:
            worst = float(np.max(found.relative_gap))
            warnings.warn(
                f"stopped after {len(found.history)} rounds with relative gap {worst:.1e}; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _keep(self, found: LearnedDictionary) -> None:
        self.components_, self.codes_ = found.atoms, found.codes
        self.anomaly_, self.noise_ = found.anomaly, found.noise
        self.usage_, self.history_, self.n_iter_ = found.usage, found.history, max(len(found.history), 1)
        self.parameters_, self.sigma_ = found.parameters, found.sigma
        self.scale_ = column_scales(found.residual[found.used], None)
        self.offset_ = -null_quantile(-self._scores(found.residual))

    def _begin(self, X: Floats, found: LearnedDictionary) -> None:
        """What later batches join: their scale, the features' level, and the sums over the samples in use."""
        samples = dictionary_data.centred(X, self.parameters_["center"].value)
        self.exponent_ = samples.exponent
        self.level_ = samples.level if self.parameters_["center"].value == "global" else np.zeros((1, 1), X.dtype)
        codes = np.ldexp(found.codes, -self.exponent_)
        self.n_samples_seen_ = len(X)
        self.sums_: Sums = dictionary_online.sums_of(
            samples.rows, found.atoms, codes, found.used, self._learning(samples)
        )

    def partial_fit(self, X: Array, y: object = None) -> Self:
        """Go on with a batch of rows (samples, features): the first is a `fit`, later ones keep its weights and scale.

        A batch counts as much as it has samples, and `memory` says how soon it is forgotten.
        """
        if not hasattr(self, "sums_"):
            return self.fit(X)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        samples = self._samples(X)
        atoms = self.components_.astype(samples.rows.dtype)
        seen = dictionary_online.Seen(atoms, self.sums_, self.n_samples_seen_)
        going = dictionary_online.Going(self._learning(samples), self.trim, self.positive is True, self.memory)
        with one_thread():
            now, codes, used = dictionary_online.advance(samples.rows, seen, going)
        self.components_, self.sums_, self.n_samples_seen_ = now.atoms, now.sums, now.samples
        rest = huber_codes.residual(samples.rows, now.atoms, codes)
        if self.parameters_["form"].value == "exact":  # learned with a little noise, judged without
            codes, rest = self._coded(X)
        rest = np.ldexp(rest, self.exponent_)
        self.anomaly_, self.noise_ = self._split(rest)
        self.codes_, self.usage_ = np.ldexp(codes, self.exponent_), (codes[used] != 0).mean(axis=0)
        share = len(X) / (len(X) + (seen.samples if self.memory is None else min(seen.samples, self.memory)))
        self.scale_ = (1 - share) * self.scale_ + share * column_scales(rest[used], None)
        self.offset_ = (1 - share) * self.offset_ - share * null_quantile(-self._scores(rest))
        return self

    def transform(self, X: Array) -> Floats:
        """Codes of the rows of X (samples, atoms)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return np.ldexp(self._coded(X)[0], self.exponent_)

    def inverse_transform(self, X: Array) -> Floats:
        """What codes X (samples, atoms) say the samples are, without a level of their own: X @ components_ + level_."""
        check_is_fitted(self)
        return np.asarray(np.asarray(X) @ self.components_ + np.ldexp(self.level_, self.exponent_))

    def residual(self, X: Array) -> Floats:
        """Rows of X minus their background (samples, features): what scores are made of, and maps of patches."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return np.ldexp(self._coded(X)[1], self.exponent_)

    def score_samples(self, X: Array) -> Floats:
        """Minus the mean of a row's 20 largest |residual / scale| (samples,): lower is more abnormal."""
        return self._scores(self.residual(X))

    def decision_function(self, X: Array) -> Floats:
        """`score_samples` minus `offset_`: negative is abnormal (samples,)."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Array) -> Integers:
        """−1 for abnormal rows, 1 for the others (samples,)."""
        return np.where(self.decision_function(X) < -TIE * abs(self.offset_), -1, 1)

    def save(self, folder: str | Path) -> None:
        """Write all that predictions and `partial_fit` need, not the training rows' own results."""
        check_is_fitted(self)
        write(Path(folder), self)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What :meth:`save` wrote; anything else is refused."""
        params, fitted = read(Path(folder), set(cls().get_params()))
        model = cls(**params)
        for name, value in fitted.items():
            setattr(model, name, value)
        return model

    def _problem(self) -> huber_codes.Coding:
        return problem(self.parameters_, self.exponent_, self.positive)

    def _learning(self, samples: dictionary_data.Samples) -> huber_codes.Coding:
        return learning_problem(self.parameters_, samples, self.positive)

    def _samples(self, X: Floats) -> dictionary_data.Samples:
        return dictionary_data.centred(X, self.parameters_["center"].value, self.level_, self.exponent_)

    def _coded(self, X: Floats) -> tuple[Floats, Floats]:
        """Codes and residual of rows, in the model's scale."""
        rows = self._samples(X).rows
        atoms = self.components_.astype(rows.dtype)
        codes = np.zeros((len(rows), len(atoms)), rows.dtype)
        with one_thread():
            encode(rows, atoms, codes, self._problem(), self.parameters_["form"].value)
            return codes, huber_codes.residual(rows, atoms, codes)

    def _split(self, rest: Floats) -> tuple[Floats, Floats]:
        if self.parameters_["form"].value == "exact":
            return rest, np.zeros_like(rest)
        noise = huber_codes.bounded(rest, problem(self.parameters_, 0, self.positive))
        return rest - noise, noise

    def _scores(self, residual: Floats) -> Floats:
        size = np.abs(residual) / self.scale_
        count = min(LARGEST, size.shape[1])
        return np.asarray(-np.partition(size, -count, axis=1)[:, -count:].mean(axis=1), size.dtype)

    @property
    def _n_features_out(self) -> Any:
        return len(self.components_)
