"""Penalties that leave large entries whole. They are not convex: what a solver finds is a stationary point."""

from dataclasses import dataclass
from typing import ClassVar, final

from kizu.arrays import namespace
from kizu.errors import ParameterError
from kizu.penalties.penalty import Penalty, weight
from kizu.prox import mcp_threshold, scad_threshold
from kizu.typing import Array


@final
@dataclass(frozen=True)
class MCP(Penalty):
    """Σ lam·|x| − x²/(2·gamma) up to |x| = gamma·lam, constant beyond (Zhang 2010).

    `gamma` > 0: the smaller, the nearer to counting non-zeros; 3 is usual.
    """

    lam: Array
    gamma: float = 3.0
    convex: ClassVar[bool] = False
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))
        object.__setattr__(self, "gamma", weight(self.gamma, "gamma"))
        if not self.gamma > 0:
            raise ParameterError("gamma", self.gamma, "a finite number above 0")

    def value(self, x: Array) -> Array:
        xp = namespace(x)
        size, end = xp.abs(x), self.gamma * self.lam
        return xp.sum(xp.where(size > end, 0.5 * self.lam * end + 0.0 * x, self.lam * size - x**2 / (2.0 * self.gamma)))

    def prox(self, x: Array, step_size: Array) -> Array:
        return mcp_threshold(x, self.lam, self.gamma, step_size)


@final
@dataclass(frozen=True)
class SCAD(Penalty):
    """lam·|x| up to lam, then ever flatter, constant from a·lam on (Fan & Li 2001).

    `a` > 2; the authors' 3.7 is the default.
    """

    lam: Array
    a: float = 3.7
    convex: ClassVar[bool] = False
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", weight(self.lam))
        object.__setattr__(self, "a", weight(self.a, "a"))
        if not self.a > 2:
            raise ParameterError("a", self.a, "a finite number above 2")

    def value(self, x: Array) -> Array:
        xp, lam, a = namespace(x), self.lam, self.a
        size = xp.abs(x)
        bend = (2.0 * a * lam * size - x**2 - lam**2) / (2.0 * (a - 1.0))
        flat = 0.5 * lam**2 * (a + 1.0) + 0.0 * x
        return xp.sum(xp.where(size <= lam, lam * size, xp.where(size <= a * lam, bend, flat)))

    def prox(self, x: Array, step_size: Array) -> Array:
        return scad_threshold(x, self.lam, self.a, step_size)
