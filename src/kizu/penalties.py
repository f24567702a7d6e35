"""Penalties: a value and a proximal operator, nothing else.

`lam` belongs to the penalty and is a number ≥ 0 or a learned tensor.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, final

from kizu.arrays import namespace, svd
from kizu.errors import ParameterError
from kizu.prox import group_norms, group_soft_threshold, shrink, singular_value_threshold, soft_threshold
from kizu.typing import Array

AXES = {"rows": -1, "columns": -2}


class Penalty(ABC):
    """A function g whose proximal operator is cheap.

    The one convention in kizu, λ inside g:
        prox(x, step_size) = argmin_u  step_size·g(u) + ½‖u − x‖²
    """

    @abstractmethod
    def value(self, x: Array) -> Array:
        """g(x), a scalar of the array library of `x`."""

    @abstractmethod
    def prox(self, x: Array, step_size: Array) -> Array:
        """The minimiser of step_size·g(u) + ½‖u − x‖², an array like `x`."""


@final
@dataclass(frozen=True)
class L1(Penalty):
    """lam·Σ|x_ij|: few non-zero entries."""

    lam: Array

    def __post_init__(self) -> None:
        _check_weight(self.lam)

    def value(self, x: Array) -> Array:
        xp = namespace(x)
        return self.lam * xp.sum(xp.abs(x))

    def prox(self, x: Array, step_size: Array) -> Array:
        return soft_threshold(x, step_size * self.lam)


@final
@dataclass(frozen=True)
class L2(Penalty):
    """½·lam·‖x‖²: small entries, none exactly zero."""

    lam: Array

    def __post_init__(self) -> None:
        _check_weight(self.lam)

    def value(self, x: Array) -> Array:
        return 0.5 * self.lam * namespace(x).sum(x**2)

    def prox(self, x: Array, step_size: Array) -> Array:
        return shrink(x, step_size * self.lam)


@final
@dataclass(frozen=True)
class ElasticNet(Penalty):
    """lam·(ratio·‖x‖₁ + ½(1 − ratio)·‖x‖²), as scikit-learn: few non-zero entries, and small ones.

    `ratio` = 1 is L1, 0 is L2; scikit-learn calls it `l1_ratio` and has the same default.
    """

    lam: Array
    ratio: float = 0.5

    def __post_init__(self) -> None:
        _check_weight(self.lam)
        if not 0 <= self.ratio <= 1:
            raise ParameterError("ratio", self.ratio, "a number from 0 to 1")

    def value(self, x: Array) -> Array:
        xp = namespace(x)
        return self.lam * (self.ratio * xp.sum(xp.abs(x)) + 0.5 * (1.0 - self.ratio) * xp.sum(x**2))

    def prox(self, x: Array, step_size: Array) -> Array:
        weight = step_size * self.lam
        return shrink(soft_threshold(x, weight * self.ratio), weight * (1.0 - self.ratio))


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
        _check_weight(self.lam)
        if self.by not in AXES:
            raise ParameterError("by", self.by, "'rows' or 'columns'")

    def value(self, x: Array) -> Array:
        return self.lam * namespace(x).sum(group_norms(x, axis=AXES[self.by]))

    def prox(self, x: Array, step_size: Array) -> Array:
        return group_soft_threshold(x, step_size * self.lam, axis=AXES[self.by])


@final
@dataclass(frozen=True)
class Nuclear(Penalty):
    """lam·Σ singular values: few non-zero singular values, that is, low rank."""

    lam: Array

    def __post_init__(self) -> None:
        _check_weight(self.lam)

    def value(self, x: Array) -> Array:
        return self.lam * namespace(x).sum(svd(x)[1])

    def prox(self, x: Array, step_size: Array) -> Array:
        return singular_value_threshold(x, step_size * self.lam)


def _check_weight(lam: Array) -> None:
    # A learned tensor is positive by construction, and asking would synchronise its device.
    if isinstance(lam, int | float) and not 0 <= lam < math.inf:
        raise ParameterError("lam", lam, "a finite number of at least 0")
