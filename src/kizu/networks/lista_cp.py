"""LISTA-CP: LISTA whose matrices are coupled (Chen, Liu, Wang & Yin 2018).

    x⁺ = soft(x − t_k·W_kᵀ(A x − y), t_k·lam_k·‖y‖)

What converges to the true codes has to couple B and W_k in this way in the end (theorem 1 there). Trained are W_k,
lam_k and t_k, which is the scale of W_k and learned faster than its entries. W_k = A before, an iteration of ISTA, or
the `weight` that is given.
"""

from typing import Any

import torch

from kizu.networks.coding import LAM, Coding, CodingNetwork
from kizu.solvers.iteration import Numbers
from kizu.typing import Array


class Coupled(Coding):
    """ISTA's step with W in place of Aᵀ's A."""

    def numbers(self, k: int) -> Numbers:
        return {**super().numbers(k), "weight": self.weight}

    def slope(self, data: Any, x: Array, numbers: Numbers) -> Array:
        return numbers["weight"].T @ (numbers["A"] @ x - data.y)


class ListaCP(CodingNetwork):
    """Features·atoms + 2 weights per layer."""

    def __init__(
        self,
        D: Array,
        layers: int = 16,
        *,
        lam: float = LAM,
        weight: Array | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(Coupled(D, lam=lam, weight=weight), layers, learn=("step_size", "lam", "weight"), dtype=dtype)
