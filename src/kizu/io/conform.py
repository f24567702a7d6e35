"""Bring a decoded frame to the geometry of its stack, or say why it does not fit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import ReadError
from kizu.io.opened import Size


def conform(path: str, index: int, frame: NDArray[Any], size: Size, *, resize: bool) -> NDArray[Any]:
    """Return `frame` with the height, width and channels of `size`, contiguous; infinite values are refused."""
    require_finite(path, index, frame)
    if resize and frame.shape[:2] != size[:2]:
        frame = resized(frame, size.height, size.width)
    if frame.shape[:2] != size[:2]:
        height, width = frame.shape[:2]
        raise ReadError(
            path, f"{width}x{height} pixels where the stack has {size.width}x{size.height}", "Use --resize", frame=index
        )
    return np.ascontiguousarray(_with_channels(frame, size.channels))


def require_finite(path: str, index: int | None, frame: NDArray[Any]) -> None:
    """Refuse infinite values, naming the first; NaN is allowed and means missing."""
    if frame.dtype.kind != "f" or not np.isinf(frame).any():
        return
    place = np.unravel_index(int(np.isinf(frame).argmax()), frame.shape)
    raise ReadError(
        path, f"infinite value at row {place[0]}, column {place[1]}", "Replace it by NaN if it is missing", frame=index
    )


def resized(frame: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Resize by Pillow: area averages where it shrinks, bilinear otherwise; NaN spreads to its neighbours.

    Frames pass through float32, which holds 24 bits: in 8 bits Pillow rounds after each of its two passes.
    """
    shrinks = height <= frame.shape[0] and width <= frame.shape[1]
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    flat = frame.reshape(*frame.shape[:2], -1)
    planes = [_resized_plane(flat[..., c], (width, height), method) for c in range(flat.shape[2])]
    return np.stack(planes, axis=-1).reshape(height, width, *frame.shape[2:])


def _resized_plane(plane: NDArray[Any], size: tuple[int, int], method: Image.Resampling) -> NDArray[Any]:
    result = np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size, method))
    if plane.dtype.kind == "f":
        return result.astype(plane.dtype)
    limits = np.iinfo(plane.dtype)
    return np.clip(np.rint(result.astype(np.float64)), limits.min, limits.max).astype(plane.dtype)


def _with_channels(frame: NDArray[Any], channels: int) -> NDArray[Any]:
    if channels == 1:
        return frame.reshape(frame.shape[:2])
    return np.broadcast_to(frame[..., None], (*frame.shape, channels)) if frame.ndim == 2 else frame
