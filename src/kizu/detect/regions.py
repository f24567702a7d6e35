"""Connected pieces of a mask, as rows of a table."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from kizu.detect.hysteresis import EIGHT
from kizu.typing import Bools, Floats

LARGEST = 20
"""A score is the mean of this many largest values: a small flaw is not averaged away."""


class Region(NamedTuple):
    """A connected piece (8 neighbours) of one frame's mask.

    Box in pixels from the top left corner, `area` in pixels; `score` is the mean of its 20 largest
    scores, `peak_z` the largest; `sign` +1 brighter or −1 darker than the background;
    `expected_false_alarms`: regions like it that a defect-free image would hold.
    """

    x: int
    y: int
    width: int
    height: int
    area: int
    score: float
    peak_z: float
    sign: int
    expected_false_alarms: float


def regions_of(mask: Bools, score: Floats, z: Floats, expected: Floats) -> list[Region]:
    """Regions of `mask` (height, width), highest score first.

    `score` is the calibrated map, `z` the signed residual, `expected` what `decide` gives.
    """
    labels, _count = ndimage.label(mask, EIGHT)
    found = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        values = score[box][inside]
        found.append(
            Region(
                x=box[1].start,
                y=box[0].start,
                width=box[1].stop - box[1].start,
                height=box[0].stop - box[0].start,
                area=int(np.count_nonzero(inside)),
                score=top_mean(values),
                peak_z=float(values.max()),
                sign=1 if float(z[box][inside].sum()) >= 0 else -1,
                expected_false_alarms=float(expected[box][inside].min()),
            )
        )
    return sorted(found, key=lambda r: (-r.score, r.y, r.x))


def top_mean(values: Floats) -> float:
    """Mean of the 20 largest values, or of all if there are fewer."""
    flat = values.ravel()
    count = min(LARGEST, flat.size)
    return float(np.partition(flat, -count)[-count:].mean(dtype=np.float64)) if count else 0.0
