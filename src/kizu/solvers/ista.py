"""Iterative soft thresholding (ISTA): a gradient step on the datafit, a proximal step on the penalty.

    minimise  f(A x) + g(x)      by  x⁺ = prox_g(x − t·Aᵀ∇f(A x), t),  t = 1 / ‖A‖²

Daubechies, Defrise & De Mol 2004; Beck & Teboulle 2009, section 2. The objective never increases, with penalties that
are not convex neither. The step is a layer as it stands: LISTA gives it a slope of its own.
"""

from collections.abc import Callable
from typing import NamedTuple

from kizu.operators import squared_norm
from kizu.solvers import composite
from kizu.solvers.composite import MAX_ITER, Problem, Trace, demand
from kizu.solvers.loop import Solution
from kizu.typing import Array


class State(NamedTuple):
    """x, its slope Aᵀ∇f(A x), and what was seen there."""

    x: Array
    slope: Array
    seen: Trace


def step(x: Array, slope: Array, prox: Callable[[Array, Array], Array], step_size: Array) -> Array:
    """One step downhill along `slope`, then the penalty's."""
    return prox(x - step_size * slope, step_size)


def init(problem: Problem, x: Array) -> State:
    """At x."""
    return _seen(problem, x, composite.NOTHING, 0.0, 0.0)


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
    demand("ISTA", problem)
    size = squared_norm(problem.operator)
    step_size = 1.0 / size if size else 1.0
    begun = composite.begin(problem, start)

    def advance(state: State) -> State:
        x = step(state.x, state.slope, problem.penalty.prox, step_size)
        residual = composite.relative(composite.norm(x - state.x) / step_size, begun.steepest)
        return _seen(problem, x, state.seen, residual, step_size)

    return composite.minimise(problem, advance, init(problem, begun.x), tol=tol, max_iter=max_iter, callback=callback)


def _seen(problem: Problem, x: Array, before: Trace, residual: float, step_size: float) -> State:
    prediction = problem.operator @ x
    pull = composite.pull(problem, prediction)
    seen = composite.look(problem, x, prediction, pull, before=before, residual=residual, step_size=step_size)
    return State(x, pull.slope, seen)
