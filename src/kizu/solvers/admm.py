"""The alternating direction method of multipliers (ADMM): datafit and penalty each have a copy of their own.

    minimise  f(z) + g(w)   subject to  z = A x,  w = x

Boyd et al. 2011; the form in which both copies are split off is Parikh & Boyd 2014b (graph projection). With the first
constraint divided by ‖A‖, x solves (AᵀA/‖A‖² + I) x = Aᵀ(z − u)/‖A‖² + w − v, a system whose condition is at most 2 and
that does not change when the weight rho does: balancing the residuals (section 3.4.1 there) is free. It is done ever
more rarely, so that rho stands still in the end.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from kizu.arrays import namespace
from kizu.operators import IDENTITY, squared_norm
from kizu.solvers import composite
from kizu.solvers.composite import CONVEX, MAX_ITER, SOLVABLE, Problem, Trace, demand
from kizu.solvers.loop import Solution
from kizu.typing import Array

RELAXED = 1.6
"""Over-relaxation (Boyd et al., section 3.4.3: 1.5 to 1.8)."""
FIRST_BALANCE, RARER = 4, 1.3
"""Iterations until rho is balanced first, and how much rarer each time."""
MOST_MOVE = 10.0
"""Largest factor of one balancing."""


class State(NamedTuple):
    """The copies w of x and z of A x, their scaled multipliers v and u, rho, when it is balanced next, what was seen.

    The solution is w, which the penalty has made (sparse, low-rank); it is called x as in the other solvers.
    """

    x: Array
    z: Array
    v: Array
    u: Array
    rho: float
    balance_at: int
    wait: float
    seen: Trace


class Residuals(NamedTuple):
    """How far the constraints are from being met, and how far the copies still move, both relative."""

    primal: float
    dual: float


class Solver(NamedTuple):
    """(AᵀA/size + I)⁻¹ as two functions of one small inverse, with size = ‖A‖²."""

    size: float
    apply: Callable[[Array], Array]


def factor(problem: Problem) -> Solver:
    """The inverse on the shorter side of A: condition 2 makes an explicit one as exact as a factorisation."""
    A = problem.operator
    if A is IDENTITY:
        return Solver(1.0, lambda b: 0.5 * b)
    xp, size = namespace(A), squared_norm(A) or 1.0
    rows, columns = A.shape  # type: ignore[attr-defined]
    eye = xp.eye(min(rows, columns), dtype=A.dtype, device=A.device)  # type: ignore[attr-defined]
    if columns <= rows:
        inverse = xp.linalg.inv(A.T @ A / size + eye)
        return Solver(size, lambda b: inverse @ b)
    inverse = xp.linalg.inv(A @ A.T / size + eye)  # Woodbury
    return Solver(size, lambda b: b - A.T @ (inverse @ (A @ b)) / size)


def step(problem: Problem, solver: Solver, state: State) -> tuple[State, Residuals]:
    """x, then the copies, then the multipliers, at the state's rho."""
    A, rho = problem.operator, state.rho
    x = solver.apply(A.T @ (state.z - state.u) / solver.size + state.x - state.v)
    prediction = A @ x
    relaxed_x = RELAXED * x + (1.0 - RELAXED) * state.x
    relaxed_z = RELAXED * prediction + (1.0 - RELAXED) * state.z
    z = problem.datafit.prox(relaxed_z + state.u, solver.size / rho)
    w = problem.penalty.prox(relaxed_x + state.v, 1.0 / rho)
    u, v = state.u + relaxed_z - z, state.v + relaxed_x - w
    root = math.sqrt(solver.size)
    open_, large = _pair((prediction - z) / root, x - w), max(_pair(prediction / root, x), _pair(z / root, w))
    moved, pull = _pair((z - state.z) / root, w - state.x), _pair(u / root, v)
    residuals = Residuals(open_ / large if large else 0.0, moved / pull if pull else 0.0)
    return state._replace(x=w, z=z, u=u, v=v), residuals


def balance(state: State, residuals: Residuals) -> State:
    """Move rho towards equal residuals when it is due; the multipliers, which it scales, keep their meaning."""
    if state.seen.iteration < state.balance_at or not (residuals.primal and residuals.dual):
        return state
    ratio = min(max(math.sqrt(residuals.primal / residuals.dual), 1.0 / MOST_MOVE), MOST_MOVE)
    wait = state.wait * RARER
    return state._replace(
        rho=state.rho * ratio,
        u=state.u / ratio,
        v=state.v / ratio,
        balance_at=state.seen.iteration + math.ceil(wait),
        wait=wait,
    )


def init(problem: Problem, solver: Solver, x: Array) -> State:
    """At x, with multipliers of 0; rho = ‖A‖² weighs both copies as the data do."""
    z = problem.operator @ x
    xp = namespace(x)
    zero = State(x, z, xp.zeros_like(x), xp.zeros_like(z), solver.size, FIRST_BALANCE, FIRST_BALANCE, composite.NOTHING)
    return zero._replace(seen=_look(problem, zero, 0.0))


def solve(
    problem: Problem,
    *,
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    start: Array | None = None,
    callback: Callable[[Trace], object] | None = None,
) -> Solution[State, Trace]:
    """Iterate from `start` until the relative duality gap is at most `tol` (1e-5, float32 1e-4).

    Where the penalty has no gap, until both residuals are at most `tol`.
    """
    demand("ADMM", problem, CONVEX, SOLVABLE)
    begun, solver = composite.begin(problem, start), factor(problem)

    def advance(state: State) -> State:
        moved, residuals = step(problem, solver, state)
        following = moved._replace(seen=_look(problem, moved, max(residuals)))
        return balance(following, residuals)

    return composite.minimise(
        problem, advance, init(problem, solver, begun.x), tol=tol, max_iter=max_iter, callback=callback
    )


def _look(problem: Problem, state: State, residual: float) -> Trace:
    prediction = problem.operator @ state.x
    near = composite.pull(problem, prediction)
    return composite.look(
        problem, state.x, prediction, near, before=state.seen, residual=residual, step_size=1.0 / state.rho
    )


def _pair(one: Array, other: Array) -> float:
    return math.hypot(composite.norm(one), composite.norm(other))
