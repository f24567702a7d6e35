"""What the solvers of one kind of problem share: how it is stated, judged and stopped, and what they need of it.

    minimise  f(A x) + g(x)      f a datafit, g a penalty, A an operator

A convex problem stops on its duality gap. For θ = −∇f(A x), scaled so that g*(Aᵀθ) is finite, ⟨θ, y⟩ − ½‖θ‖² − g*(Aᵀθ)
bounds the optimum from below; the best bound so far counts. Where g* has no formula, or g is not convex, a solver
stops where the point stands still: that is `stopped = "stationary"`, and not called converged.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from kizu.arrays import floating, namespace
from kizu.certificates import Certificate, certificate
from kizu.datafits import Datafit, Quadratic
from kizu.errors import IncompatibleError, ParameterError, ShapeError
from kizu.operators import IDENTITY, Operator, is_matrix
from kizu.penalties import Penalty
from kizu.solvers.loop import Solution, Stopped, run
from kizu.typing import Array

MAX_ITER = 10_000
TOL, TOL_SINGLE = 1e-5, 1e-4
"""Relative gap asked for by default; float32 sums do not know it better."""

BOUND = "the residual, scaled into the dual's set"


class Problem(NamedTuple):
    """f(A x) + g(x). The operator is a matrix (observations, unknowns), a SciPy `LinearOperator`, or the identity."""

    datafit: Datafit
    penalty: Penalty
    operator: Operator = IDENTITY


class Trace(NamedTuple):
    """One iteration, as the history keeps it and a callback sees it.

    `dual` is the best lower bound so far (−∞ while there is none), `relative_gap` what it proves of this point.
    `residual` says how far from a stationary point x was, in the solver's own measure; `support` counts non-zeros.
    """

    iteration: int
    objective: float
    dual: float
    relative_gap: float
    residual: float
    support: int
    step_size: float


NOTHING = Trace(-1, math.inf, -math.inf, math.inf, math.inf, 0, 0.0)
"""What was seen before the first point."""


class Traced(Protocol):
    """A solver's state: the point, and what was seen of it."""

    @property
    def x(self) -> Array: ...

    @property
    def seen(self) -> Trace: ...


State = TypeVar("State", bound=Traced)


class Pull(NamedTuple):
    """How the data pull: ∇f(z) at a prediction z, and Aᵀ∇f(z), which is the slope of f(A x) where z = A x."""

    gradient: Array
    slope: Array


def pull(problem: Problem, prediction: Array) -> Pull:
    gradient = problem.datafit.gradient(prediction)
    return Pull(gradient, problem.operator.T @ gradient)


class Start(NamedTuple):
    """Where a solver starts, and the length of the slope at 0, which residuals are relative to."""

    x: Array
    steepest: float


def begin(problem: Problem, start: Array | None) -> Start:
    """At `start`, or 0; refuses what is not finite or does not fit."""
    y = problem.datafit.y
    slope = pull(problem, namespace(y).zeros_like(y)).slope
    steepest = norm(slope)
    if not math.isfinite(steepest):
        raise ShapeError(
            "Aᵀ∇f(0) is not finite: the data or the operator have entries that are NaN, infinite or huge",
            "Use the Masked datafit for unknown entries, and scale huge ones",
            where="y",
        )
    if start is None:
        return Start(namespace(slope).zeros_like(slope), steepest)
    x = floating(start)
    if tuple(x.shape) != tuple(slope.shape) or not math.isfinite(norm(x)):
        raise ShapeError(
            f"start has shape {tuple(x.shape)}", f"Give finite numbers of shape {tuple(slope.shape)}", where="start"
        )
    return Start(x, steepest)


def look(
    problem: Problem,
    x: Array,
    prediction: Array,
    near: Pull,
    *,
    before: Trace,
    residual: float,
    step_size: float,
) -> Trace:
    """What is seen of x, whose prediction is A x. The lower bound is made of the pull there or `near`."""
    objective = float(problem.datafit.value(prediction)) + float(problem.penalty.value(x))
    dual = max(before.dual, lower_bound(problem, -near.gradient, -near.slope))
    gap = certificate(objective, dual, bound=BOUND).relative_gap
    support = int(namespace(x).count_nonzero(x))
    return Trace(before.iteration + 1, objective, dual, gap, residual, support, step_size)


def lower_bound(problem: Problem, theta: Array, correlation: Array) -> float:
    """The dual value at θ and Aᵀθ, scaled as far as g* is finite; −∞ where g* is not known."""
    found = problem.penalty.conjugate(correlation) if problem.penalty.convex else None
    if found is None:
        return -math.inf
    scale, square = float(found.scale), float(namespace(theta).sum(theta**2))
    return scale * float(problem.datafit.inner(theta)) - 0.5 * scale**2 * square - float(found.value)


def relative(length: float, steepest: float) -> float:
    """`length` of a gradient relative to that at 0; 0 where there is none."""
    return length / steepest if steepest else 0.0


def norm(x: Array) -> float:
    """‖x‖ of all entries."""
    xp = namespace(x)
    return math.sqrt(float(xp.sum(x**2)))


def minimise(
    problem: Problem,
    advance: Callable[[State], State],
    state: State,
    *,
    tol: float | None,
    max_iter: int,
    callback: Callable[[Trace], object] | None,
) -> Solution[State, Trace]:
    """Repeat `advance` until the relative gap, or the residual where there is no gap, is at most `tol`."""
    limit = tolerance(problem, tol)
    if not (isinstance(max_iter, int) and max_iter >= 0):
        raise ParameterError("max_iter", max_iter, "a whole number of at least 0")
    if state.seen.relative_gap <= limit:  # nothing to do, as for data of zeros
        return Solution(state, (), proof(state.seen), "gap")

    def finished(_: State, seen: Trace) -> tuple[Stopped, Certificate] | None:
        if seen.relative_gap <= limit:
            return "gap", proof(seen)
        if math.isnan(seen.objective):
            return "not_finite", proof(seen)
        return ("stationary", proof(seen)) if seen.dual == -math.inf and seen.residual <= limit else None

    def step(state: State) -> tuple[State, Trace]:
        following = advance(state)
        return following, following.seen

    return run(
        step,
        state,
        finished=finished,
        certify=lambda state: (state, proof(state.seen)),
        max_iter=max_iter,
        callback=callback,
    )


def proof(seen: Trace) -> Certificate:
    return certificate(seen.objective, seen.dual, bound=BOUND)


def tolerance(problem: Problem, tol: float | None) -> float:
    """`tol`, or what the type of the data allows."""
    if tol is None:
        return default_tolerance(problem.datafit.y)
    if not (isinstance(tol, int | float) and tol >= 0):
        raise ParameterError("tol", tol, "a number of at least 0, or None for the default")
    return tol


def default_tolerance(y: Array) -> float:
    """1e-5, or 1e-4 where the type of the data has fewer digits than double precision."""
    return TOL if float(namespace(y).finfo(y.dtype).eps) < TOL**2 else TOL_SINGLE


class Need(NamedTuple):
    """Something that a solver asks of a problem, and what to do where it is not met."""

    what: str
    met: Callable[[Problem], bool]
    instead: str


SMOOTH = Need(
    "a penalty with a gradient",
    lambda problem: bool(problem.penalty.curvature < math.inf),
    "Use ISTA, FISTA, ADMM or coordinate descent, which take its proximal operator",
)
CONVEX = Need(
    "a convex penalty",
    lambda problem: problem.penalty.convex,
    "Use ISTA or coordinate descent, which find a stationary point",
)
SEPARABLE = Need(
    "a penalty that is a sum over entries", lambda problem: problem.penalty.separable, "Use ISTA, FISTA or ADMM"
)
QUADRATIC = Need(
    "the quadratic datafit", lambda problem: isinstance(problem.datafit, Quadratic), "Use ISTA, FISTA or ADMM"
)
MATRIX = Need(
    "the operator as a matrix", lambda problem: is_matrix(problem.operator), "Use ISTA or FISTA, which only apply it"
)
SOLVABLE = Need(
    "the operator as a matrix, or the identity",
    lambda problem: problem.operator is IDENTITY or is_matrix(problem.operator),
    "Use ISTA or FISTA, which only apply it",
)


def demand(solver: str, problem: Problem, *needs: Need) -> None:
    """Refuse a problem that `solver` cannot work on, by name, before anything is computed."""
    _check(problem)
    has = ", ".join(type(part).__name__ for part in problem)
    for need in needs:
        if not need.met(problem):
            raise IncompatibleError(f"needs {need.what}, and the problem is ({has})", need.instead, where=solver)


def _check(problem: Problem) -> None:
    """Three parts, each what it is called, that fit together."""
    datafit, penalty, operator = problem
    if not isinstance(datafit, Datafit):
        raise ParameterError("datafit", datafit, "a datafit, such as Quadratic(y)")
    if not isinstance(penalty, Penalty):
        raise ParameterError("penalty", penalty, "a penalty, such as L1(0.1)")
    if operator is IDENTITY:
        return
    shape = tuple(getattr(operator, "shape", ()))
    if len(shape) != 2:
        what = f"a {type(operator).__name__}" + (f" of shape {shape}" if shape else "")
        raise ShapeError(f"got {what}", "Give a matrix (observations, unknowns) or a LinearOperator", where="operator")
    if not datafit.y.ndim or shape[0] != datafit.y.shape[0]:
        raise ShapeError(
            f"the operator predicts {shape[0]} numbers, the data have shape {tuple(datafit.y.shape)}",
            "Give an operator (observations, unknowns) with as many rows as y",
            where="operator",
        )
