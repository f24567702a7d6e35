"""What a penalty is, and what penalties share."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from kizu.arrays import is_array, weak
from kizu.errors import ParameterError
from kizu.typing import Array


class Conjugate(NamedTuple):
    """g*(scale·z) = `value`, with the largest scale ≤ 1 for which it is finite."""

    scale: Array
    value: Array


class Penalty(ABC):
    """A function g whose proximal operator is cheap.

    The one convention in kizu, λ inside g:
        prox(x, step_size) = argmin_u  step_size·g(u) + ½‖u − x‖²

    `value` and `prox` make a penalty. The rest is what some solvers ask for: `convex`; `separable`, a sum over
    entries; `gradient` and its Lipschitz constant `curvature`; and `conjugate`, from which a duality gap follows.
    """

    convex: ClassVar[bool] = True
    separable: ClassVar[bool] = False

    @abstractmethod
    def value(self, x: Array) -> Array:
        """g(x), a scalar of the array library of `x`."""

    @abstractmethod
    def prox(self, x: Array, step_size: Array) -> Array:
        """The minimiser of step_size·g(u) + ½‖u − x‖², an array like `x`."""

    def gradient(self, x: Array) -> Array | None:
        """∇g(x), or None where g has corners."""
        return None

    @property
    def curvature(self) -> Array:
        """Lipschitz constant of the gradient, ∞ where g has corners."""
        return math.inf

    def conjugate(self, z: Array) -> Conjugate | None:
        """g*(z) = sup_x ⟨z, x⟩ − g(x) as far along `z` as it is finite, or None where kizu knows no formula."""
        return None


def ball(norm: Array, radius: Array) -> Conjugate | None:
    """The conjugate of radius·(a norm), at a z of this dual norm: 0 in the ball, and outside ∞."""
    if radius == 0:
        return None
    norm = float(norm)
    return Conjugate(1.0 if norm <= radius else radius / norm, 0.0)


def weight(lam: Array, name: str = "lam", *, finite: bool = True) -> Array:
    """`lam` as a penalty keeps it: checked, and without a dtype of its own; a learned tensor as it is."""
    lam = weak(lam)
    # A learned tensor is positive by construction, and asking would synchronise its device.
    if is_array(lam):
        return lam
    number = isinstance(lam, int | float) and not isinstance(lam, bool)
    if not (number and (0 <= lam < math.inf or (lam == math.inf and not finite))):
        raise ParameterError(name, lam, f"a {'finite ' if finite else ''}number of at least 0")
    return lam
