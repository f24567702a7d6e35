"""Principal component pursuit, textbook step by textbook step: what networks unfold.

    minimise ‖L‖_* + lam·‖S‖₁  subject to  L + S = M

    S⁺ = soft(M − L + Y/mu, lam/mu),  Y⁺ = Y + mu·(M − L − S⁺),  L⁺ = svt(M − S⁺ + Y⁺/mu⁺, 1/mu⁺)

Lin, Chen & Ma (arXiv:1009.5055), algorithm 5, where mu grows; Yuan & Yang 2013, where it is held (ADMM). A step is L,
then S, then Y. :mod:`kizu.solvers.ialm` is the fast blocked form of the first, on one state matrix. The two proximal
operators are fields: a network brings one that can be differentiated, or that is learned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kizu.arrays import namespace, or_one, svd
from kizu.prox import singular_value_threshold, soft_threshold
from kizu.solvers.ialm import CEILING, GROWTH
from kizu.solvers.iteration import Numbers
from kizu.solvers.reference_prox import follow
from kizu.typing import Array

Prox = Callable[[Array, Array], Array]


class State(NamedTuple):
    """L, S and the multiplier Y, each like M (…, samples, features); `unit` is what mu is a multiple of."""

    background: Array
    anomaly: Array
    multiplier: Array
    unit: Array


@dataclass(frozen=True)
class InexactLagrangian:
    """IALM: mu = weight / ‖M‖₂, growing; lam relative to 1/√max(samples, features)."""

    svt: Prox = singular_value_threshold
    soft: Prox = soft_threshold

    def constants(self) -> Mapping[str, Array]:
        return {}

    def numbers(self, k: int) -> Numbers:
        return {"weight": 1.25 * GROWTH ** min(k, CEILING), "lam": 1.0}

    def init(self, data: Array, numbers: Numbers) -> State:
        """L = 0, Y₀ = M / max(‖M‖₂, max|M| / lam), and the S and Y that follow from these."""
        norm = svd(data)[1][..., 0]
        return self.start(data, norm[..., None, None] if data.ndim > 2 else norm, numbers)

    def start(self, data: Array, norm: Array, numbers: Numbers) -> State:
        """:meth:`init`, given ‖M‖₂."""
        xp = namespace(data)
        norm, largest = or_one(norm), xp.max(xp.abs(data), axis=(-2, -1), keepdims=data.ndim > 2)
        multiplier = data / xp.maximum(norm, largest / _lam(data, numbers))
        start = State(xp.zeros_like(data), xp.zeros_like(data), multiplier, 1.0 / norm)
        return self.anomaly_and_multiplier(data, start, numbers)

    def step(self, data: Array, state: State, numbers: Numbers) -> State:
        per_mu = 1.0 / (numbers["weight"] * state.unit)
        background = self.svt(data - state.anomaly + state.multiplier * per_mu, per_mu)
        return self.anomaly_and_multiplier(data, state._replace(background=background), numbers)

    def anomaly_and_multiplier(self, data: Array, state: State, numbers: Numbers) -> State:
        """The second half of a step, after L."""
        mu = numbers["weight"] * state.unit
        rest, per_mu = data - state.background, 1.0 / mu
        anomaly = self.soft(rest + state.multiplier * per_mu, anomaly_limit(data, state, numbers))
        return state._replace(anomaly=anomaly, multiplier=state.multiplier + mu * (rest - anomaly))


@dataclass(frozen=True)
class HeldLagrangian(InexactLagrangian):
    """ADMM: mu = weight / mean|M| is held, at 1/4 (Yuan & Yang 2013); it starts at L = S = Y = 0."""

    def numbers(self, k: int) -> Numbers:
        return {"weight": 0.25, "lam": 1.0}

    def init(self, data: Array, numbers: Numbers) -> State:
        xp = namespace(data)
        scale = or_one(xp.mean(xp.abs(data), axis=(-2, -1), keepdims=data.ndim > 2))
        zero = xp.zeros_like(data)
        return State(zero, zero, zero, 1.0 / scale)


@dataclass(frozen=True)
class FollowedLagrangian(HeldLagrangian):
    """ADMM for video, samples = frames: an anomaly is also drawn to `share` times that of the frame before.

    That takes ‖S‖₁ + pull·‖S − share·(S a frame earlier)‖₁ for ‖S‖₁, the earlier one from the iteration before (after
    Van Luong et al. 2020). pull = 0 would be plain ADMM.
    """

    share: float = 1.0
    pull: float = 0.1

    def numbers(self, k: int) -> Numbers:
        return {"weight": 0.25, "lam": 1.0, "share": self.share, "pull": self.pull}

    def anomaly_and_multiplier(self, data: Array, state: State, numbers: Numbers) -> State:
        xp = namespace(data)
        mu = numbers["weight"] * state.unit
        rest, per_mu = data - state.background, 1.0 / mu
        level = anomaly_limit(data, state, numbers)
        earlier = xp.concat([xp.zeros_like(data[..., :1, :]), state.anomaly[..., :-1, :]], axis=-2)
        anomaly = follow(rest + state.multiplier * per_mu, numbers["share"] * earlier, level, numbers["pull"] * level)
        return state._replace(anomaly=anomaly, multiplier=state.multiplier + mu * (rest - anomaly))


def anomaly_limit(data: Array, state: State, numbers: Numbers) -> Array:
    """lam/mu: what an entry has to exceed to be anomalous."""
    return _lam(data, numbers) * (1.0 / (numbers["weight"] * state.unit))


def _lam(data: Array, numbers: Numbers) -> Array:
    return numbers["lam"] / max(data.shape[-2:]) ** 0.5
