"""Open a file that is one: pipes, sockets and devices can hang a reader for ever."""

import hashlib
import io
import os
import stat
from pathlib import Path

from kizu.errors import ReadError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# A named pipe without a writer blocks `open` itself unless asked not to.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_regular(path: str) -> io.BufferedReader:
    """Open a regular file of at least one byte; ReadError says what else it is."""
    try:
        _require_regular(path, Path(path).stat())
        file = open(path, "rb", opener=lambda name, _: os.open(name, _FLAGS))  # noqa: SIM115
        _require_regular(path, os.fstat(file.fileno()))
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return file


def size_of(path: str) -> int:
    """Bytes in `path`, 0 if it cannot be told."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0


def sha256_of(path: str) -> str:
    """The SHA-256 of the bytes of `path` in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unreadable(path: str, error: OSError | ValueError) -> ReadError:
    if isinstance(error, ReadError):
        return error
    if isinstance(error, FileNotFoundError):
        return ReadError(path, "the file is gone", "Put it back or leave it out")
    if isinstance(error, PermissionError):
        return ReadError(path, "no permission to read it", "Change its permissions or leave it out")
    reason = getattr(error, "strerror", None) or str(error)
    return ReadError(path, f"cannot be opened ({reason})", "Check the file or leave it out")


def _require_regular(path: str, status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise ReadError(path, f"{_KINDS.get(kind, 'something special')}, not a file", "Leave it out")
    if status.st_size == 0:
        raise ReadError(path, "0 bytes", "Remove it or copy it again")
