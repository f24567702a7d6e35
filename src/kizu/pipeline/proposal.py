"""Where the background of a scene starts: at the median picture, or at what a trained network makes of the frames.

The one whose objective is lower is taken, and the road goes on from there to its certificate: a network that does not
know the scene costs time, and no proof.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kizu.detect.temporal import pixel_statistics
from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import Blocks
from kizu.models.background import Thresholds
from kizu.parameters import Parameter
from kizu.pipeline.matrix_networks import NEGLIGIBLE, trained
from kizu.solvers import weighted_pcp
from kizu.solvers.weighted_pcp import State
from kizu.typing import Floats

COLUMNS = 20_000
"""Pixels that the network sees, evenly spread: they fix what every frame takes of each component."""

Propose = Callable[[Floats], Floats]
"""From frames × pixels to their background, frames × pixels."""


class Start(NamedTuple):
    """The state to begin with, and whose it is."""

    state: State
    winner: Parameter


def by_network(folder: Path, rank: int | None) -> Propose:
    """The network in a model folder, at the rank it was trained with or another."""
    found = trained(folder, rank)
    return lambda X: found.run(X)[0]


def better(data: Blocks, chosen: Thresholds, state: State, propose: Propose, engine: Engine) -> Start:
    """`state`, or what the network proposes, by the objective of stable PCP."""
    background = propose(_seen(data, engine))
    if not np.isfinite(background).all():
        return Start(state, Parameter("median picture", "the network's proposal is not finite"))
    left = _left(background, chosen.rank.value)
    proposed = weighted_pcp.start_at(left, _right(data, left, engine))
    numbers = chosen.numbers(engine)
    ours, theirs = (weighted_pcp.step(data, one, numbers)[1].objective for one in (proposed, state))
    why = f"objective at the start: network {ours:.6g}, median picture {theirs:.6g}; solved on to the gap from there"
    if np.isfinite(ours) and ours < theirs:
        return Start(proposed, Parameter("network", why))
    return Start(state, Parameter("median picture", why))


def _seen(data: Blocks, engine: Engine) -> Floats:
    """Some columns of the data, unknown entries as the median of the others of their column."""
    step = max(1, -(-data.shape[1] // COLUMNS))

    def one(span: tuple[int, int]) -> Floats:
        block = data.read(*span)
        chosen = slice(-span[0] % step, None, step)
        values = block.values[:, chosen].astype(np.float64)
        if block.known is None:
            return values
        known = np.broadcast_to(block.known, block.values.shape)[:, chosen]
        center = pixel_statistics(values, known).center
        return np.where(known, values, np.nan_to_num(center)[None])

    spans = [span for span in engine.spans(data.shape) if -span[0] % step < span[1] - span[0]]
    return np.concatenate(engine.map(one, spans), axis=1)


def _left(background: Floats, rank: int) -> Floats:
    """How much of each of its leading components is in every frame, frames × rank: orthonormal."""
    triangle = np.asarray(np.linalg.qr(background.T, mode="r"))  # frames × frames, and has the same ones
    left, sizes, _ = np.linalg.svd(triangle.T, full_matrices=False)
    return np.asarray(left[:, : min(rank, max(1, np.count_nonzero(sizes > NEGLIGIBLE * sizes[0])))])


def _right(data: Blocks, left: Floats, engine: Engine) -> Floats:
    """The pictures of the components by least squares; what does not belong is for the solver to see."""
    solve = np.linalg.pinv(left)

    def one(span: tuple[int, int]) -> Floats:
        block = data.read(*span)
        values = block.values if block.known is None else np.where(block.known, block.values, 0)
        return np.asarray(solve @ values, data.dtype)

    return np.concatenate(engine.map(one, engine.spans(data.shape)), axis=1)
