"""Sparse coders that learn from samples, as scikit-learn transformers; what they find is safeguarded.

    minimise  ½‖y − x D‖² + lam·‖y‖·‖x‖₁      for every row y of Y on its own

`fit` learns from codes that are given, or from those of :func:`kizu.sparse_code` where none are (distillation). Then a
few layers find in milliseconds what takes a solver hundreds of iterations; where they do not, as on samples unlike
those of `fit`, FISTA's codes are returned: no sample is explained worse than by as many steps of FISTA as there are
layers.
"""

from abc import abstractmethod
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from kizu.arrays import to_numpy
from kizu.errors import ParameterError, ShapeError
from kizu.models import validate
from kizu.models.safeguard import SafeCodes, safeguard, units
from kizu.models.sparse_code import default_weight, sparse_code
from kizu.models.sparse_coder import with_dictionary
from kizu.networks.catalogue import require_torch
from kizu.solvers import hyper_lista
from kizu.solvers.iteration import iterate
from kizu.typing import Array, Floats

BESIDE = 0.1
"""Codes that are given are the goal, not the lasso's: its default weight is then multiplied by this, since a large
one would prefer codes that are shrunk."""
VALIDATE = 0.2
"""Share of the samples that judge and do not train."""


class Pairs(NamedTuple):
    """Unit samples (samples, features) and their codes (samples, atoms)."""

    samples: Floats
    codes: Floats


class LearnedCoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What the learned coders share: their data, and the safeguard.

    Attributes
    ----------
    components_ : array (atoms, features), the dictionary
    lam_ : float, the weight that is used, relative to each sample's length
    """

    dictionary: Array | None
    layers: int
    lam: float | None
    seed: int

    def fit(self, X: Array, y: object = None, *, codes: Array | None = None) -> Self:
        """Learn from X (samples, features) and its `codes` (samples, atoms), or the lasso's; `y` is ignored."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        validate.positive("lam", self.lam)
        self._check()
        rows, self.components_ = with_dictionary(X, self.dictionary)
        unit = units(rows)
        chosen = self.lam
        if chosen is None:
            chosen = default_weight(unit.samples, self.components_, 1.0, positive=False).value
            chosen *= 1.0 if codes is None else BESIDE
        self.lam_ = float(chosen)
        if codes is None:
            found = sparse_code(unit.samples, self.components_, lam=self.lam_).codes
        else:
            found = _codes(codes, (len(rows), len(self.components_))) / unit.scale
        self._learn(Pairs(unit.samples, np.asarray(found, rows.dtype)))
        return self

    def transform(self, X: Array) -> Floats:
        """Codes of the rows of X (samples, atoms), with the guarantee of :meth:`code`."""
        return np.asarray(self.code(X).codes)

    def code(self, X: Array) -> SafeCodes:
        """Codes of the rows of X with objective and relative gap of each, and whether they are the network's."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        unit = units(X)
        proposed = self._propose(unit.samples) * unit.scale
        return safeguard(X, self.components_, proposed, lam=self.lam_, steps=self.layers)

    def inverse_transform(self, X: Array) -> Floats:
        """What codes X (samples, atoms) say the samples are: X @ components_ (samples, features)."""
        check_is_fitted(self)
        return np.asarray(np.asarray(X) @ self.components_)

    @property
    def _n_features_out(self) -> Any:
        return len(self.components_)

    @abstractmethod
    def _check(self) -> None:
        """Refuse parameters that nothing can be learned with."""

    @abstractmethod
    def _learn(self, pairs: Pairs) -> None:
        """Learn from unit samples."""

    @abstractmethod
    def _propose(self, Y: Floats) -> Floats:
        """The network's codes of unit samples."""


class Trained(LearnedCoder):
    """A network of torch."""

    word: str

    def __init__(
        self,
        dictionary: Array | None = None,
        *,
        layers: int = 16,
        lam: float | None = None,
        steps: int = 700,
        seed: int = 0,
    ) -> None:
        self.dictionary = dictionary
        self.layers = layers
        self.lam = lam
        self.steps = steps
        self.seed = seed

    def _check(self) -> None:
        require_torch(type(self).__name__)
        _whole(self, layers=1, steps=1, seed=0)

    def _learn(self, pairs: Pairs) -> None:
        from kizu.networks.coders import fit

        order = np.random.default_rng(self.seed).permutation(len(pairs.samples))
        cut = max(1, round(VALIDATE * len(order)))
        judging, training = ((pairs.samples[chosen], pairs.codes[chosen]) for chosen in (order[:cut], order[cut:]))
        numbers: dict[str, Any] = {"layers": self.layers, "lam": self.lam_, "steps": self.steps, "seed": self.seed}
        self.network_, self.error_ = fit(self.word, self.components_, training, judging, **numbers)

    def _propose(self, Y: Floats) -> Floats:
        from kizu.networks.coders import propose

        return propose(self.network_, Y)


class Lista(Trained):
    """Sparse codes by LISTA: matrices of its own in every layer (Gregor & LeCun 2010). Needs torch.

    Many weights want many samples; :class:`Alista` and :class:`HyperLista` have two numbers per layer, and three.

    Parameters
    ----------
    dictionary : array (atoms, features); by default the cosines, an orthonormal basis, where none is known
    layers : int
    lam : weight of the penalty relative to each sample's length; by default a tenth of the largest correlation, and a
        hundredth where `fit` is given codes
    steps : int, of training, of 64 samples each
    seed : int, of the batches, and of which samples judge and do not train

    Attributes
    ----------
    components_ : array (atoms, features), the dictionary
    lam_ : float, the weight that is used
    network_ : the trained network
    error_ : float, relative squared error of its codes on the samples that judge, in decibels
    """

    word = "lista"


class Alista(Trained):
    """Sparse codes by ALISTA: two numbers per layer, the matrix is analytic (Liu et al. 2019). Needs torch.

    Parameters and attributes are those of :class:`Lista`.
    """

    word = "alista"


class HyperLista(LearnedCoder):
    """Sparse codes by HyperLISTA: three numbers in all, tuned by random search (Chen et al. 2021). Needs no torch.

    Parameters
    ----------
    dictionary, layers, lam : as for :class:`Lista`
    draws : int, how many numbers are tried
    seed : int, of the draws, and of which samples choose

    Attributes
    ----------
    components_, lam_ : as for :class:`Lista`
    numbers_ : c1, c2, c3, and the relative squared error of their codes, in decibels
    """

    def __init__(
        self,
        dictionary: Array | None = None,
        *,
        layers: int = 16,
        lam: float | None = None,
        draws: int = 150,
        seed: int = 0,
    ) -> None:
        self.dictionary = dictionary
        self.layers = layers
        self.lam = lam
        self.draws = draws
        self.seed = seed

    def _check(self) -> None:
        _whole(self, layers=1, draws=1, seed=0)

    def _learn(self, pairs: Pairs) -> None:
        columns = self.components_.T, pairs.samples.T, pairs.codes.T
        self.numbers_ = hyper_lista.tune(*columns, layers=self.layers, draws=self.draws, seed=self.seed)

    def _propose(self, Y: Floats) -> Floats:
        found = self.numbers_
        iteration = hyper_lista.HyperLista.over(self.components_.T, found.c1, found.c2, found.c3)
        with np.errstate(all="ignore"):  # samples unlike those of `fit` may go out of bounds; the safeguard sees it
            return np.asarray(iterate(iteration, Y.T, self.layers).x.T)


def _whole(estimator: LearnedCoder, **least: int) -> None:
    """Refuse parameters that are no whole numbers of at least so much."""
    for name, bound in least.items():
        value = getattr(estimator, name)
        if not (isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= bound):
            raise ParameterError(name, value, f"a whole number of at least {bound}")


def _codes(codes: Array, shape: tuple[int, int]) -> Floats:
    given = validate.real(to_numpy(codes), "codes")
    if given.shape != shape or not np.isfinite(given).all():
        raise ShapeError(
            f"codes have shape {given.shape}", f"Give finite codes (samples, atoms) = {shape}", where="codes"
        )
    return given.astype(np.float64)
