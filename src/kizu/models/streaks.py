"""The background of a streaked surface: long medians along the streaks, whichever way they run."""

import numpy as np
from scipy import ndimage

from kizu.typing import Floats, Integers

STEEPEST, STEP = 8.0, 0.5
"""Tilts that are tried, in degrees off the columns."""
FINE = 3.0
"""Streaks are sought in what is finer than this, in pixels."""
CLIP = 3.0
"""... clipped at so many typical values, so that a scratch is no streak."""


def along_columns(picture: Floats) -> bool:
    """Whether grey levels change less along the columns of `picture` (height, width) than along its rows."""
    smooth = ndimage.gaussian_filter(picture, 1.0)
    across, along = (float(np.median(np.abs(np.diff(smooth, axis=axis)))) for axis in (1, 0))
    return across >= along


def tilt(picture: Floats) -> float:
    """Degrees by which streaks lean off the columns: the shear that leaves most variance in the mean of the rows."""
    fine = picture - ndimage.gaussian_filter(picture, FINE)
    most = CLIP * float(np.median(np.abs(fine)))
    fine = np.clip(fine, -most, most)
    width = fine.shape[1]
    margin = min(4, width // 4)

    def sharpness(degrees: float) -> float:
        columns = np.clip(np.arange(width)[None] + _shifts(len(fine), degrees)[:, None], 0, width - 1)
        mean = np.take_along_axis(fine, columns, 1).mean(axis=0)
        return float(mean[margin : width - margin].var())

    tried = sorted(np.arange(-STEEPEST, STEEPEST + STEP / 2, STEP).tolist(), key=abs)
    return float(max(tried, key=sharpness))  # of equals the first, the straightest


def median_along(picture: Floats, length: int, degrees: float = 0.0) -> Floats:
    """Running median over `length` pixels along lines that lean `degrees` off the columns, mirrored at the ends."""
    shifts = _shifts(len(picture), degrees)
    most = int(np.abs(shifts).max())
    if most == 0:
        return _columns(picture, length)
    width = picture.shape[1]
    wide = np.pad(picture, ((0, 0), (most, most)), mode="edge")
    place = np.arange(wide.shape[1])[None]
    upright = np.take_along_axis(wide, np.clip(place + shifts[:, None], 0, wide.shape[1] - 1), 1)
    back = np.clip(place - shifts[:, None], 0, wide.shape[1] - 1)
    return np.asarray(np.take_along_axis(_columns(upright, length), back, 1)[:, most : most + width])


def _shifts(rows: int, degrees: float) -> Integers:
    return np.asarray(np.round(np.tan(np.radians(degrees)) * (np.arange(rows) - rows / 2)), int)


def _columns(picture: Floats, length: int) -> Floats:
    """One running median over all columns, laid end to end with mirrored ends between them."""
    length = min(length, 2 * picture.shape[0] - 1) | 1
    half = length // 2
    lines = np.pad(picture, ((half, half), (0, 0)), mode="symmetric").T
    found = ndimage.median_filter(np.ascontiguousarray(lines).ravel(), size=length, mode="nearest")
    return np.ascontiguousarray(found.reshape(lines.shape)[:, half : lines.shape[1] - half].T)
