"""Proximal operators as plain functions of a floating array and a threshold.

prox(x, t) = argmin_u  t·g(u) + ½‖u − x‖²   (Parikh & Boyd 2014, Proximal Algorithms)

A threshold is a number ≥ 0 (∞ is allowed) or an array that broadcasts against what it thresholds.
The result has the library, device and dtype of `x`; NaN stays NaN.
"""

from kizu.arrays import namespace, svd
from kizu.typing import Array


def soft_threshold(x: Array, threshold: Array) -> Array:
    """Move every entry of `x` towards zero by `threshold`, stopping at zero.

    Solves  argmin_u  threshold·‖u‖₁ + ½‖u − x‖²   (Parikh & Boyd 2014, section 6.5).
    """
    xp = namespace(x)
    excess = xp.abs(x) - _weak(threshold)
    # `where`, not `clip`: faster on NumPy, and a learned threshold keeps its gradient.
    return xp.sign(x) * xp.where(excess > 0, excess, xp.zeros_like(excess))


def shrink(x: Array, weight: Array) -> Array:
    """Divide every entry of `x` by 1 + `weight`: nothing becomes exactly zero.

    Solves  argmin_u  weight·½‖u‖² + ½‖u − x‖².
    """
    return x / (1.0 + _weak(weight))


def group_soft_threshold(x: Array, threshold: Array, *, axis: int) -> Array:
    """Shorten every vector along `axis` of `x` by `threshold`, stopping at the zero vector.

    Solves  argmin_u  threshold·Σ‖u_g‖₂ + ½‖u − x‖²   (Parikh & Boyd 2014, section 6.5).
    """
    xp = namespace(x)
    threshold = _weak(threshold)
    norms = group_norms(x, axis=axis)
    vanishes = norms <= threshold  # false for NaN, which therefore spoils its whole group
    lengths = xp.where(vanishes, xp.ones_like(norms), norms)
    return x * xp.where(vanishes, xp.zeros_like(norms), (lengths - threshold) / lengths)


def group_norms(x: Array, *, axis: int) -> Array:
    """Euclidean norm of every vector along `axis`, which is kept with length 1.

    Each vector is divided by its largest entry first: squares neither overflow nor vanish.
    """
    xp = namespace(x)
    peak = xp.max(xp.abs(x), axis=axis, keepdims=True)
    unit = xp.where(peak == 0, xp.ones_like(peak), peak)
    return peak * xp.sqrt(xp.sum((x / unit) ** 2, axis=axis, keepdims=True))


def singular_value_threshold(x: Array, threshold: Array) -> Array:
    """Soft-threshold the singular values of `x`, shape (samples, features), by a full decomposition.

    Solves  argmin_u  threshold·‖u‖_* + ½‖u − x‖_F²   (Cai, Candès & Shen 2010, theorem 2.1).
    """
    u, s, vh = svd(x)
    return (u * soft_threshold(s, threshold)[..., None, :]) @ vh


def _weak(number: Array) -> Array:
    """`number` without a dtype of its own: NumPy's float64 scalars would turn float32 data into float64."""
    return float(number) if isinstance(number, float) else number
