"""The background of registered frames: stable PCP with a small rank on data that are read in blocks.

Real backgrounds are not white noise around a low rank: waving leaves have a spectrum of their own
far above the edge of the noise. So the rank is limited, and tau_background is raised to the
residual's own next singular value until the rank stands still: the result is then the certified
optimum of the problem that is solved, not a truncated one.
"""

import math
from typing import NamedTuple

import numpy as np

from kizu.engines.threads import map_blocks
from kizu.lowrank.blocks import Blocks, spans
from kizu.parameters import Parameter, default_lam, stable_thresholds
from kizu.solvers import stable_pcp
from kizu.solvers.loop import Callback, Solution
from kizu.typing import Floats

MAX_RANK = 4
"""Background image, its slow changes and what moves in it. Measured on video: 1 to 4 are equal on
quiet scenes, 4 gains much where the background moves, 8 gains nothing."""
FRAMES_PER_RANK = 5
"""A rank needs this many frames, so that a few frames are not explained one by one."""
FIRST_STEPS, MORE_STEPS = 12, 6
"""Steps of a first fit, and of a refit from a warm start."""
RAISE = 1.02
"""tau_background is put this much above the next singular value."""
GRAM_COLUMNS = 1 << 16
LARGEST_RANK, MAX_ITER = 10, 60
"""Limits of the certified solve: beyond them the gap is reported as it is."""


class Thresholds(NamedTuple):
    """The parameters of one fit, each with its reason."""

    lam: Parameter
    tau_background: Parameter
    tau_anomaly: Parameter
    rank: Parameter

    def numbers(self, jobs: int) -> stable_pcp.Numbers:
        return stable_pcp.Numbers(self.tau_background.value, self.tau_anomaly.value, self.rank.value, jobs)


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


def start_from(picture: Floats, frames: int, chosen: Thresholds, jobs: int) -> stable_pcp.State:
    """The state whose background is `picture` (columns,) in every frame."""
    dtype, root = picture.dtype, math.sqrt(frames)
    even = np.full((frames, 1), 1 / root)
    size = np.array([root * float(np.linalg.norm(picture.astype(np.float64)))])
    return stable_pcp.State(
        left=even.astype(dtype),
        right=(root * picture)[None, :].astype(dtype),
        basis=stable_pcp.next_basis(even, 1, chosen.numbers(jobs), 0).astype(dtype),
        before=size,
        after=size,
        clip=chosen.tau_anomaly.value,
        iteration=0,
    )


def fit(data: Blocks, chosen: Thresholds, start: stable_pcp.State, *, steps: int, jobs: int) -> stable_pcp.State:
    """A fixed number of steps: enough to flag by, without a certificate."""
    numbers = chosen.numbers(jobs)
    state = start._replace(clip=numbers.tau_anomaly, objective=math.inf)
    for _ in range(steps):
        state, _record = stable_pcp.step(data, state, numbers)
    return state


def raised(chosen: Thresholds, state: stable_pcp.State) -> Thresholds:
    """`chosen` with tau_background above the first singular value that the rank leaves out."""
    limit = chosen.rank.value
    following = float(state.before[limit]) if len(state.before) > limit else 0.0
    if following <= chosen.tau_background.value:
        return chosen
    tau = RAISE * following
    why = f"raised to the residual's own spectrum, so that rank {limit} stands still: the background is not white noise"
    return chosen._replace(
        tau_background=Parameter(tau, why), tau_anomaly=Parameter(chosen.lam.value * tau, "lam · tau_background")
    )


def settle(
    data: Blocks,
    chosen: Thresholds,
    start: stable_pcp.State,
    *,
    tol: float,
    jobs: int,
    callback: Callback | None = None,
) -> Solution[stable_pcp.State]:
    """Solve to the certified gap. The rank may now exceed its limit a little: the optimum decides."""
    numbers = chosen.numbers(jobs)._replace(max_rank=min(LARGEST_RANK, data.shape[0]))
    return stable_pcp.solve(
        data,
        numbers,
        tol=tol,
        max_iter=MAX_ITER,
        start=start._replace(clip=numbers.tau_anomaly, objective=math.inf, ripe=0),
        callback=callback,
    )


def compact(state: stable_pcp.State) -> stable_pcp.State:
    """The same background with as many factors as its rank: right (r, columns) has orthonormal rows."""
    u, s, vh = np.linalg.svd(state.left.astype(np.float64), full_matrices=False)
    keep = s > s[0] * len(s) * np.finfo(state.left.dtype).eps if s.size and s[0] > 0 else np.zeros(len(s), np.bool_)
    right = (s[keep, None] * vh[keep]).astype(state.right.dtype) @ state.right
    values, w = np.linalg.eigh(_gram(right))
    size = np.sqrt(np.maximum(values, 0.0))
    used = size > size.max(initial=0.0) * np.finfo(state.right.dtype).eps
    w, size = w[:, used][:, ::-1], size[used][::-1]
    return state._replace(
        left=(u[:, keep] @ (w * size)).astype(state.left.dtype),
        right=(w / size).T.astype(state.right.dtype) @ right,
        after=state.after[state.after > 0],
    )


def _gram(right: Floats) -> Floats:
    """right @ rightᵀ in float64, in pieces that are small next to the factor itself."""
    total = np.zeros((len(right), len(right)))
    for start in range(0, right.shape[1], GRAM_COLUMNS):
        piece = right[:, start : start + GRAM_COLUMNS].astype(np.float64)
        total += piece @ piece.T
    return total


def project(data: Blocks, right: Floats, chosen: Thresholds, left: Floats, *, steps: int, jobs: int) -> Floats:
    """Background coefficients (frames, r) of new frames in the subspace `right` (r, columns) of an earlier fit.

    Minimises Σ huber(y − vV; tau_anomaly) per frame by proximal steps of length 1 (V is orthonormal).
    """
    level = data.dtype.type(chosen.tau_anomaly.value)

    def one(span: tuple[int, int]) -> Floats:
        block = data.read(*span)
        y = np.clip(stable_pcp.residual(block, left, right), -level, level)
        return (y @ right[:, slice(*span)].T).astype(np.float64)

    for _ in range(steps):
        left = (left + sum(map_blocks(one, spans(data.shape), jobs=jobs))).astype(left.dtype)
    return left


def state_of(left: Floats, right: Floats) -> stable_pcp.State:
    """The state of a background that is known: L = left @ right, `right` with orthonormal rows."""
    size = np.linalg.norm(left.astype(np.float64), axis=0)
    return stable_pcp.State(left, right, basis=left, before=size, after=size)
