"""SLISTA: ISTA with step sizes that are learned, and nothing else (Ablin, Moreau, Massias & Gramfort 2019).

    x⁺ = soft(x − t_k·Aᵀ(A x − y), t_k·lam·‖y‖)

Each layer lowers the objective of the lasso itself: it can be trained on that, without codes. (They show that the last
layers of a network that ends in the lasso's solutions, whatever the data, can learn no more than this.)
"""

import torch

from kizu.networks.coding import LAM, Coding, CodingNetwork
from kizu.typing import Array


class Slista(CodingNetwork):
    """One number per layer."""

    def __init__(self, D: Array, layers: int = 16, *, lam: float = LAM, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(Coding(D, lam=lam), layers, learn=("step_size",), dtype=dtype)
