"""Arrays in .npy and .npz files: the header is checked against the file before anything is allocated."""

import ast
import math
import struct
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ReadError, UsageError
from kizu.io.opened import AXES, Opened, Size, plain, supported, to_frames_axes

_MAGIC = b"\x93NUMPY"
_LENGTHS = {1: struct.Struct("<H"), 2: struct.Struct("<I"), 3: struct.Struct("<I")}
_HEADER = 1 << 16
_MEMBERS = 10_000
# An honest stack of masks can shrink a hundredfold; a bomb of a few hundred kB grows a thousandfold.
_RATIO = 200
_ALWAYS = 1 << 28


class Header(NamedTuple):
    """What a .npy file says about itself; `start` is where its numbers begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def open_npy(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Open an array of frames without reading it."""
    header, load = _npy(file, path)
    return _frames(path, header, load, axes)


def open_npz(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Open the one array of frames in an archive."""
    header, load = _npz(file, path)
    return _frames(path, header, load, axes)


def open_npy_matrix(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Open a 2-D array as one block of rows × columns."""
    header, load = _npy(file, path)
    return _matrix(path, header, load)


def open_npz_matrix(file: BinaryIO, path: str, axes: str | None) -> Opened:
    header, load = _npz(file, path)
    return _matrix(path, header, load)


def _npy(file: BinaryIO, path: str) -> tuple[Header, Callable[[], NDArray[Any]]]:
    header = read_header(file, path)
    _require_numbers(path, header, file.seek(0, 2) - header.start)
    order = "F" if header.fortran else "C"

    def load() -> NDArray[Any]:
        return np.memmap(file, header.dtype, "r", header.start, header.shape, order)  # type: ignore[call-overload, no-any-return]

    return header, load


def _npz(file: BinaryIO, path: str) -> tuple[Header, Callable[[], NDArray[Any]]]:
    archive = zipfile.ZipFile(file)
    members = archive.infolist()
    compressed = file.seek(0, 2)
    total = sum(member.file_size for member in members)
    if len(members) > _MEMBERS or total > max(_ALWAYS, _RATIO * compressed):
        raise ReadError(
            path, f"{compressed} bytes that grow to {total} in {len(members)} arrays", "Save the array as .npy"
        )
    member = _only_array(archive, path)
    with archive.open(member) as inside:
        header = read_header(inside, path)
    _require_numbers(path, header, member.file_size - header.start)

    def load() -> NDArray[Any]:
        with archive.open(member) as inside:
            inside.read(header.start)
            flat = np.frombuffer(inside.read(), header.dtype, math.prod(header.shape))
        return flat.reshape(header.shape, order="F" if header.fortran else "C")

    return header, load


def _require_numbers(path: str, header: Header, there: int) -> None:
    supported(path, header.dtype)
    if header.nbytes > there:
        what = f"declares {header.nbytes} bytes of numbers, {there} are there"
        raise ReadError(path, what, "Copy it again or write it again")


def _only_array(archive: zipfile.ZipFile, path: str) -> zipfile.ZipInfo:
    """The only member that can be frames or a matrix."""
    members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
    fitting = members if len(members) == 1 else [m for m in members if _fits(archive, m, path)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(m.filename.removesuffix(".npy") for m in members[:10])
    raise ReadError(path, f"holds {len(members)} arrays ({names})", "Save the one you mean as .npy")


def _fits(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str) -> bool:
    with archive.open(member) as inside:
        header = read_header(inside, path)
    return header.dtype.kind in "buif" and not header.dtype.hasobject and 2 <= len(header.shape) <= 4


def read_header(file: BinaryIO | Any, path: str) -> Header:
    """Parse the header of a .npy file (NEP 1) without trusting it."""
    prefix = file.read(8)
    if len(prefix) < 8 or prefix[:6] != _MAGIC or prefix[6] not in _LENGTHS:
        raise ReadError(path, "not a .npy array of a known version", "Write it again with numpy.save")
    length = _LENGTHS[prefix[6]]
    (size,) = length.unpack(file.read(length.size))
    text = file.read(min(size, _HEADER))
    if len(text) < size:
        raise ReadError(path, "its header is cut or too long", "Write it again with numpy.save")
    fields = ast.literal_eval(text.decode("utf-8" if prefix[6] == 3 else "latin-1").strip())
    shape = tuple(fields["shape"])
    if not all(type(n) is int and 0 <= n < 1 << 48 for n in shape) or type(fields["fortran_order"]) is not bool:
        raise ReadError(path, "its header makes no sense", "Write it again with numpy.save")
    return Header(shape, np.dtype(fields["descr"]), fields["fortran_order"], 8 + length.size + size)


def _frames(path: str, header: Header, load: Callable[[], NDArray[Any]], axes: str | None) -> Opened:
    dtype = supported(path, header.dtype)
    named = _axes_of(path, header.shape, axes)
    shape = dict(zip(named, header.shape, strict=True))
    size = Size(shape["Y"], shape["X"], shape.get("C", 1))
    count = shape.get("T", 1)
    views: list[NDArray[Any]] = []

    def frame(index: int) -> NDArray[Any]:
        if not views:
            views.append(to_frames_axes(load(), named))
        return plain(views[0][index])

    return Opened(frame, (size,) * min(count, 1 << 20), dtype, count, container="T" in named)


def _matrix(path: str, header: Header, load: Callable[[], NDArray[Any]]) -> Opened:
    dtype = supported(path, header.dtype)
    if len(header.shape) != 2 or 0 in header.shape:
        raise ReadError(path, f"has shape {header.shape}, not rows and columns", "Give a 2-D array")
    return Opened(lambda index: plain(load()), (Size(*header.shape, 1),), dtype, 1)


def _axes_of(path: str, shape: tuple[int, ...], axes: str | None) -> str:
    """The meaning of each axis: `axes` where given, else the only reading that is not a guess."""
    if axes is not None:
        if len(axes) != len(shape):
            raise UsageError(f"axes {axes} name {len(axes)} axes, shape {shape} has {len(shape)}", _USE, where=path)
        return axes
    if len(shape) not in (2, 3, 4):
        raise ReadError(path, f"has {len(shape)} axes, frames have 2 to 4", "Reshape it to frames, rows, columns")
    if len(shape) == 2:
        raise UsageError(f"shape {shape} is a matrix without geometry", "Add --axes YX if it is a picture", where=path)
    colour = {3, 4} & {shape[0], shape[-1]} if len(shape) == 3 else set()
    if colour or (len(shape) == 4 and shape[-1] > 4):
        raise UsageError(f"shape {shape} can be read in more than one way", _USE, where=path)
    return "TYX" if len(shape) == 3 else "TYXC"


_USE = f"Say what its axes are with --axes, one of {', '.join(AXES)}"
