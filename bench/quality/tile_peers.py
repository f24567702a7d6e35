"""What a person would try on tiles first: robust PCA of the picture itself, and a black-hat filter."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from quality.pursuit import pursuit

Floats = NDArray[np.floating]
TOL = 1e-5
LOCAL, SMOOTH, CLIPPED = 20.0, 1.5, 3.0
DISC, BLUR = 15, 1.0


def rank_and_level(grey: NDArray[np.uint8]) -> Floats:
    """Rows by columns, streaks being low rank; |M − L|, smoothed, over its mean size nearby."""
    values = grey.astype(np.float32)
    values = (values - values.mean()) / (values.std() or 1)
    low, _ = pursuit(values, TOL)
    rest = np.abs(ndimage.gaussian_filter(values - low, SMOOTH))
    level = ndimage.gaussian_filter(np.minimum(rest, CLIPPED * np.median(rest)), LOCAL)
    return np.asarray(rest / (level + 1e-3))


def black_hat(grey: NDArray[np.uint8]) -> Floats:
    """What a closing by a disc fills: dark lines and spots."""
    smooth = ndimage.gaussian_filter(grey.astype(np.float32), BLUR)
    y, x = np.indices((DISC, DISC)) - DISC // 2
    return np.asarray(ndimage.grey_closing(smooth, footprint=np.hypot(y, x) <= DISC / 2) - smooth)


PEERS: Mapping[str, Callable[[NDArray[np.uint8]], Floats]] = {
    "RPCA of the picture, over its local level": rank_and_level,
    "black-hat filter": black_hat,
}
