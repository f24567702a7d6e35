"""HyperLISTA: a learned sparse coder of three numbers, each step's own numbers following from its residual.

    r = y − A x,  e = ‖A⁺r‖₁,  θ = c₁·γ·e,  β = c₂·‖x‖₀,  share = c₃·log(‖A⁺y‖₁ / e)
    x⁺ = η_share(x + γ·Wᵀr + β·(x − x₋), θ)      η lets that share of the largest entries pass unshrunk

Chen, Liu, Wang & Yin 2021 (Hyperparameter tuning is all you need for LISTA); γ = 1, W the analytic weight.
All is per sample, and homogeneous: the codes of c·y are c times those of y. Three numbers need no gradients: random
search tunes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from kizu.arrays import floating, namespace
from kizu.prox import support_threshold
from kizu.solvers import ista
from kizu.solvers.analytic_weight import analytic_weight, coherence
from kizu.solvers.iteration import Numbers, iterate
from kizu.typing import Array, Floats


class State(NamedTuple):
    """x and the one before (atoms, samples)."""

    x: Array
    before: Array


@dataclass(frozen=True, eq=False)
class HyperLista:
    """The iteration on y (features, samples): dictionary, analytic weight (features, atoms), A⁺, and the numbers."""

    A: Array
    weight: Array
    inverse: Array
    c1: float
    c2: float
    c3: float

    @classmethod
    def over(cls, A: Array, c1: float, c2: float, c3: float) -> Self:
        """With what follows from A (features, atoms)."""
        A = floating(A)
        return cls(A, analytic_weight(A), namespace(A).linalg.pinv(A), c1, c2, c3)

    def constants(self) -> Mapping[str, Array]:
        return {"A": self.A, "weight": self.weight, "inverse": self.inverse}

    def numbers(self, k: int) -> Numbers:
        return {"c1": self.c1, "c2": self.c2, "c3": self.c3}

    def init(self, data: Array, numbers: Numbers) -> State:
        x = namespace(data).zeros((numbers["A"].shape[1], data.shape[1]), dtype=data.dtype, device=data.device)
        return State(x, x)

    def step(self, data: Array, state: State, numbers: Numbers) -> State:
        """One step; a sample that is explained exactly stays where it is."""
        xp = namespace(data)
        x, inverse = state.x, numbers["inverse"]
        rest = data - numbers["A"] @ x
        left, whole = (xp.sum(xp.abs(inverse @ part), axis=0, keepdims=True) for part in (rest, data))
        beta = numbers["c2"] * xp.sum(xp.astype(x != 0, x.dtype), axis=0, keepdims=True)
        tiny = float(xp.finfo(x.dtype).smallest_normal)
        share = numbers["c3"] * xp.log((whole + tiny) / (left + tiny))
        following = ista.step(
            x + beta * (x - state.before),
            -(numbers["weight"].T @ rest),
            lambda point, step_size: support_threshold(point, step_size * numbers["c1"] * left, share, axis=0),
            1.0,
        )
        return State(following, x)


class Tuned(NamedTuple):
    """The numbers, and their relative squared error on the samples that chose among the last ten, in decibels."""

    c1: float
    c2: float
    c3: float
    error: float


RANGES = np.log([[0.01, 0.3], [0.0005, 0.05], [0.02, 0.4]])
"""Where c₁/μ, c₂/μ and c₃ are looked for, μ the coherence of W and A; evenly in ratio."""
FINALISTS, NARROWER = 10, 0.15


def tune(
    A: Floats, Y: Floats, codes: Floats, *, layers: int = 16, draws: int = 150, share: float = 0.5, seed: int = 0
) -> Tuned:
    """The best of random numbers for `layers` steps.

    Parameters
    ----------
    A : (features, atoms), Y : (features, samples), codes : (atoms, samples)
    layers : how many steps
    draws : how many numbers are tried: two thirds anywhere, a third near the best so far
    share : of the samples that choose among all of them; the others choose among the best ten, and judge
    seed : of the draws and of the division of the samples

    Returns
    -------
    Tuned
    """
    draw = np.random.default_rng(seed)
    order = draw.permutation(Y.shape[1])
    cut = min(max(1, round(share * len(order))), len(order) - 1)
    parts = [(Y[:, chosen], codes[:, chosen]) for chosen in (order[:cut], order[cut:])]
    iteration = HyperLista.over(A, 1.0, 1.0, 1.0)
    scale = max(coherence(iteration.weight, iteration.A), float(np.finfo(iteration.A.dtype).eps))
    units = np.array([scale, scale, 1.0])

    def error(place: Floats, part: tuple[Floats, Floats]) -> float:
        c1, c2, c3 = (units * np.exp(place)).tolist()
        return _error(replace(iteration, c1=c1, c2=c2, c3=c3), *part, layers)

    tried: list[tuple[float, Floats]] = []
    for n in range(draws):
        place: Floats = np.asarray(draw.uniform(*RANGES.T))
        if 3 * n >= 2 * draws:
            place = min(tried, key=_first)[1] + NARROWER * draw.standard_normal(3)
        tried.append((error(place, parts[0]), place))
    judged = [(error(one, parts[1]), one) for _, one in sorted(tried, key=_first)[:FINALISTS]]
    least, found = min(judged, key=_first)
    c1, c2, c3 = (units * np.exp(found)).tolist()
    return Tuned(c1, c2, c3, least)


def _first(pair: tuple[float, Any]) -> float:
    return pair[0]


def _error(iteration: HyperLista, Y: Floats, codes: Floats, layers: int) -> float:
    """10·log10 of the relative squared error of all samples together; ∞ where the steps went out of bounds."""
    with np.errstate(all="ignore"):
        wrong: Any = np.sum((iterate(iteration, Y, layers).x - codes) ** 2) / np.sum(codes**2)
        return float(10.0 * np.log10(wrong)) if np.isfinite(wrong) else np.inf
