"""The background of registered frames: stable PCP with a small rank on data that are read in blocks.

Real backgrounds are not white noise around a low rank: waving leaves have a spectrum of their own
far above the edge of the noise. So the rank is limited, and tau_background is raised to the
residual's own next singular value until the rank stands still: the result is then the certified
optimum of the problem that is solved, not a truncated one.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import Blocks
from kizu.lowrank.residual import residual
from kizu.parameters import Parameter, default_lam, stable_thresholds
from kizu.solvers import stable_proof, weighted_pcp
from kizu.solvers.loop import Callback, Record, Solution
from kizu.solvers.weighted_pcp import State
from kizu.typing import Floats

MAX_RANK = 4
"""Background image, its slow changes and what moves in it. Measured on video: 1 to 4 are equal on
quiet scenes, 4 gains much where the background moves, 8 gains nothing."""
FRAMES_PER_RANK = 5
"""A rank needs this many frames, so that a few frames are not explained one by one."""
FIRST_STEPS, MORE_STEPS = 3, 2
"""Steps of a first fit, and of a refit from a warm start."""
RAISE, RAISES = 1.02, 4
"""tau_background is put this much above the largest singular value of what is left, so many times at most."""
SHOWN = 10
"""Singular values beyond the rank that a report shows."""
ALIVE = 0.01
"""A component below this share of tau_background has as good as vanished."""
PRUNE = 0.3
"""A component whose singular value is below this share of tau_background is left out."""
POWER_STEPS, SPARE = 2, 2
"""Power steps that find new directions, and how many more than needed are carried."""
MAX_ITER = 40
"""Steps of the certified solve, which usually takes six."""


class Thresholds(NamedTuple):
    """The parameters of one fit, each with its reason."""

    lam: Parameter
    tau_background: Parameter
    tau_anomaly: Parameter
    rank: Parameter

    def numbers(self, engine: Engine) -> weighted_pcp.Numbers:
        return weighted_pcp.Numbers(self.tau_background.value, self.tau_anomaly.value, engine)


def thresholds(
    shape: tuple[int, int], sigma: float, *, share_known: float, lam: float | None, rank: int | None
) -> Thresholds:
    """The thresholds of the noise's edge for `shape` (frames, columns)."""
    frames, columns = shape
    weight = default_lam(frames, columns, share_known) if lam is None else Parameter(lam, "given")
    edge, clip = stable_thresholds(frames, columns, sigma, weight.value, share_known)
    if rank is not None:
        return Thresholds(weight, edge, clip, Parameter(min(rank, frames), "given as the limit"))
    few = max(1, min(MAX_RANK, frames // FRAMES_PER_RANK))
    why = "4 holds on still and on moving backgrounds" if few == MAX_RANK else f"one per {FRAMES_PER_RANK} frames"
    return Thresholds(weight, edge, clip, Parameter(few, why))


def start_from(picture: Floats, frames: int) -> State:
    """The state whose background is `picture` (columns,) in every frame."""
    return weighted_pcp.start_at(np.ones((frames, 1)), picture[None, :])


def alive(state: State, chosen: Thresholds) -> State:
    """`state` without components that the threshold has made vanish: nothing brings those back."""
    kept = max(1, int(np.count_nonzero(state.sizes > ALIVE * chosen.tau_background.value)))
    return state._replace(left=state.left[:, :kept], right=state.right[:kept], sizes=state.sizes[:kept])


def grow(data: Blocks, chosen: Thresholds, state: State, *, engine: Engine) -> State:
    """`state` with room for the rank allowed: the strongest directions of clip(M − L) join its factors.

    Found by a few power steps from random directions: factors that start at zero would stay there.
    """
    level, more = chosen.tau_anomaly.value, chosen.rank.value - state.left.shape[1]
    if more < 1:
        return state
    spare = min(more + SPARE, state.left.shape[0])
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((state.left.shape[0], spare)))[0]

    def one(span: tuple[int, int], directions: Floats) -> tuple[Floats, Floats]:
        y = residual(data.read(*span), state.left, state.right[:, slice(*span)], limit=level)
        rows = directions.T @ y
        return rows, (y @ rows.T).astype(np.float64)

    for _ in range(POWER_STEPS):
        parts = engine.map(partial(one, directions=basis.astype(state.left.dtype)), engine.spans(data.shape))
        basis = np.linalg.qr(np.sum([power for _rows, power in parts], axis=0))[0]
    found = basis[:, :more].astype(state.left.dtype)
    parts = engine.map(partial(one, directions=found), engine.spans(data.shape))
    right = np.concatenate([state.right, np.concatenate([rows for rows, _power in parts], axis=1)])
    return weighted_pcp.start_at(np.concatenate([state.left, found], axis=1), right)


def fit(data: Blocks, chosen: Thresholds, start: State, *, steps: int, engine: Engine) -> State:
    """A fixed number of steps: enough to flag by, without a certificate."""
    state = start
    for _ in range(steps):
        state, _record = weighted_pcp.step(data, state, chosen.numbers(engine))
    return state


class Settled(NamedTuple):
    """The certified background, the thresholds that it is the optimum of, and the spectrum of what is left.

    `left_over` are the largest singular values of clip(M − L) that no component explains.
    """

    chosen: Thresholds
    solution: Solution[State, Record]
    left_over: Floats


def settle(
    data: Blocks, chosen: Thresholds, start: State, *, tol: float, engine: Engine, callback: Callback | None = None
) -> Settled:
    """Raise tau_background until the rank stands still by itself, then solve to the certified gap.

    tau_anomaly stays: raised together, the two chase each other until only one component is left.
    """
    state = pruned(start, chosen)
    for _ in range(RAISES):
        spectrum = dual_spectrum(data, chosen, state, engine=engine)
        if spectrum[0] <= RAISE * chosen.tau_background.value:
            break
        chosen = raised(chosen, float(spectrum[0]))
        state = pruned(fit(data, chosen, state, steps=MORE_STEPS, engine=engine), chosen)
    found = weighted_pcp.solve(
        data, state._replace(iteration=0, ripe=0), chosen.numbers(engine), tol=tol, max_iter=MAX_ITER, callback=callback
    )
    explained = len(state.sizes)
    return Settled(chosen, found, spectrum[explained : explained + SHOWN])


def pruned(state: State, chosen: Thresholds) -> State:
    """`state` without components that hardly rise above the threshold: those shrink to 0 ever more slowly."""
    kept = max(1, int(np.count_nonzero(state.sizes > PRUNE * chosen.tau_background.value)))
    return state._replace(left=state.left[:, :kept], right=state.right[:kept], sizes=state.sizes[:kept])


def dual_spectrum(data: Blocks, chosen: Thresholds, state: State, *, engine: Engine) -> Floats:
    """Singular values of clip(M − L), largest first."""
    level = chosen.tau_anomaly.value
    return stable_proof.dual_spectrum(data, state.left, state.right, tau_anomaly=level, engine=engine)


def raised(chosen: Thresholds, largest: float) -> Thresholds:
    """`chosen` with tau_background just above `largest`."""
    rank = chosen.rank.value
    why = f"raised to the residual's own spectrum, so that rank {rank} stands still: the background is not white noise"
    kept = chosen.tau_anomaly._replace(why="lam · tau_background at the edge of the noise, before that was raised")
    return chosen._replace(tau_background=Parameter(RAISE * largest, why), tau_anomaly=kept)


class Compact(NamedTuple):
    """L = left (frames, r) @ right (r, columns), right with orthonormal rows, r its rank."""

    left: Floats
    right: Floats


def compact(state: State, chosen: Thresholds, engine: Engine) -> Compact:
    """The background that frames are judged by: the certified one, its singular values as before the threshold.

    Soft thresholding takes tau_background off every singular value, which leaves a ghost of the
    background in every residual; what is kept is given back whole (Gavish & Donoho 2014).
    """
    rank = state.rank(chosen.numbers(engine))
    sizes, root = state.sizes[:rank], np.sqrt(state.sizes[:rank])
    left = state.left[:, :rank] * (root * (1 + chosen.tau_background.value / sizes))
    return Compact(left.astype(state.left.dtype), (state.right[:rank].T / root).T.astype(state.right.dtype))


def project(data: Blocks, right: Floats, chosen: Thresholds, left: Floats, *, steps: int, engine: Engine) -> Floats:
    """Background coefficients (frames, r) of new frames in the subspace `right` (r, columns) of an earlier fit.

    Minimises Σ huber(y − vV; tau_anomaly) per frame by proximal steps of length 1 (V is orthonormal).
    """
    level = chosen.tau_anomaly.value

    def one(span: tuple[int, int]) -> Floats:
        block = data.read(*span)
        part = right[:, slice(*span)]
        y = residual(block, left, part, limit=level)
        return (y @ part.T).astype(np.float64)

    for _ in range(steps):
        left = (left + np.sum(engine.map(one, engine.spans(data.shape)), axis=0)).astype(left.dtype)
    return left
