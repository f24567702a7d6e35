"""Robust statistics of residual pictures: scale, Tukey weights, block means.

Unknown entries are NaN throughout and take no part.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.calibration import MAD_TO_SIGMA

TUKEY_SCALES = 2.5  # where weights reach zero, in robust sigmas: quick to drop what moves

GAIN_RANGE = (0.25, 4.0)  # outside, a frame is not the same scene in other light
ROUNDING = 1e-5  # of the mean absolute residual: float32 on some 100 grey levels
ENOUGH_FOR_MEDIAN = 4_000  # a median of so many is right within 2 %

Picture = NDArray[np.float32]


def robust_scale(residual: NDArray[Any]) -> float:
    """Estimate the sigma of known, centred residuals of any shape by their median absolute value.

    Where more than half are zero to rounding (noise-free or coarsely rounded pictures) the mean
    absolute value takes over, so that the scale is zero only for a perfect fit. 0.0 if empty.
    """
    size = np.abs(thinned(residual))
    if size.size == 0:
        return 0.0
    half = size.size // 2
    middle, mean = float(np.partition(size, half)[half]), float(np.mean(size, dtype=np.float64))
    return MAD_TO_SIGMA * middle if middle > ROUNDING * mean else mean


def thinned(values: NDArray[Any]) -> NDArray[Any]:
    """Keep some 4000 entries, evenly spread: enough for a median."""
    return values.ravel()[:: max(1, values.size // ENOUGH_FOR_MEDIAN)]


def tukey_weights(residual: NDArray[Any], scale: float) -> NDArray[Any]:
    """Weigh residuals by (1 - (r/c)^2)^2 with c = 2.5 scale, 0 beyond c and where r is NaN (Beaton & Tukey 1974)."""
    if scale == 0:
        exact: NDArray[Any] = (residual == 0).astype(residual.dtype)
        return exact
    square = np.square(residual / residual.dtype.type(TUKEY_SCALES * scale))
    return np.asarray(np.where(square < 1, np.square(1 - square), residual.dtype.type(0)))


def block_means(picture: NDArray[Any], block: int) -> NDArray[np.float64]:
    """Average `picture` (height, width) over whole squares of `block` pixels; what is left at the far sides is cut."""
    height, width = (n // block for n in picture.shape)
    whole = picture[: height * block, : width * block].reshape(height, block, width, block)
    means: NDArray[np.float64] = whole.mean(axis=(1, 3), dtype=np.float64)
    return means


def median_over_frames(pictures: NDArray[Any]) -> NDArray[Any]:
    """Take the median over the first axis of the known entries, NaN where there is none."""
    ordered = np.sort(pictures, axis=0)
    known = np.count_nonzero(~np.isnan(ordered), axis=0)
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    high = np.minimum(high, len(pictures) - 1)
    pick = [np.take_along_axis(ordered, k[None], axis=0)[0] for k in (low, high)]
    return np.where(known > 0, (pick[0] + pick[1]) / 2, np.nan).astype(pictures.dtype)
