"""Stochastic gradient descent: many short steps, each along the gradient of a few observations.

    minimise  f(A x) + g(x)      by  x⁺ = x − t_k·(m/|B|·A_Bᵀ∇f_B(A_B x) + ∇g(x)),  B a few of the m observations

Robbins & Monro 1951; t_k = t₀ / (1 + t₀·c·k) with c the curvature of g (Bottou 2012, section 5). It comes near quickly
and then wanders: the gap says how far. One step here is an epoch, every observation once, in an order that only the
seed and the epoch decide.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kizu.arrays import like, namespace
from kizu.solvers import composite, gradient_descent
from kizu.solvers.composite import MATRIX, MAX_ITER, SMOOTH, Problem, Start, Trace, demand
from kizu.solvers.gradient_descent import seen_at
from kizu.solvers.loop import Solution
from kizu.typing import Array

BATCH = 16
"""Observations of a step: few enough that an epoch has many steps, enough that a step is not all overhead."""


class State(NamedTuple):
    """x after `epoch` epochs and `steps` steps, and what was seen."""

    x: Array
    epoch: int
    steps: int
    seen: Trace


class Numbers(NamedTuple):
    """The first step size t₀, how fast it falls, observations per step, the seed of their order; ‖Aᵀ∇f(0)‖."""

    first: float
    decay: float
    batch: int
    seed: int
    steepest: float


def step(problem: Problem, x: Array, rows: Array, step_size: float) -> Array:
    """One step along the gradient of the observations `rows`."""
    part = namespace(problem.operator).take(problem.operator, rows, axis=0)
    slope = part.T @ problem.datafit.part(rows).gradient(part @ x)
    share = problem.datafit.y.shape[0] / rows.shape[0]
    return x - step_size * (share * slope + problem.penalty.gradient(x))


def epoch(problem: Problem, state: State, numbers: Numbers) -> State:
    """Every observation once."""
    x, steps = state.x, state.steps
    order = np.random.default_rng([numbers.seed, state.epoch]).permutation(problem.datafit.y.shape[0])
    step_size = numbers.first
    for begin in range(0, len(order), numbers.batch):
        rows = like(order[begin : begin + numbers.batch], problem.datafit.y)
        step_size = numbers.first / (1.0 + numbers.first * numbers.decay * steps)
        x, steps = step(problem, x, rows, step_size), steps + 1
    there = seen_at(problem, x, state.seen, steepest=numbers.steepest, step_size=step_size)
    return State(x, state.epoch + 1, steps, there.seen)


def init(problem: Problem, begun: Start) -> State:
    """Where a run begins."""
    there = gradient_descent.init(problem, begun)
    return State(there.x, 0, 0, there.seen)


def solve(
    problem: Problem,
    *,
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    batch: int = BATCH,
    seed: int = 0,
    start: Array | None = None,
    callback: Callable[[Trace], object] | None = None,
) -> Solution[State, Trace]:
    """Run at most `max_iter` epochs from `start`, or until the relative duality gap is at most `tol`.

    The first step size is safe for any single observation: 1 / (m·max‖a_i‖² + curvature of g).
    """
    demand("stochastic gradient descent", problem, SMOOTH, MATRIX)
    xp, A = namespace(problem.operator), problem.operator
    decay, begun = float(problem.penalty.curvature), composite.begin(problem, start)
    size = decay + A.shape[0] * float(xp.max(xp.sum(A**2, axis=1)))  # type: ignore[attr-defined,operator]
    numbers = Numbers(1.0 / size if size else 1.0, decay, batch, seed, begun.steepest)
    return composite.minimise(
        problem,
        lambda state: epoch(problem, state, numbers),
        init(problem, begun),
        tol=tol,
        max_iter=max_iter,
        callback=callback,
    )
