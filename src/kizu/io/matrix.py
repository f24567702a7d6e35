"""A 2-D array without geometry: rows are samples, columns are features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kizu.errors import KizuError, ReadError
from kizu.io.headers import Header, decode, probe
from kizu.io.protocol import Message
from kizu.io.readers import READERS, suffix_of
from kizu.io.table import is_table

_PROBE, _FRAMES = "probe matrix", "frames matrix"


def kind_of(inputs: Sequence[str], *, axes: str | None = None) -> Literal["images", "matrix", "table"]:
    """Whether `inputs` are one 2-D array (for :func:`read_matrix`), one table or pictures (for :func:`kizu.io.read`).

    `axes` says that an array is a picture. What cannot be opened counts as pictures: reading it says why.
    """
    if is_table(inputs):
        return "table"
    if len(inputs) != 1 or axes is not None or not _can_be_matrix(inputs[0]):
        return "images"
    try:
        probe(inputs[0], inputs[0], None, do=_PROBE)
    except KizuError:
        return "images"
    return "matrix"


def read_matrix(path: str) -> NDArray[Any]:
    """Read the 2-D array in a .npy or .npz file, shape (rows, columns), in its own dtype.

    float16 becomes float32, booleans become 0 and 255. NaN is a missing entry; infinite values are refused.
    ReadError for anything else.
    """
    header = matrix_header(path)
    sink = _Block(header.size.height, header.size.width, header.dtype)
    decode(header, header.size, None, sink, resize=False, do=_FRAMES)
    if sink.losses:
        raise ReadError(path, sink.losses[0]["what"], sink.losses[0]["mend"])
    return sink.matrix


def matrix_header(path: str) -> Header:
    """What the file declares: `size` is rows × columns. ReadError if it is no 2-D array."""
    return probe(path, path, None, do=_PROBE)


def _can_be_matrix(name: str) -> bool:
    suffix = suffix_of(name)
    return suffix in READERS and bool(READERS[suffix].matrix) and Path(name).is_file()


class _Block:
    def __init__(self, rows: int, columns: int, dtype: np.dtype[Any]) -> None:
        self.matrix = np.empty((rows, columns), dtype)
        self.losses: list[Message] = []

    def place(self, message: Message) -> memoryview:
        return self.matrix.data.cast("B")

    def take(self, message: Message) -> None:
        self.losses += [message] if message["kind"] == "lost" else []
