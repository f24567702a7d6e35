"""LISTA: ISTA with matrices of its own in every layer (Gregor & LeCun 2010, Learning fast approximations).

    x⁺ = soft(B_k y + W_k x, θ_k)      with  B_k = t_k·wᵀ,  W_k = I − t_k·(wᵀA − V_k),  θ_k = t_k·lam_k·‖y‖

that is ISTA's step with the slope wᵀ(A x − y) − V_k x. Trained are w, which all layers share, V_k (the inhibition of
atoms by each other, beyond that of ISTA), t_k and lam_k. V_k = 0 and w = A before: then every layer is an iteration of
ISTA. In the paper all B_k are one; here they differ in scale.
"""

from typing import Any

from kizu.networks.coding import Coding, CodingNetwork, blank
from kizu.solvers.iteration import Numbers
from kizu.typing import Array


class Inhibiting(Coding):
    """ISTA's step with w and V."""

    def numbers(self, k: int) -> Numbers:
        atoms = self.A.shape[1]
        return {**super().numbers(k), "weight": self.weight, "inhibition": blank(self.A, atoms, atoms)}

    def slope(self, data: Any, x: Array, numbers: Numbers) -> Array:
        return numbers["weight"].T @ (numbers["A"] @ x - data.y) - numbers["inhibition"] @ x


class Lista(CodingNetwork):
    """Atoms² + 2 weights per layer, and features·atoms in common."""

    coding, learned, common = Inhibiting, ("step_size", "lam", "weight", "inhibition"), ("weight",)
