"""Thresholds from the measured null: how many false regions a defect-free image would hold.

For every scale, null maps (`detect.null`) are counted at a ladder of levels and the law of the
counts is fitted; the same maps give each pixel's p-value. The rule chosen by the user then sets one
number per scale, the low threshold, and nothing else.
"""

from ctypes import c_int64, c_void_p
from typing import NamedTuple

import numpy as np
from scipy import special

import kizu.native as native
from kizu.detect.hysteresis import HIGH, candidates
from kizu.detect.maps import Scale, Sign, smoothed, standardised
from kizu.detect.null import MAPS, Tail, fit_tail, null_maps
from kizu.engines.protocol import Engine, filled
from kizu.lowrank.rows import address, shaped
from kizu.typing import Bools, Floats, Integers

RUNGS = 14
"""Levels of the ladder that regions are counted at."""
LOWEST = 1e-3
"""The ladder starts no lower."""
BUSIEST = 10
"""The ladder starts where about this many pixels per map, or one window's, exceed the high threshold: between
a few regions per map and hardly any the law is seen; among the last few, repeated in many maps, it is not."""
BUSIEST_SHARE = 0.1
"""... but no more than this share of a small picture, where regions run into each other."""
ENOUGH = 3.0
"""Independent regions that a rung needs to enter the fit."""
FEW_MAPS = 40
"""Maps counted on the ladder's lower half, where regions are many."""
BODY_RUNGS, BODY_SHARE, BODY_RATE = 8, 0.01, 1.0
"""A first look starts where this share of a frame exceeds the high threshold, and ends at this rate."""
TAIL_SHARE = 0.01
"""Share of the pixels that the tail of the p-values is fitted to."""
LEAST = 1e-6
"""No expected number of false alarms below this is claimed: the tail is an extrapolation."""
STEEPEST = 15.0
"""Beyond the last level that was counted, a region's expected number falls no faster than by this exponent per such
level: the last few counts are the same few events, and their slope can be anything. Normal noise has 13."""
FARTHEST = 1e5
"""The score is tabulated up to this standardised level."""
SCORE = (c_int64, *(c_void_p,) * 4, c_int64, c_void_p)  # numbers; levels, scores and slopes, and how many; best


class Null(NamedTuple):
    """The null of one scale.

    `rate`: regions per image against the low threshold. `areas`: sorted areas of null regions.
    `levels`, `scores`: a table from standardised level to the joined z-score.
    """

    scale: Scale
    rate: Tail
    areas: Integers
    levels: Floats
    scores: Floats

    def expected(self, peak: float, area: int, scales: int) -> float:
        """False regions per defect-free image with at least this peak and area, over all scales."""
        larger = len(self.areas) - int(np.searchsorted(self.areas, area))
        share = (1 + larger) / (1 + len(self.areas))
        level, end = peak / HIGH, self.rate.end
        fall = min(-self.rate.last_slope, STEEPEST / end) * max(level - end, 0.0)
        return max(scales * float(np.exp(self.rate.log_rate(min(level, end)) - fall)) * share, LEAST)


def measure(
    z: Floats,
    excluded: Bools,
    scales: tuple[Scale, ...],
    *,
    sign: Sign,
    seed: int,
    engine: Engine,
    count: int = MAPS,
) -> tuple[Null, ...]:
    """The null of every scale from z (frames, height, width) outside `excluded`, by `count` null maps."""
    maps = null_maps(z, excluded, count=count, seed=seed, engine=engine)
    independent = min(1.0, len(z) / count)

    def one(scale: Scale) -> Null:
        w = filled(
            engine, maps.shape, np.float32, lambda n: standardised(smoothed(maps[n], scale.size, sign, None), scale)
        )
        rate, areas = count_regions(w, scale, independent, engine)
        levels, survival = pixel_law(w, independent)
        return Null(scale, rate, areas, levels, joined_score(survival, len(scales)))

    return tuple(one(scale) for scale in scales)


def first_look(w: Floats, scale: Scale, engine: Engine) -> Tail:
    """The rate of noise's regions in frames that may hold defects; w (frames, height, width), −∞ where excluded.

    A defect adds about one region to its frame, however large it is. Where noise alone has several in
    every frame that hardly counts, and the law of those many is continued to levels that few reach.
    The ladder's ends are medians over the frames: those of a frame without defects.
    """
    flat = w.reshape(len(w), -1)
    rank = int((1 - BODY_SHARE) * flat.shape[1])
    lowest = max(float(np.median(np.partition(flat, rank, axis=1)[:, rank])) / HIGH, LOWEST)
    highest = max(float(np.median(flat.max(axis=1))) / HIGH, 1.1 * lowest)
    judged = max(float(np.isfinite(flat).mean()), 1 / flat.size)
    levels, rates = [], []
    for level in np.geomspace(lowest, highest, BODY_RUNGS):
        rate = len(_areas(w, float(level), scale, engine)) / (len(w) * judged)
        if rate >= BODY_RATE:
            levels.append(float(level))
            rates.append(rate)
    if len(levels) < 2:
        return Tail(0.0, -1.0 / highest, 0.0, highest, highest)
    return fit_tail(levels, rates, rates)


def count_regions(w: Floats, scale: Scale, independent: float, engine: Engine) -> tuple[Tail, Integers]:
    """Rate of null regions against the low threshold, and their areas.

    `independent` is the share of the counts that are different events: with fewer frames than maps
    the same block is drawn again and again.
    """
    peaks = np.sort(w.reshape(len(w), -1).max(axis=1))
    busiest = min(max(BUSIEST, scale.size**2) / w[0].size, BUSIEST_SHARE)
    lowest = max(float(np.quantile(w[: FEW_MAPS // 2], 1 - busiest)) / HIGH, LOWEST)
    highest = max(float(peaks[-1]) / HIGH, lowest * 1.01, 2 * LOWEST)  # a null without noise is all zero
    levels, rates, weights, areas = [], [], [], []
    for level in np.geomspace(lowest, highest, RUNGS)[:-1]:
        maps = w[:FEW_MAPS] if level < float(np.median(peaks)) / HIGH else w
        regions = _areas(maps, level, scale, engine)
        effective = len(regions) * min(1.0, independent * len(w) / len(maps))
        if effective >= ENOUGH:
            levels.append(level)
            rates.append(len(regions) / len(maps))
            weights.append(effective)
            areas.append(regions)
    if len(levels) < 2:
        return Tail(np.log(1.0 / len(w)), -1.0 / highest, 0.0, highest, highest), np.zeros(0, int)
    return fit_tail(levels, rates, weights), np.sort(np.array(areas[-1]))


def _areas(maps: Floats, level: float, scale: Scale, engine: Engine) -> list[int]:
    """Areas of all regions of all maps at this low threshold."""
    found = engine.map(lambda m: candidates(m, level, scale.min_area)[1], list(maps))
    return [c.area for kept in found for c in kept]


def pixel_law(w: Floats, independent: float) -> tuple[Floats, Floats]:
    """(levels, log survival): how often a null pixel exceeds each level, the tail extrapolated."""
    values = w[np.isfinite(w)]
    values.sort()
    size = len(values)
    least = 50 / (size * independent)
    shares = np.geomspace(0.999, min(max(least, 1e-7), 0.5), 60)
    levels = values[np.minimum((size * (1 - shares)).astype(int), size - 1)]
    levels, first = np.unique(levels, return_index=True)
    logs = np.log(shares[first])
    body = shares[first] <= TAIL_SHARE
    if np.count_nonzero(body) < 2:
        body = np.ones(len(levels), dtype=np.bool_)
    if len(levels) < 2:
        return np.array([levels[0], levels[0] + 1.0]), np.array([np.log(0.5), np.log(least)])
    tail = fit_tail(levels[body], np.exp(logs[body]), np.ones(int(body.sum())))
    beyond = np.geomspace(1.01, max(FARTHEST / max(levels[-1], 1e-3), 2.0), 200) * max(levels[-1], 1e-3)
    step = tail.log_rate(beyond) - tail.log_rate(levels[-1])
    return np.concatenate([levels, beyond]), np.concatenate([logs, logs[-1] + np.minimum.accumulate(step)])


def joined_score(log_survival: Floats, scales: int) -> Floats:
    """z whose two-sided normal p-value is that of the smallest of `scales` p-values (Šidák 1967)."""
    with np.errstate(divide="ignore"):
        log_p = np.where(
            log_survival > -30,
            np.log(-np.expm1(scales * np.log1p(-np.exp(np.minimum(log_survival, -1e-12))))),
            np.log(scales) + log_survival,
        )
    return np.asarray(np.maximum(-special.ndtri_exp(np.minimum(log_p, -1e-12) - np.log(2.0)), 0.0))


def score_map(maps: list[Floats], nulls: tuple[Null, ...], *, level: int | None = None) -> Floats:
    """The calibrated z-map of one frame: the largest score over the scales; 0 where not seen.

    `level` 0 asks for the twin of the kernel, for tests.
    """
    best = np.zeros(maps[0].shape, np.float32)
    kernel = native.function("kizu_score", *SCORE) if level != 0 else None
    for w, null in zip(maps, nulls, strict=True):
        if kernel is None or not shaped((w, best.shape)):
            np.maximum(best, np.interp(w, null.levels, null.scores, left=0.0).astype(np.float32), out=best)
            continue
        x, table = np.ascontiguousarray(w, np.float32), np.zeros((3, len(null.levels)))
        table[0], table[1] = null.levels, null.scores
        table[2, :-1] = np.diff(table[1]) / np.diff(table[0])
        kernel(x.size, address(x), *map(address, table), table.shape[1], address(best))
    return best
