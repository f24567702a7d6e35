"""Gain and bias of each frame and channel against a reference, by Tukey regression.

    x_t(p, c) = gain_t,c reference(p, c) + bias_t,c + noise + what does not belong

The gain is pulled towards 1 as far as the reference has no contrast that could tell it from noise:
its prior is 1 +- 0.1. Saturated pixels, where a frame has many, take no part.
"""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kizu.detect.register_canvas import overlap
from kizu.detect.register_read import Reader, reader
from kizu.detect.register_robust import GAIN_RANGE, Picture, block_means, robust_scale, thinned, tukey_weights
from kizu.engines.protocol import Engine, Progress
from kizu.engines.threads import DEFAULT
from kizu.typing import Bools

ENOUGH_PIXELS = 20_000  # per channel: gain to a few parts in a thousand on plaster
FEWEST_PIXELS = 16
PRIOR_GAIN = 0.1  # how far gains stray from 1 among frames of one scene, as a rule
REFERENCE_NOISE = 4.0  # noise variance of the reference in units of sigma^2 / frames: a median's pi/2, with room
SATURATED_SHARE = 0.01, 0.75  # a pile-up at the extreme; beyond the second, the frame itself is flat
BLOCK = 8
ITERATIONS = 12
RELAXED = 1.7  # of a step of reweighted least squares, which below 2 still descends: a third fewer, and nearer the end
SETTLED = 2e-3  # of the residual's scale


Values = NDArray[np.floating[Any]]


class Line(NamedTuple):
    gain: float
    bias: float


class Fit(NamedTuple):
    """A line with the scale, weights and residuals of its last round."""

    line: Line
    scale: float
    weight: Values
    residual: Values


UNKNOWN = Line(1.0, 0.0)


def exposure(
    frames: Sequence[Any] | NDArray[Any],
    reference: NDArray[Any],
    *,
    known: Bools | None = None,
    shifts: ArrayLike | None = None,
    progress: Progress | None = None,
    engine: Engine = DEFAULT,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate gains and biases, both (frames, channels), such that frames = gain * reference + bias.

    `frames` is (frames, height, width[, channels]) of any real dtype, or a sequence of such frames;
    `reference` is (height, width[, channels]), made of these frames. `known` (height, width) or
    (frames, height, width) marks what takes part (default all; NaN never does). `shifts` (frames, 2)
    says where each frame looks (default nowhere else). A frame with too little known, or with a gain
    outside 1/4 ... 4, gets gain 1 and bias 0.
    """
    source = reader(frames, known)
    where = np.zeros((len(frames), 2)) if shifts is None else np.asarray(shifts, dtype=np.float64)
    scaled = np.ldexp(np.asarray(reference, dtype=np.float64), -source.exponent).astype(np.float32)
    scaled = scaled.reshape(*scaled.shape[:2], -1)
    gains, biases = exposures(source, scaled, where, averaged=len(frames), progress=progress, engine=engine)
    return gains, np.ldexp(biases, source.exponent)


def exposures(
    source: Reader,
    reference: Picture,
    shifts: NDArray[np.float64],
    *,
    averaged: int,
    chosen: Sequence[int] | None = None,
    progress: Progress | None = None,
    engine: Engine,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate gains and biases of the `chosen` frames (default all), in the units of `source`.

    `averaged` is the number of frames that the reference is made of, as far as noise goes.
    """

    def lines(index: int) -> list[Line]:
        picture = unsaturated(source.read(index), source.low, source.high)
        seen, window = overlap(picture, shifts[index])
        step = max(1, ceil(sqrt(seen[..., 0].size / ENOUGH_PIXELS)))
        seen, fixed = seen[::step, ::step], reference[window][::step, ::step]
        return [regress(seen[..., c], fixed[..., c], averaged) for c in range(seen.shape[2])]

    every = range(len(source)) if chosen is None else chosen
    found = np.array(engine.map(lines, every, progress=progress))
    return found[..., 0], found[..., 1]


def unsaturated(picture: Picture, low: float, high: float) -> Picture:
    """Replace by NaN what sits at the extremes of the whole stack, in channels where that is a pile-up."""
    pixels = picture[..., 0].size
    for extreme in (low, high):
        at = picture == np.float32(extreme)
        if np.count_nonzero(at) <= SATURATED_SHARE[0] * pixels:  # all channels together: none has a pile
            continue
        share = at.mean(axis=(0, 1))
        piled = (share > SATURATED_SHARE[0]) & (share < SATURATED_SHARE[1])
        if piled.any():
            picture = np.where(at & piled, np.float32(np.nan), picture)
    return picture


def regress(picture: Picture, reference: Picture, count: int) -> Line:
    """Fit picture = gain * reference + bias (both (height, width)) by iterated Tukey weights.

    `count` frames were averaged in the reference: less contrast than their noise says nothing on the gain.
    """
    known = ~(np.isnan(picture) | np.isnan(reference))
    if np.count_nonzero(known) < FEWEST_PIXELS:
        return UNKNOWN
    centre = np.mean(reference[known])
    x, y = reference[known] - centre, picture[known]
    fit = _iterate(x, y)
    gain = 1 + _trust(x, fit, count, _correlation(fit, known)) * (fit.line.gain - 1)
    if not (GAIN_RANGE[0] <= gain <= GAIN_RANGE[1]):
        return UNKNOWN
    mean = float(fit.weight @ x / fit.weight.sum())
    level = fit.line.bias + fit.line.gain * mean  # what the frame has where the reference has its mean: kept
    return Line(gain, level - gain * (mean + float(centre)))


def _iterate(x: Values, y: Values) -> Fit:
    """Alternate scale, weights and line until the line stands still; only the last line needs double precision."""
    line = Line(1.0, float(np.median(thinned(y - x))))
    spread = float(x.std())
    for _ in range(ITERATIONS):
        residual = y - line.gain * x - line.bias
        scale = robust_scale(residual)
        weight = tukey_weights(residual, scale)
        best = _weighted_line(x, y, weight)
        if abs(best.gain - line.gain) * spread + abs(best.bias - line.bias) <= SETTLED * scale:
            break
        line = _relaxed(line, best)
    best = _weighted_line(*(part.astype(np.float64) for part in (x, y, weight)))
    residual = y - best.gain * x - best.bias
    return Fit(best, robust_scale(residual), weight, residual)


def _relaxed(old: Line, new: Line) -> Line:
    return Line(*(a + RELAXED * (b - a) for a, b in zip(old, new, strict=True)))


def _weighted_line(x: Values, y: Values, weight: Values) -> Line:
    total = weight.sum()
    mean_x, mean_y = weight @ x / total, weight @ y / total
    pull = weight * (x - mean_x)
    square = pull @ x
    gain = float(pull @ y / square) if square > 0 else 1.0
    return Line(gain, float(mean_y - gain * mean_x))


def _trust(x: Values, fit: Fit, count: int, correlation: float) -> float:
    """Weigh the contrast that is not noise of the reference against the prior: 1 = the data, 0 = gain 1."""
    total = fit.weight.sum()
    spread = fit.weight @ np.square(x) - (fit.weight @ x) ** 2 / total
    contrast = float(spread - total * REFERENCE_NOISE * fit.scale**2 / count)
    if contrast <= 0:
        return 0.0
    return contrast / (contrast + correlation * (fit.scale / PRIOR_GAIN) ** 2)


def _correlation(fit: Fit, known: Bools) -> float:
    """Count the neighbouring pixels that share one residual, from the variance of block means; at least 1."""
    if fit.scale == 0:
        return 1.0
    block = max(1, min(BLOCK, min(known.shape) // 4))
    picture = np.zeros(known.shape)
    picture[known] = np.where(fit.weight > 0, fit.residual, 0)
    return max(1.0, float((robust_scale(block_means(picture, block)) * block / fit.scale) ** 2))
