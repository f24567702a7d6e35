"""The table of readers: one row per suffix. Adding a format is one function and one row.

Decoders are named, not imported: listing files needs the suffixes, only the worker needs the decoders.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from kizu.errors import ReadError
from kizu.io.opened import Opened, require_limits
from kizu.io.regular import open_regular

if TYPE_CHECKING:
    from kizu.io.formats.tabular import Tabular


class Reader(NamedTuple):
    """A format: its name, how its files may start, and the functions (`module:name`) that open them."""

    kind: str
    starts: tuple[bytes, ...]
    frames: str
    matrix: str = ""


_TIFF = Reader("TIFF", (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"), "kizu.io.formats.tiff:open_tiff")
_JPEG = Reader("JPEG", (b"\xff\xd8\xff",), "kizu.io.formats.images:open_jpeg")
READERS: dict[str, Reader] = {
    ".png": Reader("PNG", (b"\x89PNG\r\n\x1a\n",), "kizu.io.formats.animations:open_png"),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": Reader("BMP", (b"BM",), "kizu.io.formats.images:open_bmp"),
    ".webp": Reader("WebP", (b"RIFF",), "kizu.io.formats.animations:open_webp"),
    ".gif": Reader("GIF", (b"GIF87a", b"GIF89a"), "kizu.io.formats.animations:open_gif"),
    ".npy": Reader(
        "NumPy", (b"\x93NUMPY",), "kizu.io.formats.arrays:open_npy", "kizu.io.formats.arrays:open_npy_matrix"
    ),
    ".npz": Reader(
        "NumPy archive",
        (b"PK\x03\x04", b"PK\x05\x06"),
        "kizu.io.formats.arrays:open_npz",
        "kizu.io.formats.arrays:open_npz_matrix",
    ),
}
# Tables with names above their columns: how the format may start (anything, where that says nothing), what opens it.
TABLES: dict[str, tuple[tuple[bytes, ...], str]] = {
    ".csv": ((), "kizu.io.formats.tabular:open_csv"),
    ".tsv": ((), "kizu.io.formats.tabular:open_csv"),
    ".parquet": ((b"PAR1",), "kizu.io.formats.parquet:open_parquet"),
}
SUFFIXES = "PNG, JPEG, TIFF, BMP, WebP, GIF, .npy or .npz"

# Not read, but named: the message then says what the file is.
_STRANGERS = {
    b"%PDF": "PDF",
    b"\x1f\x8b": "gzip file",
    b"\x89HDF": "HDF5 file",
    b"SIMPLE": "FITS file",
    b"\0\0\0\x0cjP": "JPEG 2000 file",
    b"<": "text file",
    b"{": "text file",
    b"PK\x03\x04": "ZIP archive",
}
_LONGEST_START = 16


def suffix_of(path: str) -> str:
    """The suffix of `path` in lower case, '' without one; a name that is only a suffix has none."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = name.rpartition(".")
    return (dot + suffix).lower() if stem else ""


def open_frames(path: str, axes: str | None) -> Opened:
    """Open `path` as frames, in its own format only and within the limits."""
    reader = _reader(path)
    return require_limits(path, _open(path, reader, reader.frames, axes))


def open_matrix(path: str) -> Opened:
    """Open `path` as one block of rows × columns; its size is bounded by the file's own."""
    reader = _reader(path)
    if not reader.matrix:
        raise ReadError(path, f"a {reader.kind} file, not a matrix", "Give a 2-D .npy or .npz array")
    return _open(path, reader, reader.matrix, None)


def open_table(path: str) -> "Tabular":
    """Read the table in `path`, of numbers and what else there is, in one go."""
    suffix = suffix_of(path)
    if suffix not in TABLES:
        raise ReadError(path, f"the suffix {suffix or '(none)'} is none of a table", f"Give {', '.join(TABLES)}")
    starts, function = TABLES[suffix]
    with open_regular(path) as file:
        start = file.read(_LONGEST_START)
        file.seek(0)
        if starts and not start.startswith(starts):
            raise ReadError(path, f"does not start like {suffix[1:]}", "Copy it again or export it again")
        magic = next((magic for magic in _STRANGERS if len(magic) > 1 and start.startswith(magic)), None)
        if magic:
            raise ReadError(path, f"a {_STRANGERS[magic]}, not a table", "Export it as CSV")
        table: Tabular = _find(function)(file, path)
        return table


def load_decoders() -> None:
    """Import every decoder, so that no file pays for it out of its own time."""
    for reader in READERS.values():
        _find(reader.frames)
    _find(TABLES[".csv"][1])  # of the others, what they need may be missing


def _reader(path: str) -> Reader:
    suffix = suffix_of(path)
    if suffix not in READERS:
        raise ReadError(path, f"the suffix {suffix or '(none)'} is not known", f"Give {SUFFIXES} files")
    return READERS[suffix]


def _open(path: str, reader: Reader, function: str, axes: str | None) -> Opened:
    file = open_regular(path)
    start = file.read(_LONGEST_START)
    file.seek(0)
    if not start.startswith(reader.starts):
        raise _misnamed(path, reader.kind, start)
    opened: Opened = _find(function)(file, path, axes)
    return opened


def _misnamed(path: str, kind: str, start: bytes) -> ReadError:
    for suffix, reader in READERS.items():
        if start.startswith(reader.starts):
            return ReadError(path, f"a {reader.kind} file that is named like {kind}", f"Rename it to {suffix}")
    for magic, stranger in _STRANGERS.items():
        if start.startswith(magic):
            return ReadError(path, f"a {stranger}, not {kind}", "Export it as PNG or TIFF, or leave it out")
    return ReadError(path, f"does not start like {kind}", "Copy it again or leave it out")


def _find(target: str) -> Callable[..., Any]:
    """The function that `module:name` names."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
