"""The weight of ALISTA: the matrix least coherent with a dictionary, in closed form.

    minimise  ‖WᵀA‖_F²  subject to  w_iᵀa_i = 1        by  w_i = (AAᵀ)⁻¹a_i / (a_iᵀ(AAᵀ)⁻¹a_i)

Liu, Chen, Wang & Yin 2019 (Analytic weights are as good as learned weights in LISTA) solve it by projected
gradients; each column is a least-squares problem with one constraint. (AAᵀ)⁺A is the transposed pseudo-inverse of A,
which a dictionary that does not span its space has as well.
"""

from kizu.arrays import namespace
from kizu.typing import Array


def analytic_weight(A: Array) -> Array:
    """W (features, atoms) of the dictionary A (features, atoms); the weight of an atom that is 0 is 0."""
    xp = namespace(A)
    weight = xp.linalg.pinv(A).T
    own = xp.sum(A * weight, axis=0, keepdims=True)
    nothing = own <= 0
    return xp.where(nothing, xp.zeros_like(weight), weight / xp.where(nothing, xp.ones_like(own), own))


def coherence(W: Array, A: Array) -> float:
    """The largest |w_iᵀa_j| of two different atoms: how much one atom passes for another at most."""
    xp = namespace(A)
    products = xp.abs(W.T @ A)
    return float(xp.max(products - xp.eye(products.shape[0], dtype=products.dtype, device=products.device) * products))
