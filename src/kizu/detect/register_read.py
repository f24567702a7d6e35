"""Frames one at a time: floating, scaled by a power of two, NaN where unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp, isfinite, isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect.register_robust import Picture
from kizu.errors import ShapeError
from kizu.typing import Bools


@dataclass(frozen=True)
class Reader:
    """Read frames as float32 (height, width, channels) in units of 2^exponent.

    The power of two makes every later number independent of the input's scale; `low` and `high` are
    the extremes of all known entries in those units, where a sensor saturates. Unknown entries are
    never looked at.
    """

    frames: Sequence[Any] | NDArray[Any]
    known: Bools | None
    exponent: int
    low: float
    high: float

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame."""
        height, width = np.shape(self.frames[0])[:2]
        return height, width

    def read(self, index: int) -> Picture:
        frame = np.asarray(self.frames[index])
        exact = frame.dtype.itemsize <= 2 or frame.dtype == np.float32
        values = np.ldexp(frame.astype(np.float32 if exact else np.float64), -self.exponent).astype(np.float32)
        values = values.reshape(*frame.shape[:2], -1)
        known = known_of(self.known, index)
        return values if known is None else np.where(known[..., None], values, np.float32(np.nan))

    def grey(self, index: int) -> Picture:
        """Average the channels of one frame, shape (height, width)."""
        picture = self.read(index)
        channels = picture.shape[2]
        return picture @ np.full(channels, 1 / channels, dtype=np.float32)


def known_of(known: Bools | None, index: int) -> Bools | None:
    """Select the part of `known` (frames, height, width) or (height, width) that belongs to one frame."""
    return known if known is None or known.ndim == 2 else known[index]


def reader(frames: Sequence[Any] | NDArray[Any], known: Bools | None) -> Reader:
    """Look once at every known entry for the extremes; refuse what cannot be registered."""
    if len(frames) == 0:
        raise ShapeError("no frames to register", "Give at least one")
    shape = np.shape(frames[0])
    if len(shape) not in (2, 3):
        raise ShapeError(
            f"frames of shape {shape}, expected (height, width) or (height, width, channels)", "Reshape the array"
        )
    if known is not None and known.shape not in (shape[:2], (len(frames), *shape[:2])):
        raise ShapeError(
            f"known entries of shape {known.shape} for {len(frames)} frames of shape {shape}",
            "Give (frames, height, width) or (height, width)",
        )
    low, high = _extremes(frames, known)
    exponent = frexp(max(abs(low), abs(high)))[1]
    return Reader(frames, known, exponent, low * 2.0**-exponent, high * 2.0**-exponent)


def _extremes(frames: Sequence[Any] | NDArray[Any], known: Bools | None) -> tuple[float, float]:
    pairs = np.array([_extremes_of(np.asarray(frames[t]), known_of(known, t)) for t in range(len(frames))])
    low, high = float(np.fmin.reduce(pairs[:, 0])), float(np.fmax.reduce(pairs[:, 1]))
    if isnan(low):  # nothing is known
        return 0.0, 0.0
    if not (isfinite(low) and isfinite(high)):
        raise ShapeError("a frame holds an infinite value", "Replace it by NaN, which means unknown")
    if max(abs(low), abs(high)) > float(np.finfo(np.float32).max):
        raise ShapeError(
            f"values from {low:g} to {high:g} do not fit single precision", "Divide the frames by a constant"
        )
    return low, high


def _extremes_of(frame: NDArray[Any], known: Bools | None) -> tuple[float, float]:
    values = frame if known is None else frame[known]
    if values.size == 0:
        return np.nan, np.nan
    return float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
