"""Measure the null of a run: outside what is beyond doubt, and what the noise's own law makes all but impossible."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.detect.calibrate import Null, first_look, measure
from kizu.detect.hysteresis import HIGH, grown
from kizu.detect.maps import BEYOND_DOUBT, SIZES, Scale, Sign, Smoothed, measure_scales, smoothed, spread, standardised
from kizu.detect.null import Tail
from kizu.detect.smooth import dilate
from kizu.engines.protocol import Engine, filled
from kizu.typing import Bools, Floats

USUAL, IMPROBABLE = 0.1, 0.003
"""False regions per image at the usual rule, and those so much rarer that they are kept out of the
null: hardly any noise is. The first sets how far such a region reaches."""
LOOKS = 2
"""The first look leaves out the clearest; the second, without those, the rest."""
LOOKED_AT = 40
"""Frames, evenly spread, that a look counts regions in."""


class Field(NamedTuple):
    """What a run is judged by: signed z (frames, height, width), what is seen (or None), and smoothed maps of it."""

    z: Floats
    seen: Bools | None
    maps: Smoothed


def field_of(z: Floats, seen: Bools | None, sign: Sign, engine: Engine) -> Field:
    """Smooth z once: its maps are asked for by the null, again and again, and by the decision."""
    return Field(z, seen, smooth_once(z, seen, sign, engine))


def nulls_of(field: Field, *, sign: Sign, min_area: int | None, seed: int, engine: Engine) -> tuple[Null, ...]:
    """The null of every scale."""
    scales, excluded = without_defects(field, min_area=min_area, engine=engine)
    return measure(field.z, excluded, scales, sign=sign, seed=seed, engine=engine)


def without_defects(field: Field, *, min_area: int | None, engine: Engine) -> tuple[tuple[Scale, ...], Bools]:
    """The scales, and what the null must not be made of (frames, height, width).

    The refit's mask is generous: it takes the restless parts of a quiet scene with it, and a null
    without those would promise too much. So what is left out is what no noise does, then what the
    law of the noise's many small regions makes all but impossible.
    """
    z, seen, raw = field
    scales = measure_scales(raw, z.shape, min_area=min_area)

    def excluded_by(regions: Callable[[int], Bools], frames: Sequence[int]) -> Bools:
        def one(number: int) -> Bools:
            mask: Bools = dilate(regions(frames[number]), SIZES[-1])
            return mask if seen is None else mask | ~seen[frames[number]]

        return filled(engine, (len(frames), *z.shape[1:]), np.bool_, one)

    sample = spread(len(z), LOOKED_AT)
    regions = partial(beyond_doubt, raw=raw)
    for _ in range(LOOKS):
        excluded = excluded_by(regions, sample)
        tails = tuple(first_look(_remaining(raw, scale, excluded, sample), scale, engine) for scale in scales)
        regions = partial(improbable, raw=raw, scales=scales, tails=tails)
    return scales, excluded_by(regions, range(len(z)))


def smooth_once(z: Floats, seen: Bools | None, sign: Sign, engine: Engine) -> Smoothed:
    """Maps of every frame that are asked for again and again: kept in half precision, as medians are made."""

    def one(t: int, size: int) -> NDArray[np.float16]:
        return smoothed(z[t], size, sign, None if seen is None else seen[t]).astype(np.float16)

    kept = {size: filled(engine, z.shape, np.float16, partial(one, size=size)) for size in SIZES[1:]}

    def map_of(t: int, size: int) -> Floats:
        if size in kept:
            found: Floats = kept[size][t].astype(np.float32)
            return found
        return smoothed(z[t], size, sign, None if seen is None else seen[t])

    return map_of


def _remaining(raw: Smoothed, scale: Scale, excluded: Bools, sample: Sequence[int]) -> Floats:
    """The standardised maps of the frames in `sample`, −∞ where `excluded`, which has the same frames."""
    maps = np.stack([standardised(raw(t, scale.size), scale) for t in sample])
    maps[excluded] = -np.inf
    return maps


def beyond_doubt(t: int, raw: Smoothed) -> Bools:
    """Regions of frame `t` that no noise makes, by size alone."""
    masks = [grown(np.nan_to_num(raw(t, size)), level / HIGH, level) for size, level in BEYOND_DOUBT.items()]
    return np.asarray(np.logical_or.reduce(masks))


def improbable(t: int, raw: Smoothed, scales: tuple[Scale, ...], tails: tuple[Tail, ...]) -> Bools:
    """Regions of frame `t` that a defect-free image would hold less often than `IMPROBABLE`."""
    masks = []
    for scale, tail in zip(scales, tails, strict=True):
        low, high = (tail.level(rate / len(scales)) for rate in (USUAL, IMPROBABLE))
        masks.append(grown(standardised(raw(t, scale.size), scale), low, HIGH * high))
    return np.asarray(np.logical_or.reduce(masks))
