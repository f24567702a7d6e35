"""Singular value thresholding whose derivative is finite everywhere: at equal singular values, and at zeros.

    F(X) = U f(Σ) Vᵀ,  f(s) = max(s − t, 0)

The derivative of an SVD divides by s_i² − s_j². That of F does not (Sun & Sun 2003; Candès, Sing-Long & Trzasko 2013,
section IV): with M = Uᵀ H V, its symmetric part P and its other part Q,

    DF[H] = U (a ∘ P + b ∘ Q) Vᵀ + what of H is outside U or V, times f_i / s_i
    a_ij = (f_i − f_j) / (s_i − s_j),  f'(s_i) at ties          b_ij = (f_i + f_j) / (s_i + s_j),  its limit at zeros

For this f: a is 1 where both are above t, 0 where none is, and (s_i − t) / (s_i − s_j) with s_j ≤ t < s_i otherwise,
where nothing vanishes. It is its own adjoint, so this is the backward pass too.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _Threshold(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, threshold: Tensor) -> Tensor:
        u, s, vh = torch.linalg.svd(x, full_matrices=False)
        level = threshold[..., 0] if threshold.ndim > 1 else threshold
        after = torch.relu(s - level)
        context.save_for_backward(u, s, vh, after, threshold)
        found: Tensor = (u * after[..., None, :]) @ vh
        return found

    @staticmethod
    @once_differentiable
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None]:
        u, s, vh, after, threshold = context.saved_tensors
        inside = u.mT @ slope @ vh.mT
        for_x = _derivative(slope, inside, (u, s, vh, after)) if context.needs_input_grad[0] else None
        for_threshold = None
        if context.needs_input_grad[1]:
            kept = torch.where(after > 0, inside.diagonal(dim1=-2, dim2=-1), 0)
            for_threshold = (-kept.sum(-1)[..., None, None]).sum_to_size(threshold.shape)
        return for_x, for_threshold


def safe_svt(x: Tensor, threshold: Tensor | float) -> Tensor:
    """:func:`kizu.prox.singular_value_threshold` of `x` (…, samples, features), differentiable.

    `threshold` ≥ 0 is one number, or (…, 1, 1) with one per matrix; its derivative is known too. Where a singular value
    equals the threshold F has a kink, and the derivative is that from below.
    """
    level = torch.as_tensor(threshold, dtype=x.dtype, device=x.device)
    found: Tensor = _Threshold.apply(x, level)  # type: ignore[no-untyped-call]
    return found


def _derivative(slope: Tensor, inside: Tensor, parts: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """DF[slope]; `inside` = Uᵀ slope V."""
    u, s, vh, after = parts
    symmetric, other = 0.5 * (inside + inside.mT), 0.5 * (inside - inside.mT)
    differences, sums, shares = _divided(s, after)
    found = u @ (differences * symmetric + sums * other) @ vh
    rows, columns = slope.shape[-2:]
    if rows > columns:
        found = found + ((slope - u @ (u.mT @ slope)) @ vh.mT * shares[..., None, :]) @ vh
    elif columns > rows:
        found = found + u @ (shares[..., :, None] * (u.mT @ (slope - (slope @ vh.mT) @ vh)))
    return found


def _divided(s: Tensor, after: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(f_i − f_j) / (s_i − s_j), (f_i + f_j) / (s_i + s_j) and f_i / s_i, each at its limit where that is 0 / 0."""
    kept = after > 0
    one, none = torch.ones_like(s[..., :, None]), torch.zeros_like(s[..., :, None])
    both, either = kept[..., :, None] & kept[..., None, :], kept[..., :, None] | kept[..., None, :]
    mixed = either & ~both
    apart = torch.where(mixed, (s[..., :, None] - s[..., None, :]).abs(), one)
    height = (after[..., :, None] - after[..., None, :]).abs()
    differences = torch.where(mixed, height / apart, torch.where(both, one, none))
    total = torch.where(either, s[..., :, None] + s[..., None, :], one)
    sums = torch.where(either, (after[..., :, None] + after[..., None, :]) / total, none)
    shares = torch.where(kept, after / torch.where(kept, s, torch.ones_like(s)), torch.zeros_like(s))
    return differences, sums, shares
