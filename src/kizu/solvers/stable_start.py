"""Where stable PCP begins: a typical sample, and the directions in which the data leave it.

Both are found on a part of the data, so that they cost less than one pass. What is typical depends
on which side the samples lie, which a matrix does not say: the median of every column, that of every
row, and nothing at all are tried, and the one that leaves the smallest residual is taken.
"""

from typing import NamedTuple

import numpy as np

from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import Blocks
from kizu.typing import Bools, Floats

ROWS = 31
"""Entries, evenly spread, that a median is taken of: as good a start as all of them."""
COLUMNS_PER_ROW, FEWEST_COLUMNS = 8, 2048
"""Columns of the part on which directions are sought: their Gram matrix knows them to a third of their size."""
RUN = 32
"""Neighbouring columns that are read together."""
DIRECTIONS = 12
"""Of them the strongest that the first step is taken in."""
POWER_STEPS = 4
"""Power steps that find them."""
LOWER = 0.5
"""Factor between the levels that are tried."""


class Start(NamedTuple):
    """L₀ = left (short, 1) @ right (1, long), basis (short, q) of the first step.

    `level` is the multiple of both thresholds at which the optimum is next to L₀.
    """

    left: Floats
    right: Floats
    basis: Floats
    level: float


def typical(data: Blocks, tau_background: float, tau_anomaly: float, *, engine: Engine) -> Start:
    """The start of a solve at these thresholds."""
    short, long = data.shape
    values, known = sample(data)
    along, across = _median(values, known, axis=0), _median(values, known, axis=1)
    ones, zeros = np.ones(short), np.zeros(short)
    rests = {
        "columns": _rest(values - along, known),
        "rows": _rest(values - across[:, None], known),
        "nothing": _rest(values, known),
    }
    best = min(rests, key=lambda name: float(np.abs(rests[name]).sum()))
    rest, scale = rests[best], np.sqrt(long / values.shape[1])
    level = max(1.0, float(np.abs(rest).max()) / tau_anomaly)
    while level > 1.0 and _norm(np.clip(rest, *_band(LOWER * level * tau_anomaly))) * scale <= (
        LOWER * level * tau_background
    ):
        level = max(1.0, LOWER * level)
    left = {"columns": ones, "rows": across, "nothing": zeros}[best][:, None]
    right = _medians(data, engine) if best == "columns" else np.ones((1, long))
    directions, _ = _leading(np.clip(rest, *_band(level * tau_anomaly)))
    columns = directions if best == "nothing" else np.concatenate([left, directions], axis=1)
    basis = np.linalg.qr(columns[:, :short])[0]
    return Start(left.astype(data.dtype), right.astype(data.dtype), basis.astype(data.dtype), level)


def sample(data: Blocks) -> tuple[Floats, Bools | None]:
    """Evenly spread runs of columns of the data in float64, and which of their entries are known."""
    short, long = data.shape
    wanted = max(COLUMNS_PER_ROW * short, FEWEST_COLUMNS)
    if wanted >= long:
        blocks = [data.read(0, long)]
    else:
        starts = np.linspace(0, long - RUN, -(-wanted // RUN)).astype(int)
        blocks = [data.read(int(start), int(start) + RUN) for start in starts]
    values = np.concatenate([block.values for block in blocks], axis=1).astype(np.float64)
    masks = [block.known for block in blocks if block.known is not None]
    return values, np.concatenate(masks, axis=1) if masks else None


def _band(level: float) -> tuple[float, float]:
    return -level, level


def _norm(matrix: Floats) -> float:
    return _leading(matrix)[1]


def _leading(matrix: Floats) -> tuple[Floats, float]:
    """Orthonormal directions of the short side in which `matrix` is largest, and about its norm, by power steps."""
    short = len(matrix)
    directions = np.random.default_rng(0).standard_normal((short, min(short, DIRECTIONS)))
    for _ in range(POWER_STEPS):
        directions = np.linalg.qr(directions)[0]
        directions = matrix @ (matrix.T @ directions)
    directions, upper = np.linalg.qr(directions)
    return directions, float(np.sqrt(np.linalg.norm(upper, 2)))


def _rest(rest: Floats, known: Bools | None) -> Floats:
    return rest if known is None else rest * known


def _median(values: Floats, known: Bools | None, *, axis: int) -> Floats:
    """Medians over the known entries of at most `ROWS` slices along `axis`; 0 where none is known."""
    picked = np.linspace(0, values.shape[axis] - 1, min(values.shape[axis], ROWS)).astype(int)
    values = values.take(picked, axis=axis)
    if known is None:
        return np.asarray(np.median(values, axis=axis))
    known = known.take(picked, axis=axis)
    count = np.count_nonzero(known, axis=axis)
    ordered = np.sort(np.where(known, values, np.inf), axis=axis)
    middle = np.maximum(np.stack([(count - 1) // 2, count // 2]), 0)
    two = [np.take_along_axis(ordered, np.expand_dims(m, axis), axis=axis).squeeze(axis) for m in middle]
    return np.where(count > 0, 0.5 * (two[0] + two[1]), 0.0)


def _medians(data: Blocks, engine: Engine) -> Floats:
    """The median of every column, (1, long)."""

    def one(span: tuple[int, int]) -> Floats:
        block = data.read(*span)
        return _median(block.values, block.known, axis=0)

    return np.concatenate(engine.map(one, engine.spans(data.shape)))[None]
