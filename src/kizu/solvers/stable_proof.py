"""How far a background L = left @ right is from the optimum of stable PCP, proven in float64.

    primal  Σ huber(M − L; tau_anomaly) + tau_background·‖L‖_*
    dual    ⟨M, Y⟩ − ½‖Y‖²  for ‖Y‖₂ ≤ tau_background, ‖Y‖_∞ ≤ tau_anomaly, Y = 0 where unknown

Y = clip(M − L, ±tau_anomaly) is scaled into the dual's set. Its spectral norm is bounded by the
full Gram matrix of the short side: one pass over the data, sums in float64.
"""

import numpy as np

import kizu.certificates as certificates
from kizu.certificates import Certificate
from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import Blocks, dot
from kizu.lowrank.factored import gram, nuclear_norm
from kizu.lowrank.residual import residual
from kizu.typing import Floats


def prove(
    data: Blocks, left: Floats, right: Floats, *, tau_background: float, tau_anomaly: float, engine: Engine
) -> Certificate:
    """Certificate of L = left (short, r) @ right (r, long)."""

    def one(span: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        """(Y Yᵀ, right rightᵀ, [Σ huber, ⟨M, Y⟩, ‖Y‖²]) of one block."""
        here = right[:, slice(*span)]
        r = residual(data.read(*span), left, here).astype(np.float64)
        y = np.clip(r, -tau_anomaly, tau_anomaly)
        square, along = dot(y, y), dot(y, r)
        inner = along + float((left * (y @ here.T.astype(np.float64))).sum())  # ⟨M − L, Y⟩ + ⟨L, Y⟩: M is read once
        return y @ y.T, gram(here), np.array([along - 0.5 * square, inner, square])

    dual, inside, sums = engine.reduce(one, engine.spans(data.shape))
    loss, inner, square = sums.tolist()
    return certificates.stable_pcp(
        loss=loss,
        nuclear=nuclear_norm(left, inside),
        tau_background=tau_background,
        inner=inner,
        square=square,
        spectral=certificates.spectral_bound(dual),
        bound=f"full Gram matrix of the short side ({data.shape[0]}), float64",
    )


def dual_spectrum(data: Blocks, left: Floats, right: Floats, *, tau_anomaly: float, engine: Engine) -> Floats:
    """Singular values of Y, largest first, as exact as the data's own type: to choose by, not to prove with."""

    def one(span: tuple[int, int]) -> Floats:
        y = residual(data.read(*span), left, right[:, slice(*span)], limit=tau_anomaly)
        return np.asarray(y @ y.T, np.float64)

    dual = engine.reduce(one, engine.spans(data.shape))
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(dual)[::-1], 0.0)))
