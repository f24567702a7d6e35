"""Stable principal component pursuit at a small fixed rank, exact about missing entries.

    minimise over U (short, r), C (r, long)   Σ huber(M − UC; tau_anomaly) + tau_background/2·(‖U‖² + ‖C‖²)

At its minimum this is stable PCP itself, wherever r is not too small: ½(‖U‖² + ‖C‖²) ≥ ‖UC‖_* with
equality for the balanced factors (Srebro & Shraibman 2005; Mazumder, Hastie & Tibshirani 2010).
A proximal step on L fills what is missing with its own guess and moves a column of which a share p
is known by p of the way. Here every column, and every row, solves its own r × r system on the entries
that it has, so that a pixel that is covered most of the time is settled as fast as any other:

    C_p ← C_p + ω·(Σ w·u uᵀ + tau)⁻¹ (Uᵀ y_p − tau·C_p),   y = w·(M − UC),  w = min(1, tau_anomaly/|M − UC|)

(w = 0 where unknown) and rows likewise: the Huber loss is majorised by the parabola of weight w that
touches it (iteratively reweighted least squares, Huber 1981), and a parabola does not rise over any
0 < ω < 2 of the way to its minimum and beyond, so the objective never increases.
"""

from typing import NamedTuple

import numpy as np

from kizu.certificates import Certificate
from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import Blocks
from kizu.lowrank.factored import gram
from kizu.lowrank.weighted import Pass, Thresholds, systems, walk
from kizu.solvers.loop import Callback, Record, Solution, Stopped, run
from kizu.solvers.stable_proof import prove
from kizu.typing import Floats

RELAXED = 1.4
"""ω: on video 1 takes a third more steps to the same gap, 1.6 as many as 1.4 and its start is worse."""
VANISHED = 1e-4
"""A singular value below this share of tau_background is on its way to 0."""


class Numbers(NamedTuple):
    """The two thresholds, and where the blocks run."""

    tau_background: float
    tau_anomaly: float
    engine: Engine


class State(NamedTuple):
    """left (short, r) @ right (r, long), balanced: both Gram matrices are diag(`sizes`).

    `sizes` are the singular values of the product, largest first; `ripe` says how many steps in a row
    the estimated gap has been small enough.
    """

    left: Floats
    right: Floats
    sizes: Floats
    iteration: int = 0
    ripe: int = 0

    def rank(self, numbers: Numbers) -> int:
        return int(np.count_nonzero(self.sizes > VANISHED * numbers.tau_background))


def start_at(left: Floats, right: Floats) -> State:
    """The state whose background is left (short, r) @ right (r, long)."""
    return State(*balanced(left, right))


def step(data: Blocks, state: State, numbers: Numbers) -> tuple[State, Record]:
    """One round: all columns, then all rows, then the factors balanced.

    The record has the objective and the gap of the state before the round, in which Y is taken to be
    feasible: then primal − dual = tau_background·‖L‖_* − ⟨L, Y⟩. Where the rank does not suffice Y is
    not, and only the certificate shows it.
    """
    left, right = state.left, state.right
    chosen = Thresholds(numbers.tau_anomaly, numbers.tau_background, RELAXED)

    def one(span: tuple[int, int]) -> Pass:
        return walk(data.read(*span), left, right[:, slice(*span)], chosen)

    parts = numbers.engine.map(one, numbers.engine.spans(data.shape))
    target = np.sum([part.target for part in parts], axis=0)
    grams = np.sum([part.gram for part in parts], axis=0)
    rows = np.linalg.solve(systems(grams, left.shape[1], numbers.tau_background), target[..., None])[..., 0]
    new_left = left + RELAXED * (rows - left)
    new_right = np.concatenate([part.right for part in parts], axis=1)
    following = State(*balanced(new_left, new_right), state.iteration + 1)
    nuclear = numbers.tau_background * float(state.sizes.sum())
    objective = sum(part.loss for part in parts) + nuclear
    gap = (nuclear - sum(part.inner for part in parts)) / objective if objective > 0 else 0.0
    return following, Record(following.iteration, objective, gap, 0.0, following.rank(numbers))


def solve(
    data: Blocks, start: State, numbers: Numbers, *, tol: float, max_iter: int, callback: Callback | None = None
) -> Solution[State, Record]:
    """Iterate from `start` until the certified relative gap is at most `tol`.

    The estimated gap only decides when the full certificate is worth its pass: at the first, second,
    fourth, eighth … step in a row at which it is small enough.
    """

    def advance(state: State) -> tuple[State, Record]:
        following, record = step(data, state, numbers)
        return following._replace(ripe=state.ripe + 1 if record.relative_gap <= tol else 0), record

    def certify(state: State) -> Certificate:
        return prove(
            data,
            state.left,
            state.right,
            tau_background=numbers.tau_background,
            tau_anomaly=numbers.tau_anomaly,
            engine=numbers.engine,
        )

    def finished(state: State, _: Record) -> tuple[Stopped, Certificate] | None:
        if state.ripe.bit_count() != 1:
            return None
        proof = certify(state)
        return ("gap", proof) if proof.relative_gap <= tol else None

    return run(
        advance,
        start,
        finished=finished,
        certify=lambda state: (state, certify(state)),
        max_iter=max_iter,
        callback=callback,
    )


def balanced(left: Floats, right: Floats) -> tuple[Floats, Floats, Floats]:
    """(left, right, sizes): factors of the same product with equal Gram matrices diag(sizes)."""
    u, upper = np.linalg.qr(left.astype(np.float64))
    values, w = np.linalg.eigh(upper @ gram(right) @ upper.T)
    sizes, w = np.sqrt(np.maximum(values, 0.0))[::-1], w[:, ::-1]
    root = np.sqrt(sizes)
    back = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    turn = (back[:, None] * w.T) @ upper
    return ((u @ w) * root).astype(right.dtype), turn.astype(right.dtype) @ right, sizes
