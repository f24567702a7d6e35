"""Eight views of a surface, each of which shows another kind of flaw; nothing is learned here.

Brightness is taken in logarithms, where exposure is an offset and reflected light a scale. Every view is a residual
over its own noise level nearby: noise grows with brightness, and a view that did not divide it out would flag what is
bright. How unusual a view's value is only good parts can tell: :mod:`kizu.detect.bands`.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage

from kizu.errors import ShapeError
from kizu.models.outline import continued, outline
from kizu.models.reduction import reduced
from kizu.models.robust_pca import robust_pca
from kizu.models.streaks import along_columns, median_along, tilt
from kizu.typing import Bools, Floats

VIEWS = {
    "lowrank": 1.0, "median": 1.0, "line": 1.0, "fine line": 1.0, "along": 0.5, "across": 0.5, "area": 1.0, "grain": 0.5
}  # fmt: skip
"""What beside the picture's own rank is left, beside the long median along the streaks, lines wide and fine, restless
texture along and across the streaks, wide areas, and the grain; with their weights. Those of texture count half: they
answer to an uneven finish too."""
OFFSET = 0.1
"""Of the median grey level, added before the logarithm: dark noise is not blown up."""
LAM = 0.7
"""Of 1/√max: a flaw of some width stays out of the low rank."""
TOL = 1e-2
"""Relative gap of the low rank: a smaller one moves no view by a tenth of its noise."""
LONG, LONGER = 91, 181
"""Pixels of the medians: they outlast a break and follow the light."""
SMALLEST = 24
"""Pixels of a side: less has no surface to compare with."""
RESTLESS = 3.0
LEAST = 0.05
"""Of the typical residual: a place is never quieter."""
ANGLES = 12


class Views(NamedTuple):
    """`values` (views, height, width) ≥ 0 in the order of `VIEWS`, and `part` (height, width).

    `background` (height, width) is the long median along the streaks, in grey levels; `gap` how far the low rank is
    from the optimum.
    """

    values: Floats
    part: Bools
    background: Floats
    gap: float


def views(picture: Floats, shrink: int) -> Views:
    """The views of one picture (height, width[, channels]), reduced by `shrink`. ShapeError if it is too small."""
    grey = picture.astype(np.float32) if picture.ndim == 2 else picture.mean(axis=2, dtype=np.float32)
    if min(grey.shape) < SMALLEST * shrink:
        least = SMALLEST * shrink
        raise ShapeError(
            f"{grey.shape[1]}x{grey.shape[0]} pixels, a surface needs {least}x{least}", "Use larger pictures"
        )
    part = outline(grey)
    small = reduced(continued(grey, part), shrink)
    part = reduced(part.astype(np.float32), shrink) > 0.5
    if along_columns(small):
        return _views(small, part)
    turned = _views(np.ascontiguousarray(small.T), np.ascontiguousarray(part.T))
    values, background = turned.values.transpose(0, 2, 1), turned.background.T
    return Views(np.ascontiguousarray(values), part, np.ascontiguousarray(background), turned.gap)


class Contrast(NamedTuple):
    """Logarithms of grey levels: log(grey − lowest + offset) − level."""

    values: Floats
    lowest: float
    offset: float
    level: float

    def grey(self, values: Floats) -> Floats:
        """The grey levels that have these logarithms."""
        return np.asarray(np.exp(values + self.level) - self.offset + self.lowest, np.float32)


def contrast_of(grey: Floats) -> Contrast:
    """Beside the median's; a picture with negative values begins at its lowest."""
    lowest = min(float(grey.min()), 0.0)
    raised = grey - np.float32(lowest)
    offset = OFFSET * (_typical(raised) or 1.0)
    logs = np.log(raised + np.float32(offset))
    level = float(np.median(logs))
    return Contrast(np.asarray(logs - np.float32(level)), lowest, offset, level)


def _views(grey: Floats, part: Bools) -> Views:
    """With the streaks along the columns."""
    logs = contrast_of(grey)
    contrast = logs.values
    split = robust_pca(contrast, noise=None, lam=LAM / np.sqrt(max(contrast.shape)), tol=TOL)
    beside_rank = contrast - np.asarray(split.background)
    lean = tilt(contrast)
    usual = median_along(contrast, LONG, lean)
    beside_median = contrast - usual
    down, right = (_energy(ndimage.sobel(contrast, axis), RESTLESS) for axis in (0, 1))
    grain = _energy(contrast - ndimage.gaussian_filter(contrast, 1.5), 4)
    wide = ndimage.gaussian_filter(contrast - median_along(contrast, LONGER, lean), 5)
    found = (
        levelled(ndimage.gaussian_filter(beside_rank, 1.2), 12, part),
        levelled(ndimage.gaussian_filter(beside_median, 1.0), 16, part),
        lines(beside_rank, 1.5, 6, part),
        lines(beside_rank, 1.0, 4, part),
        down - np.median(down[part]),
        right - median_along(right, LONG),
        wide,
        grain - np.median(grain[part]),
    )
    values = np.abs(np.stack(found)).astype(np.float32)
    return Views(values, part, logs.grey(usual), split.certificate.relative_gap)


def levelled(rest: Floats, reach: float, part: Bools) -> Floats:
    """`rest` over its mean size within `reach` pixels, of which large values count three typical ones."""
    size = np.abs(rest)
    typical = _typical(size[part])
    level = ndimage.gaussian_filter(np.minimum(size, 3 * typical), reach) + LEAST * typical
    return np.asarray(np.divide(rest, level, out=np.zeros_like(rest), where=level > 0))


def lines(rest: Floats, width: float, length: float, part: Bools) -> Floats:
    """How much of a line of that half-width and length there is, at the best of twelve angles, over its noise.

    A second derivative across, averaged along. Every angle has its own noise level, so that the streaks do not own
    the maximum.
    """
    reach = int(3 * length)
    margin = min(reach, min(rest.shape))
    padded = np.pad(rest, margin, mode="symmetric")
    shape = [fft.next_fast_len(side + 2 * reach, real=True) for side in padded.shape]
    spectrum = fft.rfft2(padded, shape)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    here = tuple(slice(margin + reach, margin + reach + side) for side in rest.shape)
    best = np.zeros_like(rest)
    for angle in np.pi * np.arange(ANGLES) / ANGLES:
        across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        kernel = (across**2 / width**2 - 1) * np.exp(-(across**2) / (2 * width**2) - along**2 / (2 * length**2))
        kernel -= kernel.mean()
        kernel = (kernel / np.sqrt((kernel * kernel).sum())).astype(np.float32)
        answer = fft.irfft2(spectrum * fft.rfft2(kernel, shape), shape)[here]
        best = np.maximum(best, np.abs(levelled(answer, 12, part)))
    return best


def _energy(rest: Floats, reach: float) -> Floats:
    """Logarithm of the mean square nearby, of which large values count four typical ones."""
    size = np.abs(rest)
    typical = _typical(size)
    if typical == 0:
        return np.zeros_like(rest)
    mean = ndimage.gaussian_filter(np.minimum(size, 4 * typical) ** 2, reach)
    return np.asarray(np.log(mean / typical**2 + LEAST))


def _typical(sizes: Floats) -> float:
    """The median of values ≥ 0; their mean where most are 0: a part without noise is not blind to its flaw."""
    return float(np.median(sizes)) or float(sizes.mean())
