"""Convex penalties that are sums over entries."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

from kizu.arrays import namespace
from kizu.errors import ParameterError
from kizu.penalties.penalty import Conjugate, Penalty, ball, weight
from kizu.prox import shrink, signed_soft_threshold, soft_threshold
from kizu.typing import Array


@final
@dataclass(frozen=True)
class L1(Penalty):
    """lam·Σ|x_ij|: few non-zero entries."""

    lam: Array
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))

    def value(self, x: Array) -> Array:
        xp = namespace(x)
        return self.lam * xp.sum(xp.abs(x))

    def prox(self, x: Array, step_size: Array) -> Array:
        return soft_threshold(x, step_size * self.lam)

    def conjugate(self, z: Array) -> Conjugate | None:
        return ball(namespace(z).max(namespace(z).abs(z)), self.lam)


@final
@dataclass(frozen=True)
class SignedL1(Penalty):
    """positive·Σmax(x, 0) + negative·Σmax(−x, 0): few non-zero entries, and one sign dearer than the other."""

    positive: Array
    negative: Array
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "positive", weight(self.positive, "positive", finite=False))
        object.__setattr__(self, "negative", weight(self.negative, "negative", finite=False))

    def value(self, x: Array) -> Array:
        above, below = _parts(x)
        return _weighed(self.positive, above) + _weighed(self.negative, below)

    def prox(self, x: Array, step_size: Array) -> Array:
        return signed_soft_threshold(x, step_size * self.positive, step_size * self.negative)

    def conjugate(self, z: Array) -> Conjugate | None:
        xp = namespace(z)
        one, other = ball(xp.max(z), self.positive), ball(-xp.min(z), self.negative)
        return None if one is None or other is None else min(one, other)


@final
@dataclass(frozen=True)
class NonNegativeL1(Penalty):
    """lam·Σx_ij with x ≥ 0: few entries, and none below zero."""

    lam: Array
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))

    def value(self, x: Array) -> Array:
        return SignedL1(self.lam, math.inf).value(x)

    def prox(self, x: Array, step_size: Array) -> Array:
        return signed_soft_threshold(x, step_size * self.lam, math.inf)

    def conjugate(self, z: Array) -> Conjugate | None:
        return ball(namespace(z).max(z), self.lam)


@final
@dataclass(frozen=True)
class L2(Penalty):
    """½·lam·‖x‖²: small entries, none exactly zero."""

    lam: Array
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))

    def value(self, x: Array) -> Array:
        return 0.5 * self.lam * namespace(x).sum(x**2)

    def prox(self, x: Array, step_size: Array) -> Array:
        return shrink(x, step_size * self.lam)

    def gradient(self, x: Array) -> Array:
        return self.lam * x

    @property
    def curvature(self) -> Array:
        return self.lam

    def conjugate(self, z: Array) -> Conjugate | None:
        return None if self.lam == 0 else Conjugate(1.0, 0.5 * namespace(z).sum(z**2) / self.lam)


@final
@dataclass(frozen=True)
class ElasticNet(Penalty):
    """lam·(ratio·‖x‖₁ + ½(1 − ratio)·‖x‖²), as scikit-learn: few non-zero entries, and small ones.

    `ratio` = 1 is L1, 0 is L2; scikit-learn calls it `l1_ratio` and has the same default.
    """

    lam: Array
    ratio: float = 0.5
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))
        object.__setattr__(self, "ratio", weight(self.ratio, "ratio"))
        if not 0 <= self.ratio <= 1:
            raise ParameterError("ratio", self.ratio, "a number from 0 to 1")

    def value(self, x: Array) -> Array:
        xp = namespace(x)
        return self.lam * (self.ratio * xp.sum(xp.abs(x)) + 0.5 * (1.0 - self.ratio) * xp.sum(x**2))

    def prox(self, x: Array, step_size: Array) -> Array:
        weight = step_size * self.lam
        return shrink(soft_threshold(x, weight * self.ratio), weight * (1.0 - self.ratio))

    def conjugate(self, z: Array) -> Conjugate | None:
        if self.ratio == 1.0 or self.lam == 0:
            return L1(self.lam).conjugate(z)
        beyond = soft_threshold(z, self.lam * self.ratio)
        return L2(self.lam * (1.0 - self.ratio)).conjugate(beyond)


def _parts(x: Array) -> tuple[Array, Array]:
    """Sums of the positive entries of `x` and of minus the negative ones."""
    xp = namespace(x)
    zero = xp.zeros_like(x)
    return xp.sum(xp.where(x > 0, x, zero)), xp.sum(xp.where(x < 0, -x, zero))


def _weighed(weight: Array, total: Array) -> Array:
    """weight·total, where ∞·0 = 0."""
    return total * 0.0 if total == 0 else weight * total
