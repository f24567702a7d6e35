"""The two cliffs along lam: where the background is empty, and where the anomaly is.

From the optimality conditions, with Y the multiplier, 0 where an entry is unknown, and tau = tau_background:

exact     L = 0 iff lam ≤ 1/‖sign M‖₂                     S = 0 iff lam ≥ max|UVᵀ|, M = UΣVᵀ
stable    L = 0 iff ‖clip(M, ±lam·tau)‖₂ ≤ tau             S = 0 iff lam ≥ max|M − SVT(M, tau)|/tau

The sign of a zero may be anything in [−1, 1] and the multiplier of a rank-deficient M is not unique: the exact
cliffs are then bounds, and say so. With entries unknown S = 0 means matrix completion, which has no formula. But
|Y| ≤ ‖Y‖₂, so S = 0 at lam = 1 always; the largest entry of the multiplier that is found there is the cliff in the
stable form, which has only one, and bounds it in the exact form. It is as near as the solver came.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from kizu.lowrank.blocks import Block
from kizu.lowrank.factored import gram
from kizu.lowrank.residual import residual
from kizu.models.validate import Matrix
from kizu.parameters import Parameter
from kizu.solvers import ialm, stable_pcp
from kizu.typing import Floats

SURE = Parameter(1.0, "at 1 the anomaly is empty for any data: an upper bound")
FACTOR = 1.5
"""Between the places where the stable lower cliff is looked for: ‖clip(M, ±c)‖₂ need not grow with c, and the first
crossing counts, as far as these places tell."""
CLOSE = 1e-5
"""Relative accuracy of that cliff, on the side where the background is empty."""
EMPTY = "the background is empty, and everything is called anomaly"
FULL = "the anomaly is empty, and everything is called background"


class Cliffs(NamedTuple):
    """Up to `lower` the background is empty, from `upper` on the anomaly."""

    lower: Parameter
    upper: Parameter


def exact_lower(matrix: Matrix) -> Parameter:
    """1/‖sign M‖₂."""
    signs = _gram(matrix, lambda block: np.sign(block.values))
    zeros = round(matrix.share_known * matrix.values.size - float(np.trace(signs)))
    note = f"; a lower bound, because {zeros} entries are 0" if zeros else ""
    return Parameter(1.0 / _norm(signs), f"up to 1/‖sign M‖₂, {EMPTY}{note}")


def exact_upper(matrix: Matrix) -> Parameter:
    """max|UVᵀ| with UVᵀ = (MMᵀ)^(−1/2) M.

    The Gram matrix loses singular values below 1e-8 of the first. Without them the multiplier is still within
    1e-8 per direction of the optimum, far below any gap that is asked for.
    """
    values, vectors = _spectrum(matrix)
    kept = values > values[-1] * len(values) * float(np.finfo(np.float64).eps)
    root = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
    note = "" if kept.all() else f"; an upper bound, because M has rank {np.count_nonzero(kept)} only"
    return Parameter(_largest(matrix, root), f"from max|UVᵀ| on, M = UΣVᵀ, {FULL}{note}")


def stable_lower(matrix: Matrix, edge: float) -> Parameter:
    """The first lam at which ‖clip(M, ±lam·`edge`)‖₂ reaches `edge`; ∞ where it never does."""

    def excess(level: float) -> float:
        clip = math.exp(level)
        return math.log(_norm(_gram(matrix, lambda block: np.clip(block.values, -clip, clip))) / edge)

    known = matrix.share_known * matrix.values.size
    low = high = math.log(edge) - 0.5 * math.log(known)  # ‖·‖₂ ≤ ‖·‖_F: no crossing below
    most = math.log(_largest(matrix, None))
    while high < most and excess(high) <= 0:
        low, high = high, high + math.log(FACTOR)
    if high >= most and excess(most) <= 0:
        return Parameter(math.inf, "the background is empty at every lam: M does not stand out of the noise")
    root = low if low == high else float(brentq(excess, low, min(high, most), xtol=0.5 * CLOSE))
    value = math.exp(root) * (1.0 - CLOSE) / edge
    return Parameter(value, f"while ‖clip(M, ±lam·tau_background)‖₂ ≤ tau_background, {EMPTY}")


def stable_upper(matrix: Matrix, edge: float) -> Parameter:
    """max|M − SVT(M, `edge`)|/`edge`: what singular value thresholding leaves is U min(Σ, edge) Vᵀ."""
    values, vectors = _spectrum(matrix)
    sizes = np.sqrt(np.maximum(values, 0.0))
    share = edge / np.maximum(sizes, edge)
    largest = _largest(matrix, (vectors * share) @ vectors.T)
    return Parameter(largest / edge, f"from max|M − SVT(M, tau_background)|/tau_background on, {FULL}")


def completed(matrix: Matrix, state: stable_pcp.State | ialm.State, edge: float) -> Parameter:
    """The upper cliff with entries unknown, from where a solver has stopped at lam = 1."""

    def one(span: tuple[int, int]) -> float:
        block = matrix.blocks.read(*span)
        if isinstance(state, ialm.State):
            here = state.w[:, slice(*span)]
            return float(np.abs(here).max(initial=0.0, where=True if block.known is None else block.known))
        rest = residual(block, state.left, state.right[:, slice(*span)])
        return float(np.abs(rest).max(initial=0.0)) / edge

    value = max(matrix.engine.map(one, matrix.engine.spans(matrix.blocks.shape)))
    note = "; an upper bound, because another multiplier may be smaller" if isinstance(state, ialm.State) else ""
    return Parameter(min(value, 1.0), f"from the largest |multiplier| of the completed matrix on, {FULL}{note}")


def _gram(matrix: Matrix, function: Callable[[Block], Floats]) -> Floats:
    data, engine = matrix.blocks, matrix.engine
    return engine.reduce(lambda span: gram(function(data.read(*span))), engine.spans(data.shape))


def _spectrum(matrix: Matrix) -> tuple[Floats, Floats]:
    """Eigenvalues of M Mᵀ, smallest first, and their vectors."""
    values, vectors = np.linalg.eigh(_gram(matrix, lambda block: block.values))
    return values, vectors


def _norm(gram: Floats) -> float:
    return math.sqrt(max(float(np.linalg.eigvalsh(gram)[-1]), float(np.finfo(float).tiny)))


def _largest(matrix: Matrix, left: Floats | None) -> float:
    """The largest |entry| of `left` @ M, or of M."""
    data, engine = matrix.blocks, matrix.engine

    def one(span: tuple[int, int]) -> float:
        values = data.read(*span).values
        return float(np.abs(values if left is None else left @ values).max(initial=0.0))

    return max(engine.map(one, engine.spans(data.shape)))
