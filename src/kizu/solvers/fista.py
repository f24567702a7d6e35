"""FISTA: ISTA's step from a point ahead, which momentum reaches.

    minimise  f(A x) + g(x)      by  v = x + β·(x − x₋),  x⁺ = prox_g(v − t·Aᵀ∇f(A v), t)

Beck & Teboulle 2009, section 4: after k steps the objective is O(1/k²) above its optimum, where ISTA's is O(1/k). Where
the step turns against the momentum it starts anew (O'Donoghue & Candès 2015, the gradient scheme): strongly convex
problems then converge linearly without their constant being known.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from kizu.arrays import namespace
from kizu.operators import squared_norm
from kizu.solvers import composite, ista
from kizu.solvers.composite import CONVEX, MAX_ITER, Problem, Trace, demand
from kizu.solvers.loop import Solution
from kizu.typing import Array


class State(NamedTuple):
    """Two points, what each predicts, the momentum's counter t (1: none), and what was seen."""

    x: Array
    before: Array
    prediction: Array
    prediction_before: Array
    t: float
    seen: Trace


def ahead(state: State) -> tuple[Array, Array, float]:
    """The point that the next step starts from, what it predicts, and the next counter."""
    t = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * state.t**2))
    beta = (state.t - 1.0) / t
    point = state.x + beta * (state.x - state.before)
    return point, state.prediction + beta * (state.prediction - state.prediction_before), t


def init(problem: Problem, x: Array) -> State:
    """At x, without momentum."""
    prediction = problem.operator @ x
    pull = composite.pull(problem, prediction)
    seen = composite.look(problem, x, prediction, pull, before=composite.NOTHING, residual=0.0, step_size=0.0)
    return State(x, x, prediction, prediction, 1.0, seen)


def solve(
    problem: Problem,
    *,
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    start: Array | None = None,
    callback: Callable[[Trace], object] | None = None,
) -> Solution[State, Trace]:
    """Iterate from `start` until the relative duality gap is at most `tol` (1e-5, float32 1e-4).

    Where the penalty has no gap, until the generalised gradient is `tol` times the gradient at 0.
    """
    demand("FISTA", problem, CONVEX)
    size = squared_norm(problem.operator)
    step_size = 1.0 / size if size else 1.0
    begun = composite.begin(problem, start)

    def advance(state: State) -> State:
        point, prediction, t = ahead(state)
        pull = composite.pull(problem, prediction)
        x = ista.step(point, pull.slope, problem.penalty.prox, step_size)
        turned = float(namespace(x).sum((point - x) * (x - state.x))) > 0
        residual = composite.relative(composite.norm(x - point) / step_size, begun.steepest)
        following = problem.operator @ x
        seen = composite.look(problem, x, following, pull, before=state.seen, residual=residual, step_size=step_size)
        return State(x, state.x, following, state.prediction, 1.0 if turned else t, seen)

    return composite.minimise(problem, advance, init(problem, begun.x), tol=tol, max_iter=max_iter, callback=callback)
