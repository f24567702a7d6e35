"""Regions by hysteresis: every pixel above `low`, if any pixel is above twice that."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.typing import Bools, Floats

EIGHT = np.ones((3, 3), dtype=np.bool_)
"""Pixels that touch at a corner belong together."""
HIGH = 2.0
"""The high threshold as a multiple of the low one."""
EXTENT = 0.2
"""A region ends where the map falls below this share of its own strength: blur, penumbra and
compression leave a halo that grows with the object, and a fixed level would call it object."""


class Candidate(NamedTuple):
    """A region of one scale: its pixels' label, its peak and its area."""

    label: int
    peak: float
    area: int


def candidates(w: Floats, low: float, min_area: int) -> tuple[NDArray[np.int32], list[Candidate]]:
    """Labels of w > low (0: none) and those regions that reach 2·low with at least `min_area` pixels."""
    inside = w > low
    if not (w > HIGH * low).any():
        return np.zeros(w.shape, np.int32), []
    labels, count = ndimage.label(inside, EIGHT)
    at = labels[inside]
    area, peak = np.bincount(at, minlength=count + 1), np.zeros(count + 1, w.dtype)
    np.maximum.at(peak, at, w[inside])
    kept = np.flatnonzero((peak > HIGH * low) & (area >= min_area))
    return labels, [Candidate(int(k), float(peak[k]), int(area[k])) for k in kept]


def grown(w: Floats, low: float, high: float) -> Bools:
    """Pixels of the regions of w > low that reach `high`."""
    if not (w > high).any():
        return np.zeros(w.shape, np.bool_)
    labels, count = ndimage.label(w > low, EIGHT)
    kept = np.zeros(count + 1, np.bool_)
    kept[labels[w > high]] = True
    return np.asarray(kept[labels])


def extent(w: Floats, labels: NDArray[np.int32], low: float, kept: list[Candidate]) -> Bools:
    """Pixels of the kept regions, each ended at `EXTENT` of the median of its strong pixels."""
    if not kept:
        return np.zeros(w.shape, np.bool_)
    strong = w > HIGH * low
    owners, values = labels[strong], w[strong]
    level = np.full(int(labels.max()) + 1, np.inf, np.float32)
    for region in kept:
        level[region.label] = max(EXTENT * float(np.median(values[owners == region.label])), low)
    return np.asarray(w >= level[labels])
