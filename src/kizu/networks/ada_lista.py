"""Ada-LISTA: the dictionary is an input, and may be another one for every call (Aberdam, Golts & Elad 2021).

    x⁺ = soft(x − t_k·(M₂A)ᵀM₂A x + t_k·(M₁A)ᵀy, t_k·lam_k·‖y‖)

that is ISTA's step with the slope Aᵀ(M₂ᵀM₂A x − M₁ᵀy). Trained are M₁ and M₂ (features, features) and the numbers; the
matrices are I before, and t_k is relative to 1/‖A‖² of the dictionary that is given: an iteration of ISTA.
"""

from typing import Any, NamedTuple

import torch

from kizu.arrays import namespace
from kizu.networks.coding import Coding, CodingNetwork
from kizu.operators import squared_norm
from kizu.solvers.iteration import Numbers
from kizu.typing import Array


class Given(NamedTuple):
    """Samples as in coding.Samples, their dictionary A (features, atoms), and the step size of ISTA with it."""

    y: Array
    scale: Array
    A: Array
    step_size: float


class Adaptive(Coding):
    """ISTA's step with M₁ and M₂, and A taken from the data."""

    def numbers(self, k: int) -> Numbers:
        xp, like = namespace(self.A), self.A
        gram, encoder = (xp.eye(like.shape[0], dtype=like.dtype, device=like.device) for _ in range(2))
        return {"step_size": 1.0, "lam": self.lam, "gram": gram, "encoder": encoder}

    def init(self, data: Any, numbers: Numbers) -> Array:
        return super().init(data, {**numbers, "A": data.A})

    def slope(self, data: Any, x: Array, numbers: Numbers) -> Array:
        gram, encoder = numbers["gram"], numbers["encoder"]
        return data.A.T @ (gram.T @ (gram @ (data.A @ x)) - encoder.T @ data.y)

    def step(self, data: Any, x: Array, numbers: Numbers) -> Array:
        return super().step(data, x, {**numbers, "step_size": numbers["step_size"] * data.step_size})


class AdaLista(CodingNetwork):
    """Two numbers per layer, and 2·features² weights in common. `D` is the dictionary where none is given."""

    coding, learned, common = Adaptive, ("step_size", "lam", "gram", "encoder"), ("gram", "encoder")

    def read(self, Y: Any, D: Any = None) -> Given:
        """Rows of Y (samples, features) over D (atoms, features)."""
        like = self.dictionary
        A = like if D is None else torch.as_tensor(D, dtype=like.dtype, device=like.device).T
        rows = super().read(Y)
        return Given(rows.y, rows.scale, A, 1.0 / (squared_norm(A) or 1.0))
