"""How :func:`kizu.sparse_code` is solved: each sample on its own by coordinates, or all together as columns.

The elastic net is the lasso of longer rows, [D, √ridge·I] and [y, 0] (Zou & Hastie 2005): one algorithm and one duality
gap serve both.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kizu.datafits import Quadratic
from kizu.penalties import L1, NonNegativeL1
from kizu.solvers import active_set, admm, fista, ista
from kizu.solvers.composite import Problem
from kizu.typing import Floats

TIGHTER = 4.0
"""Samples that are not proven yet when all together are: their gap is asked for so many times smaller."""


class Task(NamedTuple):
    """Y (samples, features) scaled by 2**−exponent, D (atoms, features), weights in that scale."""

    Y: Floats
    D: Floats
    l1: float
    ridge: float
    positive: bool
    tol: float
    max_iter: int


def _by_coordinates(task: Task, codes: Floats) -> tuple[Floats, Floats]:
    found = active_set.encode(
        task.Y,
        task.D,
        codes,
        positive=task.l1,
        negative=np.inf if task.positive else task.l1,
        ridge=task.ridge,
        tol=task.tol,
        max_rounds=task.max_iter,
    )
    return found.primal, found.relative_gap


def _by_columns(module: Any) -> Callable[[Task, Floats], tuple[Floats, Floats]]:
    """A solver that takes all samples as the columns of one problem; those not proven then go on together."""

    def encode(task: Task, codes: Floats) -> tuple[Floats, Floats]:
        wide, longer = _stacked(task)
        penalty = NonNegativeL1(task.l1) if task.positive else L1(task.l1)
        objective, gap = proofs(longer, wide, codes, task)
        tol, left = task.tol, task.max_iter
        while left > 0 and (open_ := np.flatnonzero(~(gap <= task.tol))).size:
            problem = Problem(Quadratic(longer[open_].T), penalty, wide.T)
            found = module.solve(problem, tol=tol, max_iter=left, start=codes[open_].T)
            codes[open_] = found.state.x.T
            objective[open_], gap[open_] = proofs(longer[open_], wide, codes[open_], task)
            tol, left = tol / TIGHTER, left - max(1, len(found.history))
        return objective, gap

    return encode


def _stacked(task: Task) -> tuple[Floats, Floats]:
    """Dictionary and samples of the lasso that the elastic net is."""
    if task.ridge == 0:
        return task.D, task.Y
    eye = np.sqrt(task.ridge) * np.eye(len(task.D), dtype=task.D.dtype)
    return np.hstack([task.D, eye.astype(task.D.dtype)]), np.pad(task.Y, ((0, 0), (0, len(task.D))))


def proofs(Y: Floats, D: Floats, codes: Floats, task: Task) -> tuple[Floats, Floats]:
    """Objective and relative gap of every sample's lasso, in float64: its residual scaled into the dual's set."""
    rest = Y - codes.astype(np.float64) @ D
    pull = rest @ D.T
    largest = np.maximum((pull if task.positive else np.abs(pull)).max(axis=1), np.finfo(np.float64).tiny)
    square = (rest**2).sum(axis=1)
    inner = (rest * Y).sum(axis=1)
    primal = 0.5 * square + task.l1 * np.abs(codes).sum(axis=1)
    scale = np.clip(inner / np.where(square > 0, square, 1.0), 0.0, np.minimum(1.0, task.l1 / largest))
    dual = scale * inner - 0.5 * scale**2 * square
    return primal, np.where(primal > 0, np.maximum(primal - dual, 0.0) / np.where(primal > 0, primal, 1.0), 0.0)


SOLVERS: dict[str, Callable[[Task, Floats], tuple[Floats, Floats]]] = {
    "coordinate_descent": _by_coordinates,
    "fista": _by_columns(fista),
    "ista": _by_columns(ista),
    "admm": _by_columns(admm),
}
