"""Robust PCA along lam, from the empty background to the empty anomaly.

Each solution starts from that at the next larger lam: downwards takes fewer steps than upwards in the stable form,
and as many in the exact one. There a start saves little where the split changes much from one lam to the next, because
the multiplier has to be found anew and the speed of that does not depend on where it begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from kizu.arrays import to_numpy
from kizu.engines.blas import one_thread
from kizu.errors import ParameterError, ShapeError
from kizu.lowrank.residual import residual
from kizu.models import cliffs, forms
from kizu.models.cliffs import Cliffs
from kizu.models.decomposition import Decomposition
from kizu.models.robust_pca import MAX_ITER, check, noise_scale, prepared
from kizu.parameters import Parameter, stable_thresholds
from kizu.solvers import ialm, stable_pcp
from kizu.solvers.loop import Callback
from kizu.typing import Array

BEYOND = 1.02
"""The ends of a path lie so far outside the cliffs: they show each part empty."""
DECADE = 10.0
"""A path of data whose background is empty at every lam begins so far below the other cliff."""
PACE = stable_pcp.Pace(step=1.2, momentum=0.9)
"""Near the cliffs the loss is far from that of video, where most of a step's length is Gaussian noise: with more
momentum and a shorter step the same path takes two thirds of the steps."""


@dataclass(frozen=True, eq=False)
class Point:
    """The solution at one lam; `share` of the known entries are anomaly."""

    lam: Parameter
    decomposition: Decomposition
    share: float

    @property
    def rank(self) -> int:
        return self.decomposition.rank

    @property
    def relative_gap(self) -> float:
        return self.decomposition.certificate.relative_gap


@dataclass(frozen=True, eq=False)
class Path(Sequence[Point]):
    """Points of growing lam, and the cliffs between which both parts are there.

    Up to `lower` the background is empty, from `upper` on the anomaly; each says why, and whether it is only a
    bound. `default` is the lam that :func:`kizu.robust_pca` takes by itself. `str(path)` is a table.
    """

    points: tuple[Point, ...]
    lower: Parameter
    upper: Parameter
    default: Parameter

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, index: int | slice) -> Point | tuple[Point, ...]:
        return self.points[index]

    @property
    def nearest(self) -> int:
        """The place of the point whose lam is nearest to the default, in ratio."""
        return int(np.argmin([abs(np.log(point.lam.value / self.default.value)) for point in self]))

    def __str__(self) -> str:
        rows = [f"{'lam/default':>11} {'rank':>5} {'anomaly':>9} {'gap':>8} {'steps':>5} stopped"]
        for number, point in enumerate(self):
            found, ratio = point.decomposition, point.lam.value / self.default.value
            rows.append(
                f"{ratio:11.4g} {point.rank:5d} {point.share:9.4%} {point.relative_gap:8.1e} "
                f"{len(found.history):5d} {found.stopped}{'  <- default' if number == self.nearest else ''}"
            )
        ends = (f"{cliff.value / self.default.value:.4g}: {cliff.why}" for cliff in (self.lower, self.upper))
        return "\n".join([*rows, *ends])


class _Choice(NamedTuple):
    """The task, its noise scale, and tau_background, all in the solver's scale; no noise: the exact form."""

    task: forms.Task
    sigma: Parameter
    edge: float

    @property
    def exact(self) -> bool:
        return bool(self.sigma.value == 0)


def robust_pca_path(
    X: Array,
    *,
    lams: int | Sequence[float] = 20,
    noise: float | Literal["auto"] | None = "auto",
    rank: int | None = None,
    tol: float | None = None,
    observed: Array | None = None,
    max_iter: int = MAX_ITER,
    callback: Callback | None = None,
) -> Path:
    """Split `X` (samples, features) as :func:`kizu.robust_pca` does, at one lam after the other.

    Parameters
    ----------
    X : array (samples, features)
        As in `robust_pca`; at least one known entry is not 0.
    lams : int ≥ 2, or numbers > 0
        How many, evenly spaced in log lam, the first and the last 2 % outside the cliffs; default 20, because
        neighbours then differ by a fifth or so. Or which: they are sorted, and solved once each.
    noise, rank, tol, observed, max_iter
        As in `robust_pca`, the same for every point: "auto" measures the noise once, at the default lam. The cliffs
        are those of an unlimited rank; with a limit and entries unknown the upper one is only known to be at most 1.
    callback : callable(Record)
        Called after every iteration of every point, the largest lam first.

    Returns
    -------
    Path
        Points of growing lam. Each keeps its background as factors; `background` and `anomaly` are made when asked
        for. Near the upper cliff the rank is full, and the factors are as large as the data.

    Raises
    ------
    ShapeError, ParameterError
        For input or parameters that cannot be used; both are ValueErrors and say what to do.
    """
    check(noise, None, rank, tol, max_iter)
    wanted = _wanted(lams)
    task = prepared(X, lam=None, rank=rank, tol=tol, observed=observed, max_iter=max_iter, callback=callback)
    if task.matrix.vanishes:
        what = "every known entry is 0" if task.matrix.share_known else "no entry is known"
        raise ShapeError(f"{what}: there is no path", "Give data of which at least one known entry is not 0", where="X")
    with one_thread():
        sigma = noise_scale(task, noise).sigma
        samples, features = task.matrix.values.shape
        edge = stable_thresholds(samples, features, sigma.value, 1.0, task.matrix.share_known)[0].value
        return _walk(_Choice(task, sigma, edge), wanted)


def _walk(choice: _Choice, wanted: int | list[float]) -> Path:
    """Downwards from the largest lam; with entries unknown from lam = 1, where the upper cliff shows."""
    edges, last = _cliffs(choice)
    points: list[Point] = []
    for lam in reversed(_places(wanted, edges)):
        solved = _solve(choice, lam, last, edges.lower.value)
        points.append(Point(lam, solved.decomposition, _share(choice, solved)))
        last = solved.state if solved.decomposition.converged else None
    return Path(tuple(reversed(points)), *edges, choice.task.lam)


def _cliffs(choice: _Choice) -> tuple[Cliffs, stable_pcp.State | ialm.State | None]:
    """Both cliffs, and where the solver stands if it was needed for them."""
    matrix, edge = choice.task.matrix, choice.edge
    lower = cliffs.exact_lower(matrix) if choice.exact else cliffs.stable_lower(matrix, edge)
    if matrix.known is None:
        return Cliffs(lower, cliffs.exact_upper(matrix) if choice.exact else cliffs.stable_upper(matrix, edge)), None
    sure = Cliffs(lower, cliffs.SURE)
    if choice.task.rank.value < min(matrix.values.shape):
        return sure, None
    silent = choice._replace(task=choice.task._replace(callback=None))  # not a point of the path
    solved = _solve(silent, cliffs.SURE, None, lower.value)
    if not solved.decomposition.converged:
        return sure, None
    return Cliffs(lower, cliffs.completed(matrix, solved.state, edge)), solved.state


def _solve(choice: _Choice, lam: Parameter, last: stable_pcp.State | ialm.State | None, lower: float) -> forms.Solved:
    """One point, from where the `last` one stopped, or from nothing up to the `lower` cliff."""
    task = choice.task._replace(lam=lam, waited=choice.task.matrix.engine.waited)
    empty = lam.value <= lower
    if choice.exact:  # a cold start is nearer to an empty background
        near = last if isinstance(last, ialm.State) and not empty else None
        return forms.exact(task, choice.sigma, "certified", near)
    start = stable_pcp.restarted(last) if isinstance(last, stable_pcp.State) else None
    return forms.stable(task, choice.sigma, stable_pcp.empty(task.matrix.blocks) if empty else start, PACE)


def _places(wanted: int | list[float], edges: Cliffs) -> list[Parameter]:
    """The lams of the path, growing."""
    if not isinstance(wanted, int):
        return [Parameter(lam, "given") for lam in wanted]
    finite = [cliff.value for cliff in edges if np.isfinite(cliff.value)]
    low = min(finite) if len(finite) == 2 else finite[0] / DECADE
    places = np.geomspace(low / BEYOND, max(finite) * BEYOND, wanted).tolist()
    return [Parameter(lam, f"{n} of {wanted}, even in log lam, from cliff to cliff") for n, lam in enumerate(places, 1)]


def _share(choice: _Choice, solved: forms.Solved) -> float:
    """Share of the known entries that are anomaly."""
    matrix, support = choice.task.matrix, solved.decomposition.support
    known = matrix.share_known * matrix.values.size
    if support is not None:
        return int(np.count_nonzero(support)) / known
    state = solved.state
    assert isinstance(state, stable_pcp.State)
    level = solved.decomposition.parameters["lam"].value * choice.edge

    def one(span: tuple[int, int]) -> int:
        rest = residual(matrix.blocks.read(*span), state.left, state.right[:, slice(*span)])
        return int(np.count_nonzero(np.abs(rest) > level))

    return sum(matrix.engine.map(one, matrix.engine.spans(matrix.blocks.shape))) / known


def _wanted(lams: Any) -> int | list[float]:
    """`lams` checked: how many, or which, sorted and without repetition."""
    allowed = "an integer of at least 2, or positive numbers"
    if isinstance(lams, (int, np.integer)) and not isinstance(lams, bool):
        if lams < 2:
            raise ParameterError("lams", lams, allowed)
        return int(lams)
    try:
        values = np.asarray(to_numpy(lams))
    except (TypeError, ValueError):
        raise ParameterError("lams", lams, allowed) from None
    real = values.dtype.kind in "iuf" and values.ndim == 1 and values.size > 0
    if not (real and ((values > 0) & (values < np.inf)).all()):
        raise ParameterError("lams", lams, allowed)
    return [float(value) for value in np.unique(values)]
