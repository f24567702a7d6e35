"""Pillow's modes as arrays of grey levels or RGB, and the orientation that a camera wrote."""

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from kizu.errors import ReadError

UPRIGHT = 1


class Mode(NamedTuple):
    """How frames of a Pillow mode are handed on: `convert` is the mode to convert to first, if any."""

    channels: int
    dtype: str
    convert: str = ""
    note: str = ""


_ALPHA = "alpha dropped"
MODES: Mapping[str, Mode] = {
    "1": Mode(1, "uint8", "L"),
    "L": Mode(1, "uint8"),
    "LA": Mode(1, "uint8", "L", _ALPHA),
    "La": Mode(1, "uint8", "L", _ALPHA),
    "I;16": Mode(1, "uint16"),
    "I;16B": Mode(1, "uint16"),
    "I": Mode(1, "int32"),
    "F": Mode(1, "float32"),
    "RGB": Mode(3, "uint8"),
    "RGBX": Mode(3, "uint8", "RGB"),
    "RGBA": Mode(3, "uint8", "RGB", _ALPHA),
    "RGBa": Mode(3, "uint8", "RGB", _ALPHA),
    "P": Mode(3, "uint8", "RGB"),
    "PA": Mode(3, "uint8", "RGB", _ALPHA),
    "CMYK": Mode(3, "uint8", "RGB", "CMYK converted to RGB"),
    "YCbCr": Mode(3, "uint8", "RGB", "YCbCr converted to RGB"),
    "HSV": Mode(3, "uint8", "RGB", "HSV converted to RGB"),
}

# TIFF 6.0 and EXIF 2.3, tag 274: where the first row and column of the stored picture belong.
_ORIENTATIONS: Mapping[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
_EXIF_FAULTS = (OSError, SyntaxError, ValueError, struct.error, LookupError, TypeError, EOFError, UserWarning)


def mode_of(path: str, mode: str) -> Mode:
    """The row of MODES; ReadError for a mode whose colours kizu cannot convert."""
    if mode not in MODES:
        raise ReadError(path, f"has colours of type {mode}", "Save it as grey or RGB")
    return MODES[mode]


def pixels(image: Image.Image) -> NDArray[Any]:
    """Decode `image` into (height, width) or (height, width, 3), as its row of MODES says."""
    mode = MODES[image.mode]
    array = np.asarray(image.convert(mode.convert) if mode.convert else image)
    return array.astype(mode.dtype, copy=False)


def orientation_of(image: Image.Image) -> tuple[int, tuple[str, ...]]:
    """The EXIF orientation (1 to 8) known before any pixel is decoded, and a note if it is to be applied."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        orientation = int(exif.get(ExifTags.Base.Orientation, UPRIGHT))
    except _EXIF_FAULTS:
        return UPRIGHT, ("broken EXIF data ignored",)
    return oriented(orientation)


def oriented(orientation: int) -> tuple[int, tuple[str, ...]]:
    known = orientation in _ORIENTATIONS
    return (orientation, ("turned upright as its orientation tag says",)) if known else (UPRIGHT, ())


def swaps(orientation: int) -> bool:
    """Whether turning upright swaps height and width."""
    return orientation >= 5


def upright(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a stored picture the way it was taken."""
    return _ORIENTATIONS[orientation](array) if orientation != UPRIGHT else array
