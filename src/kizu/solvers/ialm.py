"""Principal component pursuit by the inexact augmented Lagrangian method, on one state matrix.

    minimise ‖L‖_* + lam·‖S‖₁   subject to  L + S = M on known entries

Lin, Chen & Ma (arXiv:1009.5055): L by singular value thresholding of Z = M − S + Y/mu at 1/mu, S by
soft thresholding, the multiplier Y by the residual, mu growing. Their S and Y are two sides of one
matrix W = Y + mu·S: Y = clip(W, ±lam), S = (W − Y)/mu. So W is all that is kept as large as the data;
L = left·(uᵀZ) is made block by block, and the same pass gives what the next left and u follow from
(:mod:`kizu.lowrank.threshold` says in which of three ways).

A growing mu meets the constraint without reaching the optimum. So the certified road (:func:`solve`)
ramps mu and then holds it (over-relaxed ADMM, which converges at any fixed weight), moving it ever more
rarely to balance the two residuals, and stops on the duality gap; the textbook road
(:func:`solve_fast`) stops on the residual alone.
"""

import math
from typing import NamedTuple

import numpy as np

import kizu.solvers.ialm_pass as passes
from kizu.certificates import Certificate
from kizu.engines.protocol import Engine
from kizu.lowrank.augmented import Numbers
from kizu.lowrank.blocks import Blocks
from kizu.lowrank.threshold import How, Spectrum, carried, choose
from kizu.solvers.ialm_pass import Background
from kizu.solvers.loop import Callback, Record, Solution, Stopped, run
from kizu.typing import Floats

GROWTH = 1.5
"""Factor of mu per iteration (the authors' code; the paper has 1.6)."""
HOLD = 16
"""The certified mu is held from this iteration on, at about 650 times its start."""
CEILING = 40
"""The textbook mu is held from this iteration on, at about 1e7 times its start (Lin et al.)."""
RELAXED = 1.8
"""Over-relaxation of the certified road (Eckstein & Bertsekas 1992): a third fewer iterations on noisy video."""
FIRST_BALANCE, RARER = 10, 1.3
"""Iterations until mu is balanced first, and how much rarer each time: in the end mu stands still."""
MOST_MOVE = 4.0
"""Largest factor of one balancing."""
PRIMAL_WEIGHT = 30.0
"""The constraint is to be met so many times better than the dual residual. Measured: noisy video wants 100, noise
alone 3, the others do not mind."""
PROOF_EVERY = 8
"""A proof costs a third of an iteration: one in eighth as many iterations as have been, or when it is due."""


class Problem(NamedTuple):
    """M in blocks, lam, the rank limit, and the share of entries that are known."""

    data: Blocks
    lam: float
    max_rank: int
    share_known: float


class State(NamedTuple):
    """W, the spectrum that the next threshold is taken of, and the numbers that belong to them.

    `w` (short, long) holds L at unknown entries; a step changes it in place, so a state is stepped from
    once. `vectors` (short, k) and `before` (k,) are the leading singular ones of the Z that follows from
    W, found in the way `how`, and `after` their values above the threshold. `weight` is the mu that W
    was written with, `mu` that of the next step. `primal`, `dual`: relative residuals; `balance_at`: the
    iteration after which mu is balanced next, `wait`: iterations from there to the one after it.
    `proof` is the certificate of L = left @ `right` (r, long), where it was made; `gap` was proven last, at
    iteration `gap_at`, and the next proof is due at `prove_at`. `norm` = ‖M‖_F. The certified mu is held from
    iteration `hold` on.
    """

    w: Floats
    vectors: Floats
    before: Floats
    after: Floats
    how: How
    weight: float
    mu: float
    norm: float
    primal: float = math.inf
    dual: float = math.inf
    balance_at: int = HOLD + FIRST_BALANCE
    wait: float = FIRST_BALANCE
    prove_at: int = HOLD
    gap: float = math.inf
    gap_at: int = 0
    iteration: int = 0
    hold: int = HOLD
    right: Floats | None = None
    proof: Certificate | None = None

    @property
    def rank(self) -> int:
        return int(np.count_nonzero(self.after))

    @property
    def background(self) -> Background:
        """The factors of the next L; one of its columns is 0 where the rank is."""
        kept = max(1, self.rank)
        u = self.vectors[:, :kept]
        share = self.after[:kept] / np.where(self.before[:kept] > 0, self.before[:kept], 1.0)
        return Background((u * share).astype(self.w.dtype), u.astype(self.w.dtype))


def init(problem: Problem, engine: Engine) -> State:
    """L = 0, Y₀ = M / max(‖M‖₂, max|M| / lam), mu₀ = 1.25 / ‖M‖₂ (Lin et al., algorithm 5), and the first S of these.

    ‖·‖_∞ of the paper is the largest |entry|. Without that first S the first L of a matrix with many
    large outliers has several times the rank of the last.
    """
    found, largest, square = passes.measure(problem.data, engine, problem.max_rank)
    norm = float(found.values[0])
    mu = 1.25 / norm
    w = passes.begin(problem.data, engine, 1.0 / max(norm, largest / problem.lam) + mu)
    spectrum = passes.look(problem.data, engine, w, Numbers(mu, mu, mu, problem.lam), found)
    after = shrunk(spectrum, mu, problem)
    return State(w, spectrum.vectors, spectrum.values, after, spectrum.how, mu, mu, math.sqrt(square))


def restarted(problem: Problem, engine: Engine, state: State) -> State:
    """Where a run stopped, as a start under another lam: W and mu as they are, without the ramp. `state` is used up.

    The clip at the new lam divides the same W anew, which moves no entry of S by more than the change of lam / mu.
    """
    seen = Spectrum(state.vectors, state.before, state.how)
    numbers = Numbers(state.weight, state.mu, state.mu, problem.lam)
    found = passes.look(problem.data, engine, state.w, numbers, seen)
    return State(
        *(state.w, found.vectors, found.values, shrunk(found, state.mu, problem), found.how),
        *(state.weight, state.mu, state.norm),
        balance_at=FIRST_BALANCE,
        prove_at=1,
        hold=0,
    )


def shrunk(spectrum: Spectrum, mu: float, problem: Problem) -> Floats:
    """The singular values after the threshold 1/mu and the rank limit."""
    after: Floats = np.maximum(spectrum.values - 1.0 / mu, 0.0)
    after[problem.max_rank :] = 0.0
    return after


def step(
    problem: Problem, engine: Engine, state: State, following: State, *, relax: float = 1.0
) -> tuple[State, Record]:
    """One round of L and W at `state.mu`, and the spectrum of the next Z at `following.mu`, in one pass.

    `following` is `state` with what :func:`grow` or :func:`balance` has decided for the step after.
    """
    how = choose(problem.data.shape, state.rank)
    seen = Spectrum(state.vectors, state.before, state.how)
    basis = carried(seen, state.rank, state.iteration, most=problem.max_rank)
    numbers = Numbers(state.weight, state.mu, following.mu, problem.lam, relax)
    spectrum, sums = passes.advance(problem.data, engine, state.w, state.background, numbers, how, basis)
    after = shrunk(spectrum, following.mu, problem)
    moved_unknown = (1.0 - problem.share_known) * _distance(state.after, after)
    tiny = float(np.finfo(float).tiny)
    moved = following._replace(
        vectors=spectrum.vectors,
        before=spectrum.values,
        after=after,
        how=spectrum.how,
        weight=state.mu,
        primal=math.sqrt(sums.open) / max(state.norm, tiny),
        dual=state.mu * math.sqrt(sums.moved + moved_unknown) / max(math.sqrt(sums.square), tiny),
        iteration=state.iteration + 1,
        right=None,
        proof=None,
    )
    objective = float(after.sum()) + problem.lam * sums.sparse
    return moved, Record(moved.iteration, objective, math.nan, moved.primal, moved.rank)


def _distance(one: Floats, other: Floats) -> float:
    """Σ (difference)² of two lists of singular values: at most ‖difference‖²_F of their matrices (Mirsky 1960).

    Where an entry is unknown S moves as L does, which no pass sums up. Without it the dual residual is 0 wherever S
    is, and mu would be balanced up until L stands still.
    """
    longer = max(len(one), len(other))
    return float(np.square(np.pad(one, (0, longer - len(one))) - np.pad(other, (0, longer - len(other)))).sum())


def grow(state: State, until: int) -> State:
    """The next mu of a ramp that ends at iteration `until`."""
    return state._replace(mu=state.mu * GROWTH) if state.iteration < until else state


def balance(state: State) -> State:
    """Move mu towards equal residuals when it is due, then wait longer; where S stands still there is no second one."""
    if state.iteration < state.balance_at or state.dual == 0.0:
        return state
    ratio = math.sqrt(PRIMAL_WEIGHT * state.primal / max(state.dual, float(np.finfo(float).tiny)))
    wait = state.wait * RARER
    return state._replace(
        mu=state.mu * min(max(ratio, 1 / MOST_MOVE), MOST_MOVE), balance_at=state.iteration + int(wait), wait=wait
    )


def certify(problem: Problem, engine: Engine, state: State) -> tuple[State, Certificate]:
    """`state` with the next L and its proof, and that proof."""
    numbers = Numbers(state.weight, state.mu, state.mu, problem.lam)
    proof, right = passes.prove(problem.data, engine, state.w, state.background, numbers)
    return state._replace(right=right, proof=proof), proof


def scheduled(state: State, gap: float, tol: float) -> State:
    """`state` after a proof of `gap`, with the next one where the gap, falling on like this, reaches `tol`."""
    passed, most = state.iteration - state.gap_at, max(1, state.iteration // PROOF_EVERY)
    wait = most
    if tol < gap < state.gap < math.inf:
        wait = min(2 * most, max(1, math.ceil(passed * math.log(gap / tol) / math.log(state.gap / gap))))
    if state.how == "svd":  # then a proof costs nothing
        wait = 1
    return state._replace(gap=gap, gap_at=state.iteration, prove_at=state.iteration + wait)


def solve(
    problem: Problem,
    engine: Engine,
    *,
    tol: float,
    feasible: float,
    max_iter: int,
    start: State | None = None,
    callback: Callback | None = None,
) -> Solution[State, Record]:
    """Iterate until the relative gap is at most `tol` and ‖M − L − S‖ at most `feasible`·‖M‖.

    `start` continues where another run stopped, which is then used up. Between proofs the records have
    no gap.
    """

    def advance(state: State) -> tuple[State, Record]:
        following, record = step(problem, engine, state, balance(grow(state, state.hold)), relax=RELAXED)
        if following.iteration < following.prove_at or following.primal > feasible:
            return following, record
        proven, proof = certify(problem, engine, following)
        gap = proof.relative_gap
        return scheduled(proven, gap, tol), record._replace(relative_gap=gap, objective=proof.primal)

    def finished(state: State, record: Record) -> tuple[Stopped, Certificate] | None:
        return ("gap", state.proof) if state.proof is not None and record.relative_gap <= tol else None

    return run(
        advance,
        init(problem, engine) if start is None else start,
        finished=finished,
        certify=lambda state: certify(problem, engine, state),
        max_iter=max_iter,
        callback=callback,
    )


def solve_fast(
    problem: Problem,
    engine: Engine,
    *,
    feasible: float,
    max_iter: int,
    start: State | None = None,
    callback: Callback | None = None,
) -> Solution[State, Record]:
    """The textbook loop: mu grows, stop at ‖M − L − S‖_F ≤ `feasible`·‖M‖_F; the gap only at the end."""

    def advance(state: State) -> tuple[State, Record]:
        following, record = step(problem, engine, state, grow(state, CEILING))
        return (certify(problem, engine, following)[0] if following.primal <= feasible else following), record

    def finished(state: State, _: Record) -> tuple[Stopped, Certificate] | None:
        return None if state.proof is None else ("feasible", state.proof)

    return run(
        advance,
        init(problem, engine) if start is None else start,
        finished=finished,
        certify=lambda state: certify(problem, engine, state),
        max_iter=max_iter,
        callback=callback,
    )
