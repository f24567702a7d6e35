"""Sparse coding as a scikit-learn transformer: a shell over :func:`kizu.sparse_code`."""

import warnings
from typing import Any, Self

import numpy as np
from scipy.fft import dct
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from kizu.models.sparse_code import MAX_ITER, Solver, check_numbers, checked, default_weight, sparse_code
from kizu.typing import Array, Floats


class SparseCoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A few atoms of a given dictionary explain each sample.

    Parameters are those of :func:`kizu.sparse_code`; `fit` learns nothing but the default `lam`.

    Parameters
    ----------
    dictionary : array (atoms, features); by default the cosines, an orthonormal basis, where none is known

    Attributes
    ----------
    components_ : array (atoms, features), the dictionary
    lam_ : float, the weight that is used
    n_iter_ : 1, `fit` looks at X once
    """

    def __init__(
        self,
        dictionary: Array | None = None,
        *,
        lam: float | None = None,
        ratio: float = 1.0,
        positive: bool = False,
        solver: Solver = "auto",
        tol: float | None = None,
        max_iter: int = MAX_ITER,
    ) -> None:
        self.dictionary = dictionary
        self.lam = lam
        self.ratio = ratio
        self.positive = positive
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Array, y: object = None) -> Self:
        """Check the dictionary against X (samples, features), and choose lam if none is given; `y` is ignored."""
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        check_numbers(self.lam, self.ratio, self.positive, self.solver, self.tol, self.max_iter)
        rows, self.components_ = with_dictionary(X, self.dictionary)
        chosen = self.lam
        if chosen is None:
            chosen = default_weight(rows, self.components_, self.ratio, self.positive).value
        self.lam_ = chosen
        self.n_iter_ = 1
        return self

    def transform(self, X: Array) -> Floats:
        """Codes of the rows of X (samples, atoms)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        found = sparse_code(
            X,
            self.components_,
            lam=self.lam_,
            ratio=self.ratio,
            positive=self.positive,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
        )
        if not found.converged:
            worst = float(np.max(found.relative_gap))
            warnings.warn(
                f"stopped with relative gap {worst:.1e} in the worst sample; raise max_iter or tol, or use float64",
                ConvergenceWarning,
                stacklevel=2,
            )
        return np.asarray(found.codes)

    def inverse_transform(self, X: Array) -> Floats:
        """What codes X (samples, atoms) say the samples are: X @ components_ (samples, features)."""
        check_is_fitted(self)
        return np.asarray(np.asarray(X) @ self.components_)

    @property
    def _n_features_out(self) -> Any:
        return len(self.components_)


def with_dictionary(X: Floats, dictionary: Array | None) -> tuple[Floats, Floats]:
    """X (samples, features) and the dictionary (atoms, features), which belong together; the cosines where it is None.

    They are an orthonormal basis, which smooth samples need few atoms of.
    """
    atoms = dct(np.eye(X.shape[1], dtype=X.dtype), axis=0, norm="ortho") if dictionary is None else dictionary
    return checked(X, atoms, ("X", "dictionary"))
