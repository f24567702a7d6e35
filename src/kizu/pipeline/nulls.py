"""Measure the null of a run: outside what is beyond doubt, first by size alone, then by the null itself."""

import numpy as np

from kizu.detect.calibrate import Null, measure
from kizu.detect.decide import overwhelming
from kizu.detect.hysteresis import candidates
from kizu.detect.maps import BEYOND_DOUBT, SIZES, Sign, measure_scales, smoothed
from kizu.detect.smooth import dilate
from kizu.engines.threads import map_blocks
from kizu.typing import Bools, Floats

USUAL_RATE = 0.1
"""The false regions per image that "beyond doubt" is measured against, whatever the rule is."""


def nulls_of(
    z: Floats, seen: Bools | None, *, sign: Sign, min_area: int | None, seed: int, jobs: int
) -> tuple[Null, ...]:
    """The null of every scale for z (frames, height, width).

    The refit's mask is generous: it takes the restless parts of a quiet scene with it, and a null
    without those would promise too much. So the first null leaves out only what no noise does, and
    the one that counts what the first finds all but impossible.
    """
    scales = measure_scales(z, seen, sign=sign, min_area=min_area, jobs=jobs)

    def huge(t: int) -> Bools:
        mask = np.zeros(z.shape[1:], np.bool_)
        for size, level in BEYOND_DOUBT.items():
            raw = np.nan_to_num(smoothed(z[t], size, sign, None if seen is None else seen[t]))
            labels, kept = candidates(raw, level / 2, 1)
            mask |= np.isin(labels, [c.label for c in kept])
        return dilate(mask, SIZES[-1])

    def improbable(t: int) -> Bools:
        found = overwhelming(z[t], None if seen is None else seen[t], first, USUAL_RATE, sign)
        return dilate(found, SIZES[-1])

    excluded = _excluded(map_blocks(huge, range(len(z)), jobs=jobs), seen)
    first = measure(z, excluded, scales, sign=sign, seed=seed, jobs=jobs)
    excluded = _excluded(map_blocks(improbable, range(len(z)), jobs=jobs), seen)
    return measure(z, excluded, scales, sign=sign, seed=seed, jobs=jobs)


def _excluded(masks: list[Bools], seen: Bools | None) -> Bools:
    mask = np.stack(masks)
    return mask if seen is None else mask | ~seen
