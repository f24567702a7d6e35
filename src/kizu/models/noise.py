"""The noise scale of a matrix, estimated by the model itself."""

from typing import NamedTuple

import numpy as np

from kizu import parameters
from kizu.lowrank.blocks import MatrixBlocks
from kizu.parameters import Parameter
from kizu.solvers import stable_pcp

ROUNDS = 15
"""Rounds of estimate and fit. Each takes about two thirds off what the last had too much."""
SETTLED = 0.01
"""Stop when a round changes sigma by less than 1 %."""
NONE = 1e-5
"""Noise below this share of the data's own spread is called none: the exact form applies."""
COARSE, STEPS = 1e-2, 30
"""Gap and steps of one pilot fit: sigma needs no more."""


class Pilot(NamedTuple):
    """sigma and where the pilot fit stands, to start the real one from."""

    sigma: Parameter
    start: stable_pcp.State | None


def estimate_sigma(data: MatrixBlocks, *, lam: float, share_known: float, max_rank: int, jobs: int) -> Pilot:
    """Noise scale of `data` (short, long) by alternating a stable PCP fit and the residual's MAD.

    The first value, from differences of neighbouring samples or the spread of the entries, is too
    large where the background moves; the fit at it leaves a residual that shows a smaller one, and
    so on until it stands still. Without noise the values fall geometrically: sigma is then 0.
    """
    short, long = data.shape
    values = data.read(0, long)
    sigma = first = _upper(values.values, values.known)
    state: stable_pcp.State | None = None
    for count in range(1, ROUNDS + 1):
        if sigma <= NONE * first:
            return Pilot(Parameter(0.0, "the residual of the fit vanishes: no dense noise, exact form"), None)
        edge, clip = parameters.stable_thresholds(short, long, sigma, lam, share_known)
        numbers = stable_pcp.Numbers(edge.value, clip.value, max_rank, jobs)
        state = stable_pcp.solve(data, numbers, tol=COARSE, max_iter=STEPS, start=state).state
        rest = stable_pcp.residual(values, state.left, state.right)
        previous, sigma = (
            sigma,
            parameters.sigma_from_residual(rest if values.known is None else rest[values.known]).value,
        )
        if abs(sigma - previous) <= SETTLED * previous:
            break
    return Pilot(Parameter(sigma, f"1.4826 · MAD of M − L, {count} rounds of fit and estimate"), state)


def _upper(values: "np.ndarray", known: "np.ndarray | None") -> float:
    spread = parameters.sigma_from_residual(values if known is None else values[known]).value
    along = [
        parameters.sigma_from_differences(m, k).value
        for m, k in ((values, known), (values.T, None if known is None else known.T))
    ]
    positive = [s for s in (spread, *along) if s > 0]
    return min(positive) if positive else float(np.std(values))
