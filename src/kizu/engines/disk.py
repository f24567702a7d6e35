"""Blocks on a few threads, of data that stay on disk; arrays as large as the data are there too."""

import mmap
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kizu.engines.columns import DiskColumns, Waiting, mapping_of, place_of
from kizu.engines.protocol import BLOCK_ENTRIES, Item, Progress, Result
from kizu.engines.scratch import Scratch
from kizu.engines.threads import DEFAULT_JOBS, Threads
from kizu.lowrank.blocks import Columns

WINDOW_MEMORY = 192 << 20
"""Bytes for the windows of one matrix: rows of 4 KiB and more for 16 000 of them."""
SMALL = 8 << 20
"""Bytes of an array that is not worth a file."""
MAPPED = 64 << 20
"""Bytes of files that may be in this process's memory beyond those that were when it began; then it lets go of
them. The system keeps what it has room for, so this costs hardly anything."""
OFTEN = 0.01
"""Seconds between two looks at that."""


class Disk(Threads):
    """`jobs` threads. Scratch is in `folder`, by default where the system keeps temporary files."""

    ahead = 1

    def __init__(
        self,
        jobs: int = DEFAULT_JOBS,
        *,
        folder: Path | None = None,
        block_entries: int = BLOCK_ENTRIES,
        window_memory: int = WINDOW_MEMORY,
    ) -> None:
        super().__init__(jobs, block_entries=block_entries)
        self.window_memory = window_memory
        self.waiting = Waiting()
        self._scratch = Scratch(Path(tempfile.gettempdir()) if folder is None else folder)
        self._maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._usual = _mapped_bytes()
        self._watch: threading.Thread | None = None

    @property
    def waited(self) -> float:
        return self.waiting.seconds / self.jobs

    def columns(self, matrix: NDArray[Any]) -> Columns:
        place = place_of(matrix)
        if place is None:
            return matrix
        self._map(place.mapped)
        return DiskColumns(matrix, place, memory=self.window_memory, waiting=self.waiting)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        if np.prod(shape, dtype=float) * np.dtype(dtype).itemsize <= SMALL:
            return super().empty(shape, dtype)
        array = self._scratch.array(shape, dtype)
        self._map(mapping_of(array))
        return array

    def close(self) -> None:
        self._scratch.close()
        self._watch = None

    def _each(
        self, function: Callable[[Item], Result], items: Sequence[Item], progress: Progress | None
    ) -> Iterator[Result]:
        return super()._each(partial(self._then_trim, function), items, progress)

    def _then_trim(self, function: Callable[[Item], Result], item: Item) -> Result:
        try:
            return function(item)
        finally:
            self.trim()

    def _map(self, mapped: mmap.mmap) -> None:
        """Look after a file that is mapped, also while no block is worked on."""
        self._maps.add(mapped)
        if self._watch is None:
            self._watch = threading.Thread(target=_watch, args=(weakref.ref(self),), name="kizu trims", daemon=True)
            self._watch.start()

    def watched_by(self, thread: threading.Thread) -> bool:
        """Whether `thread` is still the one that looks after the files."""
        return self._watch is thread

    def trim(self) -> None:
        """Let go of what files have in this process's memory, if that is much; the system keeps the contents."""
        if _mapped_bytes() <= self._usual + MAPPED or not hasattr(mmap, "MADV_DONTNEED"):
            return
        for mapped in list(self._maps):
            mapped.madvise(mmap.MADV_DONTNEED)


def _watch(engine: "weakref.ref[Disk]") -> None:
    """Trim until the engine is closed or forgotten."""
    while (alive := engine()) is not None and alive.watched_by(threading.current_thread()):
        alive.trim()
        del alive
        time.sleep(OFTEN)


def _mapped_bytes() -> int:
    """Bytes of files in this process's memory; 0 where the system does not say, and then nothing is let go of."""
    try:
        fields = Path("/proc/self/statm").read_bytes().split()
    except OSError:
        return 0
    return int(fields[2]) * mmap.PAGESIZE
