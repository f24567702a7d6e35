"""From standardised residuals to smoothed maps at several scales, each standardised again.

A median over 7 × 7 pixels finds what is larger than a few pixels in any noise and erases a
pin-hole; single pixels show the pin-hole. So several scales are kept, each on its own footing: its
median is subtracted and the rest divided by its robust scale, once for the whole run.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from kizu.calibration import MAD_TO_SIGMA
from kizu.detect.smooth import box_sum, median, window_sizes
from kizu.typing import Bools, Floats

SIZES = (1, 3, 7)
"""Window sides in pixels: a two-pixel dot and a car are both found."""
AREA_SHARE = 4e-4
"""Smallest region at the largest scale, as a share of the frame; 1 pixel at the finest."""
BEYOND_DOUBT = {1: 20.0, 3: 14.0, 7: 10.0}
"""Pixel scales that the median of a window exceeds only where something is there, whatever the noise:
what is weaker is left to the first look at the null."""
SAMPLE_FRAMES = 50
"""Frames, evenly spread, that a scale's median and spread are measured on."""

Sign = Literal["both", "dark", "bright"]
Smoothed = Callable[[int, int], Floats]
"""(frame, window size) → that frame's map (height, width) before standardising; NaN where not seen."""


class Scale(NamedTuple):
    """A window size, its smallest region in pixels, and what its maps are standardised by."""

    size: int
    min_area: int
    center: float
    spread: float


def magnitude(z: Floats, sign: Sign) -> Floats:
    """How far from the background in the direction that counts, ≥ 0."""
    if sign == "both":
        return np.abs(z)
    return np.maximum(-z if sign == "dark" else z, z.dtype.type(0))


def smallest_area(size: int, height: int, width: int) -> int:
    """Pixels a region must have at this scale: 1 at single pixels, half a window in between."""
    if size == 1:
        return 1
    half_window = size * size // 2 + 1
    return half_window if size < SIZES[-1] else max(1, round(AREA_SHARE * height * width))


def smoothed(z: Floats, size: int, sign: Sign, seen: Bools | None) -> Floats:
    """One frame's map (height, width) at one scale, before standardising; NaN where not seen."""
    return median(magnitude(z, sign), size, seen)


def standardised(raw: Floats, scale: Scale) -> Floats:
    """(raw − center) / spread; NaN becomes −∞: unknown pixels never exceed anything.

    A window that the border or unknown pixels cut has fewer votes, and its median is as much less sure.
    """
    w = (raw - np.float32(scale.center)) / np.float32(scale.spread)
    if scale.size > 1:
        w *= certainty(raw, scale.size)
    return np.asarray(np.fmax(w, np.float32(-np.inf), out=w))


def certainty(raw: Floats, size: int) -> Floats:
    """√(share of the window that is known) of every pixel: how the spread of a median goes with its votes."""
    unknown = np.isnan(raw)
    votes = box_sum(~unknown, size) if unknown.any() else window_sizes(raw.shape[-2:], size)
    return np.sqrt(votes / np.float32(size * size)).astype(np.float32)


def spread(frames: int, most: int) -> list[int]:
    """At most this many frames, evenly spread over the run."""
    return [int(t) for t in np.unique(np.linspace(0, frames - 1, min(frames, most)).astype(int))]


def measure_scales(maps_of: Smoothed, shape: tuple[int, int, int], *, min_area: int | None) -> tuple[Scale, ...]:
    """Median and robust spread of every scale's maps over a run of `shape` (frames, height, width).

    `min_area` in pixels replaces the smallest region of every scale.
    """
    frames, height, width = shape
    sample = spread(frames, SAMPLE_FRAMES)

    def one(size: int) -> Scale:
        values = np.stack([maps_of(t, size) for t in sample])
        area = smallest_area(size, height, width) if min_area is None else min_area
        return Scale(size, area, *_center_and_spread(values[~np.isnan(values)]))

    return tuple(one(size) for size in SIZES)


def _center_and_spread(values: Floats) -> tuple[float, float]:
    """Median and 1.4826·MAD; where most values are equal, about the positive ones; 1 if all are 0."""
    if values.size == 0:
        return 0.0, 1.0
    center = float(np.median(values))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(values - center)))
    if spread > 0:
        return center, spread
    positive = values[values > center]
    return center, MAD_TO_SIGMA * float(np.median(positive - center)) if positive.size else 1.0
