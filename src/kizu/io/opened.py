"""A file whose header was read: what it declares, and how to get one of its frames."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ReadError, UsageError

PIXELS = 100_000_000
FRAMES = 100_000
AXES = ("TYX", "TYXC", "YX", "YXC", "CYX", "TCYX")


class Size(NamedTuple):
    """Geometry of one frame; grey is one channel."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True)
class Opened:
    """The frames of one file.

    `sizes` has one entry per frame that is there, `declared` ≥ len(sizes) counts those that the file announces and
    `lost` says why the two differ. `frame(i)` returns frame i, (height, width) or (height, width, channels),
    and is called with growing i. A `container` numbers its frames in their names.
    """

    frame: Callable[[int], NDArray[Any]]
    sizes: tuple[Size, ...]
    dtype: np.dtype[Any]
    declared: int
    container: bool = False
    notes: tuple[str, ...] = ()
    lost: str = ""


def require_limits(path: str, opened: Opened) -> Opened:
    """Refuse what no honest file declares, before a pixel is decoded."""
    if opened.declared > FRAMES or len(opened.sizes) > FRAMES:
        raise ReadError(
            path, f"declares {opened.declared} frames, the limit is {FRAMES}", "Split it into several files"
        )
    if not opened.sizes:
        raise ReadError(path, opened.lost or "holds no frame", "Copy it again or leave it out")
    for size in opened.sizes:
        _require_pixels(path, size)
    return opened


def _require_pixels(path: str, size: Size) -> None:
    pixels = size.height * size.width
    if pixels > PIXELS or size.channels > 10_000:
        raise ReadError(
            path,
            f"declares {size.width}x{size.height} pixels with {size.channels} channels, "
            f"the limit is {PIXELS // 1_000_000} million pixels",
            "Cut it into tiles or shrink it",
        )
    if pixels * size.channels == 0:
        raise ReadError(path, f"declares {size.width}x{size.height} pixels", "Leave it out")


def require_axes(axes: str | None) -> None:
    """Refuse an axes string that kizu does not know."""
    if axes is not None and axes not in AXES:
        raise UsageError(f"got {axes!r}", f"Use one of {', '.join(AXES)}", where="axes")


def to_frames_axes(array: NDArray[Any], axes: str) -> NDArray[Any]:
    """A view of `array`, whose axes are named by `axes`, as (T, Y, X) or (T, Y, X, C)."""
    order = [axes.index(letter) for letter in "TYXC" if letter in axes]
    view = array.transpose(order)
    return view if "T" in axes else view[None]


def supported(path: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that frames of `dtype` are handed on in; ReadError for what holds no numbers.

    float16 becomes float32, bool becomes uint8 (0 and 255, like a 1-bit image), byte order becomes native.
    """
    if dtype.hasobject or dtype.kind not in "buif" or dtype.itemsize > 8:
        kind = "Python objects" if dtype.hasobject else f"type {dtype}"
        raise ReadError(path, f"holds {kind}, not real numbers", "Save it as uint8, uint16, float32 or float64")
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """`array` in the dtype that :func:`supported` names."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    return array.astype(supported("", array.dtype), copy=False)
