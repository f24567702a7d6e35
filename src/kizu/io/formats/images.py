"""Single pictures: PNG, JPEG and BMP, by Pillow."""

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import ReadError
from kizu.io.formats.modes import mode_of, orientation_of, pixels, swaps, upright
from kizu.io.opened import Opened, Size

_IHDR = struct.Struct(">8xI4sIIBB")


def open_still(file: BinaryIO, path: str, *, kind: str) -> Opened:
    """Open the first picture of `file`; `kind` is the only Pillow format that is tried."""
    image = Image.open(file, formats=[kind])
    mode = mode_of(path, image.mode)
    orientation, notes = orientation_of(image)
    width, height = image.size[::-1] if swaps(orientation) else image.size
    alpha = ("alpha dropped",) if "transparency" in image.info else ()
    more = ("only its first picture is used",) if getattr(image, "n_frames", 1) > 1 else ()

    def frame(index: int) -> NDArray[Any]:
        image.seek(index)
        return upright(pixels(image), orientation)

    return Opened(
        frame=frame,
        sizes=(Size(height, width, mode.channels),),
        dtype=np.dtype(mode.dtype),
        declared=1,
        notes=tuple(note for note in (mode.note, *alpha, *notes, *more) if note),
    )


def open_jpeg(file: BinaryIO, path: str, axes: str | None) -> Opened:
    return open_still(file, path, kind="JPEG")


def open_bmp(file: BinaryIO, path: str, axes: str | None) -> Opened:
    return open_still(file, path, kind="BMP")


def require_depth(file: BinaryIO, path: str) -> None:
    """Refuse 16-bit colour and 16-bit grey with alpha: Pillow would cut them to 8 bits without a word."""
    header = file.read(_IHDR.size)
    file.seek(0)
    if len(header) < _IHDR.size:
        raise ReadError(path, "ends inside its header", "Copy it again or leave it out")
    _, _, _, _, depth, colour = _IHDR.unpack(header)
    if depth == 16 and colour != 0:
        raise ReadError(path, "a PNG of 16-bit colour or alpha, which would be cut to 8 bits", "Save it as TIFF")
