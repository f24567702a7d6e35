"""How unusual the views of a part are, by what good parts show at the same distance from their outline.

    map = Σ over views of weight · −log₁₀ (share of good pixels of that band with no smaller value)

The edge of a part is never like its middle: bands of their own keep it from owning every maximum.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.detect.calibrate import Null, count_regions, joined_score, pixel_law
from kizu.detect.maps import Scale
from kizu.engines.protocol import Engine
from kizu.typing import Bools, Floats, Integers

CUTS = (2, 4, 8, 14)
"""Pixels from the outline that part the bands."""
CARRIED = 16.0
"""Pixels outside the outline over which the map fades: a flaw at the edge is marked as far as it is seen."""
SHARES = np.concatenate([[1.0, 0.7, 0.5], np.logspace(-0.5, -4.5, 40)])
"""Shares of good pixels above a knot of a tail."""
ENOUGH = 10
"""Good pixels above the last knot."""
FEW = 20
"""A band with fewer good pixels says nothing."""
LARGEST = 20
FENCE, LEAST_FENCE = 3.0, 1.5
"""A part whose map's largest values have a mean so many quartile ranges above the upper quartile of all (Tukey 1977),
and so many times their median, is no witness of the null: a defective one may have been taken for good."""


class Tails(NamedTuple):
    """Of every view and band (views, bands, knots): values, and −log₁₀ of the share of good pixels above them."""

    values: Floats
    surprise: Floats


def bands_of(part: Bools) -> Integers:
    """The band of every pixel of `part` (height, width), from the outline inwards; −1 outside."""
    depth = ndimage.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    return np.where(part, np.digitize(depth, CUTS), -1)


def tails_of(views: Sequence[Floats], bands: Sequence[Integers]) -> Tails:
    """Of good parts: one (views, height, width) and one (height, width) each."""
    shape = len(views[0]), len(CUTS) + 1, len(SHARES)
    values, surprise = np.zeros(shape), np.zeros(shape)
    for band in range(shape[1]):
        inside = np.concatenate([v[:, b == band] for v, b in zip(views, bands, strict=True)], axis=1)
        if inside.shape[1] < FEW:
            continue
        shares = SHARES[SHARES * inside.shape[1] >= ENOUGH]
        found = np.quantile(inside, 1 - shares, axis=1).T
        values[:, band] = _filled(np.maximum.accumulate(found, axis=1), shape[2])
        surprise[:, band] = _filled(np.broadcast_to(-np.log10(shares), found.shape), shape[2])
    return Tails(values, surprise)


def _filled(knots: Floats, count: int) -> Floats:
    """As many knots as asked for, the last again and again."""
    return np.concatenate([knots, np.repeat(knots[:, -1:], count - knots.shape[1], axis=1)], axis=1)


def map_of(tails: Tails, views: Floats, part: Bools, weights: Sequence[float]) -> Floats:
    """How unusual every pixel is (height, width), from the views (views, height, width) of one part."""
    bands = bands_of(part)
    total = np.zeros(part.shape)
    for band in range(len(CUTS) + 1):
        here = bands == band
        if not here.any():
            continue
        for number, weight in enumerate(weights):
            total[here] += weight * surprise_of(
                views[number][here], tails.values[number, band], tails.surprise[number, band]
            )
    if not part.all():
        far, nearest = ndimage.distance_transform_edt(~part, return_indices=True)
        total = np.where(part, total, total[tuple(nearest)] * np.clip(1 - far / CARRIED, 0, 1))
    return total.astype(np.float32)


def surprise_of(values: Floats, knots: Floats, surprise: Floats) -> Floats:
    """−log₁₀ of the share of good pixels that are no smaller; of equal knots the commonest counts.

    Beyond the last knot a power law with the last decade's slope.
    """
    found = np.interp(-values, -knots[::-1], surprise[::-1])  # of equal abscissae np.interp takes the last
    last, most = float(knots[-1]), float(surprise[-1])
    before = int(np.searchsorted(surprise, most - 1))
    beyond = values > last
    if most > 0 and knots[before] > 0 and beyond.any():
        slope = (most - float(surprise[before])) / max(np.log(last / float(knots[before])), 0.1)
        found[beyond] = most + np.log(values[beyond] / last) * slope
    return np.asarray(found)


def null_of(maps: Sequence[Floats], min_area: int, engine: Engine) -> Null:
    """Regions per good part and the pixels' law, from maps of good parts that their tails were not measured on.

    Parts that are far from all others are left out: one that is not good would own the whole law.
    """
    maps = _near(maps)
    height, width = (max(m.shape[axis] for m in maps) for axis in (0, 1))
    together: NDArray[np.float32] = np.full((len(maps), height, width), -np.inf, np.float32)
    for place, one in zip(together, maps, strict=True):
        place[: one.shape[0], : one.shape[1]] = one
    scale = Scale(1, min_area, 0.0, 1.0)
    rate, areas = count_regions(together, scale, 1.0, engine)
    levels, survival = pixel_law(together, 1.0)
    return Null(scale, rate, areas, levels, joined_score(survival, 1))


def _near(maps: Sequence[Floats]) -> list[Floats]:
    tops = np.array([np.partition(one, -LARGEST, axis=None)[-LARGEST:].mean() for one in maps])
    lower, median, upper = np.quantile(tops, [0.25, 0.5, 0.75])
    fence = max(upper + FENCE * (upper - lower), LEAST_FENCE * median)
    return [one for one, top in zip(maps, tops, strict=True) if top <= fence]
