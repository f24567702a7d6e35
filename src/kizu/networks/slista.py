"""SLISTA: ISTA with step sizes that are learned, and nothing else (Ablin, Moreau, Massias & Gramfort 2019).

    x⁺ = soft(x − t_k·Aᵀ(A x − y), t_k·lam·‖y‖)

Each layer lowers the objective of the lasso itself: it can be trained on that, without codes. (They show that the last
layers of a network that ends in the lasso's solutions, whatever the data, can learn no more than this.)
"""

from kizu.networks.coding import Coding, CodingNetwork


class Slista(CodingNetwork):
    """One number per layer."""

    coding, learned = Coding, ("step_size",)
