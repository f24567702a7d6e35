"""Convex penalties that see entries together: groups, singular values, neighbours."""

from dataclasses import dataclass
from typing import Literal, final

from kizu.arrays import namespace, svd
from kizu.errors import ParameterError
from kizu.penalties.penalty import Conjugate, Penalty, ball, weight
from kizu.prox import (
    differences,
    group_norms,
    group_soft_threshold,
    singular_value_threshold,
    total_variation_threshold,
)
from kizu.typing import Array

AXES = {"rows": -1, "columns": -2}


@final
@dataclass(frozen=True)
class GroupL21(Penalty):
    """lam·Σ‖x_g‖₂ over the rows or columns of `x` (samples, features): whole rows or columns are zero.

    By rows a sample is an outlier as a whole, by columns a feature is. The default is rows:
    "which frame is wrong" is asked more often than "which sensor is".
    """

    lam: Array
    by: Literal["rows", "columns"] = "rows"

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))
        if self.by not in AXES:
            raise ParameterError("by", self.by, "'rows' or 'columns'")

    def value(self, x: Array) -> Array:
        return self.lam * namespace(x).sum(group_norms(x, axis=AXES[self.by]))

    def prox(self, x: Array, step_size: Array) -> Array:
        return group_soft_threshold(x, step_size * self.lam, axis=AXES[self.by])

    def conjugate(self, z: Array) -> Conjugate | None:
        return ball(namespace(z).max(group_norms(z, axis=AXES[self.by])), self.lam)


@final
@dataclass(frozen=True)
class Nuclear(Penalty):
    """lam·Σ singular values: few non-zero singular values, that is, low rank."""

    lam: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))

    def value(self, x: Array) -> Array:
        return self.lam * namespace(x).sum(svd(x)[1])

    def prox(self, x: Array, step_size: Array) -> Array:
        return singular_value_threshold(x, step_size * self.lam)

    def conjugate(self, z: Array) -> Conjugate | None:
        return ball(namespace(z).max(svd(z)[1]), self.lam)


@final
@dataclass(frozen=True)
class TotalVariation(Penalty):
    """lam·Σ|differences of neighbours along every axis|: flat pieces with few edges (anisotropic).

    `shape`: of the image that `x` is in one line, as a linear operator wants it; None: `x` has its own.
    """

    lam: Array
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))

    def value(self, x: Array) -> Array:
        xp = namespace(x)
        return self.lam * xp.sum(xp.abs(differences(xp.reshape(x, self.shape or x.shape))))

    def prox(self, x: Array, step_size: Array) -> Array:
        xp = namespace(x)
        image = xp.reshape(x, self.shape or x.shape)
        return xp.reshape(total_variation_threshold(image, step_size * self.lam), x.shape)
