"""TiLISTA: LISTA-CPSS with one matrix for all layers (Liu, Chen, Wang & Yin 2019).

x⁺ = η(x − t_k·Wᵀ(A x − y), t_k·lam_k·‖y‖)      η lets the largest entries pass unshrunk
"""

import torch

from kizu.networks.coding import LAM, CodingNetwork
from kizu.networks.lista_cpss import CoupledSelecting
from kizu.typing import Array


class TiLista(CodingNetwork):
    """Two numbers per layer, and features·atoms weights in common."""

    def __init__(
        self,
        D: Array,
        layers: int = 16,
        *,
        lam: float = LAM,
        weight: Array | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        iteration = CoupledSelecting(D, lam=lam, weight=weight)
        learn = ("step_size", "lam", "weight")
        super().__init__(iteration, layers, learn=learn, shared=("weight",), dtype=dtype)
