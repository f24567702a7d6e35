"""Stable principal component pursuit with a factored background, one pass over the data per step.

    minimise over L   Σ huber(M − L; tau_anomaly) + tau_background · ‖L‖_*

which is stable PCP (Zhou, Li, Wright, Candès & Ma 2010, penalised form) with the anomaly
eliminated: S = soft(M − L, tau_anomaly), noise = clip(M − L, ±tau_anomaly). The Huber loss has the
gradient −Y, Y = clip(M − L, ±tau_anomaly), so an accelerated proximal gradient step from a point X is

    L ← singular value threshold of Z = X + step·clip(M − X) at step·tau_background
    X ← L + momentum·(L − previous L), without momentum when the objective has risen

and its singular values are taken in a carried subspace Q of the short side: C = QᵀZ and ZCᵀ come
out of the same pass, and ZCᵀ, orthonormalised, is the next Q (one power step for free). The state are
the long-side factors C of the last two L; L, X and Z are never stored. An unknown entry has z = x, so
Y = 0 there.

L moves by at most tau_anomaly per entry and step, so a far start is slow: :mod:`kizu.solvers.stable_start`
begins at a typical sample, and both thresholds begin at the noise scale at which that start is near
its optimum and shrink together, to a quarter at every step, until they are those that were asked for.
"""

import math
from typing import NamedTuple

import numpy as np

import kizu.certificates as certificates
from kizu.certificates import Certificate
from kizu.engines.protocol import Engine
from kizu.lowrank import huber
from kizu.lowrank.blocks import Block, Blocks
from kizu.lowrank.factored import gram
from kizu.lowrank.threshold import How
from kizu.solvers.loop import Callback, Record, Solution, Stopped, run
from kizu.solvers.stable_proof import prove
from kizu.solvers.stable_start import typical
from kizu.typing import Floats

OVERSAMPLE, OVERSHARE = 4, 0.75
"""Directions carried beyond the rank, at least, and as a share of it: they find new components and show
‖Y‖₂ beside the old ones. A half takes twice the steps where the spectrum has no gap."""
FRESH = 2
"""Of these, random ones in every step: a direction that the carried basis has lost is found again."""
CONTINUATION = 0.25
"""Factor of both thresholds from one step to the next while they are above those asked for."""


class Pace(NamedTuple):
    """Length of a gradient step, and the share of the last move that is carried on."""

    step: float
    momentum: float


VIDEO = Pace(step=1.5, momentum=0.4)
"""A step of 1 is safe for any data; where noise is Gaussian, its Huber loss at tau_anomaly curves by 0.72 on average,
and 1.5 takes two thirds of the steps that 1 takes. More momentum overshoots (measured 0.3 to 1 on video)."""


class Numbers(NamedTuple):
    """The thresholds, the largest rank allowed, where the blocks run, and how far a step goes."""

    tau_background: float
    tau_anomaly: float
    max_rank: int
    engine: Engine
    pace: Pace = VIDEO


class State(NamedTuple):
    """L = left (short, q) @ right (q, long), the L before it, and all that the next step and the stop depend on.

    `basis` (short, q) spans the subspace of the next step; `before`, `after` are the singular values of
    the last Z around the threshold. The thresholds of the next step are `level` ≥ 1 times those asked for,
    its momentum is `momentum`; `objective` is the last one at this level, `ripe` how many steps in a row
    the estimated gap has been small enough.
    """

    left: Floats
    right: Floats
    last_left: Floats
    last_right: Floats
    basis: Floats
    before: Floats
    after: Floats
    level: float = 1.0
    momentum: float = 0.0
    objective: float = math.inf
    ripe: int = 0
    iteration: int = 0

    @property
    def rank(self) -> int:
        return int(np.count_nonzero(self.after))

    @property
    def how(self) -> How:
        """The way in which the singular values were found, which is the same for every matrix."""
        return "subspace"


class Point(NamedTuple):
    """X = left @ (now @ right + before @ last_right): `left` (short, r) orthonormal, the others small."""

    left: Floats
    now: Floats
    before: Floats


class Pass(NamedTuple):
    """Sums over one block, or over all, with C = QᵀZ."""

    power: Floats  # Z Cᵀ (short, q)
    small: Floats  # C Cᵀ (q, q)
    dual_small: Floats  # QᵀY YᵀQ (q, q)
    point_small: Floats  # Gram matrix of X in the coordinates of Point.left (r, r)
    numbers: Floats  # Σ huber(M − X), ⟨M, Y⟩, ‖Y‖²


def point_of(state: State) -> Point:
    """Where the next step starts: L carried on along its last move, in the subspace of L."""
    u, sizes, _ = np.linalg.svd(state.left.astype(np.float64), full_matrices=False)
    u = u[:, : max(1, int(np.count_nonzero(sizes > sizes[0] * len(u) * np.finfo(state.left.dtype).eps)))]
    dtype = state.right.dtype
    now = (1 + state.momentum) * u.T @ state.left
    before = -state.momentum * u.T @ state.last_left
    return Point(u.astype(dtype), now.astype(dtype), before.astype(dtype))


def walk(block: Block, state: State, point: Point, numbers: Numbers, right: Floats) -> Pass:
    """One proximal gradient step on one block, before the threshold: Z = X + step·clip(M − X); C goes to `right`."""
    here = slice(block.start, block.stop)
    x = point.now @ state.right[:, here]
    if state.momentum:
        x += point.before @ state.last_right[:, here]
    inside = (state.basis.T @ point.left) @ x
    tau = state.level * numbers.tau_anomaly
    out, data = right[:, here], (block.raw, block.scale, block.offset, block.known)
    found = huber.walk(*data, point.left, x, state.basis, tau, step=numbers.pace.step, out=out)
    qy = (found.right - inside) / inside.dtype.type(numbers.pace.step)
    return Pass(
        power=found.power,
        small=gram(found.right),
        dual_small=gram(qy),
        point_small=gram(x),
        numbers=np.array([found.loss, found.inner, found.square]),
    )


def step(data: Blocks, state: State, numbers: Numbers) -> tuple[State, Record]:
    """One accelerated proximal gradient step in the carried subspace; the record is of the point it starts from."""
    point = point_of(state)
    engine = numbers.engine
    right = engine.empty((state.basis.shape[1], data.shape[1]), state.right.dtype)
    found = engine.reduce(lambda span: walk(data.read(*span), state, point, numbers, right), engine.spans(data.shape))
    loss, inner, square = found.numbers.tolist()
    proof = certificates.stable_pcp(
        loss=loss,
        nuclear=float(np.sqrt(np.maximum(np.linalg.eigvalsh(found.point_small), 0.0)).sum()),
        tau_background=numbers.tau_background * state.level,
        inner=inner,
        square=square,
        spectral=math.sqrt(max(float(np.linalg.eigvalsh(found.dual_small)[-1]), 0.0)),
        bound="estimate",
    )
    following = _next_point(threshold(state, found, right, numbers), proof.primal, numbers.pace)
    gap = proof.relative_gap if state.level == 1.0 else math.inf
    return following, Record(following.iteration, proof.primal, gap, 0.0, following.rank)


def _next_point(state: State, objective: float, pace: Pace) -> State:
    """`state` with the level and the momentum of its next step."""
    if state.level > 1.0:
        return state._replace(level=max(1.0, CONTINUATION * state.level), momentum=0.0, objective=math.inf)
    rose = objective > state.objective
    return state._replace(momentum=0.0 if rose else pace.momentum, objective=objective)


def threshold(state: State, found: Pass, right: Floats, numbers: Numbers) -> State:
    """Shrink the singular values of Z in the subspace, turn the subspace, grow it if it is full."""
    values, vectors = np.linalg.eigh(found.small)
    before, w = np.sqrt(np.maximum(values[::-1], 0.0)), vectors[:, ::-1]
    after = np.maximum(before - numbers.pace.step * state.level * numbers.tau_background, 0.0)
    after[numbers.max_rank :] = 0.0
    keep = np.divide(after, before, out=np.zeros_like(before), where=before > 0)
    dtype = state.right.dtype
    return state._replace(
        left=(state.basis.astype(np.float64) @ (w * keep) @ w.T).astype(dtype),
        right=right,
        last_left=state.left,
        last_right=state.right,
        basis=next_basis(found.power @ w, int(np.count_nonzero(after)), numbers, state.iteration).astype(dtype),
        before=before,
        after=after,
        iteration=state.iteration + 1,
    )


def next_basis(power: Floats, rank: int, numbers: Numbers, iteration: int) -> Floats:
    """Orthonormal basis of the leading columns of `power`, with fresh random directions appended."""
    short = len(power)
    spare = max(OVERSAMPLE, int(OVERSHARE * rank))
    size = min(short, rank + spare, numbers.max_rank + OVERSAMPLE)
    kept = min(power.shape[1], max(size - FRESH, 1))
    fresh = np.random.default_rng(iteration).standard_normal((short, size - kept))
    scale = np.linalg.norm(power[:, :kept], axis=0)
    columns = power[:, :kept] / np.where(scale > 0, scale, 1.0)
    return np.asarray(np.linalg.qr(np.concatenate([columns, fresh], axis=1))[0])


def init(data: Blocks, numbers: Numbers) -> State:
    """A typical sample in every row, and the strongest directions of what it leaves, both from a part of the data."""
    start = typical(data, numbers.tau_background, numbers.tau_anomaly, engine=numbers.engine)
    nothing = np.zeros(1)
    return State(
        left=start.left,
        right=start.right,
        last_left=start.left,
        last_right=start.right,
        basis=start.basis,
        before=nothing,
        after=nothing,
        level=max(1.0, CONTINUATION * start.level),
    )


def certify(data: Blocks, state: State, numbers: Numbers) -> Certificate:
    """The reported certificate of L: see :mod:`kizu.solvers.stable_proof`."""
    return prove(
        data,
        state.left,
        state.right,
        tau_background=numbers.tau_background,
        tau_anomaly=numbers.tau_anomaly,
        engine=numbers.engine,
    )


def solve(
    data: Blocks,
    numbers: Numbers,
    *,
    tol: float,
    max_iter: int,
    start: State | None = None,
    callback: Callback | None = None,
) -> Solution[State, Record]:
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
        init(data, numbers) if start is None else start,
        finished=finished,
        certify=lambda state: (state, certify(data, state, numbers)),
        max_iter=max_iter,
        callback=callback,
    )


def restarted(state: State) -> State:
    """`state` as a start under other thresholds."""
    return state._replace(level=1.0, momentum=0.0, objective=math.inf, ripe=0, iteration=0)


def empty(data: Blocks) -> State:
    """L = 0 as a start: where that is optimal, it stays."""
    short, long = data.shape
    left, right = np.zeros((short, 1), data.dtype), np.zeros((1, long), data.dtype)
    nothing, size = np.zeros(1), min(short, OVERSAMPLE)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((short, size)))[0].astype(data.dtype)
    return State(left, right, left, right, basis, nothing, nothing)
