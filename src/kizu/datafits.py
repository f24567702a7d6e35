"""Datafits: smooth convex functions of a prediction z = A x, each with a gradient that is 1-Lipschitz.

Each is f(z) = sup_θ ⟨θ, y − z⟩ − ½‖θ‖² over a box of its own that holds −∇f(z). So one formula gives a lower bound of
f(Ax) + g(x) for any such θ (Fenchel duality):  ⟨θ, y⟩ − ½‖θ‖² − g*(Aᵀθ).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self, final

from kizu.arrays import boolean, floating, is_array, namespace, weak
from kizu.errors import ParameterError, ShapeError
from kizu.prox import clip
from kizu.typing import Array


@dataclass(frozen=True, eq=False)
class Datafit(ABC):
    """How far a prediction is from the data `y`, of any shape (observations, ...)."""

    y: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "y", floating(self.y))

    @abstractmethod
    def value(self, z: Array) -> Array:
        """f(z), a scalar of the array library of `z`."""

    @abstractmethod
    def gradient(self, z: Array) -> Array:
        """∇f(z), an array like `z`."""

    @abstractmethod
    def prox(self, z: Array, step_size: Array) -> Array:
        """argmin_u  step_size·f(u) + ½‖u − z‖², an array like `z`."""

    @abstractmethod
    def part(self, rows: Array) -> Self:
        """The datafit of the observations `rows` alone."""

    def inner(self, theta: Array) -> Array:
        """⟨θ, y⟩ for θ = −∇f(z)."""
        return namespace(theta).sum(theta * self.y)


@final
@dataclass(frozen=True, eq=False)
class Quadratic(Datafit):
    """½‖y − z‖²: what normal noise asks for."""

    def value(self, z: Array) -> Array:
        return 0.5 * namespace(z).sum((self.y - z) ** 2)

    def gradient(self, z: Array) -> Array:
        return z - self.y

    def prox(self, z: Array, step_size: Array) -> Array:
        return (z + step_size * self.y) / (1.0 + step_size)

    def part(self, rows: Array) -> Self:
        return type(self)(_rows(self.y, rows))


@final
@dataclass(frozen=True, eq=False)
class Masked(Datafit):
    """½‖y − z‖² over the entries where `observed` (boolean, like y) is true; the others may be NaN."""

    observed: Array

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "observed", boolean(self.observed))
        if tuple(self.observed.shape) != tuple(self.y.shape):
            raise ShapeError(
                f"observed has shape {tuple(self.observed.shape)}, y has {tuple(self.y.shape)}",
                "Give a boolean array like y, True where the entry is known",
                where="observed",
            )

    def value(self, z: Array) -> Array:
        return 0.5 * namespace(z).sum(self.gradient(z) ** 2)

    def gradient(self, z: Array) -> Array:
        return self._known(z - self.y)

    def prox(self, z: Array, step_size: Array) -> Array:
        return z - self._known(z - self.y) * (step_size / (1.0 + step_size))

    def part(self, rows: Array) -> Self:
        return type(self)(_rows(self.y, rows), _rows(self.observed, rows))

    def inner(self, theta: Array) -> Array:
        return namespace(theta).sum(self._known(theta * self.y))

    def _known(self, values: Array) -> Array:
        xp = namespace(values)
        return xp.where(self.observed, values, xp.zeros_like(values))


@final
@dataclass(frozen=True, eq=False)
class Huber(Datafit):
    """½r² up to |r| = tau, tau·|r| − ½tau² beyond, with r = y − z (Huber 1964): outliers pull no harder than tau.

    It is ½‖y − z − s‖² + tau·‖s‖₁ with the best s, soft(y − z, tau): the anomaly is never stored.
    """

    tau: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "tau", weak(self.tau))
        if not is_array(self.tau) and not (isinstance(self.tau, int | float) and self.tau > 0):
            raise ParameterError("tau", self.tau, "a number above 0")
        super().__post_init__()

    def value(self, z: Array) -> Array:
        rest = self.y - z
        inside = -self.gradient(z)
        return namespace(z).sum(inside * (rest - 0.5 * inside))

    def gradient(self, z: Array) -> Array:
        return clip(z - self.y, self.tau)

    def prox(self, z: Array, step_size: Array) -> Array:
        # Moreau: the proximal operator of the conjugate, ½‖θ‖² + ⟨θ, y⟩ in a box, is a division and a clip.
        return z - step_size * clip((z - self.y) / (1.0 + step_size), self.tau)

    def part(self, rows: Array) -> Self:
        return type(self)(_rows(self.y, rows), self.tau)


def _rows(array: Array, rows: Array) -> Array:
    return namespace(array).take(array, rows, axis=0)
