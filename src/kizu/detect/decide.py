"""The decision on one frame: smoothed maps → joined score map, mask, and how likely each part is false."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage, special

from kizu.calibration import benjamini_hochberg
from kizu.detect.calibrate import Null, score_map
from kizu.detect.hysteresis import HIGH, candidates, extent
from kizu.detect.maps import Sign, smoothed, standardised
from kizu.typing import Bools, Floats

LEAST_Z = 0.5
"""A region's peak in pixel scales, at least: frames without noise have a null of rounding errors. Half a
step is what rounding can do; a whole one would hide medians of quiet 8-bit noise (a third of the stated rate)."""


class Rule(NamedTuple):
    """What the user asks for: `false_alarms` regions per defect-free image, `fdr`, or a level `z`."""

    kind: Literal["false_alarms", "fdr", "z"]
    value: float


class Decision(NamedTuple):
    """One frame's outcome (height, width): calibrated score, mask, and `expected`.

    `expected` holds, inside the mask, the false regions per defect-free image of the region's scale,
    peak and area; infinity elsewhere.
    """

    score: Floats
    mask: Bools
    expected: Floats


def lows_for(rule: Rule, nulls: tuple[Null, ...], score: Floats | None = None) -> tuple[float, ...]:
    """The low threshold of every scale. The family is one image: FDR needs that image's `score`."""
    if rule.kind == "z":
        return tuple(rule.value for _ in nulls)
    if rule.kind == "false_alarms":
        return tuple(max(float(null.rate.level(rule.value / len(nulls))), visible(null)) for null in nulls)
    if score is None:
        raise TypeError("the FDR rule needs the image's score map")
    p_value = 2 * special.ndtr(-score.astype(np.float64))
    limit = benjamini_hochberg(p_value, rule.value)
    if limit <= 0:
        return tuple(math.inf for _ in nulls)
    # The procedure's own line, not the last p-value below it: that is a strong defect's where no noise comes between
    limit = rule.value * np.count_nonzero(p_value <= limit) / p_value.size
    cut = float(-special.ndtri(limit / 2))
    return tuple(max(float(np.interp(cut, null.scores, null.levels)), visible(null)) for null in nulls)


def visible(null: Null) -> float:
    """The low threshold below which a region's peak would be less than one pixel scale: no noise, no evidence."""
    return (LEAST_Z - null.scale.center) / (HIGH * null.scale.spread)


def decide(z: Floats, seen: Bools | None, nulls: tuple[Null, ...], rule: Rule, sign: Sign) -> Decision:
    """Decide on one frame's signed z (height, width)."""
    return decide_on(lambda size: smoothed(z, size, sign, seen), seen, nulls, rule)


def decide_on(map_of: Callable[[int], Floats], seen: Bools | None, nulls: tuple[Null, ...], rule: Rule) -> Decision:
    """Decide on one frame's smoothed maps: `map_of(size)` is (height, width), before standardising."""
    maps = [standardised(map_of(null.scale.size), null.scale) for null in nulls]
    score = score_map(maps, nulls)
    mask = np.zeros(score.shape, np.bool_)
    expected = np.full(score.shape, np.inf, np.float32)
    for w, null, low in zip(maps, nulls, lows_for(rule, nulls, score), strict=True):
        labels, kept = candidates(w, low, null.scale.min_area)
        if not kept:
            continue
        mask |= extent(w, labels, low, kept)
        chance = np.full(int(labels.max()) + 1, np.inf, np.float32)
        chance[[c.label for c in kept]] = [null.expected(c.peak, c.area, len(nulls)) for c in kept]
        expected = np.minimum(expected, chance[labels])
    return Decision(score, filled(mask, seen), expected)


def filled(mask: Bools, seen: Bools | None) -> Bools:
    """`mask` with its holes filled, unknown pixels left out. A hole is no mask, and does not reach the border."""
    if not mask.any():
        return mask
    labels, count = ndimage.label(~mask)
    outside = np.zeros(count + 1, np.bool_)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        outside[side] = True
    outside[0] = False
    whole: Bools = ~outside[labels]
    return whole if seen is None else whole & seen
