"""Stable principal component pursuit with a factored background, one pass over the data per step.

    minimise over L   Σ huber(M − L; tau_anomaly) + tau_background · ‖L‖_*

which is stable PCP (Zhou, Li, Wright, Candès & Ma 2010, penalised form) with the anomaly
eliminated: S = soft(M − L, tau_anomaly), noise = clip(M − L, ±tau_anomaly). The Huber loss has a
1-Lipschitz gradient −Y, Y = clip(M − L, ±tau_anomaly), so a proximal gradient step is

    L ← singular value threshold of Z = L + Y at tau_background

and its singular values are taken in a carried subspace Q of the short side: C = QᵀZ and ZCᵀ come
out of the same pass, and ZCᵀ, orthonormalised, is the next Q (one power step for free). The state is
the long-side factor C; L and Z are never stored. An unknown entry has z = L, so Y = 0 there.

L moves by at most tau_anomaly per entry and step, so a far start is slow. The noise scale therefore
starts where L = 0 is optimal and is halved whenever the objective stands still: both thresholds
shrink together, each stage starts near its optimum, and an outlier never enters L on the way.
"""

import math
from typing import NamedTuple

import numpy as np

import kizu.certificates as certificates
from kizu.certificates import Certificate
from kizu.engines.threads import map_blocks
from kizu.lowrank.blocks import Block, Blocks, dot, residual, spans
from kizu.solvers.loop import Callback, Record, Solution, Stopped, run
from kizu.solvers.stable_proof import prove
from kizu.typing import Floats

OVERSAMPLE = 4
"""Directions carried beyond the rank: they find new components and show ‖Y‖₂ beside the old ones."""
CONTINUATION = 0.5
"""Factor of the clip from one stage to the next, down to `tau_anomaly`."""
STALLED = 0.01
"""A stage is over when a step lowers its objective by less than this share."""


class Numbers(NamedTuple):
    """The thresholds, the largest rank allowed, and how many threads walk over the blocks."""

    tau_background: float
    tau_anomaly: float
    max_rank: int
    jobs: int


class State(NamedTuple):
    """L = left (short, q) @ right (q, long), and all that the next step and the stop depend on.

    `basis` (short, q) spans the subspace of the next step; `before`, `after` are the singular values
    of the last Z around the threshold. `clip` is the stage's threshold of the anomaly (∞ before the
    first step), `objective` the stage's last one, `ripe` how many steps in a row the estimated gap has
    been small enough.
    """

    left: Floats
    right: Floats
    basis: Floats
    before: Floats
    after: Floats
    clip: float = math.inf
    objective: float = math.inf
    ripe: int = 0
    iteration: int = 0

    @property
    def rank(self) -> int:
        return int(np.count_nonzero(self.after))


class Pass(NamedTuple):
    """What one block adds: the new long-side factor C = QᵀZ, and sums."""

    right: Floats
    power: Floats  # Z Cᵀ (short, q)
    small: Floats  # C Cᵀ (q, q)
    dual_small: Floats  # QᵀY YᵀQ (q, q)
    numbers: Floats  # Σ huber(M − L), ⟨M, Y⟩, ‖Y‖²


def walk(block: Block, state: State) -> Pass:
    """One proximal gradient step on one block, before the threshold: Z = L + clip(M − L)."""
    q, old = state.basis, state.right[:, block.start : block.stop]
    r = residual(block, state.left, old)
    y = np.clip(r, -state.clip, state.clip)
    qy = q.T @ y
    c = (q.T @ state.left) @ old + qy
    square = dot(y, y)
    return Pass(
        right=c,
        power=(state.left @ (old @ c.T) + y @ c.T).astype(np.float64),
        small=(c @ c.T).astype(np.float64),
        dual_small=(qy @ qy.T).astype(np.float64),
        numbers=np.array([dot(y, r) - 0.5 * square, dot(block.values, y), square]),
    )


def total(parts: list[Pass]) -> Pass:
    """Sum the blocks in their order and join the long-side factor."""
    return Pass(
        np.concatenate([part.right for part in parts], axis=1),
        *(np.sum([part[field] for part in parts], axis=0) for field in range(1, len(Pass._fields))),
    )


def step(data: Blocks, state: State, numbers: Numbers) -> tuple[State, Record]:
    """One proximal gradient step in the carried subspace. The first, from L = 0, only measures ‖M‖₂."""
    found = total(map_blocks(lambda span: walk(data.read(*span), state), spans(data.shape), jobs=numbers.jobs))
    loss, inner, square = found.numbers.tolist()
    stage = state.clip / numbers.tau_anomaly
    proof = certificates.stable_pcp(
        loss=loss,
        nuclear=float(state.after.sum()),
        tau_background=0.0 if math.isinf(stage) else numbers.tau_background * stage,
        inner=inner,
        square=square,
        spectral=math.sqrt(max(float(np.linalg.eigvalsh(found.dual_small)[-1]), 0.0)),
        bound="estimate",
    )
    following = _next_stage(threshold(state, found, numbers), proof.primal, numbers)
    gap = proof.relative_gap if stage <= 1.0 else math.inf
    return following, Record(following.iteration, proof.primal, gap, 0.0, state.rank)


def _next_stage(state: State, objective: float, numbers: Numbers) -> State:
    """`state` with the clip of its next step: smaller when the objective has stood still."""
    clip = state.clip
    if math.isinf(clip):
        clip = numbers.tau_anomaly * float(state.before[0]) / numbers.tau_background
    elif state.objective - objective > STALLED * objective or clip == numbers.tau_anomaly:
        return state._replace(objective=objective)
    return state._replace(clip=max(numbers.tau_anomaly, CONTINUATION * clip), objective=math.inf)


def threshold(state: State, found: Pass, numbers: Numbers) -> State:
    """Shrink the singular values of Z in the subspace, turn the subspace, grow it if it is full."""
    values, vectors = np.linalg.eigh(found.small)
    before, w = np.sqrt(np.maximum(values[::-1], 0.0)), vectors[:, ::-1]
    after = np.maximum(before - state.clip * (numbers.tau_background / numbers.tau_anomaly), 0.0)
    after[numbers.max_rank :] = 0.0
    keep = np.divide(after, before, out=np.zeros_like(before), where=before > 0)
    dtype = state.right.dtype
    return state._replace(
        left=(state.basis.astype(np.float64) @ (w * keep) @ w.T).astype(dtype),
        right=found.right,
        basis=next_basis(found.power @ w, int(np.count_nonzero(after)), numbers, state.iteration).astype(dtype),
        before=before,
        after=after,
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
    """L = 0 and a random subspace."""
    short, long = data.shape
    return State(
        left=np.zeros((short, 1), data.dtype),
        right=np.zeros((1, long), data.dtype),
        basis=next_basis(np.zeros((short, 0)), 0, numbers, 0).astype(data.dtype),
        before=np.zeros(1),
        after=np.zeros(1),
    )


def certify(data: Blocks, state: State, numbers: Numbers) -> Certificate:
    """The reported certificate of L: see :mod:`kizu.solvers.stable_proof`."""
    return prove(
        data,
        state.left,
        state.right,
        tau_background=numbers.tau_background,
        tau_anomaly=numbers.tau_anomaly,
        jobs=numbers.jobs,
    )


def solve(
    data: Blocks,
    numbers: Numbers,
    *,
    tol: float,
    max_iter: int,
    start: State | None = None,
    callback: Callback | None = None,
) -> Solution[State]:
    """Iterate until the certified relative gap is at most `tol`; `start` continues where another run stopped.

    The running estimate of ‖Y‖₂ only decides when the full certificate is worth its pass: at the
    first, second, fourth, eighth … step in a row whose estimated gap is small enough.
    """

    def advance(state: State) -> tuple[State, Record]:
        following, record = step(data, state, numbers)
        return following._replace(ripe=state.ripe + 1 if record.relative_gap <= tol else 0), record

    def finished(state: State, _: Record) -> tuple[Stopped, Certificate] | None:
        if state.ripe.bit_count() != 1:
            return None
        proof = certify(data, state, numbers)
        return ("gap", proof) if proof.relative_gap <= tol else None

    return run(
        advance,
        init(data, numbers) if start is None else _restarted(start, numbers),
        finished=finished,
        certify=lambda state: certify(data, state, numbers),
        max_iter=max_iter,
        callback=callback,
    )


def _restarted(state: State, numbers: Numbers) -> State:
    """`state` under other thresholds: no stage lies below them."""
    return state._replace(clip=max(state.clip, numbers.tau_anomaly))
