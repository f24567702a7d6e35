"""One writer per folder: a lock that a killed process cannot keep."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kizu.errors import ResourceError, UsageError

if sys.platform == "win32":
    import msvcrt

    def _hold(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _release(file: BinaryIO, path: Path) -> None:
        file.close()  # an open file cannot be removed; one that the next run has opened stays
        with contextlib.suppress(OSError):
            path.unlink()
else:
    import fcntl

    def _hold(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(file: BinaryIO, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink()  # before letting go, or it could be the next run's
        file.close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs, then remove it.

    The operating system lets go of it when the process ends, however it ends. UsageError if another process
    holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise ResourceError(
            f"cannot write ({error.strerror or error})", "Choose another -o", where=str(path.parent)
        ) from error
    with file:
        _hold_or_refuse(file, path)
        try:
            yield
        finally:
            _release(file, path)


def _hold_or_refuse(file: BinaryIO, path: Path) -> None:
    try:
        _hold(file)
        # A run that ended between our open and our hold has removed this file: what we hold guards nothing.
        held = os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        held = False
    if not held:
        raise UsageError(
            "another kizu is writing to this folder",
            "Wait until it has ended or choose another -o",
            where=str(path.parent),
        )
