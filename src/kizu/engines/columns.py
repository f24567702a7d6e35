"""A matrix in a file, read a window of columns at a time while the one before is worked on.

Read and not mapped: what is mapped counts as this process's memory for as long as the system likes, and
nobody can say how long a page was waited for.
"""

import mmap
import os
import sys
import threading
import time
import weakref
from collections import OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ReadError, ResourceError

WINDOWS = 3
"""Windows in memory at once: the one that is worked on, the next, and one whose last blocks are under way."""
READERS = 4
"""Threads that read a window: a disk answers several questions at once faster than one after the other."""
RECENT = 64
"""Blocks after whose end a pass may go on: more than are under way at once."""
FEW = 256
"""A share of a window that is copied out of it."""


class Waiting:
    """Seconds, summed over threads, for which work has waited for the disk."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds


class Place(NamedTuple):
    """Where a matrix lies in a file: entry (i, j) at `offset` + i·`rows` + j·`columns` bytes."""

    mapped: mmap.mmap
    path: str
    offset: int
    rows: int
    columns: int


def mapping_of(array: "np.memmap[Any, Any]") -> mmap.mmap:
    """The map that an array of :class:`numpy.memmap` lies in."""
    found: mmap.mmap = array._mmap  # type: ignore[attr-defined]
    return found


def place_of(matrix: NDArray[Any]) -> Place | None:
    """Where `matrix` lies if it is a part of a mapped file whose rows, or all of whose columns, have no gaps."""
    owner: Any = matrix
    while isinstance(owner, np.ndarray) and not hasattr(owner, "_mmap"):
        owner = owner.base
    mapped = getattr(owner, "_mmap", None)
    if mapped is None or owner.filename is None or owner.mode == "c":
        return None
    if matrix.ndim != 2 or matrix.size == 0 or min(matrix.strides) <= 0:
        return None
    rows, columns = matrix.strides
    if matrix.itemsize != columns and (rows, columns) != (matrix.itemsize, matrix.shape[0] * matrix.itemsize):
        return None
    begin = owner.offset - owner.offset % mmap.ALLOCATIONGRANULARITY  # what numpy has mapped begins here
    first = matrix.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data
    return Place(mapped, str(owner.filename), begin + first, rows, columns)


class DiskColumns:
    """A matrix (short, long) in a file; `[:, start:stop]` reads. Its windows take at most `memory` bytes together."""

    def __init__(self, matrix: NDArray[Any], place: Place, *, memory: int, waiting: Waiting) -> None:
        self.shape: tuple[int, int] = (matrix.shape[0], matrix.shape[1])
        self.dtype = matrix.dtype
        self.width = min(self.shape[1], memory // WINDOWS // (self.shape[0] * self.dtype.itemsize))
        if self.width == 0:
            needed = WINDOWS * self.shape[0] * self.dtype.itemsize
            raise ResourceError(
                f"one block takes {needed / 1e6:.1f} MB, {memory / 1e6:.1f} MB are allowed", "Allow more memory"
            )
        self._place, self._waiting = place, waiting
        self._file = _open(place.path)
        weakref.finalize(self, os.close, self._file)
        self._windows: OrderedDict[int, _Window] = OrderedDict()
        self._ends: deque[int] = deque(maxlen=RECENT)
        self._lock = threading.Lock()
        self._readers = ThreadPoolExecutor(READERS, "kizu reads")

    def __getitem__(self, index: tuple[slice, slice]) -> NDArray[Any]:
        start, stop, _ = index[1].indices(self.shape[1])
        began = time.perf_counter()
        try:
            return self._columns(start, stop)
        finally:
            self._waiting.add(time.perf_counter() - began)

    def _columns(self, start: int, stop: int) -> NDArray[Any]:
        if not self._goes_on(start, stop):
            return self._new(start, stop).all()
        pieces = []
        for number in range(start // self.width, max(start, stop - 1) // self.width + 1):
            begin = number * self.width
            pieces.append(self._window(number).all()[:, max(start - begin, 0) : stop - begin])
        if len(pieces) == 1 and (stop - start) * FEW > self.width:
            return pieces[0]
        return np.concatenate(pieces, axis=1)  # a few columns, kept by somebody, would keep a window

    def _goes_on(self, start: int, stop: int) -> bool:
        """Whether these columns belong to a pass, which reads on where it has read and finds its window on its way.

        Samples, and passes over several places at once, read what they ask for and no more.
        """
        with self._lock:
            goes_on = start == 0 or (start in self._ends and start // self.width in self._windows)
            self._ends.append(stop)
        return goes_on

    def _window(self, number: int) -> "_Window":
        """A window, with the next one on its way: after the last comes the first, for another pass."""
        count = -(-self.shape[1] // self.width)
        with self._lock:
            for wanted in (number, (number + 1) % count):
                if wanted not in self._windows:
                    begin = wanted * self.width
                    self._windows[wanted] = self._new(begin, min(begin + self.width, self.shape[1]))
                self._windows.move_to_end(wanted)
            found = self._windows[number]
            while len(self._windows) >= WINDOWS:
                self._windows.popitem(last=False)
        return found

    def _new(self, start: int, stop: int) -> "_Window":
        """Columns `start:stop`, being read."""
        place, size = self._place, self.dtype.itemsize
        if place.columns == size:
            values = np.empty((self.shape[0], stop - start), self.dtype)
            lines, gap = values, place.rows
        else:  # a tall table, transposed: its rows follow each other
            values = np.empty((stop - start, self.shape[0]), self.dtype).T
            lines, gap = values.T, place.columns
        begin = place.offset + start * place.columns
        step = -(-len(lines) // READERS)
        parts = range(0, len(lines), step)
        return _Window(
            values, [self._readers.submit(self._fill, lines[n : n + step], begin + n * gap, gap) for n in parts]
        )

    def _fill(self, lines: NDArray[Any], offset: int, gap: int) -> None:
        """Read every line, `gap` bytes after the one before."""
        if gap == lines.shape[1] * lines.itemsize:
            lines = lines.reshape(1, -1)
        for number, line in enumerate(lines):
            self._read(memoryview(line).cast("B"), offset + number * gap)

    def _read(self, buffer: memoryview, offset: int) -> None:
        done = 0
        while done < len(buffer):
            got = _read_at(self._file, buffer[done:], offset + done)
            if got == 0:
                raise ReadError(self._place.path, "the file ends too early", "Copy it again")
            done += got


class _Window(NamedTuple):
    """Columns and what reads them."""

    values: NDArray[Any]
    parts: list[Future[None]]

    def all(self) -> NDArray[Any]:
        for part in self.parts:
            part.result()
        return self.values


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise ReadError(path, f"cannot be opened ({error.strerror})", "Check the file") from error


if sys.platform == "win32":
    _SEEKING = threading.Lock()

    def _read_at(file: int, buffer: memoryview, offset: int) -> int:
        with _SEEKING:
            os.lseek(file, offset, os.SEEK_SET)
            found = os.read(file, len(buffer))
        buffer[: len(found)] = found
        return len(found)
else:

    def _read_at(file: int, buffer: memoryview, offset: int) -> int:
        return os.preadv(file, [buffer], offset)
