"""Coordinate descent: one unknown at a time, each to its own optimum.

    minimise  ½‖y − A x‖² + g(x)      by  x_j⁺ = prox_g(x_j + q_j / ‖a_j‖², 1 / ‖a_j‖²),  q = Aᵀ(y − A x)

Friedman, Hastie & Tibshirani 2010, with the Gram matrix AᵀA, so that a move costs as much as there are unknowns and
the data are read twice in all. The objective never increases, whatever the penalty, as long as it is a sum over
entries. For L1 and its kin a step is a round of :mod:`kizu.solvers.active_set`, which visits only the unknowns that
may move; for others it is a sweep over all.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from kizu.arrays import namespace
from kizu.penalties import L1, L2, ElasticNet, NonNegativeL1, Penalty, SignedL1
from kizu.solvers import active_set, composite
from kizu.solvers.composite import MATRIX, MAX_ITER, QUADRATIC, SEPARABLE, Problem, Trace, demand
from kizu.solvers.loop import Solution
from kizu.typing import Array


class Weights(NamedTuple):
    """A penalty as positive·Σmax(x, 0) + negative·Σmax(−x, 0) + ½·ridge·‖x‖²."""

    positive: float
    negative: float
    ridge: float


KIN: dict[type[Penalty], Callable[[Any], Weights]] = {
    L1: lambda g: Weights(g.lam, g.lam, 0.0),
    NonNegativeL1: lambda g: Weights(g.lam, np.inf, 0.0),
    SignedL1: lambda g: Weights(g.positive, g.negative, 0.0),
    L2: lambda g: Weights(0.0, 0.0, g.lam),
    ElasticNet: lambda g: Weights(g.lam * g.ratio, g.lam * g.ratio, g.lam * (1.0 - g.ratio)),
}
"""The penalties that the compiled rounds know."""


class State(NamedTuple):
    """x, and what was seen there."""

    x: Array
    seen: Trace


class Products(NamedTuple):
    """AᵀA, Aᵀy and ‖y‖² of every column of y."""

    gram: Array
    correlation: Array
    square: Array


def products(problem: Problem) -> Products:
    """What the data say, once and for all."""
    A, y = problem.operator, problem.datafit.y
    return Products(A.T @ A, A.T @ y, namespace(y).sum(y**2, axis=0))


def sweep(data: Products, x: Array, penalty: Penalty) -> Array:
    """Every unknown once, in order, with any penalty that is a sum over entries."""
    xp = namespace(x)
    x, q = xp.asarray(x, copy=True), data.correlation - data.gram @ x
    for j in range(x.shape[0]):
        size = data.gram[j, j]
        if size == 0:
            continue
        best = penalty.prox(x[j, ...] + q[j, ...] / size, 1.0 / size)
        moved = best - x[j, ...]
        q = q - (data.gram[:, j] * moved if x.ndim == 1 else data.gram[:, j : j + 1] * moved[None, ...])
        x[j, ...] = best
    return x


def active_round(data: Products, x: Array, weights: Weights) -> Array:
    """One round of the active set, for every column of x on its own; the ridge is in the Gram matrix already."""
    codes = np.array(np.atleast_2d(x.T), order="C")
    correlation = np.ascontiguousarray(np.atleast_2d(data.correlation.T))
    active_set.code(
        data.gram,
        correlation,
        np.atleast_1d(data.square),
        codes,
        positive=weights.positive,
        negative=weights.negative,
        tol=0.0,
        max_rounds=1,
    )
    return codes.T.reshape(x.shape)


def init(problem: Problem, x: Array) -> State:
    """At x."""
    return _seen(problem, x, composite.NOTHING, 0.0)


def solve(
    problem: Problem,
    *,
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    start: Array | None = None,
    callback: Callable[[Trace], object] | None = None,
) -> Solution[State, Trace]:
    """Iterate from `start` until the relative duality gap is at most `tol` (1e-5, float32 1e-4).

    Where the penalty has no gap, until a step moves x by at most `tol` of its size.
    """
    demand("coordinate descent", problem, QUADRATIC, SEPARABLE, MATRIX)
    begun = composite.begin(problem, start)
    data, penalty = products(problem), problem.penalty
    known = KIN.get(type(penalty)) if isinstance(data.gram, np.ndarray) else None
    move = partial(sweep, penalty=penalty)
    if known is not None:
        weights = known(penalty)
        data = data._replace(gram=data.gram + np.asarray(weights.ridge * np.eye(len(data.gram)), data.gram.dtype))
        move = partial(active_round, weights=weights)

    def advance(state: State) -> State:
        x = move(data, state.x)
        size = composite.norm(x)
        return _seen(problem, x, state.seen, composite.norm(x - state.x) / size if size else 0.0)

    return composite.minimise(problem, advance, init(problem, begun.x), tol=tol, max_iter=max_iter, callback=callback)


def _seen(problem: Problem, x: Array, before: Trace, residual: float) -> State:
    prediction = problem.operator @ x
    near = composite.pull(problem, prediction)
    return State(x, composite.look(problem, x, prediction, near, before=before, residual=residual, step_size=0.0))
