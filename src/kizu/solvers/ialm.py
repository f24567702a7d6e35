"""Principal component pursuit by the inexact augmented Lagrangian method.

    minimise ‖L‖_* + lam·‖S‖₁   subject to  L + S = M on known entries

Lin, Chen & Ma (arXiv:1009.5055): L by singular value thresholding, S by soft thresholding, the
multiplier Y by the residual, mu growing. Two corrections to what is often copied: ‖·‖_∞ in the
start is the largest |entry|, and a growing mu meets the constraint without reaching the optimum.
So the certified road (:func:`solve`) ramps mu and then holds it (ADMM, which converges at any
fixed weight), moving it ever more rarely to balance the two residuals, and stops on the duality
gap; the textbook road (:func:`solve_fast`) stops on the residual alone.
An unknown entry has S free and Y = 0: its data are L itself.
"""

import math
from typing import NamedTuple

import numpy as np

from kizu.arrays import svd
from kizu.certificates import Certificate, pcp, spectral_bound
from kizu.prox import soft_threshold
from kizu.solvers.loop import Callback, Record, Solution, Stopped, run
from kizu.typing import Bools, Floats

GROWTH = 1.5
"""Factor of mu per iteration (the authors' code; the paper has 1.6)."""
HOLD = 15
"""The certified mu is held from this iteration on, at about 400 times its start."""
CEILING = 40
"""The textbook mu is held from this iteration on, at about 1e7 times its start (Lin et al.)."""
FIRST_BALANCE, RARER = 10, 1.3
"""Iterations until mu is balanced first, and how much rarer each time: in the end mu stands still."""
MOST_MOVE = 4.0
"""Largest factor of one balancing."""
PRIMAL_WEIGHT = 10.0
"""The constraint is to be met ten times better than the dual residual: the stop asks 1e-7 of it."""


class Problem(NamedTuple):
    """M with unknown entries set to 0, which entries are known (None: all), lam, and the rank limit."""

    data: Floats
    known: Bools | None
    lam: float
    max_rank: int


class State(NamedTuple):
    """Iterates and the numbers that belong to them.

    `before`, `after`: singular values around the threshold; `primal`, `dual`: relative residuals;
    `balance_at`: the iteration after which mu is balanced next, `wait`: iterations from there to the
    one after it.
    """

    background: Floats
    anomaly: Floats
    multiplier: Floats
    mu: float
    before: Floats
    after: Floats
    primal: float
    dual: float
    balance_at: int = HOLD + FIRST_BALANCE
    wait: float = FIRST_BALANCE
    iteration: int = 0

    @property
    def rank(self) -> int:
        return int(np.count_nonzero(self.after))


def init(problem: Problem) -> State:
    """Y₀ = M / max(‖M‖₂, max|M| / lam) and mu₀ = 1.25 / ‖M‖₂ (Lin et al., algorithm 5)."""
    data = problem.data
    norm = float(np.linalg.norm(data, 2))
    largest = float(np.abs(data).max())
    nothing = np.zeros_like(data)
    values = np.zeros(min(data.shape))
    multiplier = data / data.dtype.type(max(norm, largest / problem.lam))
    return State(nothing, nothing, multiplier, 1.25 / norm, values, values, math.inf, math.inf)


def step(problem: Problem, state: State) -> State:
    """One round of L, S and Y at the present mu."""
    mu = problem.data.dtype.type(state.mu)
    y_scaled = state.multiplier / mu
    target = problem.data - state.anomaly + y_scaled
    if problem.known is not None:
        target = np.where(problem.known, target, state.background)
    u, before, vh = svd(target)
    after = soft_threshold(before, 1.0 / state.mu)
    after[problem.max_rank :] = 0
    background = (u * after) @ vh
    rest = known_part(problem, problem.data - background)
    anomaly = soft_threshold(rest + y_scaled, problem.lam / state.mu)
    violation = rest - anomaly
    multiplier = state.multiplier + mu * violation
    return state._replace(
        background=background,
        anomaly=anomaly,
        multiplier=multiplier,
        before=before,
        after=after,
        primal=_norm(violation) / _norm(problem.data),
        dual=state.mu * _norm(anomaly - state.anomaly) / max(_norm(multiplier), np.finfo(float).tiny),
        iteration=state.iteration + 1,
    )


def known_part(problem: Problem, x: Floats) -> Floats:
    """`x` with unknown entries set to 0."""
    return x if problem.known is None else np.where(problem.known, x, x.dtype.type(0))


def _norm(x: Floats) -> float:
    return math.sqrt(float(np.einsum("ij,ij->", x, x, dtype=np.float64)))


def certify(problem: Problem, state: State) -> Certificate:
    """Duality gap at the feasible pair (L, M − L), in float64 (Candès et al. 2011, section 2)."""
    data, y = problem.data.astype(np.float64), state.multiplier.astype(np.float64)
    rest = known_part(problem, data - state.background)
    short = y if y.shape[0] <= y.shape[1] else y.T
    return pcp(
        nuclear=float(state.after.sum(dtype=np.float64)),
        l1=float(np.abs(rest).sum()),
        lam=problem.lam,
        inner=float(np.einsum("ij,ij->", data, y)),
        spectral=spectral_bound(short @ short.T),
        largest=float(np.abs(y).max()),
        bound=f"full Gram matrix of the short side ({len(short)}), float64",
    )


def grow(state: State, until: int) -> State:
    """The next mu of a ramp that ends at iteration `until`."""
    return state._replace(mu=state.mu * GROWTH) if state.iteration <= until else state


def balance(state: State) -> State:
    """Move mu towards equal residuals when it is due, then wait longer."""
    if state.iteration < state.balance_at:
        return state
    ratio = math.sqrt(PRIMAL_WEIGHT * state.primal / max(state.dual, np.finfo(float).tiny))
    wait = state.wait * RARER
    return state._replace(
        mu=state.mu * min(max(ratio, 1 / MOST_MOVE), MOST_MOVE), balance_at=state.iteration + int(wait), wait=wait
    )


def solve(
    problem: Problem,
    *,
    tol: float,
    feasible: float,
    max_iter: int,
    start: State | None = None,
    callback: Callback | None = None,
) -> Solution[State]:
    """Iterate until the relative gap is at most `tol` and ‖M − L − S‖ at most `feasible`·‖M‖.

    `start` continues where another run stopped.
    """

    def advance(state: State) -> tuple[State, Record]:
        following = step(problem, state)
        proof = certify(problem, following)
        record = Record(following.iteration, proof.primal, proof.relative_gap, following.primal, following.rank)
        return balance(grow(following, HOLD)), record

    def finished(state: State, record: Record) -> tuple[Stopped, Certificate] | None:
        done = record.relative_gap <= tol and record.residual <= feasible
        return ("gap", certify(problem, state)) if done else None

    return run(
        advance,
        init(problem) if start is None else start,
        finished=finished,
        certify=lambda state: certify(problem, state),
        max_iter=max_iter,
        callback=callback,
    )


def solve_fast(
    problem: Problem,
    *,
    feasible: float,
    max_iter: int,
    start: State | None = None,
    callback: Callback | None = None,
) -> Solution[State]:
    """The textbook loop: mu grows, stop at ‖M − L − S‖_F ≤ `feasible`·‖M‖_F; the gap only at the end."""

    def advance(state: State) -> tuple[State, Record]:
        following = step(problem, state)
        objective = float(following.after.sum()) + problem.lam * float(np.abs(following.anomaly).sum())
        record = Record(following.iteration, objective, math.nan, following.primal, following.rank)
        return grow(following, CEILING), record

    def finished(state: State, record: Record) -> tuple[Stopped, Certificate] | None:
        return ("feasible", certify(problem, state)) if record.residual <= feasible else None

    return run(
        advance,
        init(problem) if start is None else start,
        finished=finished,
        certify=lambda state: certify(problem, state),
        max_iter=max_iter,
        callback=callback,
    )
