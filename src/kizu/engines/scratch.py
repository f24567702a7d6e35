"""Arrays on disk that live as long as a run: room for them is taken first, and they are gone at its end.

A run that is killed leaves its folder behind; the next run in the same place removes it. A folder is left
alone while its lock is held or the process in its name lives, so that no run removes another's.
"""

import contextlib
import errno
import itertools
import math
import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike

from kizu.engines.columns import mapping_of
from kizu.errors import ResourceError

try:
    import fcntl
except ImportError:  # Windows: the process in the name has to tell
    fcntl = None  # type: ignore[assignment]

PREFIX = ".kizu-scratch-"
"""A folder's name goes on with the process and when that began."""
LOCK = "lock"
ROOM = 1 << 24
"""Bytes that are left free for others."""
ZEROS = bytes(1 << 20)
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MEND = "Free some, or use another place: -o, or TMPDIR"


class Scratch:
    """A folder inside `parent` that is made with its first array and removed by :meth:`close`."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self._folder: Path | None = None
        self._numbers = itertools.count()
        self._close: weakref.finalize[..., Any] | None = None

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> "np.memmap[Any, Any]":
        """An array of zeros in a file of its own, which goes with the array."""
        needed = math.prod(shape) * np.dtype(dtype).itemsize
        with _in_one_line(self.parent, needed):
            folder = self._made()
            free = shutil.disk_usage(folder).free
            if needed + ROOM > free:
                raise OSError(errno.ENOSPC, f"{free / 1e6:.0f} MB are free")
            path = folder / f"{next(self._numbers)}.npy"
            try:
                array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
                _reserve(path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        weakref.finalize(mapping_of(array), _remove_file, path, os.getpid())
        return array

    def close(self) -> None:
        """Remove the folder; arrays that are still in use stay readable where the system allows it."""
        if self._close is not None:
            self._close()
        self._folder = None

    def _made(self) -> Path:
        if self._folder is None:
            self.parent.mkdir(parents=True, exist_ok=True)
            remove_stale(self.parent)
            name = f"{PREFIX}{os.getpid()}-{_began(os.getpid())}-"
            self._folder = Path(tempfile.mkdtemp(prefix=name, dir=self.parent))
            lock = (self._folder / LOCK).open("ab")
            _hold(lock)
            self._close = weakref.finalize(self, _remove_folder, self._folder, lock, os.getpid())
        return self._folder


def remove_stale(parent: Path) -> None:
    """Remove what killed runs have left in `parent`."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            process, began = folder.name.removeprefix(PREFIX).split("-")[:2]
            if _began(int(process)) != began and not _held(folder / LOCK):
                shutil.rmtree(folder)


def _began(process: int) -> str:
    """When a process began, in the system's own count; "" if there is none, "alive" where only that can be told."""
    try:
        return (
            Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
        )
    except OSError:
        return _alive(process)


def _alive(process: int) -> str:
    if Path("/proc/self/stat").exists():
        return ""
    if sys.platform == "win32":  # where asking is killing
        return "alive"
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "alive"


def _hold(lock: IO[bytes]) -> None:
    """Hold the lock until the process ends, however it ends; some network disks have none."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _held(path: Path) -> bool:
    """Whether a process, perhaps on another machine, holds the lock."""
    if fcntl is None or not path.exists():
        return False
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _reserve(path: Path) -> None:
    """Take the room of a file: writing to a mapped file on a full disk would kill the process."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        file.seek(0, os.SEEK_SET)
        head = file.read(len(ZEROS))
        file.seek(len(head))
        for start in range(len(head), size, len(ZEROS)):
            file.write(ZEROS[: size - start])


def _remove_file(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a fork, which has inherited the array
        with contextlib.suppress(OSError):
            path.unlink()


def _remove_folder(folder: Path, lock: IO[bytes], owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
    lock.close()


@contextlib.contextmanager
def _in_one_line(parent: Path, needed: int) -> Any:
    """What can go wrong with a disk, as an error of ours."""
    try:
        yield
    except OSError as error:
        where, reason = str(parent), error.strerror or str(error)
        if error.errno in FULL:
            what = f"scratch needs {needed / 1e6:.0f} MB of disk: {reason}"
            raise ResourceError(what, MEND, where=where) from error
        mend = "Use a place that can be written: -o, or TMPDIR"
        raise ResourceError(f"cannot write scratch ({reason})", mend, where=where) from error
