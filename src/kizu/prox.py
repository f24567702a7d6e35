"""Proximal operators as plain functions of a floating array and a threshold.

prox(x, t) = argmin_u  t·g(u) + ½‖u − x‖²   (Parikh & Boyd 2014, Proximal Algorithms)

A threshold is a number ≥ 0 (∞ is allowed) or an array that broadcasts against what it thresholds; only the step size
and shape of the two that are not convex, and the threshold of total variation, are single numbers.
The result has the library, device and dtype of `x`; NaN stays NaN.
"""

import math

from kizu.arrays import namespace, svd, weak
from kizu.typing import Array

TV_GAP, TV_MOST = 1e-14, 2000
"""The proximal operator of total variation stops at this duality gap relative to ½‖x − mean‖², which is a relative
error of at most 1e-7, or where rounding hides the gap, or after so many iterations."""


def soft_threshold(x: Array, threshold: Array) -> Array:
    """Move every entry of `x` towards zero by `threshold`, stopping at zero.

    Solves  argmin_u  threshold·‖u‖₁ + ½‖u − x‖²   (Parikh & Boyd 2014, section 6.5).
    """
    xp = namespace(x)
    excess = xp.abs(x) - weak(threshold)
    # `where`, not `clip`: faster on NumPy, and a learned threshold keeps its gradient.
    return xp.sign(x) * xp.where(excess > 0, excess, xp.zeros_like(excess))


def support_threshold(x: Array, threshold: Array, share: Array, *, axis: int) -> Array:
    """Soft-threshold, but leave the largest entries along `axis` as they are: large entries are not biased.

    `share` of the entries, a number or an array that broadcasts with length 1 along `axis`, may pass: those that are
    among the largest in size and above the threshold. Entries as large as the smallest of these pass with it. Which
    ones pass is not differentiated (Chen, Liu, Wang & Yin 2018: support selection).
    """
    xp = namespace(x)
    size, count = xp.abs(x), x.shape[axis]
    place = xp.arange(count, dtype=x.dtype, device=x.device)
    place = xp.reshape(place, tuple(count if a == axis % x.ndim else 1 for a in range(x.ndim)))
    ordered = xp.sort(size, axis=axis)
    cutoff = xp.min(
        xp.where(place >= count - count * weak(share), ordered, xp.full_like(ordered, math.inf)),
        axis=axis,
        keepdims=True,
    )
    return xp.where((size >= cutoff) & (size > weak(threshold)), x, soft_threshold(x, threshold))


def clip(x: Array, limit: Array) -> Array:
    """`x` where it is within ±`limit`, and the limit of its sign elsewhere: what :func:`soft_threshold` takes away."""
    xp = namespace(x)
    limit = weak(limit)
    return xp.where(xp.abs(x) > limit, xp.sign(x) * limit, x)


def signed_soft_threshold(x: Array, positive: Array, negative: Array) -> Array:
    """Move positive entries of `x` down by `positive` and negative ones up by `negative`, stopping at zero.

    Solves  argmin_u  positive·Σmax(u, 0) + negative·Σmax(−u, 0) + ½‖u − x‖².
    """
    xp = namespace(x)
    above, below = x - weak(positive), x + weak(negative)
    zero = xp.zeros_like(x)
    return xp.where(above > 0, above, xp.where(below < 0, below, zero * x))  # zero·x: NaN stays NaN


def hard_threshold(x: Array, threshold: Array) -> Array:
    """Keep the entries of `x` above `threshold` in size as they are; the others become zero.

    Solves  argmin_u  ½·threshold²·(number of non-zeros of u) + ½‖u − x‖²   (Blumensath & Davies 2008).
    """
    xp = namespace(x)
    return xp.where(xp.abs(x) <= weak(threshold), xp.zeros_like(x), x)


def mcp_threshold(x: Array, lam: Array, gamma: float, step_size: Array) -> Array:
    """Soft at small entries, identity beyond gamma·lam, and a straight line between (Zhang 2010; Gao & Bruce 1997).

    From step_size = gamma on the penalty bends more than the square does: then it is a hard threshold.
    """
    xp = namespace(x)
    lam, step_size = weak(lam), weak(step_size)
    if step_size >= gamma:
        return hard_threshold(x, lam * math.sqrt(gamma * step_size))
    line = soft_threshold(x, step_size * lam) / (1.0 - step_size / gamma)
    return xp.where(xp.abs(x) > gamma * lam, x, line)


def scad_threshold(x: Array, lam: Array, a: float, step_size: Array) -> Array:
    """Soft at small entries, identity beyond a·lam, and a straight line between (Fan & Li 2001, equation 2.8).

    From step_size = a − 1 on there is no line: entries jump from soft to kept where both cost the same.
    """
    xp = namespace(x)
    lam, step_size = weak(lam), weak(step_size)
    size, soft = xp.abs(x), soft_threshold(x, step_size * lam)
    if step_size >= a - 1:
        jump = 0.5 * (a + 1 + step_size) if step_size < a + 1 else math.sqrt(step_size * (a + 1))
        return xp.where(size > jump * lam, x, soft)
    line = ((a - 1) * x - xp.sign(x) * (a * step_size * lam)) / (a - 1 - step_size)
    return xp.where(size > a * lam, x, xp.where(size > (1 + step_size) * lam, line, soft))


def shrink(x: Array, weight: Array) -> Array:
    """Divide every entry of `x` by 1 + `weight`: nothing becomes exactly zero.

    Solves  argmin_u  weight·½‖u‖² + ½‖u − x‖².
    """
    return x / (1.0 + weak(weight))


def group_soft_threshold(x: Array, threshold: Array, *, axis: int) -> Array:
    """Shorten every vector along `axis` of `x` by `threshold`, stopping at the zero vector.

    Solves  argmin_u  threshold·Σ‖u_g‖₂ + ½‖u − x‖²   (Parikh & Boyd 2014, section 6.5).
    """
    xp = namespace(x)
    threshold = weak(threshold)
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
    nothing = peak == 0
    unit = xp.where(nothing, xp.ones_like(peak), peak)
    square = xp.sum((x / unit) ** 2, axis=axis, keepdims=True)
    return peak * xp.sqrt(xp.where(nothing, unit, square))  # not √0, whose derivative is ∞


def singular_value_threshold(x: Array, threshold: Array) -> Array:
    """Soft-threshold the singular values of `x`, shape (samples, features), by a full decomposition.

    Solves  argmin_u  threshold·‖u‖_* + ½‖u − x‖_F²   (Cai, Candès & Shen 2010, theorem 2.1).
    """
    u, s, vh = svd(x)
    return (u * soft_threshold(s, threshold)[..., None, :]) @ vh


def total_variation_threshold(x: Array, threshold: Array) -> Array:
    """Make neighbours of `x`, along every axis, equal where they differ by little.

    Solves  argmin_u  threshold·Σ|differences of neighbours| + ½‖u − x‖²  on its dual, u = x − Dᵀp with
    |p| ≤ threshold, by accelerated projected gradients that restart (Beck & Teboulle 2009, section 4).
    """
    xp = namespace(x)
    step_size, apart, rounding = 1.0 / (4.0 * x.ndim), x - xp.mean(x), float(xp.finfo(x.dtype).eps)
    # u is constant from the threshold ‖x − mean‖₁ on
    bound = xp.minimum(xp.sum(xp.abs(apart)), xp.asarray(weak(threshold), dtype=x.dtype))
    close, t, u = TV_GAP * 0.5 * float(xp.sum(apart**2)), 1.0, x
    p = before = xp.zeros_like(differences(x))
    for _ in range(TV_MOST):
        following = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t))
        q = p + ((t - 1.0) / following) * (p - before)
        step = q + step_size * differences(x - _spread(q))
        before, p = p, xp.where(step > bound, bound, xp.where(step < -bound, -bound, step))
        t = 1.0 if float(xp.sum((q - p) * (p - before))) > 0 else following
        u = x - _spread(p)
        jumps = differences(u)
        price = bound * xp.abs(jumps)
        if not float(xp.sum(price - jumps * p)) > close + rounding * float(xp.sum(price)):  # the gap; NaN ends it too
            break
    return u


def differences(x: Array) -> Array:
    """What every entry lacks to its successor, one array per axis (axes, *x.shape); 0 at the last along its axis."""
    xp = namespace(x)
    steps = []
    for axis, count in enumerate(x.shape):
        place = xp.reshape(xp.arange(count), tuple(count if a == axis else 1 for a in range(x.ndim)))
        steps.append(xp.where(place < count - 1, xp.roll(x, -1, axis=axis) - x, xp.zeros_like(x)))
    return xp.stack(steps)


def _spread(p: Array) -> Array:
    """The adjoint of :func:`differences`."""
    xp = namespace(p)
    total = xp.zeros_like(p[0, ...])
    for axis in range(p.shape[0]):
        total = total + xp.roll(p[axis, ...], 1, axis=axis) - p[axis, ...]
    return total
