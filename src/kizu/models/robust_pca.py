"""Robust PCA of a matrix: a low-rank background, a sparse anomaly, and dense noise if there is any.

exact form     min ‖L‖_* + lam·‖S‖₁,  L + S = M                          (Candès, Li, Ma & Wright 2011)
stable form    min Σ huber(M − L; tau_anomaly) + tau_background·‖L‖_*    (Zhou et al. 2010, S eliminated)
"""

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np

from kizu.certificates import Certificate
from kizu.engines.threads import DEFAULT_JOBS
from kizu.errors import ParameterError
from kizu.lowrank.blocks import MatrixBlocks, working_dtype
from kizu.lowrank.factored import Factored
from kizu.models.decomposition import Decomposition
from kizu.models.noise import estimate_sigma
from kizu.models.validate import Matrix, matrix, positive
from kizu.parameters import Parameter, cliffs, default_lam, stable_thresholds
from kizu.solvers import ialm, stable_pcp
from kizu.solvers.loop import Callback
from kizu.typing import Array, Bools, Floats

MAX_ITER = 5000
TOL, TOL_SINGLE = 1e-5, 1e-4
FEASIBLE, FEASIBLE_SINGLE = 1e-7, 1e-6
LOOSE_GAP = 1e-2
"""Above this relative gap the fast mode warns: the textbook stop can be far from the optimum."""


class _Task(NamedTuple):
    """A checked matrix in the solver's units, with every choice made but the form."""

    matrix: Matrix
    example: Array
    lam: Parameter
    share: float
    max_rank: int
    tol: float
    max_iter: int
    callback: Callback | None

    @property
    def transposed(self) -> bool:
        samples, features = self.matrix.values.shape
        return samples > features

    @property
    def dtype(self) -> "np.dtype[Any]":
        return working_dtype(self.matrix.values.dtype)

    def blocks(self) -> MatrixBlocks:
        """The matrix with its long side along the columns."""
        values, known, exponent = self.matrix
        return MatrixBlocks(
            *((values.T, None if known is None else known.T) if self.transposed else (values, known)), exponent
        )


def robust_pca(
    X: Array,
    *,
    noise: float | Literal["auto"] | None = "auto",
    lam: float | None = None,
    rank: int | None = None,
    mode: Literal["certified", "fast"] = "certified",
    tol: float | None = None,
    observed: Array | None = None,
    max_iter: int = MAX_ITER,
    callback: Callback | None = None,
) -> Decomposition:
    """Split `X` (samples, features) into background + anomaly + noise.

    Parameters
    ----------
    X : array (samples, features)
        Any real dtype and layout, NumPy or torch or CuPy; never changed. NaN and masked entries are
        missing; infinity is refused.
    noise : "auto", None or a number > 0
        Scale of the dense noise, in the units of X. None means none: exact L + S = X. "auto"
        measures it and takes the exact form where there is none, because most users do not know it.
    lam : number > 0
        Weight of the anomaly; default 1/√max(samples, features), 1/√(p·max) with a share p known.
        Smaller: more is called anomaly. Larger: more is called background.
    rank : int ≥ 1
        Largest rank of the background; default unlimited. Below the optimum's rank the gap shows it.
    mode : "certified" or "fast"
        "certified" stops on the duality gap. "fast" (exact form only) is the textbook stop on
        ‖X − L − S‖; its gap is still computed, and warned of above 1e-2.
    tol : number > 0
        Relative duality gap to reach; default 1e-5, and 1e-4 for float32 and 8- or 16-bit data.
    observed : boolean array like X
        False where an entry is missing. Such entries have no influence at all.
    max_iter : int ≥ 0
        Most iterations; 5000 is far beyond what well-posed problems take.
    callback : callable(Record)
        Called after every iteration: for progress bars.

    Raises
    ------
    ShapeError, ParameterError
        For input or parameters that cannot be used; both are ValueErrors and say what to do.
    """
    _check(noise, lam, rank, mode, tol, max_iter)
    checked = matrix(X, observed)
    values, known, exponent = checked
    share = 1.0 if known is None else float(np.count_nonzero(known)) / values.size
    single = working_dtype(values.dtype) == np.float32
    task = _Task(
        matrix=checked,
        example=X,
        lam=default_lam(*values.shape, share or 1.0) if lam is None else Parameter(float(lam), "given"),
        share=share,
        max_rank=min(values.shape) if rank is None else min(rank, *values.shape),
        tol=float(tol) if tol is not None else TOL_SINGLE if single else TOL,
        max_iter=max_iter,
        callback=callback,
    )
    if exponent == 0 and not np.any(values if known is None else values[known]):
        return _nothing(task)
    if noise is None:
        return _exact(task, mode, Parameter(0.0, "given: no dense noise"))
    if noise != "auto":
        return _stable(task, Parameter(float(np.ldexp(float(noise), -exponent)), "given"), None)
    pilot = estimate_sigma(
        task.blocks(), lam=task.lam.value, share_known=share, max_rank=task.max_rank, jobs=DEFAULT_JOBS
    )
    return _exact(task, mode, pilot.sigma) if pilot.sigma.value == 0 else _stable(task, pilot.sigma, pilot.start)


def _check(noise: Any, lam: Any, rank: Any, mode: Any, tol: Any, max_iter: Any) -> None:
    if noise != "auto":
        try:
            positive("noise", noise)
        except ParameterError:
            raise ParameterError("noise", noise, '"auto", None for no noise, or a positive number') from None
    positive("lam", lam)
    positive("tol", tol)
    if mode not in ("certified", "fast"):
        raise ParameterError("mode", mode, '"certified" or "fast"')
    if rank is not None and not (isinstance(rank, (int, np.integer)) and rank >= 1):
        raise ParameterError("rank", rank, "an integer of at least 1, or None for no limit")
    if not (isinstance(max_iter, (int, np.integer)) and max_iter >= 0):
        raise ParameterError("max_iter", max_iter, "an integer of at least 0")


def _stable(task: _Task, sigma: Parameter, start: stable_pcp.State | None) -> Decomposition:
    samples, features = task.matrix.values.shape
    edge, clip = stable_thresholds(samples, features, sigma.value, task.lam.value, task.share)
    numbers = stable_pcp.Numbers(edge.value, clip.value, task.max_rank, DEFAULT_JOBS)
    found = stable_pcp.solve(
        task.blocks(), numbers, tol=task.tol, max_iter=task.max_iter, start=start, callback=task.callback
    )
    state = found.state
    return _decomposition(
        task,
        Factored(state.left, state.right, task.matrix.exponent, task.transposed),
        found,
        spectrum=(state.before, state.after),
        chosen={"sigma": sigma, "tau_background": edge, "tau_anomaly": clip},
        power=2,
    )


def _exact(task: _Task, mode: str, sigma: Parameter) -> Decomposition:
    values, known, exponent = task.matrix
    data = np.ldexp(values.astype(task.dtype), -exponent)
    if known is not None:
        data = np.where(known, data, data.dtype.type(0))
    problem = ialm.Problem(data, known, task.lam.value, task.max_rank)
    feasible = FEASIBLE_SINGLE if task.dtype == np.float32 else FEASIBLE
    if mode == "fast":
        found = ialm.solve_fast(problem, feasible=feasible, max_iter=task.max_iter, callback=task.callback)
    else:
        found = ialm.solve(problem, tol=task.tol, feasible=feasible, max_iter=task.max_iter, callback=task.callback)
    if mode == "fast" and found.certificate.relative_gap > LOOSE_GAP:
        warnings.warn(
            f"the textbook stop left a relative gap of {found.certificate.relative_gap:.1e}; use mode='certified'",
            RuntimeWarning,
            stacklevel=3,
        )
    low, high = cliffs(data)
    return _decomposition(
        task,
        _factors(found.state.background, task),
        found,
        spectrum=(found.state.before, found.state.after),
        chosen={"sigma": sigma, "lam_lower_cliff": low, "lam_upper_cliff": high},
        power=1,
        support=found.state.anomaly != 0,
    )


def _factors(background: Floats, task: _Task) -> Factored:
    """A dense background as identity times itself: the exact form keeps what its solver made."""
    short = background.T if task.transposed else background
    return Factored(np.eye(len(short), dtype=background.dtype), short, task.matrix.exponent, task.transposed)


def _decomposition(
    task: _Task,
    factors: Factored,
    found: Any,
    *,
    spectrum: tuple[Floats, Floats],
    chosen: dict[str, Parameter],
    power: int,
    support: Bools | None = None,
) -> Decomposition:
    """Bring everything back to the units of X: objectives scale with the `power` of the data."""
    exponent = task.matrix.exponent
    in_units = {
        name: p if name.startswith("lam") else Parameter(_scaled(p.value, exponent), p.why)
        for name, p in chosen.items()
    }
    why_rank = "unlimited" if task.max_rank == min(task.matrix.values.shape) else "given as the limit"
    return Decomposition(
        values=task.matrix.values,
        observed=task.matrix.known,
        factors=factors,
        certificate=_scaled_certificate(found.certificate, power * exponent),
        history=tuple(r._replace(objective=_scaled(r.objective, power * exponent)) for r in found.history),
        stopped=found.stopped,
        singular_values=(np.ldexp(spectrum[0], exponent), np.ldexp(spectrum[1], exponent)),
        parameters={
            "lam": task.lam,
            "rank": Parameter(task.max_rank, why_rank),
            "tol": Parameter(task.tol, "relative duality gap to reach"),
            **in_units,
        },
        example=task.example,
        support=support,
    )


def _scaled(value: float, exponent: int) -> float:
    """value·2**exponent; infinity where that overflows."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, exponent))


def _scaled_certificate(proof: Certificate, exponent: int) -> Certificate:
    return proof._replace(primal=_scaled(proof.primal, exponent), dual=_scaled(proof.dual, exponent))


def _nothing(task: _Task) -> Decomposition:
    """All known entries are zero, or none is known: both parts are zero and that is optimal."""
    samples, features = task.matrix.values.shape
    left, right = np.zeros((samples, 1), task.dtype), np.zeros((1, features), task.dtype)
    return Decomposition(
        values=task.matrix.values,
        observed=task.matrix.known,
        factors=Factored(left, right),
        certificate=Certificate(0.0, 0.0, 0.0, "zero data"),
        history=(),
        stopped="gap",
        singular_values=(np.zeros(1), np.zeros(1)),
        parameters={"lam": task.lam, "rank": Parameter(0, "zero data"), "sigma": Parameter(0.0, "zero data")},
        example=task.example,
        support=np.zeros((samples, features), dtype=np.bool_),
    )
