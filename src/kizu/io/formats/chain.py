"""The chain of pages of a TIFF, walked without a decoder: where it goes and whether it ends or breaks off."""

import struct
from typing import BinaryIO, NamedTuple

from kizu.io.opened import FRAMES


class Chain(NamedTuple):
    """`pages` whole directories; `broken` says why the chain goes no further, empty where it ends as it should."""

    pages: int
    broken: str


class _Layout(NamedTuple):
    first: int  # where the offset of the first directory is
    entries: struct.Struct
    entry: int
    offset: struct.Struct


def walk(file: BinaryIO) -> Chain:
    """Follow the offsets from page to page (TIFF 6.0, section 2; BigTIFF).

    A chain that leaves the file, bites its own tail or grows beyond the limit is broken.
    """
    size = file.seek(0, 2)
    file.seek(0)
    layout = _layout(file.read(4))
    offset = _number(file, layout.first, layout.offset)
    seen: set[int] = set()
    while offset:
        after = offset + layout.entries.size + _number(file, offset, layout.entries) * layout.entry
        if after + layout.offset.size > size:
            return Chain(len(seen), "the file ends early")
        if offset in seen:
            return Chain(len(seen), "its pages form a loop")
        seen.add(offset)
        if len(seen) > FRAMES:
            break
        offset = _number(file, after, layout.offset)
    return Chain(len(seen), "")


def _layout(magic: bytes) -> _Layout:
    order = "<" if magic[:2] == b"II" else ">"
    if struct.unpack(order + "H", magic[2:4]) == (43,):
        return _Layout(8, struct.Struct(order + "Q"), 20, struct.Struct(order + "Q"))
    return _Layout(4, struct.Struct(order + "H"), 12, struct.Struct(order + "I"))


def _number(file: BinaryIO, position: int, form: struct.Struct) -> int:
    """The number at `position`, or one beyond every file where the file ends before it."""
    file.seek(min(position, 1 << 62))
    data = file.read(form.size)
    return int(form.unpack(data)[0]) if len(data) == form.size else 1 << 62
