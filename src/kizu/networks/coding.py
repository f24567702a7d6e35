"""What networks that code sparsely share: ISTA whose penalty is relative to each sample's length, and its layers.

    x⁺ = prox(x − step_size·slope, step_size),      prox that of  lam·‖y‖·‖x‖₁

The slope is what they differ in. Relative thresholds make them homogeneous: the codes of c·y are c times those of y,
whatever was trained. Inside, unknowns are columns: A (features, atoms), y (features, samples), x (atoms, samples).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from kizu.arrays import floating, namespace
from kizu.networks.unfolded import Unfolded
from kizu.operators import squared_norm
from kizu.penalties import L1
from kizu.prox import group_norms, support_threshold
from kizu.solvers import ista
from kizu.solvers.iteration import Numbers
from kizu.typing import Array

LAM = 0.05
"""Weight of the penalty relative to a sample's length, before training."""


class Samples(NamedTuple):
    """`y` (features, samples), and the length of each, `scale` (1, samples)."""

    y: Array
    scale: Array


def samples(Y: Array) -> Samples:
    """The rows of Y (samples, features)."""
    y = floating(Y).T
    return Samples(y, group_norms(y, axis=0))


def blank(like: Array, *shape: int) -> Array:
    """Zeros of the library, type and device of `like`."""
    return namespace(like).zeros(shape, dtype=like.dtype, device=like.device)


class Coding:
    """ISTA from codes of 0; what derives from it has a slope or a prox of its own.

    Parameters
    ----------
    D : array (atoms, features), the dictionary
    lam : weight of the penalty relative to each sample's length
    weight : array (atoms, features) that stands in for D in the slope: Wᵀ(A x − y). The step size is 1 then, and
        1 / ‖A‖² with D itself: a weight is scaled to w_iᵀa_i = 1.
    """

    def __init__(self, D: Array, *, lam: float = LAM, weight: Array | None = None) -> None:
        given = floating(D).T
        self.A = namespace(given).asarray(given, copy=True)
        self.lam = lam
        self.weight = self.A if weight is None else floating(weight).T
        self.step_size = 1.0 if weight is not None else 1.0 / (squared_norm(self.A) or 1.0)

    def constants(self) -> Mapping[str, Array]:
        return {"A": self.A}

    def numbers(self, k: int) -> Numbers:
        return {"step_size": self.step_size, "lam": self.lam}

    def init(self, data: Any, numbers: Numbers) -> Array:
        return blank(data.y, numbers["A"].shape[1], data.y.shape[1])

    def slope(self, data: Any, x: Array, numbers: Numbers) -> Array:
        return numbers["A"].T @ (numbers["A"] @ x - data.y)

    def prox(self, data: Any, numbers: Numbers) -> Callable[[Array, Array], Array]:
        return L1(numbers["lam"] * data.scale).prox

    def step(self, data: Any, x: Array, numbers: Numbers) -> Array:
        return ista.step(x, self.slope(data, x, numbers), self.prox(data, numbers), numbers["step_size"])


class Weighted(Coding):
    """A matrix of its own in place of Aᵀ's A: a number of the step, or a constant."""

    def slope(self, data: Any, x: Array, numbers: Numbers) -> Array:
        return numbers["weight"].T @ (numbers["A"] @ x - data.y)


class Selecting(Coding):
    """Support selection: the largest entries pass unshrunk, a larger share of them in every layer, up to a limit.

    Chen, Liu, Wang & Yin 2018 (Theoretical linear convergence of unfolded ISTA); shares as in the code of
    Liu et al. 2019.
    """

    more, most = 0.012, 0.13

    def numbers(self, k: int) -> Numbers:
        return {**super().numbers(k), "share": min(self.more * (k + 1), self.most)}

    def prox(self, data: Any, numbers: Numbers) -> Callable[[Array, Array], Array]:
        weight = numbers["lam"] * data.scale
        return lambda x, step_size: support_threshold(x, step_size * weight, numbers["share"], axis=0)


class CodingNetwork(Unfolded):
    """Layers of a :class:`Coding` step. Called with :class:`Samples` it gives the codes as columns.

    What derives from it says which step it has, which of its numbers are `learned`, and which `common` to all layers.
    """

    coding: type[Coding]
    learned: tuple[str, ...]
    common: tuple[str, ...] = ()

    def __init__(
        self,
        D: Array,
        layers: int = 16,
        *,
        lam: float = LAM,
        weight: Array | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        iteration = self.coding(D, lam=lam, weight=weight)
        super().__init__(iteration, layers, learn=self.learned, shared=self.common, dtype=dtype)

    @property
    def dictionary(self) -> torch.Tensor:
        """A (features, atoms)."""
        return self.constants.get_buffer("A")

    def codes(self, Y: Any) -> torch.Tensor:
        """Codes (samples, atoms) of the rows of Y (samples, features)."""
        result: torch.Tensor = self(self.read(Y)).T
        return result

    def read(self, Y: Any) -> Any:
        """Rows of any library as this network computes with them."""
        return samples(torch.as_tensor(Y, dtype=self.dictionary.dtype, device=self.dictionary.device))
