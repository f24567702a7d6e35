"""The proximal operator of sparsity with a reference: small, or near what was there before.

prox(u) = argmin_x  a·|x| + b·|x − w| + ½(x − u)²,  a, b ≥ 0, entry by entry (Van Luong et al. 2020, refRPCA-Net)
"""

from kizu.arrays import namespace, weak
from kizu.typing import Array


def follow(x: Array, reference: Array, a: Array, b: Array) -> Array:
    """The minimiser for u = `x` and w = `reference`, arrays of one shape; `a` and `b` are numbers or broadcast.

    For w ≥ 0 it is max(u − a − b, min(w, max(u − a + b, min(0, u + a + b)))), and the mirror image for w < 0. With
    b = 0 or w = 0 it is soft thresholding, at a or at a + b.
    """
    xp = namespace(x, reference)
    a, b = weak(a), weak(b)
    side = xp.where(reference < 0, -xp.ones_like(x), xp.ones_like(x))
    u, w = side * x, side * reference
    low = xp.minimum(xp.zeros_like(x), u + a + b)
    return side * xp.maximum(u - a - b, xp.minimum(w, xp.maximum(u - a + b, low)))
