"""Headers of listed files, asked of the decoding worker: what is declared, before any pixel is decoded."""

import os
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from kizu.io.decoder import DECODER, Sink
from kizu.io.opened import Size
from kizu.io.protocol import Message
from kizu.io.regular import size_of

# A file of a few kB is answered for within 2 s whatever it declares; an honest one gets time by its size.
_BASE_SECONDS = 1.5
_FILE_RATE = 4e6  # bytes of file per second: pages of a TIFF are parsed in Python
_PIXEL_RATE = 5e7  # decoded bytes per second
_FRAME_SECONDS = 1e-3
_DEFLATE = 1100  # no codec here grows more than that per byte of file
_SMALLEST_FRAME = 64  # bytes of file
_TABLE_SECONDS = 10.0  # the library for Parquet is loaded only when one comes
_TABLE_RATE = 5e5
_TABLE_MEMORY = 1 << 29
_TABLE_GROWTH = 40  # a cell of two bytes is a text of Python and a float64


@dataclass(frozen=True)
class Header:
    """What the file at `path` declares. `present` frames have their place in it; the rest is `lost`.

    `odd` is (index, height, width) of the first frame that differs in size from the first. `spent` is the time, in
    seconds, that reading the header took out of the file's allowance.
    """

    path: str
    rel: str
    declared: int
    present: int
    size: Size
    dtype: np.dtype[Any]
    container: bool
    odd: tuple[int, int, int] | None
    notes: tuple[str, ...]
    lost: str
    spent: float


def probe(path: str, rel: str, axes: str | None, *, do: str = "probe") -> Header:
    """Ask for the header of `path`; ReadError or UsageError where it has no usable one."""
    started = time.monotonic()
    file_bytes = size_of(path)
    seconds = _BASE_SECONDS + file_bytes / _FILE_RATE
    request = {"do": do, **_file(path), "axes": axes, "memory": file_bytes}
    answer = DECODER.ask(request, seconds=seconds)
    height, width, _ = answer["size"]
    return Header(
        path=path,
        rel=rel,
        declared=answer["declared"],
        present=answer["present"],
        size=Size(height, width, answer["colour"]),
        dtype=np.dtype(answer["dtype"]),
        container=answer["container"],
        odd=tuple(answer["odd"][:3]) if answer["odd"] else None,
        notes=tuple(answer["notes"]),
        lost=answer["lost"],
        spent=time.monotonic() - started,
    )


def decode(header: Header, size: Size, axes: str | None, sink: Sink, *, resize: bool, do: str = "frames") -> None:
    """Have every frame of `header` decoded into `sink`, in the geometry `size`."""
    file_bytes = size_of(header.path)
    frame_bytes = size.height * size.width * size.channels * header.dtype.itemsize
    stored = header.size.height * header.size.width * header.size.channels * header.dtype.itemsize
    request = {
        "do": do,
        **_file(header.path),
        "axes": axes,
        "memory": 4 * (frame_bytes + stored) + file_bytes + (header.present * stored if header.container else 0),
        "size": size,
        "dtype": header.dtype.str,
        "resize": resize,
    }
    DECODER.ask(request, seconds=_allowance(header, file_bytes, header.present * (stored + frame_bytes)), sink=sink)


def table_request(path: str) -> tuple[Message, float]:
    """What to ask for a table, and the seconds that takes at most: text is parsed in Python, cell by cell."""
    file_bytes = size_of(path)
    memory = _TABLE_MEMORY + _TABLE_GROWTH * file_bytes
    return {"do": "table", **_file(path), "memory": memory}, _TABLE_SECONDS + file_bytes / _TABLE_RATE


def _file(path: str) -> Message:
    """The worker stays where it was started: a relative path would mean another file after a change of folder."""
    return {"path": os.path.abspath(path), "name": path}  # noqa: PTH100 (resolve() would follow links)


def _allowance(header: Header, file_bytes: int, decoded_bytes: int) -> float:
    """Seconds for one file, by what it can hold rather than by what it claims to."""
    pixels = min(decoded_bytes, _DEFLATE * file_bytes) / _PIXEL_RATE
    frames = min(header.present, file_bytes // _SMALLEST_FRAME) * _FRAME_SECONDS
    return max(_BASE_SECONDS - header.spent, _BASE_SECONDS / 3) + file_bytes / _FILE_RATE + pixels + frames
