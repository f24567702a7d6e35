"""ALISTA: no matrix is trained, the weight follows from the dictionary (Liu, Chen, Wang & Yin 2019).

    x⁺ = η(x − t_k·Wᵀ(A x − y), t_k·lam_k·‖y‖)      η lets the largest entries pass unshrunk

Two numbers per layer are all that is learned: seconds of training, and nothing to overfit.
"""

from collections.abc import Mapping

from kizu.arrays import floating
from kizu.networks.coding import LAM, CodingNetwork, Selecting, Weighted
from kizu.solvers.analytic_weight import analytic_weight
from kizu.typing import Array


class Analytic(Selecting, Weighted):
    """ISTA's step with a constant W, and support selection."""

    def __init__(self, D: Array, *, lam: float = LAM, weight: Array | None = None) -> None:
        given = analytic_weight(floating(D).T).T if weight is None else weight
        super().__init__(D, lam=lam, weight=given)

    def constants(self) -> Mapping[str, Array]:
        return {**super().constants(), "weight": self.weight}


class Alista(CodingNetwork):
    """Two numbers per layer."""

    coding, learned = Analytic, ("step_size", "lam")
