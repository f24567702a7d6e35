"""How far a result is from the optimum: duality gaps from numbers that were already computed.

Principal component pursuit (Candès, Li, Ma & Wright 2011):
    primal  min ‖L‖_* + lam·‖S‖₁  with L + S = M          dual  max ⟨M, Y⟩  with ‖Y‖₂ ≤ 1, ‖Y‖_∞ ≤ lam
Stable principal component pursuit, S eliminated (Huber form):
    primal  min Σ huber(M − L; tau_anomaly) + tau_background·‖L‖_*
    dual    max ⟨M, Y⟩ − ½‖Y‖²  with ‖Y‖₂ ≤ tau_background, ‖Y‖_∞ ≤ tau_anomaly
Any Y, scaled into the dual's set, bounds the optimum from below; unknown entries have Y = 0.
"""

import math
from typing import NamedTuple

import numpy as np

from kizu.typing import Floats


class Certificate(NamedTuple):
    """A proof of quality. The optimum lies in [`dual`, `primal`].

    `relative_gap` = (primal − dual) / primal, 0 for a zero problem; `bound` says how the
    spectral norm of the dual variable was bounded.
    """

    primal: float
    dual: float
    relative_gap: float
    bound: str


def certificate(primal: float, dual: float, *, bound: str) -> Certificate:
    """Compare a primal and a dual value. Rounding can put the dual above: the gap is then 0."""
    if primal == 0.0:
        return Certificate(primal, dual, 0.0, bound)
    gap = (primal - dual) / primal
    return Certificate(primal, dual, max(gap, 0.0) if math.isfinite(gap) else math.inf, bound)


def pcp(
    *, nuclear: float, l1: float, lam: float, inner: float, spectral: float, largest: float, bound: str
) -> Certificate:
    """Certificate of principal component pursuit.

    `nuclear` = ‖L‖_*, `l1` = ‖M − L‖₁ on known entries, `inner` = ⟨M, Y⟩, `spectral` ≥ ‖Y‖₂,
    `largest` = max |Y|.
    """
    scale = max(spectral, largest / lam, 1.0)
    return certificate(nuclear + lam * l1, inner / scale, bound=bound)


def stable_pcp(
    *, loss: float, nuclear: float, tau_background: float, inner: float, square: float, spectral: float, bound: str
) -> Certificate:
    """Certificate of stable PCP for Y = clip(M − L, ±tau_anomaly), which is box-feasible.

    `loss` = Σ huber(M − L), `nuclear` = ‖L‖_*, `inner` = ⟨M, Y⟩, `square` = ‖Y‖², `spectral` ≥ ‖Y‖₂.
    The dual value is maximised over the multiples of Y that are feasible.
    """
    largest = 1.0 if spectral <= tau_background else tau_background / spectral
    scale = min(largest, max(inner, 0.0) / square) if square > 0 else 0.0
    dual = scale * inner - 0.5 * scale * scale * square
    return certificate(loss + tau_background * nuclear, dual, bound=bound)


def spectral_bound(gram: Floats) -> float:
    """An upper bound of ‖Y‖₂ from its full Gram matrix of the short side, in float64.

    The rounding of the Gram sums and of the eigenvalue is at most about n·eps·trace.
    """
    if gram.size == 0:
        return 0.0
    largest = float(np.linalg.eigvalsh(gram)[-1])
    slack = len(gram) * float(np.finfo(np.float64).eps) * float(np.trace(gram))
    return math.sqrt(max(largest, 0.0) + slack)
