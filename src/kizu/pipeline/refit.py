"""Fit, flag, widen, refit with the flagged entries missing, until the mask stands still.

A convex fit is pulled, a little, by everything that does not belong. Taking out what was flagged
removes the pull from the background and, as important, from the scale that every pixel is judged by.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kizu.detect.flagged import flag, known_of
from kizu.detect.register import Registration, exposure
from kizu.detect.residuals import PixelScale, pixel_scale
from kizu.detect.temporal import PixelStatistics, pixel_statistics
from kizu.engines.protocol import Engine
from kizu.lowrank.residual import outshout, residual
from kizu.models import background
from kizu.models.background import Settled, Thresholds
from kizu.parameters import Parameter
from kizu.pipeline.planes import ExposedBlocks, Planes
from kizu.pipeline.proposal import Propose, better
from kizu.solvers.weighted_pcp import State
from kizu.typing import Bools, Floats

ROUNDS = 8
"""Refits at most; video settles in four to six."""
STANDS_STILL = 1e-3
"""Share of the mask that may still change."""
SAME = 0.95
"""The noise scale stands still when a round takes less than 5 % off it."""
RUNAWAY = 0.35
"""Share of flagged entries above which the mask is not trusted: a third of a picture is not a defect."""
UNMASKED_RANK = 10
"""Largest rank where nothing is masked (a face under any light has about nine dimensions, Basri & Jacobs 2003)."""
THIN = 3
"""Every third pixel suffices for that."""

Progress = Callable[[str, int, int], None]
"""(stage, done, total)"""


class Settings(NamedTuple):
    """What the user may set of the fit."""

    lam: float | None
    rank: int | None
    noise: Parameter | None
    tol: float
    quantum: float | None
    engine: Engine
    propose: Propose | None = None


class Work(NamedTuple):
    """Where the refit stands: exposure, mask, background, the scale of every pixel, and the entries it goes by.

    `known` is None where every entry is.
    """

    gains: Floats
    biases: Floats
    flagged: Bools | None
    left: Floats
    right: Floats
    scale: PixelScale
    known: Bools | None = None


class Fitted(NamedTuple):
    """The end of the refit: its background as two factors with its scale, and the certificate."""

    work: Work
    settled: Settled
    sigma: Parameter
    rounds: int
    start: Parameter | None = None


def refit(planes: Planes, registration: Registration, settings: Settings, progress: Progress) -> Fitted:
    """Alternate background, mask and noise scale on registered frames; certify the last background.

    Where the mask runs away, the frames differ by more than a few things that do not belong: light
    that moves over a face, say. Then nothing is masked and no exposure divided out: a background of
    higher rank takes what the frames have in common, and the Huber loss alone resists the rest.
    """
    found = _alternate(planes, registration, settings, progress)
    if found is None:
        still = registration._replace(gains=np.ones_like(registration.gains), biases=np.zeros_like(registration.biases))
        found = _unmasked(planes, still, settings, progress)
    work, state, sigma, rounds, settings, start = found
    progress("certify", 0, 1)
    chosen = _thresholds(planes, work, sigma.value, settings)
    settled = background.settle(_data(planes, work, settings), chosen, state, tol=settings.tol, engine=settings.engine)
    factors = background.compact(settled.solution.state, settled.chosen, settings.engine)
    work = work._replace(left=factors.left, right=factors.right)
    return Fitted(work._replace(scale=measure(planes, work, settings)), settled, sigma, rounds, start)


class Alternated(NamedTuple):
    """Where the alternation ended, and the settings that it ended with."""

    work: Work
    state: State
    sigma: Parameter
    rounds: int
    settings: Settings
    start: Parameter | None = None


def _alternate(planes: Planes, registration: Registration, settings: Settings, progress: Progress) -> Alternated | None:
    """Fit, flag, refit without the flagged until the mask stands still; None if it runs away."""
    work, state = first_look(planes, registration, settings)
    sigma, start = sigma_of(work, registration, settings), None
    if settings.propose is not None:
        chosen, data = _thresholds(planes, work, sigma.value, settings), _data(planes, work, settings)
        state, start = better(data, chosen, state, settings.propose, settings.engine)
    rounds = 0
    for rounds in range(1, ROUNDS + 1):
        progress("refit", rounds, ROUNDS)
        state = _fit(planes, work, state, sigma.value, settings, first=rounds == 1)
        work, changed = judge(planes, work._replace(left=state.left, right=state.right), settings)
        if work.flagged is not None and float(work.flagged.mean()) > RUNAWAY:
            return None
        before, sigma = sigma, sigma_of(work, registration, settings)
        if changed < STANDS_STILL and sigma.value > SAME * before.value and rounds > 1:
            break
        if rounds == 1:  # now that there is a mask; a second time moves nothing by more than a tenth of sigma
            work = expose(planes, work, settings.engine)
    return Alternated(work, state, sigma, rounds, settings, start)


def _unmasked(planes: Planes, registration: Registration, settings: Settings, progress: Progress) -> Alternated:
    """Refit with nothing masked until the noise scale stands still."""
    settings = settings._replace(rank=settings.rank or min(UNMASKED_RANK, max(1, planes.frames // 5)))
    work, state = first_look(planes, registration, settings)
    work = work._replace(flagged=None, known=planes.seen)
    sigma = sigma_of(work, registration, settings)
    rounds = 0
    for rounds in range(1, ROUNDS + 1):
        progress("refit", rounds, ROUNDS)
        state = _fit(planes, work, state, sigma.value, settings, first=True)
        work = work._replace(left=state.left, right=state.right)
        work = work._replace(scale=measure(planes, work, settings))
        before, sigma = sigma, sigma_of(work, registration, settings)
        if sigma.value > SAME * before.value and rounds > 1:
            break
    return Alternated(work, state, sigma, rounds, settings)


def _fit(planes: Planes, work: Work, state: State, sigma: float, settings: Settings, *, first: bool) -> State:
    """A few steps at the present mask and noise scale; components that a smaller scale lets in are looked for."""
    chosen, data = _thresholds(planes, work, sigma, settings), _data(planes, work, settings)
    state = background.grow(data, chosen, background.alive(state, chosen), engine=settings.engine)
    steps = background.FIRST_STEPS if first else background.MORE_STEPS
    return background.fit(data, chosen, state, steps=steps, engine=settings.engine)


def first_look(planes: Planes, registration: Registration, settings: Settings) -> tuple[Work, State]:
    """Judge by the median picture alone: its residual gives the first mask and the first noise scale."""
    nothing = np.zeros((planes.frames, 0), np.float32), np.zeros((0, planes.columns), np.float32)
    work = Work(registration.gains, registration.biases, None, *nothing, _no_scale(planes), planes.seen)
    picture = _on_canvas(planes, registration, _data(planes, work, settings), settings.engine)
    state = background.start_from(picture, planes.frames)
    work, _ = judge(planes, work._replace(left=state.left, right=state.right), settings)
    return work, state


def sigma_of(work: Work, registration: Registration, settings: Settings) -> Parameter:
    """The noise scale that the thresholds are made of: what the present background leaves in a typical pixel."""
    if settings.noise is not None:
        return settings.noise
    typical = float(np.median(work.scale.overall))
    least = 0.0 if settings.quantum is None else settings.quantum / math.sqrt(12)
    tiny = float(np.finfo(np.float32).eps) * float(np.nanmax(np.abs(registration.reference), initial=0))
    why = "1.4826 · MAD of M − L, typical pixel, after the last refit"
    if typical < least:
        why = "rounding of the input: its step / √12"
    return Parameter(max(typical, least, tiny, float(np.finfo(np.float32).tiny)), why)


def _no_scale(planes: Planes) -> PixelScale:
    shape = planes.channels, math.prod(planes.size)
    return PixelScale(np.zeros(shape, np.float32), np.ones(shape, np.float32), np.ones(planes.channels))


def _on_canvas(planes: Planes, registration: Registration, data: ExposedBlocks, engine: Engine) -> Floats:
    """The reference picture on the canvas, where it has none the median of what frames see there."""
    reference = registration.reference
    height, width = reference.shape[:2]
    (my, mx), size = planes.margins, planes.size
    picture = np.full((planes.channels, *size), np.nan, data.dtype)
    picture[:, my : my + height, mx : mx + width] = reference.reshape(height, width, -1).transpose(2, 0, 1)
    if np.isnan(picture).any():
        medians = engine.map(lambda s: _median(data, s), engine.spans(data.shape))
        picture = np.where(np.isnan(picture), np.concatenate(medians).reshape(picture.shape), picture)
    return np.nan_to_num(picture).ravel()


def _median(data: ExposedBlocks, span: tuple[int, int]) -> Floats:
    block = data.read(*span)
    return pixel_statistics(block.values, block.known).center


def _data(planes: Planes, work: Work, settings: Settings) -> ExposedBlocks:
    return ExposedBlocks(planes, work.gains, work.biases, work.known, settings.engine)


def _thresholds(planes: Planes, work: Work, sigma: float, settings: Settings) -> Thresholds:
    known = work.known
    share = 1.0 if known is None else max(float(known.mean()), 1.0 / known.size)
    columns = math.prod(planes.pixels.shape[1:])
    return background.thresholds(
        (planes.frames, columns), sigma, share_known=share, lam=settings.lam, rank=settings.rank
    )


def judge(planes: Planes, work: Work, settings: Settings) -> tuple[Work, float]:
    """New scales, new z, new mask; how much of the mask changed."""
    work = work._replace(scale=measure(planes, work, settings))
    z = z_field(planes, work, settings.engine)
    flagged = flag(z, planes.seen, settings.engine)
    before = work.flagged
    changed = settings.engine.reduce(
        lambda t: np.count_nonzero(flagged[t] if before is None else flagged[t] != before[t]), range(len(flagged))
    )
    work = work._replace(flagged=flagged, known=known_of(flagged, planes.seen, settings.engine))
    return work, changed / flagged.size


def measure(planes: Planes, work: Work, settings: Settings) -> PixelScale:
    """Center and scale of every pixel's residual, from entries that are seen and not flagged."""
    data = _data(planes, work, settings)

    def one(span: tuple[int, int]) -> PixelStatistics:
        block = data.read(*span)
        rest = residual(block, work.left, work.right[:, slice(*span)])
        return pixel_statistics(rest, block.known, quantum=settings.quantum)

    parts = settings.engine.map(one, settings.engine.spans(data.shape))
    joined = PixelStatistics(*(np.concatenate(p).reshape(planes.channels, -1) for p in zip(*parts, strict=True)))
    return pixel_scale(
        joined, frames=planes.frames, rank=work.left.shape[1], quantum=settings.quantum, previous=work.scale.center
    )


def z_field(planes: Planes, work: Work, engine: Engine) -> Floats:
    """Signed z (frames, height, width) of every pixel's loudest channel; 0 where not seen."""
    data = ExposedBlocks(planes, work.gains, work.biases, planes.seen, engine)
    pixels = math.prod(planes.size)
    z = engine.empty((planes.frames, pixels), np.float32)
    left = np.concatenate([work.left, np.ones_like(work.left[:, :1])], axis=1)
    weight = 1 / work.scale.scale

    def one(span: tuple[int, int]) -> None:
        here = slice(*span)
        z[:, here] = 0
        for channel in range(planes.channels):
            first, last = channel * pixels + span[0], channel * pixels + span[1]
            right = np.concatenate([work.right[:, first:last], work.scale.center[channel : channel + 1, here]])
            outshout(data.read(first, last), left, right, weight[channel, here], z[:, here])

    engine.map(one, engine.spans((planes.frames, pixels)))
    return z.reshape(planes.frames, *planes.size)


def expose(planes: Planes, work: Work, engine: Engine) -> Work:
    """Gain and bias of every frame against the present background, from entries that belong to it."""
    size = planes.size
    mean = work.left.mean(axis=0) @ work.right + work.scale.center.ravel()
    picture = mean.reshape(planes.channels, *size).transpose(1, 2, 0)[::THIN, ::THIN]
    known = work.known
    gains, biases = exposure(
        [p[::THIN, ::THIN] for p in planes.pictures()],
        picture,
        known=None if known is None else known[:, ::THIN, ::THIN],
        engine=engine,
    )
    return work._replace(gains=gains, biases=biases)
