"""The noise scale of a matrix, estimated by the model itself."""

from typing import NamedTuple

import numpy as np

import kizu.parameters as parameters
from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import Block, MatrixBlocks
from kizu.lowrank.residual import residual
from kizu.parameters import Parameter
from kizu.solvers import stable_pcp
from kizu.typing import Bools, Floats

ROUNDS = 15
"""Rounds of estimate and fit. Each takes about two thirds off what the last had too much."""
SETTLED = 0.01
"""Stop when a round changes sigma by less than 1 %."""
NONE = 1e-5
"""Noise below this share of the data's own spread, or of their rounding, is none: the exact form applies."""
SAMPLE, RUN = 1 << 22, 64
"""Entries that sigma is measured on where there are more, and the neighbouring columns that are read together:
its error is then below 0.1 %."""
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
    part = sample(data)
    values, known = _stacked(part)
    sigma = upper_sigma(values, known)
    none = max(NONE * sigma, float(np.finfo(data.dtype).eps * np.abs(values).max()))
    state: stable_pcp.State | None = None
    for _ in range(ROUNDS):
        if sigma <= none:
            return Pilot(Parameter(0.0, "the residual of the fit vanishes: no dense noise, exact form"), None)
        edge, clip = parameters.stable_thresholds(*data.shape, sigma, lam, share_known)
        numbers = stable_pcp.Numbers(edge.value, clip.value, max_rank, engine)
        start = None if state is None else stable_pcp.restarted(state)
        state = stable_pcp.solve(data, numbers, tol=COARSE, max_iter=STEPS, start=start).state
        rests = [residual(block, state.left, state.right[:, block.start : block.stop]) for block in part]
        previous, sigma = sigma, parameters.sigma_from_residual(_known(np.stack(rests), known)).value
        if abs(sigma - previous) <= SETTLED * previous:
            break
    pilot = Parameter(sigma, "1.4826 · MAD of M − L, fitted and estimated in turn")
    return Pilot(pilot, None if state is None else stable_pcp.restarted(state))


def sample(data: MatrixBlocks) -> list[Block]:
    """All of the data where they are few, else evenly spread runs of neighbouring columns, of one length."""
    short, long = data.shape
    if short * long <= SAMPLE:
        return [data.read(0, long)]
    starts = np.linspace(0, long - RUN, max(1, SAMPLE // (short * RUN))).astype(int).tolist()
    return [data.read(start, start + RUN) for start in starts] if long > RUN else [data.read(0, long)]


def _stacked(blocks: list[Block]) -> tuple[Floats, Bools | None]:
    """Values and known entries (blocks, short, columns)."""
    masks = [block.known for block in blocks if block.known is not None]
    return np.stack([block.values for block in blocks]), np.stack(masks) if masks else None


def upper_sigma(values: Floats, known: Bools | None) -> float:
    """The smallest of three that are too large: the entries' spread, differences along rows, along columns.

    `values` (…, rows, columns).
    """
    found = [parameters.sigma_from_residual(_known(values, known)).value]
    for axis in (-2, -1):
        turned = None if known is None else np.moveaxis(known, axis, 0)
        found.append(parameters.sigma_from_differences(np.moveaxis(values, axis, 0), turned).value)
    return min((s for s in found if s > 0), default=float(np.std(values)))


def _known(x: Floats, known: Bools | None) -> Floats:
    return x if known is None else x[known]
