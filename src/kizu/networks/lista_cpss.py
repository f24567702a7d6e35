"""LISTA-CPSS: LISTA-CP with support selection (Chen, Liu, Wang & Yin 2018).

x⁺ = η(x − t_k·W_kᵀ(A x − y), t_k·lam_k·‖y‖)      η lets the largest entries pass unshrunk
"""

import torch

from kizu.networks.coding import LAM, CodingNetwork, Selecting
from kizu.networks.lista_cp import Coupled
from kizu.typing import Array


class CoupledSelecting(Selecting, Coupled):
    """LISTA-CP's slope, and support selection."""


class ListaCPSS(CodingNetwork):
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
        super().__init__(
            CoupledSelecting(D, lam=lam, weight=weight), layers, learn=("step_size", "lam", "weight"), dtype=dtype
        )
