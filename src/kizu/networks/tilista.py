"""TiLISTA: LISTA-CPSS with one matrix for all layers (Liu, Chen, Wang & Yin 2019).

x⁺ = η(x − t_k·Wᵀ(A x − y), t_k·lam_k·‖y‖)      η lets the largest entries pass unshrunk
"""

from kizu.networks.coding import CodingNetwork
from kizu.networks.lista_cpss import CoupledSelecting


class TiLista(CodingNetwork):
    """Two numbers per layer, and features·atoms weights in common."""

    coding, learned, common = CoupledSelecting, ("step_size", "lam", "weight"), ("weight",)
