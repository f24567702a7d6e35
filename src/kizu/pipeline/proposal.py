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
from kizu.pipeline.matrix_networks import load
from kizu.solvers import weighted_pcp
from kizu.solvers.weighted_pcp import State
from kizu.typing import Floats

COLUMNS = 20_000
"""Pixels that the network sees, evenly spread: they fix what every frame takes of each component."""

Propose = Callable[[Floats], Floats]
"""From frames × pixels to frames × rank: how much of each component is in every frame."""


class Start(NamedTuple):
    """The state to begin with, and whose it is."""

    state: State
    winner: Parameter


def by_network(folder: Path, rank: int | None) -> Propose:
    """The network in a model folder, at the rank it was trained with or another."""
    network = load(folder).network
    network = network if rank is None else network.at_rank(rank)

    def propose(X: Floats) -> Floats:
        import torch

        with torch.inference_mode():
            return np.asarray(network(torch.as_tensor(X, dtype=torch.float64)).left.numpy())

    return propose


def better(data: Blocks, chosen: Thresholds, state: State, propose: Propose, engine: Engine) -> Start:
    """`state`, or what the network proposes, by the objective of stable PCP."""
    left = propose(_seen(data))[:, : chosen.rank.value]
    if not np.isfinite(left).all():
        return Start(state, Parameter("median picture", "the network's proposal is not finite"))
    proposed = weighted_pcp.start_at(left, _right(data, left, engine))
    numbers = chosen.numbers(engine)
    ours, theirs = (weighted_pcp.step(data, one, numbers)[1].objective for one in (proposed, state))
    why = f"objective at the start: network {ours:.6g}, median picture {theirs:.6g}; solved on to the gap from there"
    if np.isfinite(ours) and ours < theirs:
        return Start(proposed, Parameter("network", why))
    return Start(state, Parameter("median picture", why))


def _seen(data: Blocks) -> Floats:
    """Some columns of the data, unknown entries as the median of the others of their column."""
    step = max(1, -(-data.shape[1] // COLUMNS))
    block = data.read(0, data.shape[1])
    values = block.values[:, ::step].astype(np.float64)
    if block.known is None:
        return values
    known = np.broadcast_to(block.known, block.values.shape)[:, ::step]
    center = pixel_statistics(values, known).center
    return np.where(known, values, np.nan_to_num(center)[None])


def _right(data: Blocks, left: Floats, engine: Engine) -> Floats:
    """The pictures of the components by least squares; what does not belong is for the solver to see."""
    solve = np.linalg.pinv(left)

    def one(span: tuple[int, int]) -> Floats:
        block = data.read(*span)
        values = block.values if block.known is None else np.where(block.known, block.values, 0)
        return np.asarray(solve @ values, data.dtype)

    return np.concatenate(engine.map(one, engine.spans(data.shape)), axis=1)
