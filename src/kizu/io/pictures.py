"""Arrays as pictures: the display range, the outline, and files that hold pixels and nothing else.

PNG and TIFF are written without a date, a program name or any other text, so that the same pixels
are the same bytes.
"""

from io import BytesIO
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from kizu.io.png import png_bytes
from kizu.typing import Bools

Picture = NDArray[np.uint8]
Span = tuple[float, float]

MAGENTA = np.array([255, 0, 255], np.uint8)
YELLOW = np.array([255, 255, 0], np.uint8)
DASH = 4  # pixels of one colour along an outline


def display(frame: NDArray[Any], span: Span) -> Picture:
    """Show `frame` (height, width[, channels]) in 8 bits: (height, width) or (height, width, 3).

    8-bit values stay as they are. Others map `span` = (low, high) to 0 … 255, unknown (NaN) to 0; give one
    span for a whole run, so that two of its pictures can be compared. Any channel count but 3 shows as its mean.
    """
    if frame.ndim == 3 and frame.shape[2] != 3:
        frame = frame[..., 0] if frame.shape[2] == 1 else _mean(frame)
    if frame.dtype == np.uint8:
        return frame
    low, high = span
    inside = np.clip(frame.astype(np.float64), low, high)
    shown: Picture = np.rint(np.nan_to_num((inside - low) / (high - low or 1)) * 255).astype(np.uint8)
    return shown


def _mean(frame: NDArray[Any]) -> NDArray[Any]:
    mean: NDArray[np.float64] = frame.mean(axis=2, dtype=np.float64)
    return np.rint(mean).astype(np.uint8) if frame.dtype == np.uint8 else mean


def exact_or_display(frame: NDArray[Any], span: Span) -> NDArray[Any]:
    """`frame` itself where PNG can hold it (8 bits in 1 or 3 channels, 16 bits in grey), else :func:`display`."""
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[..., 0]
    eight = frame.dtype == np.uint8 and (frame.ndim == 2 or frame.shape[2] == 3)
    sixteen = frame.dtype == np.uint16 and frame.ndim == 2
    return frame if eight or sixteen else display(frame, span)


def outline(mask: Bools) -> Bools:
    """The pixels outside `mask` that touch it, corners included."""
    near = mask.copy()
    near[1:] |= mask[:-1]
    near[:-1] |= mask[1:]
    wide = near.copy()
    wide[:, 1:] |= near[:, :-1]
    wide[:, :-1] |= near[:, 1:]
    edge: Bools = wide & ~mask
    return edge


def outlined(picture: Picture, mask: Bools) -> Picture:
    """Draw the edge of `mask` on `picture` (height, width[, 3]), one pixel outside it: the flagged pixels stay visible.

    Dashes of magenta and yellow: one of them differs from whatever lies below, and from the other in grey print.
    """
    colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture.copy()
    rows, columns = np.nonzero(outline(mask))
    first = (rows + columns) // DASH % 2 == 0
    colour[rows, columns] = np.where(first[:, None], MAGENTA, YELLOW)
    return colour


def cut(picture: Picture, *, x: int, y: int, width: int, height: int, margin: int) -> Picture:
    """The box at (x, y) of `picture` with `margin` pixels around it, as far as the picture reaches."""
    return picture[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin]


def mask_bytes(mask: Bools) -> bytes:
    """`mask` as an 8-bit PNG of 0 and 255."""
    return png_bytes(np.where(mask, np.uint8(255), np.uint8(0)))


def map_bytes(score_map: NDArray[Any]) -> bytes:
    """`score_map` as a float32 TIFF; NaN (unknown) is kept. Not deflated: a third of the time for a quarter less."""
    file = BytesIO()
    tifffile.imwrite(
        file,
        np.ascontiguousarray(score_map, dtype=np.float32),
        photometric="minisblack",
        metadata=None,
        software=False,
    )
    return file.getvalue()
