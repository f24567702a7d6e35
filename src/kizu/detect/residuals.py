"""From residuals to z: per-pixel robust scales, floored."""

from typing import NamedTuple

import numpy as np

from kizu.calibration import shrunken_scale
from kizu.detect.temporal import PixelStatistics
from kizu.typing import Bools, Floats

FEWEST, FEWEST_SHARE = 10, 0.05
"""A pixel with fewer known entries than these (or this share of the frames) has no scale of its own."""
TYPICAL_ONLY = 3
"""Below this many frames no pixel has: a median absolute deviation of two values says nothing."""


class PixelScale(NamedTuple):
    """What the residual is centred and divided by: (channels, pixels) each; `overall` (channels,)."""

    center: Floats
    scale: Floats
    overall: Floats


def pixel_scale(
    statistics: PixelStatistics, *, frames: int, rank: int, quantum: float | None, previous: Floats | None
) -> PixelScale:
    """s² = (T·mad² + 10·g²) / (T + 10), not below g nor below one step of integer input.

    `statistics` are (channels, pixels); g is the channel's typical MAD, with the small-sample factor
    of T frames and the rank that was fitted. Where too few entries are known the center stays what
    it was (`previous`) and the scale is g. Two frames have a center, their mean, but no scale of their own.
    """
    center, mad, count = statistics
    few = (count < max(min(FEWEST, frames // 2), FEWEST_SHARE * frames)) | (frames < 2)
    typical = few | (frames < TYPICAL_ONLY)
    if frames < TYPICAL_ONLY:
        factor = 1.0  # of two frames each is as far from their mean
    else:
        factor = np.sqrt(frames / max(frames - rank - 1, 1)) * frames / max(frames - 0.8, 1)
    overall = np.array([_typical(m, f) for m, f in zip(mad, typical, strict=True)]) * factor
    own = np.where(typical, overall[:, None], mad)
    scale = np.maximum(shrunken_scale(own, overall[:, None], count.astype(np.float64)), overall[:, None])
    rounding = float(np.finfo(mad.dtype).eps) * float(np.nanmax(np.abs(center), initial=0))
    floor = rounding if quantum is None else quantum
    scale = np.maximum(scale, max(floor, float(np.finfo(mad.dtype).tiny)))
    before = np.zeros_like(center) if previous is None else previous
    return PixelScale(np.where(few, before, center), scale.astype(mad.dtype), overall)


def _typical(mad: Floats, few: Bools) -> float:
    """Median of the pixels' MADs, of those with enough entries where there are any."""
    usable = mad[~few] if not few.all() else mad[np.isfinite(mad)]
    return float(np.median(usable)) if usable.size else 0.0
