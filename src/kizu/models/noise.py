"""The noise scale of a matrix, estimated by the model itself."""

from typing import NamedTuple

import numpy as np

import kizu.parameters as parameters
from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import MatrixBlocks, residual
from kizu.parameters import Parameter
from kizu.solvers import stable_pcp
from kizu.typing import Bools, Floats

ROUNDS = 15
"""Rounds of estimate and fit. Each takes about two thirds off what the last had too much."""
SETTLED = 0.01
"""Stop when a round changes sigma by less than 1 %."""
NONE = 1e-5
"""Noise below this share of the data's own spread, or of their rounding, is none: the exact form applies."""
COARSE, STEPS = 1e-2, 30
"""Gap and steps of one pilot fit: sigma needs no more."""


class Pilot(NamedTuple):
    """sigma and where the pilot fit stands, to start the real one from."""

    sigma: Parameter
    start: stable_pcp.State | None


def estimate_sigma(data: MatrixBlocks, *, lam: float, share_known: float, max_rank: int, engine: Engine) -> Pilot:
    """Noise scale of `data` (short, long) by alternating a stable PCP fit and the residual's MAD.

    The first value, from differences of neighbouring samples or the spread of the entries, is too
    large where the background moves; the fit at it leaves a residual that shows a smaller one, and
    so on until it stands still. Without noise the values fall geometrically: sigma is then 0.
    """
    whole = data.read(0, data.shape[1])
    sigma = upper_sigma(whole.values, whole.known)
    none = max(NONE * sigma, float(np.finfo(data.dtype).eps * np.abs(whole.values).max()))
    state: stable_pcp.State | None = None
    for _ in range(ROUNDS):
        if sigma <= none:
            return Pilot(Parameter(0.0, "the residual of the fit vanishes: no dense noise, exact form"), None)
        edge, clip = parameters.stable_thresholds(*data.shape, sigma, lam, share_known)
        numbers = stable_pcp.Numbers(edge.value, clip.value, max_rank, engine)
        start = None if state is None else stable_pcp.restarted(state)
        state = stable_pcp.solve(data, numbers, tol=COARSE, max_iter=STEPS, start=start).state
        rest = residual(whole, state.left, state.right)
        previous, sigma = sigma, parameters.sigma_from_residual(_known(rest, whole.known)).value
        if abs(sigma - previous) <= SETTLED * previous:
            break
    pilot = Parameter(sigma, "1.4826 · MAD of M − L, fitted and estimated in turn")
    return Pilot(pilot, None if state is None else stable_pcp.restarted(state))


def upper_sigma(values: Floats, known: Bools | None) -> float:
    """The smallest of three that are too large: the entries' spread, differences along rows, along columns."""
    turned = None if known is None else known.T
    found = (
        parameters.sigma_from_residual(_known(values, known)).value,
        parameters.sigma_from_differences(values, known).value,
        parameters.sigma_from_differences(values.T, turned).value,
    )
    return min((s for s in found if s > 0), default=float(np.std(values)))


def _known(x: Floats, known: Bools | None) -> Floats:
    return x if known is None else x[known]
