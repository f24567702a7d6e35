"""LISTA-CPSS: LISTA-CP with support selection (Chen, Liu, Wang & Yin 2018).

x⁺ = η(x − t_k·W_kᵀ(A x − y), t_k·lam_k·‖y‖)      η lets the largest entries pass unshrunk
"""

from kizu.networks.coding import CodingNetwork, Selecting
from kizu.networks.lista_cp import Coupled


class CoupledSelecting(Selecting, Coupled):
    """LISTA-CP's slope, and support selection."""


class ListaCPSS(CodingNetwork):
    """Features·atoms + 2 weights per layer."""

    coding, learned = CoupledSelecting, ("step_size", "lam", "weight")
