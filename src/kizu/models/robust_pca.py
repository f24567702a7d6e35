"""Robust PCA of a matrix: a low-rank background, a sparse anomaly, and dense noise if there is any."""

import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from kizu.engines.blas import one_thread
from kizu.errors import ParameterError
from kizu.models import forms
from kizu.models.decomposition import Decomposition
from kizu.models.noise import Pilot, estimate_sigma
from kizu.models.validate import Matrix, matrix, positive
from kizu.parameters import Parameter, default_lam
from kizu.solvers.loop import Callback
from kizu.typing import Array

MAX_ITER = 5000
TOL, TOL_SINGLE = 1e-5, 1e-4
FINEST_SINGLE = 5e-5
"""Below this gap float32 cannot tell when it is reached, and the solvers compute in float64."""
LOOSE_GAP = 1e-2
"""Above this relative gap the fast mode warns: the textbook stop can be far from the optimum."""


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
    if mode not in ("certified", "fast"):
        raise ParameterError("mode", mode, '"certified" or "fast"')
    check(noise, lam, rank, tol, max_iter)
    task = prepared(X, lam=lam, rank=rank, tol=tol, observed=observed, max_iter=max_iter, callback=callback)
    with one_thread():  # the small decompositions too: two threads are slower at their size, much so on a busy machine
        return _decompose(task, noise, mode)


def prepared(
    X: Array,
    *,
    lam: float | None,
    rank: int | None,
    tol: float | None,
    observed: Array | None,
    max_iter: int,
    callback: Callback | None,
) -> forms.Task:
    """`X` checked, with every choice made but that of the form."""
    checked = matrix(X, observed)
    limit = _tol(checked, tol)
    checked = checked._replace(blocks=replace(checked.blocks, double=limit.value < FINEST_SINGLE))
    return forms.Task(checked, X, _lam(checked, lam), _rank(checked, rank), limit, max_iter, callback)


def noise_scale(task: forms.Task, noise: float | Literal["auto"] | None) -> Pilot:
    """The noise scale in the solver's scale, 0 for the exact form; measured with the task's lam where it is "auto"."""
    checked = task.matrix
    if noise is None:
        return Pilot(Parameter(0.0, "given: no dense noise"), None)
    if noise != "auto":
        return Pilot(_given_sigma(checked, float(noise)), None)
    return estimate_sigma(
        checked.blocks,
        lam=task.lam.value,
        share_known=checked.share_known,
        max_rank=task.rank.value,
        engine=checked.engine,
    )


def _decompose(
    task: forms.Task, noise: float | Literal["auto"] | None, mode: Literal["certified", "fast"]
) -> Decomposition:
    """Choose the form: by `noise`, or by what noise there is."""
    if task.matrix.vanishes:
        return forms.nothing(task)
    pilot = noise_scale(task, noise)
    if pilot.sigma.value == 0:
        return _exact(task, pilot.sigma, mode)
    return forms.stable(task, pilot.sigma, pilot.start).decomposition


def _lam(checked: Matrix, lam: float | None) -> Parameter:
    samples, features = checked.values.shape
    share = checked.share_known or 1.0  # nothing known: any weight will do
    return Parameter(float(lam), "given") if lam is not None else default_lam(samples, features, share)


def _rank(checked: Matrix, rank: int | None) -> Parameter:
    most = min(checked.values.shape)
    return Parameter(most, "unlimited") if rank is None else Parameter(min(rank, most), "given as the limit")


def _tol(checked: Matrix, tol: float | None) -> Parameter:
    if tol is not None:
        return Parameter(float(tol), "given: relative duality gap to reach")
    single = checked.blocks.dtype == np.float32
    return Parameter(TOL_SINGLE if single else TOL, f"relative duality gap to reach in {checked.blocks.dtype}")


def _given_sigma(checked: Matrix, noise: float) -> Parameter:
    """`noise` in the solver's scale, where the data are of ordinary size: what no float can square is refused."""
    with np.errstate(over="ignore", under="ignore"):
        sigma = float(np.ldexp(noise, -checked.exponent))
        square = np.float64(sigma) ** 2
    if not 0 < square < np.inf:
        raise ParameterError("noise", noise, "a scale nearer to that of the data")
    return Parameter(sigma, "given")


def _exact(task: forms.Task, sigma: Parameter, mode: Literal["certified", "fast"]) -> Decomposition:
    found = forms.exact(task, sigma, mode).decomposition
    if mode == "fast" and found.certificate.relative_gap > LOOSE_GAP:
        warnings.warn(
            f"the textbook stop left a relative gap of {found.certificate.relative_gap:.1e}; use mode='certified'",
            RuntimeWarning,
            stacklevel=4,
        )
    return found


def check(noise: Any, lam: Any, rank: Any, tol: Any, max_iter: Any) -> None:
    """Refuse parameters that are out of range, by name."""
    if noise != "auto":
        try:
            positive("noise", noise)
        except ParameterError:
            raise ParameterError("noise", noise, '"auto", None for no noise, or a positive number') from None
    positive("lam", lam)
    positive("tol", tol)
    if rank is not None and not (isinstance(rank, (int, np.integer)) and rank >= 1):
        raise ParameterError("rank", rank, "an integer of at least 1, or None for no limit")
    if not (isinstance(max_iter, (int, np.integer)) and max_iter >= 0):
        raise ParameterError("max_iter", max_iter, "an integer of at least 0")
