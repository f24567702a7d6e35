"""Pictures that may move: GIF, WebP and PNG, composed frame by frame by Pillow.

Pillow ends an animation where the file ends. So the blocks of the file are counted here, and what
the file announces but does not hold is reported as lost.
"""

import io
import struct
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import ReadError
from kizu.io.formats.images import open_still, require_depth
from kizu.io.formats.modes import mode_of, pixels
from kizu.io.opened import FRAMES, Opened, Size

_CUT = "the file ends early"
_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_GIF_SCREEN = 13
_GIF_EXTENSION, _GIF_IMAGE, _GIF_TRAILER = 0x21, 0x2C, 0x3B


class Count(NamedTuple):
    """Frames that are whole, and whether the file ends before its end mark."""

    whole: int
    cut: bool


def open_png(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Open a PNG; one with an animation chunk is a container."""
    require_depth(file, path)
    image = Image.open(file, formats=["PNG"])
    frames = getattr(image, "n_frames", 1)
    file.seek(0)
    if frames == 1:
        return open_still(file, path, kind="PNG")
    return _open_moving(image, path, declared=frames, whole=frames)


def open_gif(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Open a GIF. Frames are RGB: each has a palette of its own."""
    data = file.read()
    count = _count_gif(data)
    _require_whole(path, count)
    image = Image.open(io.BytesIO(data), formats=["GIF"])
    return _open_moving(image, path, declared=count.whole + count.cut, whole=count.whole)


def open_webp(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Open a WebP. A truncated animation is read up to its last whole frame."""
    data = file.read()
    count, kept = _count_webp(data)
    if count.whole == 0 and not count.cut:
        return open_still(io.BytesIO(data), path, kind="WEBP")
    _require_whole(path, count)
    image = Image.open(io.BytesIO(kept), formats=["WEBP"])
    return _open_moving(image, path, declared=count.whole + count.cut, whole=count.whole)


def _require_whole(path: str, count: Count) -> None:
    if count.whole > FRAMES:
        raise ReadError(path, f"more than {FRAMES} frames", "Split it into several files")
    if count.whole == 0:
        raise ReadError(path, _CUT, "Copy it again or leave it out")


def _open_moving(image: Image.Image, path: str, *, declared: int, whole: int) -> Opened:
    mode = mode_of(path, "RGB" if image.mode in ("L", "P") and image.format == "GIF" else image.mode)
    width, height = image.size
    wanted = "RGB" if mode.channels == 3 else ""
    note = mode.note or ("alpha dropped" if "transparency" in image.info else "")

    def frame(index: int) -> NDArray[Any]:
        image.seek(index)
        return pixels(image.convert(wanted) if wanted else image)

    return Opened(
        frame=frame,
        sizes=(Size(height, width, mode.channels),) * whole,
        dtype=np.dtype(mode.dtype),
        declared=declared,
        container=declared > 1,
        notes=(note,) if note else (),
        lost=f"{_CUT}, at least one frame is missing" if declared > whole else "",
    )


def _count_gif(data: bytes) -> Count:
    """Walk the blocks of a GIF (GIF89a specification, appendix A)."""
    whole, position = 0, _after_palette(data, 10, _GIF_SCREEN)
    while position < len(data) and whole <= FRAMES:
        kind = data[position]
        if kind == _GIF_TRAILER:
            return Count(whole, cut=False)
        if kind == _GIF_EXTENSION:
            position = _after_blocks(data, position + 2)
        elif kind == _GIF_IMAGE:
            position = _after_blocks(data, _after_palette(data, position + 9, position + 10) + 1)
            whole += position <= len(data)
        else:
            position += 1  # decoders skip stray bytes between blocks
    return Count(whole, cut=True)


def _after_palette(data: bytes, flags_at: int, position: int) -> int:
    flags = data[flags_at] if flags_at < len(data) else 0
    return position + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)


def _after_blocks(data: bytes, position: int) -> int:
    """The position behind a chain of sub-blocks; beyond the end of `data` if the chain is cut."""
    while position < len(data):
        size = data[position]
        position += size + 1
        if size == 0:
            return position
    return len(data) + 1


def _count_webp(data: bytes) -> tuple[Count, bytes]:
    """Count the ANMF chunks of a WebP that are whole, and the file without what is cut (RFC 9649)."""
    if len(data) < _RIFF.size:
        return Count(0, cut=True), data
    declared = _RIFF.unpack_from(data)[1] + 8
    whole, position = 0, _RIFF.size
    while position + _CHUNK.size <= min(declared, len(data)) and whole <= FRAMES:
        name, size = _CHUNK.unpack_from(data, position)
        after = position + _CHUNK.size + size + size % 2
        if after > len(data):
            break
        whole += name == b"ANMF"
        position = after
    if declared <= len(data):
        return Count(whole, cut=False), data
    return Count(whole, cut=True), data[:4] + struct.pack("<I", position - 8) + data[8:position]
