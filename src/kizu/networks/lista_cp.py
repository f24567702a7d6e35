"""LISTA-CP: LISTA whose matrices are coupled (Chen, Liu, Wang & Yin 2018).

    x⁺ = soft(x − t_k·W_kᵀ(A x − y), t_k·lam_k·‖y‖)

What converges to the true codes has to couple B and W_k in this way in the end (theorem 1 there). Trained are W_k,
lam_k and t_k, which is the scale of W_k and learned faster than its entries. W_k = A before, an iteration of ISTA, or
the `weight` that is given.
"""

from kizu.networks.coding import CodingNetwork, Weighted
from kizu.solvers.iteration import Numbers


class Coupled(Weighted):
    """ISTA's step with a W that is trained."""

    def numbers(self, k: int) -> Numbers:
        return {**super().numbers(k), "weight": self.weight}


class ListaCP(CodingNetwork):
    """Features·atoms + 2 weights per layer."""

    coding, learned = Coupled, ("step_size", "lam", "weight")
