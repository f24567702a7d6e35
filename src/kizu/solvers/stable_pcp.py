"""Stable principal component pursuit with a factored background, one pass over the data per step.

    minimise over L   Σ huber(M − L; tau_anomaly) + tau_background · ‖L‖_*

which is stable PCP (Zhou, Li, Wright, Candès & Ma 2010, penalised form) with the anomaly
eliminated: S = soft(M − L, tau_anomaly), noise = clip(M − L, ±tau_anomaly). The Huber loss has a
1-Lipschitz gradient −Y, Y = clip(M − L, ±tau_anomaly), so a proximal gradient step is

    L ← singular value threshold of Z = L + Y at tau_background

and its singular values are taken in a carried subspace Q of the short side: C = QᵀZ and ZCᵀ come
out of the same pass, and ZCᵀ, orthonormalised, is the next Q (one power step for free). The state is
the long-side factor C; L and Z are never stored. An unknown entry has z = L, so Y = 0 there.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import dsyrk

from kizu import certificates
from kizu.certificates import Certificate
from kizu.engines.threads import map_blocks
from kizu.lowrank.blocks import Block, Blocks, spans
from kizu.solvers.loop import Callback, Record, Solution, Stopped, run
from kizu.typing import Floats

OVERSAMPLE = 4
"""Directions carried beyond the rank: they find new components and show ‖Y‖₂ beside the old ones."""

CONTINUATION = 0.5
"""Shrink factor of the clip from the first step's to `tau_anomaly`: a far start moves fast."""


class Numbers(NamedTuple):
    """The thresholds, the largest rank allowed, and how many threads walk over the blocks."""

    tau_background: float
    tau_anomaly: float
    max_rank: int
    jobs: int


class State(NamedTuple):
    """L = left (short, q) @ right (q, long).

    `basis` (short, q) spans the subspace of the next step, `singular_values` (before, after) the
    threshold are those of the last Z, `clip` is the present clip level, `rank` counts non-zero ones.
    """

    left: Floats
    right: Floats
    basis: Floats
    before: Floats
    after: Floats
    clip: float
    spectral: float
    iteration: int

    @property
    def rank(self) -> int:
        return int(np.count_nonzero(self.after))


class Pass(NamedTuple):
    """What one block adds: the new long-side factor and the sums."""

    right: Floats
    power: Floats  # Z Cᵀ (short, q)
    small: Floats  # C Cᵀ (q, q)
    dual_small: Floats  # QᵀY YᵀQ (q, q)
    loss: float
    inner: float
    square: float
    peak: float


def huber(absolute: Floats, clipped: Floats, level: float) -> float:
    """Σ ½c² + level·(|r| − |c|) for c = clip(r, ±level): the Huber loss without a branch."""
    c = np.abs(clipped)
    return 0.5 * _dot(c, c) + level * float(np.sum(absolute - c, dtype=np.float64))


def _dot(a: Floats, b: Floats) -> float:
    return float(np.einsum("ij,ij->", a, b, dtype=np.float64))


def residual(block: Block, left: Floats, right: Floats) -> Floats:
    """M − L on one block, 0 where unknown."""
    r = block.values - left @ right[:, block.start : block.stop]
    return r if block.known is None else np.where(block.known, r, r.dtype.type(0))


def step(data: Blocks, state: State, numbers: Numbers) -> tuple[State, Record]:
    """One proximal gradient step in the carried subspace."""
    q, left, right = state.basis, state.left, state.right
    mixed = q.T @ left

    def one(span: tuple[int, int]) -> Pass:
        block = data.read(*span)
        r = residual(block, left, right)
        y = np.clip(r, -state.clip, state.clip)
        qy = q.T @ y
        old = right[:, block.start : block.stop]
        c = mixed @ old + qy
        power = left @ (old @ c.T) + y @ c.T
        absolute = np.abs(r)
        return Pass(
            right=c,
            power=power.astype(np.float64),
            small=(c @ c.T).astype(np.float64),
            dual_small=(qy @ qy.T).astype(np.float64),
            loss=huber(absolute, y, state.clip),
            inner=_dot(block.values, y),
            square=_dot(y, y),
            peak=float(absolute.max(initial=0.0)),
        )

    found = total(map_blocks(one, spans(data.shape), jobs=numbers.jobs))
    spectral = math.sqrt(max(float(np.linalg.eigvalsh(found.dual_small)[-1]), 0.0))
    proof = certificates.stable_pcp(
        loss=found.loss,
        nuclear=float(state.after.sum()),
        tau_background=numbers.tau_background,
        inner=found.inner,
        square=found.square,
        spectral=spectral,
        bound="estimate",
    )
    following = threshold(state, found, numbers)._replace(spectral=spectral)
    gap = proof.relative_gap if state.clip <= numbers.tau_anomaly else math.inf
    return following, Record(following.iteration, proof.primal, gap, found.peak, state.rank)


def total(parts: list[Pass]) -> Pass:
    """Sum the blocks in their order and join the long-side factor."""
    return Pass(
        np.concatenate([p.right for p in parts], axis=1),
        *(sum(p[i] for p in parts) for i in range(1, 7)),
        max(p.peak for p in parts),
    )


def threshold(state: State, found: Pass, numbers: Numbers) -> State:
    """Shrink the singular values of Z in the subspace, turn the subspace, grow it if it is full."""
    values, vectors = np.linalg.eigh(found.small)
    order = np.argsort(values)[::-1]
    sigma, w = np.sqrt(np.maximum(values[order], 0.0)), vectors[:, order]
    after = np.maximum(sigma - numbers.tau_background, 0.0)
    after[numbers.max_rank :] = 0.0
    keep = np.divide(after, sigma, out=np.zeros_like(sigma), where=sigma > 0)
    dtype = state.right.dtype
    shrink = (state.basis.astype(np.float64) @ (w * keep) @ w.T).astype(dtype)
    start = found.peak if math.isinf(state.clip) else state.clip
    return State(
        left=shrink,
        right=found.right,
        basis=next_basis(found.power @ w, int(np.count_nonzero(after)), numbers, state.iteration).astype(dtype),
        before=sigma,
        after=after,
        clip=max(numbers.tau_anomaly, CONTINUATION * start),
        spectral=state.spectral,
        iteration=state.iteration + 1,
    )


def next_basis(power: Floats, rank: int, numbers: Numbers, iteration: int) -> Floats:
    """Orthonormal basis of the leading columns of `power`, with fresh random directions appended.

    Fresh ones are drawn in every step: a direction that the carried basis has lost is found again.
    """
    short = len(power)
    size = min(short, rank + max(OVERSAMPLE, rank // 2), numbers.max_rank + OVERSAMPLE)
    kept = min(power.shape[1], max(size - 2, 1))
    fresh = np.random.default_rng(iteration).standard_normal((short, size - kept))
    scale = np.linalg.norm(power[:, :kept], axis=0)
    columns = power[:, :kept] / np.where(scale > 0, scale, 1.0)
    return np.asarray(np.linalg.qr(np.concatenate([columns, fresh], axis=1))[0])


def init(data: Blocks, numbers: Numbers) -> State:
    """L = 0 and no clip yet: the first step is a plain (not robust) truncated decomposition of M."""
    short, long = data.shape
    return State(
        left=np.zeros((short, 1), data.dtype),
        right=np.zeros((1, long), data.dtype),
        basis=next_basis(np.zeros((short, 0)), 0, numbers, 0).astype(data.dtype),
        before=np.zeros(1),
        after=np.zeros(1),
        clip=math.inf,
        spectral=0.0,
        iteration=0,
    )


def certify(data: Blocks, state: State, numbers: Numbers) -> Certificate:
    """The reported certificate: one pass, ‖Y‖₂ bounded by the full Gram matrix, sums in float64."""
    level = numbers.tau_anomaly

    def one(span: tuple[int, int]) -> tuple[Floats, float, float, float]:
        block = data.read(*span)
        r = residual(block, state.left, state.right)
        y = np.clip(r, -level, level)
        gram = dsyrk(1.0, y.astype(np.float64, order="F"), lower=1)
        return gram, huber(np.abs(r), y, level), _dot(block.values, y), _dot(y, y)

    parts = map_blocks(one, spans(data.shape), jobs=numbers.jobs)
    gram, loss, inner, square = (sum(p[i] for p in parts) for i in range(4))
    return certificates.stable_pcp(
        loss=loss,
        nuclear=nuclear_norm(state.left, state.right),
        tau_background=numbers.tau_background,
        inner=inner,
        square=square,
        spectral=certificates.spectral_bound(gram + np.tril(gram, -1).T),
        bound=f"full Gram matrix of the short side ({data.shape[0]}), float64",
    )


def nuclear_norm(left: Floats, right: Floats) -> float:
    """‖left @ right‖_* from the factors alone, in float64."""
    _, upper = np.linalg.qr(left.astype(np.float64))
    spread = right.astype(np.float64)
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(upper @ (spread @ spread.T) @ upper.T), 0.0)).sum())


def solve(
    data: Blocks,
    numbers: Numbers,
    *,
    tol: float,
    max_iter: int,
    start: State | None = None,
    callback: Callback | None = None,
) -> Solution[State]:
    """Iterate until the certified relative gap is at most `tol`.

    The running estimate of ‖Y‖₂ only decides when the full certificate is worth its pass; where the
    two disagree, the iteration goes on and the next full one waits a while.
    """
    patience = iter(_growing())
    due = 0

    def finished(state: State, record: Record) -> tuple[Stopped, Certificate] | None:
        nonlocal due
        if record.relative_gap > tol or record.iteration < due:
            return None
        due = record.iteration + next(patience)
        proof = certify(data, state, numbers)
        return ("gap", proof) if proof.relative_gap <= tol else None

    return run(
        lambda state: step(data, state, numbers),
        init(data, numbers) if start is None else start,
        finished=finished,
        certify=lambda state: certify(data, state, numbers),
        max_iter=max_iter,
        callback=callback,
    )


def _growing() -> Iterator[int]:
    wait = 1
    while True:
        yield wait
        wait = math.ceil(1.5 * wait) + 1
