"""The patch-image model as it is usually run (Gao et al. 2013): no limit of the rank, every Gram matrix whole."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quality.pursuit import pursuit

Floats = NDArray[np.floating]
PATCH, STEP, MOST = 50, 10, 600
TOL, SIGMAS = 2e-4, 15.0


def patch_image(grey: NDArray[np.uint8]) -> Floats:
    """The targets' picture: the sparse parts of all patches, their mean over those that cover a pixel, not below 0."""
    values = grey.astype(np.float32) / 255
    side, step = min(PATCH, *grey.shape), STEP
    while len(corners := _corners(grey.shape, side, step)) > MOST:
        step += 1
    windows = sliding_window_view(values, (side, side))
    columns = np.stack([windows[y, x].ravel() for y, x in corners], axis=1)
    _, sparse = pursuit(columns, TOL)
    total, count = np.zeros(grey.shape), np.zeros(grey.shape)
    for (y, x), part in zip(corners, sparse.T, strict=True):
        total[y : y + side, x : x + side] += part.reshape(side, side)
        count[y : y + side, x : x + side] += 1
    return np.asarray(np.maximum(total / count, 0))


def _corners(shape: tuple[int, ...], side: int, step: int) -> list[tuple[int, int]]:
    """Of patches every `step` pixels, the last ones flush with the edge."""
    ys, xs = (sorted({*range(0, length - side + 1, step), length - side}) for length in shape)
    return [(y, x) for y in ys for x in xs]


def mask_of(unusual: Floats) -> NDArray[np.bool_]:
    """Above mean + 15 sigma of the picture's own map."""
    return np.asarray(unusual > unusual.mean() + SIGMAS * unusual.std())
