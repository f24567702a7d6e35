"""ALISTA: no matrix is trained, the weight follows from the dictionary (Liu, Chen, Wang & Yin 2019).

    x⁺ = η(x − t_k·Wᵀ(A x − y), t_k·lam_k·‖y‖)      η lets the largest entries pass unshrunk

Two numbers per layer are all that is learned: seconds of training, and nothing to overfit.
"""

from collections.abc import Mapping
from typing import Any

import torch

from kizu.arrays import floating
from kizu.networks.coding import LAM, CodingNetwork, Selecting
from kizu.solvers.analytic_weight import analytic_weight
from kizu.solvers.iteration import Numbers
from kizu.typing import Array


class Analytic(Selecting):
    """ISTA's step with a constant W, and support selection."""

    def constants(self) -> Mapping[str, Array]:
        return {**super().constants(), "weight": self.weight}

    def slope(self, data: Any, x: Array, numbers: Numbers) -> Array:
        return numbers["weight"].T @ (numbers["A"] @ x - data.y)


class Alista(CodingNetwork):
    """Two numbers per layer."""

    def __init__(self, D: Array, layers: int = 16, *, lam: float = LAM, dtype: torch.dtype = torch.float32) -> None:
        iteration = Analytic(D, lam=lam, weight=analytic_weight(floating(D).T).T)
        super().__init__(iteration, layers, learn=("step_size", "lam"), dtype=dtype)
