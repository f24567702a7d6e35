"""The problems and the solvers that tests and benchmarks share. A new kind of problem, or a new solver, is one row."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kizu.engines.serial import Serial
from kizu.lowrank.blocks import MatrixBlocks
from kizu.models.forms import FEASIBLE, FEASIBLE_SHARE, FEASIBLE_SINGLE
from kizu.solvers import ialm, stable_pcp
from witnesses import (
    known_entries,
    pcp_optimum,
    pcp_values,
    relative_gap,
    stable_optimum,
    stable_values,
    unit,
)


class Planted(NamedTuple):
    """X = background + anomaly (where `flaws`) + noise."""

    X: Any
    background: Any
    flaws: Any


def planted(
    seed, *, shape=(200, 200), rank=5, share=0.05, amplitude=(0.0, 5.0), sigma=0.0, noise="standard_normal", spread=1.0
):
    """Rank-`rank` background; flaws of random sign and |size| in `amplitude`; noise of a law with scale `spread`."""
    draw = np.random.default_rng(seed)
    background = draw.standard_normal((shape[0], rank)) @ draw.standard_normal((rank, shape[1]))
    flaws = draw.random(shape) < share
    size = draw.uniform(*amplitude, shape) * draw.choice([-1.0, 1.0], shape)
    dense = sigma / spread * getattr(draw, noise)(size=shape)
    return Planted(background + np.where(flaws, size, 0.0) + dense, background, flaws)


def faint(seed, *, shape=(200, 200), noise="standard_normal", spread=1.0):
    """2 % flaws of 5 to 10 sigma, sigma = 0.1: what a decision per entry is measured on."""
    return planted(seed, shape=shape, share=0.02, amplitude=(0.5, 1.0), sigma=0.1, noise=noise, spread=spread)


class Problem(NamedTuple):
    """What `robust_pca` is called with."""

    X: Any
    observed: Any = None
    rank: int | None = None


def _any(draw, *, shape=None, sigma=0.1):
    shape = tuple(draw.integers(5, 40, 2)) if shape is None else shape
    return planted(draw, shape=shape, rank=2, sigma=sigma).X


def _missing(draw):
    X = _any(draw)
    return Problem(X, draw.random(X.shape) < 0.7)


def _huge_outliers(draw):
    X = _any(draw)
    return Problem(X * np.where(draw.random(X.shape) < 0.02, 1e6, 1.0))


PROBLEMS: dict[str, Callable[[np.random.Generator], Problem]] = {
    "noise alone": lambda draw: Problem(draw.standard_normal(draw.integers(2, 40, 2))),
    "planted": lambda draw: Problem(_any(draw)),
    "without noise": lambda draw: Problem(_any(draw, sigma=0.0)),
    "scale 1e300": lambda draw: Problem(1e300 * _any(draw)),
    "scale 1e-300": lambda draw: Problem(1e-300 * _any(draw)),
    "far from zero": lambda draw: Problem(1e4 + _any(draw)),
    "rank one": lambda draw: Problem(np.outer(draw.standard_normal(20), draw.standard_normal(30))),
    "rank capped": lambda draw: Problem(_any(draw, shape=(30, 30)), rank=1),
    "tall": lambda draw: Problem(_any(draw, shape=(300, 7))),
    "wide": lambda draw: Problem(_any(draw, shape=(7, 300))),
    "constant": lambda draw: Problem(np.full(draw.integers(1, 20, 2), draw.normal())),
    "one row": lambda draw: Problem(draw.standard_normal((1, 30))),
    "one column": lambda draw: Problem(draw.standard_normal((30, 1))),
    "missing": _missing,
    "NaN": lambda draw: Problem(np.where(draw.random((20, 30)) < 0.1, np.nan, _any(draw, shape=(20, 30)))),
    "huge outliers": _huge_outliers,
    "mostly zero": lambda draw: Problem(draw.standard_normal((25, 30)) * (draw.random((25, 30)) < 0.05)),
    "single precision": lambda draw: Problem(_any(draw).astype(np.float32)),
    "8 bit": lambda draw: Problem(np.clip(100 + 20 * _any(draw), 0, 255).astype(np.uint8)),
}


class Setup(NamedTuple):
    """A convex problem on a matrix (rows ≤ columns, entries about 1), in the form that a solver knows."""

    data: Any
    known: Any
    lam: float
    tau_background: float


class Found(NamedTuple):
    """A solver's answer, and the witnesses of its form: `values` gives (primal, dual), `optimum` the least primal."""

    background: Any
    solution: Any
    values: Callable[[], tuple[float, float]]
    optimum: Callable[[], float]


def multiplier(state, known, lam):
    """Y of an augmented-Lagrangian state."""
    return np.where(known, np.clip(state.w, -lam, lam), 0.0)


def _ialm(setup, tol, solve):
    known = None if setup.known.all() else setup.known
    found = solve(ialm.Problem(MatrixBlocks(setup.data, known), setup.lam, len(setup.data), setup.known.mean()), tol)
    state = found.state
    background, dual = state.background.left @ state.right, multiplier(state, setup.known, setup.lam)
    return Found(
        background,
        found,
        lambda: pcp_values(setup.data, setup.known, background, dual, setup.lam),
        lambda: pcp_optimum(setup.data, setup.known, setup.lam),
    )


def _stable_pcp(setup, tol):
    known = None if setup.known.all() else setup.known
    taus = setup.tau_background, setup.lam * setup.tau_background
    numbers = stable_pcp.Numbers(*taus, len(setup.data), Serial())
    found = stable_pcp.solve(MatrixBlocks(setup.data, known), numbers, tol=tol, max_iter=20_000)
    background = found.state.left @ found.state.right
    return Found(
        background,
        found,
        lambda: stable_values(setup.data, setup.known, background, *taus),
        lambda: stable_optimum(setup.data, setup.known, *taus),
    )


SOLVERS: dict[str, Callable[[Setup, float], Found]] = {
    "ialm": lambda setup, tol: _ialm(
        setup, tol, lambda problem, tol: ialm.solve(problem, Serial(), tol=tol, feasible=1e-7, max_iter=20_000)
    ),
    "ialm fast": lambda setup, tol: _ialm(
        setup, tol, lambda problem, tol: ialm.solve_fast(problem, Serial(), feasible=1e-7, max_iter=200)
    ),
    "stable_pcp": _stable_pcp,
}
CERTIFIED = ["ialm", "stable_pcp"]


def setup(seed, *, largest=(12, 15)):
    """A small random problem: every third with noise alone, every second with missing entries."""
    draw = np.random.default_rng(seed)
    shape = tuple(sorted(draw.integers(3, np.array(largest) + 1)))
    X = draw.standard_normal(shape) if seed % 3 == 0 else planted(draw, shape=shape, rank=2, sigma=0.1).X
    known = draw.random(shape) < (0.8 if seed % 2 else 2.0)
    data = np.where(known, X, 0.0) / np.abs(X).max()
    return Setup(data, known, 1 / np.sqrt(max(shape) * known.mean()), draw.uniform(0.1, 0.5) * np.linalg.norm(data, 2))


def random_problem(index):
    """(kind, problem, noise) number `index`: kinds take turns, and so do the three ways to treat noise."""
    kind = list(PROBLEMS)[index % len(PROBLEMS)]
    problem = PROBLEMS[kind](np.random.default_rng(index))
    typical = float(np.nanmedian(np.abs(problem.X.astype(np.float64))))
    noise = [None, "auto", 0.1 * typical or float(np.abs(problem.X).max())][index // len(PROBLEMS) % 3]
    return kind, problem, noise


def true_gap(found, X, observed=None):
    """Relative gap of a decomposition of `X` by the witnesses; 0 for zero data.

    The dual point of the stable form is the clipped residual. The exact form's is the multiplier of a
    solver on the same numbers: whatever it is, it bounds the optimum.
    """
    data, known = known_entries(X, observed)
    if not data.any():
        return float(np.abs(found.background).max())
    data, background = unit(data, found.background)
    chosen = {name: p.value for name, p in found.parameters.items()}
    if "tau_anomaly" in chosen:
        _, *taus = unit(known_entries(X, observed)[0], chosen["tau_background"], chosen["tau_anomaly"])
        return relative_gap(*stable_values(data, known, background, *taus))
    turn = np.transpose if data.shape[0] > data.shape[1] else np.asarray
    numbers = turn(data).astype(found.background.dtype)
    blocks = MatrixBlocks(numbers, None if known.all() else turn(known))
    problem = ialm.Problem(blocks, chosen["lam"], chosen["rank"], 1.0 - np.count_nonzero(~known) / known.size)
    feasible = max(FEASIBLE_SHARE * chosen["tol"], FEASIBLE_SINGLE if numbers.dtype == np.float32 else FEASIBLE)
    most = len(found.history)
    state = ialm.solve(problem, Serial(), tol=chosen["tol"], feasible=feasible, max_iter=most).state
    dual = turn(multiplier(state, turn(known), chosen["lam"]))
    return relative_gap(*pcp_values(data, known, background, dual, chosen["lam"]))
