"""A table: rows are samples, columns have names, and not every column says what a row is like."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ReadError, UsageError
from kizu.io.decoder import DECODER
from kizu.io.headers import table_request
from kizu.io.protocol import Message
from kizu.io.readers import TABLES, suffix_of
from kizu.io.regular import size_of
from kizu.stack import Skipped
from kizu.typing import Bools, Floats

ROWS_FOR_ORDER = 10
"""Rows from which on whole numbers that only grow are taken for numbers of the rows: chance orders them 1 in 10!."""
_RATIO = 250
_ALWAYS = 1 << 29
WHY = {
    "text": "text",
    "date": "a moment: every later table lies beyond the ones before",
    "empty": "no value",
    "constant": "all its values are equal",
    "number of the row": "it counts the rows",
}


@dataclass(frozen=True)
class Table:
    """The columns of numbers of a table, and what became of the others.

    `values` (rows, columns) is float64, NaN where nothing is known; `names` are the columns'. `left_out` is
    (name, why) of the others. `labels` name the rows, where a column does. `places` (rows, 2): the number of each row
    among all rows, from 0, and its line in the file, from 1 (0: none). `declared` counts the rows of the file, those
    that `skipped` names included.
    """

    names: tuple[str, ...]
    values: Floats
    left_out: tuple[tuple[str, str], ...]
    labels: tuple[str, ...] | None
    places: NDArray[np.int64]
    declared: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]

    def label(self, row: int) -> str:
        """What a person calls the row: its label, else its line in the file, else its number."""
        if self.labels:
            return self.labels[row]
        index, line = self.places[row]
        return f"line {line}" if line else f"row {index}"


def is_table(inputs: Sequence[str]) -> bool:
    """Whether `inputs` are one table (.csv, .tsv, .parquet); UsageError for one among others."""
    tables = [name for name in inputs if suffix_of(name) in TABLES and Path(name).is_file()]
    if tables and len(inputs) > 1:
        raise UsageError("is a table among other inputs", "Give one table at a time", where=tables[0])
    return bool(tables)


def read_table(path: str) -> Table:
    """Read the table in `path` (CSV with any usual delimiter, or Parquet); ReadError says what is wrong with it.

    Every column of numbers is there, also those that :func:`telling` leaves out.
    """
    sink = _Parts(path)
    request, seconds = table_request(path)
    DECODER.ask(request, seconds=seconds, sink=sink)
    about = json.loads(bytes(sink.parts["about"]))
    columns = about["columns"]
    name = Path(path).name
    names = tuple(column[0] for column in columns if column[1] == "number")
    values = np.frombuffer(sink.parts["values"], np.float64).reshape(-1, len(names))
    naming = sorted((column for column in columns if column[2] is not None), key=lambda column: column[1] != "text")
    labels = naming[0][2] if naming else None
    return Table(
        names=names,
        values=values,
        left_out=tuple((column[0], WHY[column[1]]) for column in columns if column[1] != "number"),
        labels=None if labels is None else tuple(labels),
        places=np.frombuffer(sink.parts["places"], np.int64).reshape(-1, 2),
        declared=about["declared"],
        skipped=tuple(Skipped(name, what, "Mend that line or leave it out") for what in about["skipped"]),
        notes=(*about["notes"], *(note for column in columns for note in column[3])),
    )


def telling(table: Table) -> Table:
    """`table` without the columns that tell nothing of a row: constant, a copy of another, a number of the row.

    UsageError if none is left.
    """
    why: dict[int, str] = {}
    seen: dict[bytes, int] = {}
    labels = table.labels
    for place, column in enumerate(table.values.T):
        known = column[~np.isnan(column)]
        copy = seen.setdefault((column + 0.0).tobytes(), place)  # + 0.0: −0 is 0
        if not known.size or known.min() == known.max():
            why[place] = WHY["constant"]
        elif copy != place:
            why[place] = f"equal to {table.names[copy]}"
        elif _counts(column):
            why[place] = WHY["number of the row"]
            labels = labels or tuple(f"{number:.0f}" for number in column)
    kept = np.array([place not in why for place in range(len(table.names))])
    if not kept.any():
        what = "; ".join(f"{table.names[place]}: {reason}" for place, reason in list(why.items())[:5])
        raise UsageError(f"no column tells its rows apart ({what})", "Give one that does", where="the table")
    left_out = (*table.left_out, *((table.names[place], reason) for place, reason in why.items()))
    return replace(_columns(table, kept), left_out=left_out, labels=labels)


def _columns(table: Table, kept: Bools) -> Table:
    names = tuple(name for name, keep in zip(table.names, kept, strict=True) if keep)
    return replace(table, names=names, values=np.ascontiguousarray(table.values[:, kept]))


def _counts(column: Floats) -> bool:
    """Whether the values are whole numbers that only grow, from row to row."""
    return bool(len(column) >= ROWS_FOR_ORDER and (np.diff(column) > 0).all() and (column == np.floor(column)).all())


def select(table: Table, names: Sequence[str], known: Sequence[str], path: str) -> Table:
    """The columns `names` of `table`, in that order; UsageError names those that are missing or unheard of.

    Columns of numbers that are neither in `names` nor in `known` (left out when the model was fitted) are unheard of.
    """
    missing = [name for name in names if name not in table.names]
    extra = [name for name in table.names if name not in names and name not in known]
    if missing or extra:
        what = "; ".join(
            f"{word} {', '.join(found[:5])}{f' and {len(found) - 5} more' if len(found) > 5 else ''}"
            for word, found in (("has no numbers in", missing), ("has also", extra))
            if found
        )
        raise UsageError(f"other columns than the model was fitted to: {what}", "Give the same columns", where=path)
    places = [table.names.index(name) for name in names]
    others = tuple((name, "left out when the model was fitted") for name in table.names if name not in names)
    return replace(
        table,
        names=tuple(names),
        values=np.ascontiguousarray(table.values[:, places]),
        left_out=(*table.left_out, *others),
        labels=table.labels or _numbers(table, names),
    )


def _numbers(table: Table, names: Sequence[str]) -> tuple[str, ...] | None:
    """The first column outside `names` that counts the rows, as their labels."""
    columns = zip(table.names, table.values.T, strict=True)
    column = next((c for name, c in columns if name not in names and _counts(c)), None)
    return None if column is None else tuple(f"{number:.0f}" for number in column)


class _Parts:
    """What the worker sends of a table, no more of it than a file of that size may hold."""

    def __init__(self, path: str) -> None:
        self.parts: dict[str, bytearray] = {}
        self._path = path
        self._left = max(_ALWAYS, _RATIO * size_of(path))

    def place(self, message: Message) -> memoryview:
        size: Any = message["bytes"]
        if not 0 <= size <= self._left:
            raise ReadError(self._path, "grows to more than a file of its size may", "Save it as .npy")
        self._left -= size
        self.parts[message["part"]] = bytearray(size)
        return memoryview(self.parts[message["part"]])

    def take(self, message: Message) -> None:
        """Nothing is to be done: the part has been filled in place."""
