"""Gradient descent: a step along the whole gradient. For penalties that have one, such as L2.

    minimise  f(A x) + g(x)      by  x⁺ = x − t·(Aᵀ∇f(A x) + ∇g(x)),  t = 1 / (‖A‖² + curvature of g)

The slope of ½x² fades with x, so x shrinks and never becomes exactly 0; that of |x| does not fade, and has no value
at 0. Where it matters, see :mod:`kizu.solvers.ista`.
"""

from collections.abc import Callable
from typing import NamedTuple

from kizu.operators import squared_norm
from kizu.solvers import composite
from kizu.solvers.composite import MAX_ITER, SMOOTH, Problem, Start, Trace, demand
from kizu.solvers.loop import Solution
from kizu.typing import Array


class State(NamedTuple):
    """x, the gradient of the whole objective there, and what was seen."""

    x: Array
    slope: Array
    seen: Trace


def step(x: Array, slope: Array, step_size: Array) -> Array:
    """One step downhill."""
    return x - step_size * slope


def init(problem: Problem, begun: Start) -> State:
    """Where a run begins."""
    return seen_at(problem, begun.x, composite.NOTHING, steepest=begun.steepest, step_size=0.0)


def solve(
    problem: Problem,
    *,
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    start: Array | None = None,
    callback: Callable[[Trace], object] | None = None,
) -> Solution[State, Trace]:
    """Iterate from `start` until the relative duality gap is at most `tol` (1e-5, float32 1e-4).

    Without a penalty, which is L2(0), there is no gap: until the gradient is `tol` times that at 0.
    """
    demand("gradient descent", problem, SMOOTH)
    size = squared_norm(problem.operator) + float(problem.penalty.curvature)
    step_size, begun = (1.0 / size if size else 1.0), composite.begin(problem, start)

    def advance(state: State) -> State:
        x = step(state.x, state.slope, step_size)
        return seen_at(problem, x, state.seen, steepest=begun.steepest, step_size=step_size)

    return composite.minimise(problem, advance, init(problem, begun), tol=tol, max_iter=max_iter, callback=callback)


def seen_at(problem: Problem, x: Array, before: Trace, *, steepest: float, step_size: float) -> State:
    """The state at x, whose residual is its gradient relative to `steepest`, that at 0."""
    prediction = problem.operator @ x
    pull = composite.pull(problem, prediction)
    whole = pull.slope + problem.penalty.gradient(x)
    residual = composite.relative(composite.norm(whole), steepest)
    seen = composite.look(problem, x, prediction, pull, before=before, residual=residual, step_size=step_size)
    return State(x, whole, seen)
