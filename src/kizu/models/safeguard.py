"""A guarantee for codes that a network found: no sample is explained worse than by as many steps of FISTA.

    minimise  ½‖y − x D‖² + lam·‖y‖·‖x‖₁      for every row y of Y on its own

Of the network's codes and those of FISTA, each sample keeps the ones whose objective is lower. To check every step
instead would undo what was learned, since good learned steps are not monotone. Either way the duality gap says how far
below the optimum may be; `polished` goes on until it is small.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kizu.arrays import like, to_numpy
from kizu.errors import ShapeError
from kizu.models.sparse_code import SparseCodes, checked, sparse_code
from kizu.models.sparse_solvers import Task, proofs
from kizu.operators import squared_norm
from kizu.parameters import Parameter
from kizu.penalties import L1
from kizu.solvers import fista, ista
from kizu.solvers.composite import NOTHING, default_tolerance
from kizu.typing import Array, Bools, Floats


@dataclass(frozen=True, eq=False)
class SafeCodes(SparseCodes):
    """Sparse codes, of which `learned` (samples,) says whose are the network's; the others are FISTA's."""

    learned: Bools


class Units(NamedTuple):
    """Samples divided by their lengths (samples, features), and the lengths (samples, 1); a sample of zeros has 1."""

    samples: Floats
    scale: Floats


def units(Y: Floats) -> Units:
    """Rows of Y at length 1. Lengths are those in float64, which the squares of float32 fit in."""
    peak = np.abs(Y).max(axis=1, keepdims=True)
    peak = np.where(peak > 0, peak, 1.0).astype(np.float64)
    length = peak * np.linalg.norm(Y / peak, axis=1, keepdims=True)
    length[length == 0] = 1.0
    return Units((Y / length).astype(Y.dtype), length)


def safeguard(Y: Array, D: Array, codes: Array, *, lam: float, steps: int) -> SafeCodes:
    """The better of `codes` and `steps` steps of FISTA, sample by sample.

    Parameters
    ----------
    Y : array (samples, features)
    D : array (atoms, features), the dictionary
    codes : array (samples, atoms) from anywhere; those that are not finite lose
    lam : weight of the penalty relative to the length of each sample
    steps : how many of FISTA's, as many as the network has layers

    Returns
    -------
    SafeCodes, whose objectives and gaps are those of the lasso above
    """
    given, dictionary = checked(Y, D)
    found = np.asarray(to_numpy(codes))
    if found.shape != (len(given), len(dictionary)):
        raise ShapeError(
            f"codes have shape {found.shape}", f"Give {(len(given), len(dictionary))}, samples × atoms", where="codes"
        )
    unit = units(given)
    task = Task(unit.samples, dictionary, lam, 0.0, False, default_tolerance(given), steps)
    with np.errstate(all="ignore"):  # what a broken network found may be anything
        proposed = (found / unit.scale).astype(given.dtype)
        objective = proofs(unit.samples, dictionary, np.where(np.isfinite(proposed), proposed, 0.0), task)[0]
    objective[~(np.isfinite(proposed).all(axis=1) & np.isfinite(objective))] = np.inf
    classical = fista_steps(unit.samples, dictionary, lam, steps)
    learned = objective <= proofs(unit.samples, dictionary, classical, task)[0]
    return _result(Y, unit, np.where(learned[:, None], proposed, classical), task, learned)


def polished(safe: SafeCodes, Y: Array, D: Array, *, tol: float | None = None) -> SafeCodes:
    """Go on from `safe` until the relative gap of every sample is at most `tol` (1e-5, float32 1e-4)."""
    given, dictionary = checked(Y, D)
    unit, lam = units(given), safe.parameters["lam"].value
    start = (to_numpy(safe.codes) / unit.scale).astype(given.dtype)
    found = sparse_code(unit.samples, dictionary, lam=lam, tol=tol, start=start)
    tolerance = found.parameters["tol"].value
    task = Task(unit.samples, dictionary, lam, 0.0, False, tolerance, safe.parameters["steps"].value)
    better = found.objective * unit.scale[:, 0] ** 2 <= safe.objective
    return _result(Y, unit, np.where(better[:, None], found.codes, start), task, safe.learned)


def fista_steps(Y: Floats, D: Floats, lam: float, steps: int) -> Floats:
    """Codes (samples, atoms) after `steps` steps of FISTA from 0, without restarts: each sample for itself."""
    size = squared_norm(D)
    step_size, prox = (1.0 / size if size else 1.0), L1(lam).prox
    nothing, prediction = np.zeros((len(D), len(Y)), Y.dtype), np.zeros_like(Y.T)
    state = fista.State(nothing, nothing, prediction, prediction, 1.0, NOTHING)
    for _ in range(steps):
        point, prediction, t = fista.ahead(state)
        x = ista.step(point, D @ (prediction - Y.T), prox, step_size)
        state = fista.State(x, state.x, D.T @ x, state.prediction, t, NOTHING)
    return np.asarray(state.x.T)


def _result(Y: Array, unit: Units, codes: Floats, task: Task, learned: Bools) -> SafeCodes:
    """The codes of unit samples in the units of the data, with their proofs."""
    objective, gap = proofs(unit.samples, task.D, codes, task)
    parameters = {
        "lam": Parameter(task.l1, "relative to the length of each sample"),
        "steps": Parameter(task.max_iter, "of FISTA, what each sample is at least as good as"),
        "tol": Parameter(task.tol, "what `converged` asks for"),
    }
    scaled = (codes * unit.scale).astype(codes.dtype)
    return SafeCodes(like(scaled, Y), objective * unit.scale[:, 0] ** 2, gap, parameters, learned)
