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
    strong = w > HIGH * low
    if not strong.any():
        return np.zeros(w.shape, np.int32), []
    labels, count = ndimage.label(w > low, EIGHT)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    kept = np.unique(labels[strong])
    kept = kept[area[kept] >= min_area]
    peaks = np.atleast_1d(ndimage.maximum(w, labels, kept)) if kept.size else np.zeros(0)
    return labels, [Candidate(int(k), float(p), int(area[k])) for k, p in zip(kept, peaks, strict=True)]


def extent(w: Floats, labels: NDArray[np.int32], low: float, kept: list[Candidate]) -> Bools:
    """Pixels of the kept regions, each ended at `EXTENT` of the median of its strong pixels."""
    if not kept:
        return np.zeros(w.shape, np.bool_)
    level = np.full(int(labels.max()) + 1, np.inf, np.float32)
    index = [c.label for c in kept]
    strong = np.where(w > HIGH * low, labels, 0)
    level[index] = np.maximum(EXTENT * np.asarray(ndimage.median(w, strong, index)), low)
    return np.asarray(w >= level[labels])
