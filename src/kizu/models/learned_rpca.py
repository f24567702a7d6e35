"""Learned robust PCA, with a guarantee: never worse than as many steps of the textbook, and a proof of how good.

    minimise ‖L‖_* + lam·‖Y − L‖₁

is what the network's background is judged by, beside that of the same number of steps of the inexact augmented
Lagrangian method. The lower one is kept: a network on data unlike its training's does no harm. To check every step
instead would undo what was learned, since good learned steps are not monotone.
"""

import warnings
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from kizu.certificates import Certificate, certificate
from kizu.errors import ParameterError, ShapeError
from kizu.models.robust_pca import robust_pca
from kizu.models.validate import positive
from kizu.networks.catalogue import require_torch
from kizu.parameters import Parameter, default_lam
from kizu.solvers.scaled_gradient import estimate_rank
from kizu.typing import Array, Floats

Winner = Literal["network", "textbook", "polished"]
LAYERS, STEPS, RATE = 16, 150, 0.03


class Guarded(NamedTuple):
    """Y = background + anomaly (samples, features), whose objective is the lowest of `objectives`: `winner`'s.

    `certificate` proves how far it is from the optimum: its dual value is the best that a candidate came with.
    """

    background: Floats
    anomaly: Floats
    winner: Winner
    objectives: dict[Winner, float]
    certificate: Certificate


def guarded(
    Y: Floats, background: Floats, *, steps: int, lam: float | None = None, polish: float | None = None
) -> Guarded:
    """The better of `background` and what `steps` textbook steps find.

    Parameters
    ----------
    Y : array (samples, features), finite
    background : array like Y, a network's; one that is not finite loses
    steps : int ≥ 0, those of the inexact augmented Lagrangian method, whose mu grows
    lam : weight of the anomaly; by default that of :func:`kizu.robust_pca`
    polish : relative duality gap to reach by going on with :func:`kizu.robust_pca`, from its own start; by default
        not at all
    """
    if background.shape != Y.shape:
        raise ShapeError(f"background has shape {background.shape}", f"Give {Y.shape}, as Y has", where="background")
    weight = default_lam(*Y.shape).value if lam is None else lam
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that so few steps leave a gap is known
        others = {"textbook": robust_pca(Y, noise=None, lam=weight, mode="fast", max_iter=steps)}
    if polish is not None:
        others["polished"] = robust_pca(Y, noise=None, lam=weight, tol=polish)
    found: dict[Any, Floats] = {"network": background}
    found |= {name: one.background for name, one in others.items()}
    objectives = {name: objective(Y, one, weight) for name, one in found.items()}
    winner = min(objectives, key=lambda name: objectives[name])
    best = max(others.values(), key=lambda one: one.certificate.dual).certificate
    proof = certificate(objectives[winner], best.dual, bound=best.bound)
    return Guarded(found[winner], Y - found[winner], winner, objectives, proof)


def objective(Y: Floats, background: Floats, lam: float) -> float:
    """‖L‖_* + lam·‖Y − L‖₁; ∞ where L is not finite."""
    if not np.isfinite(background).all():
        return float("inf")
    values = np.linalg.svd(background.astype(np.float64), compute_uv=False)
    return float(values.sum() + lam * np.abs(Y.astype(np.float64) - background).sum())


class LearnedRPCA(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Low-rank background + sparse anomaly by a few trained iterations without a decomposition; needs torch.

    `fit` trains on X itself, without labels; `transform` then splits other matrices of the same kind, all their rows
    together, in as many iterations as there are `layers`. Both keep the textbook's answer where it is better, which
    costs more time than the network does: `network_.split` is the network alone.

    Parameters
    ----------
    rank : int ≥ 1, of the background; by default estimated
    layers : int ≥ 1, iterations with trained numbers; 16 are enough for a relative error of 1e-6
    form : "per layer" (two numbers in each) or "shared" (four in all: less to learn from little data)
    steps : int ≥ 0, of training, after as many trials of schedules; 0 is the untrained algorithm
    rate : rate of Adam
    more : int ≥ 0, iterations after the last layer, thresholds falling on
    polish : relative duality gap to reach with :func:`kizu.robust_pca`, by default none
    seed : int ≥ 0, of the parts of X that are trained on

    Attributes
    ----------
    background_, anomaly_ : arrays (samples, features), X = background_ + anomaly_
    certificate_ : how far from the optimum of principal component pursuit that is at most
    winner_ : "network", "textbook" or "polished", whose background that is
    objectives_ : objective of each of these
    rank_ : `Parameter`, the rank and why
    log_ : what training saw, a row per validation
    network_ : the trained `kizu.networks.learned_rpca.LearnedRPCA`
    """

    def __init__(
        self,
        rank: int | None = None,
        *,
        layers: int = LAYERS,
        form: Literal["per layer", "shared"] = "per layer",
        steps: int = STEPS,
        rate: float = RATE,
        more: int = 0,
        polish: float | None = None,
        seed: int = 0,
    ) -> None:
        self.rank = rank
        self.layers = layers
        self.form = form
        self.steps = steps
        self.rate = rate
        self.more = more
        self.polish = polish
        self.seed = seed

    def fit(self, X: Array, y: object = None, *, background: Array | None = None) -> Self:
        """Train on X (samples, features), with its `background` where that is known; `y` is ignored."""
        require_torch("LearnedRPCA")
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        self._check()
        if background is not None:
            background = check_array(background, dtype=X.dtype, input_name="background")
            if background.shape != X.shape:
                raise ShapeError(
                    f"background has shape {background.shape}", f"Give {X.shape}, as X has", where="background"
                )
        given = None if self.rank is None else Parameter(min(self.rank, *X.shape), "given as the limit")
        self.rank_ = estimate_rank(X) if given is None else given
        self.network_ = self._trained(X, background)
        self._keep(X)
        return self

    def transform(self, X: Array) -> Floats:
        """The background of X (samples, features), whose rows are split together."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self._split(X).background

    def fit_transform(self, X: Array, y: object = None, **options: Any) -> Floats:
        """Train on X, and its background."""
        return self.fit(X, y, **options).background_

    def _check(self) -> None:
        """Refuse parameters that are out of range, by name."""
        for name, least in (("rank", 1), ("steps", 0), ("more", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | np.integer) and value >= least):
                raise ParameterError(name, value, f"a whole number of at least {least}")
        positive("rate", self.rate)
        positive("polish", self.polish)

    def _trained(self, X: Floats, background: Floats | None) -> Any:
        from kizu.networks.learned_rpca import LearnedRPCA as Network
        from kizu.networks.rpca_task import Crops, cropped, recipe, tuned
        from kizu.networks.training import train

        rank, self.log_ = int(self.rank_.value), tuple[Any, ...]()
        untrained = Network.untrained(rank, self.layers, form=self.form)
        if not self.steps:
            return untrained
        task = cropped(Crops(X, background, seed=self.seed))
        schedule = tuned(task, rank, self.layers, self.steps, seed=self.seed)
        network = Network.untrained(rank, self.layers, form=self.form, schedule=schedule)
        self.log_ = tuple(train(network, task, recipe(self.steps, self.rate)).log)
        return network

    def _keep(self, X: Floats) -> None:
        found = self._split(X)
        self.background_, self.anomaly_ = found.background, found.anomaly
        self.winner_, self.objectives_ = found.winner, found.objectives
        self.certificate_ = found.certificate

    def _split(self, X: Floats) -> Guarded:
        """The network's split of X, or a better one."""
        import torch

        with torch.no_grad():
            data = torch.as_tensor(np.array(X, np.float64))
            background = self.network_.split(data, self.more).background.numpy().astype(X.dtype)
        return guarded(X, background, steps=self.layers + self.more, polish=self.polish)
