"""The two forms of robust PCA, solved in the solver's scale and brought back to the units of the data.

exact form     min ‖L‖_* + lam·‖S‖₁,  L + S = M                          (Candès, Li, Ma & Wright 2011)
stable form    min Σ huber(M − L; tau_anomaly) + tau_background·‖L‖_*    (Zhou et al. 2010, S eliminated)
"""

from typing import Literal, NamedTuple

import numpy as np

from kizu.certificates import Certificate
from kizu.lowrank.factored import Factored
from kizu.models.decomposition import Decomposition
from kizu.models.validate import Matrix
from kizu.parameters import Parameter, stable_thresholds
from kizu.solvers import ialm, stable_pcp
from kizu.solvers.loop import Callback, Record, Solution
from kizu.typing import Array, Bools, Floats

FEASIBLE, FEASIBLE_SINGLE = 1e-7, 1e-6
"""Share of ‖M‖ to which L + S = M is met at least in the textbook mode, in float64 and float32 (Lin et al.)."""
FEASIBLE_SHARE = 0.1
"""The certified mode meets it to this share of the gap asked for, and no closer than the textbook."""


class Solved(NamedTuple):
    """A decomposition, and the solver's state, from which a neighbouring problem can start."""

    decomposition: Decomposition
    state: stable_pcp.State | ialm.State


class Task(NamedTuple):
    """A checked matrix with every choice made but the form; `example` is the array that was handed in.

    `waited`: seconds that its engine had waited for other work, which are not this result's.
    """

    matrix: Matrix
    example: Array
    lam: Parameter
    rank: Parameter
    tol: Parameter
    max_iter: int
    callback: Callback | None
    waited: float = 0.0


def stable(
    task: Task, sigma: Parameter, start: stable_pcp.State | None, pace: stable_pcp.Pace = stable_pcp.VIDEO
) -> Solved:
    """Stable PCP at noise scale `sigma`, which is in the solver's scale."""
    matrix = task.matrix
    samples, features = matrix.values.shape
    edge, clip = stable_thresholds(samples, features, sigma.value, task.lam.value, matrix.share_known)
    found = stable_pcp.solve(
        matrix.blocks,
        stable_pcp.Numbers(edge.value, clip.value, task.rank.value, matrix.engine, pace),
        tol=task.tol.value,
        max_iter=task.max_iter,
        start=start,
        callback=_in_units(task, power=2),
    )
    chosen = {"sigma": sigma, "tau_background": edge, "tau_anomaly": clip}
    result = _decomposition(
        task,
        found,
        factors=Factored(found.state.left, found.state.right, matrix.exponent, matrix.transposed),
        parameters={name: Parameter(_scaled(p.value, matrix.exponent), p.why) for name, p in chosen.items()},
        power=2,
    )
    return Solved(result, found.state)


def exact(task: Task, sigma: Parameter, mode: Literal["certified", "fast"], last: ialm.State | None = None) -> Solved:
    """Principal component pursuit; `sigma` is 0 and says why. `last`: where it stopped at another lam."""
    matrix = task.matrix
    problem = ialm.Problem(matrix.blocks, task.lam.value, task.rank.value, matrix.share_known)
    start = None if last is None else ialm.restarted(problem, matrix.engine, last)
    single = matrix.blocks.dtype == np.float32
    callback, tol = _in_units(task, power=1), task.tol.value
    if mode == "fast":
        feasible = FEASIBLE_SINGLE if single else FEASIBLE
        found = ialm.solve_fast(problem, matrix.engine, feasible=feasible, max_iter=task.max_iter, callback=callback)
    else:
        feasible = max(FEASIBLE_SHARE * tol, FEASIBLE_SINGLE if single else FEASIBLE)
        found = ialm.solve(
            problem,
            matrix.engine,
            tol=tol,
            feasible=feasible,
            max_iter=task.max_iter,
            start=start,
            callback=callback,
        )
    state = found.state
    assert state.right is not None
    result = _decomposition(
        task,
        found,
        factors=Factored(state.background.left, state.right, matrix.exponent, matrix.transposed),
        parameters={"sigma": sigma},
        power=1,
        support=_support(task, state.w),
    )
    return Solved(result, state)


def _support(task: Task, w: Floats) -> Bools:
    """Where the anomaly of the exact form is not 0: in the shape of X."""
    matrix, data = task.matrix, task.matrix.blocks
    support: Bools = matrix.engine.empty(matrix.values.shape, np.bool_)
    turned = support.T if matrix.transposed else support

    def one(span: tuple[int, int]) -> None:
        here = np.s_[:, slice(*span)]
        np.greater(np.abs(w[here]), task.lam.value, out=turned[here])
        if data.known is not None:
            turned[here] &= data.known[here]

    matrix.engine.map(one, matrix.engine.spans(data.shape))
    return support


def nothing(task: Task) -> Decomposition:
    """All known entries are zero, or none is known: both parts are zero, and that is optimal."""
    values = task.matrix.values
    zeros = np.zeros((1, 1), task.matrix.blocks.dtype)
    return Decomposition(
        values=values,
        observed=task.matrix.known,
        factors=Factored(np.repeat(zeros, values.shape[0], axis=0), np.repeat(zeros, values.shape[1], axis=1)),
        certificate=Certificate(0.0, 0.0, 0.0, "zero data"),
        history=(),
        stopped="gap",
        singular_values=(np.zeros(1), np.zeros(1)),
        parameters={"lam": task.lam, "rank": task.rank, "tol": task.tol, "sigma": Parameter(0.0, "zero data")},
        example=task.example,
        support=np.zeros(values.shape, dtype=np.bool_),
    )


def _decomposition(
    task: Task,
    found: Solution[stable_pcp.State, Record] | Solution[ialm.State, Record],
    *,
    factors: Factored,
    parameters: dict[str, Parameter],
    power: int,
    support: Bools | None = None,
) -> Decomposition:
    """What a solver found, in the units of X: objectives scale with the `power` of the data."""
    exponent, proof = task.matrix.exponent, found.certificate
    before, after = found.state.before, found.state.after
    return Decomposition(
        values=task.matrix.values,
        observed=task.matrix.known,
        factors=factors,
        certificate=proof._replace(
            primal=_scaled(proof.primal, power * exponent), dual=_scaled(proof.dual, power * exponent)
        ),
        history=tuple(_record(r, power * exponent) for r in found.history),
        stopped=found.stopped,
        singular_values=(np.ldexp(before, exponent), np.ldexp(after, exponent)),
        parameters={"lam": task.lam, "rank": task.rank, "tol": task.tol, **parameters},
        example=task.example,
        support=support,
        waited=task.matrix.engine.waited - task.waited,
        thresholding=found.state.how,
    )


def _record(record: Record, exponent: int) -> Record:
    return record._replace(objective=_scaled(record.objective, exponent))


def _in_units(task: Task, *, power: int) -> Callback | None:
    """The task's callback, for records in the solver's scale."""
    callback, exponent = task.callback, power * task.matrix.exponent
    return None if callback is None else lambda record: callback(_record(record, exponent))


def _scaled(value: float, exponent: int) -> float:
    """value·2**exponent; infinity where that overflows."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, exponent))
