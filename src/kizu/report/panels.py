"""The pictures of the report: original, background, anomaly and outline of one frame, small enough for a screen."""

import math
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kizu.io.pictures import DASH, MAGENTA, YELLOW, Picture, outline
from kizu.io.png import indexed_bytes
from kizu.typing import Bools, Floats

LONG_SIDE = 512
FAINT = 0.25  # how strongly M − L shows outside the mask
QUALITY = 80
# Blue – white – red with equal lightness at equal distance from the middle; 0 is white.
STOPS = ((26, 71, 138), (128, 170, 214), (247, 247, 247), (226, 142, 122), (150, 24, 42))
MIDDLE = 127  # white; 0 and 254 are the ends, so that both sides are as long
_RAMP = [np.interp(np.arange(2 * MIDDLE + 1), np.linspace(0, 2 * MIDDLE, len(STOPS)), c) for c in np.transpose(STOPS)]
PALETTE = np.rint(np.stack(_RAMP, axis=1)).astype(np.uint8)
TRANSPARENT, ODD, EVEN = 0, 1, 2


class Small(NamedTuple):
    """One frame at report size: pictures (height, width[, 3]), residual and mask (height, width)."""

    original: Picture
    background: Picture
    residual: Floats
    mask: Bools


def shrink(original: Picture, background: Picture, residual: Floats, mask: Bools) -> Small:
    """Reduce by a whole factor to at most LONG_SIDE pixels.

    Pictures are averaged; of the residual the value farthest from zero stays and a block is flagged if any of its
    pixels is, so that a defect of one pixel is still seen.
    """
    factor = math.ceil(max(mask.shape) / LONG_SIDE)
    if factor == 1:
        return Small(original, background, np.nan_to_num(residual), mask)
    blocks = _blocks(np.nan_to_num(residual), factor)
    high, low = blocks.max(axis=(1, 3)), blocks.min(axis=(1, 3))
    flagged: Bools = np.logical_or.reduce(_blocks(mask, factor), axis=(1, 3))
    extreme = np.where(high >= -low, high, low)
    return Small(_averaged(original, factor), _averaged(background, factor), extreme, flagged)


def _blocks(array: NDArray[Any], factor: int) -> NDArray[Any]:
    """`array` (height, width, …) as (rows, factor, columns, factor, …); the last block repeats the border."""
    missing = [(0, -size % factor) for size in array.shape[:2]]
    padded = np.pad(array, missing + [(0, 0)] * (array.ndim - 2), mode="edge")
    height, width = padded.shape[:2]
    return padded.reshape(height // factor, factor, width // factor, factor, *array.shape[2:])


def _averaged(picture: Picture, factor: int) -> Picture:
    mean: Picture = np.rint(_blocks(picture, factor).mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)
    return mean


def scale_of(frames: list[Small]) -> float:
    """The residual that takes the full colour, in grey levels, one for all pictures.

    The 99th percentile inside the masks; where nothing is flagged, the largest residual there is, so that noise
    stays faint.
    """
    flagged = np.concatenate([np.abs(frame.residual[frame.mask]) for frame in frames])
    whole = max(float(np.abs(frame.residual).max()) for frame in frames)
    return (float(np.percentile(flagged, 99)) if flagged.size else whole) or 1.0


def photo_bytes(picture: Picture) -> bytes:
    """`picture` as a lossy WebP: a tenth of PNG's bytes for what is only looked at."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY, method=1)
    return file.getvalue()


def anomaly_bytes(frame: Small, scale: float) -> bytes:
    """M − L in blue – white – red, full where the mask is set and faint elsewhere, 0 white, ±`scale` full colour."""
    strength = np.where(frame.mask, 1.0, FAINT) * frame.residual / scale
    index = np.rint(MIDDLE + MIDDLE * np.clip(strength, -1, 1)).astype(np.uint8)
    return indexed_bytes(index, PALETTE)


def outline_bytes(mask: Bools) -> bytes:
    """The edge of `mask`, one pixel outside it, dashed in two colours on nothing: to be laid over a picture."""
    edge = outline(mask)
    rows, columns = np.indices(mask.shape)
    index = np.where(edge, np.where((rows + columns) // DASH % 2, ODD, EVEN), TRANSPARENT).astype(np.uint8)
    return indexed_bytes(index, np.array([(0, 0, 0), YELLOW, MAGENTA], np.uint8), transparent=True)
