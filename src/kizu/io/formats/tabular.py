"""Tables of text (CSV and its kin): encoding, delimiter, header and decimal mark are found, not asked for.

What is found is what a majority of the first rows agrees on; rows that disagree later are named by their line.
"""

import codecs
import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ReadError
from kizu.io.formats.cells import Column, Decimal, Reading, decimal_of, is_number, is_text

DELIMITERS = ("\t", ";", "|", ",")  # a comma can be a decimal mark, and any of them is rarer in text than a comma
COLUMNS = 10_000
AGREE = 0.9
"""Share of the first rows that a delimiter must cut into equally many cells."""
_SAMPLE = 1 << 18
_SAMPLE_ROWS = 1000
_CHUNK_CELLS = 200_000
_NAMED = 100  # rows left out that are named one by one
_NAME = 80  # characters of a column's name


class Tabular(NamedTuple):
    """A table as read: all its columns, and of every row its number among the rows and its line in the file.

    `places` is (rows, 2), of whole numbers from 0 and from 1 (no line: 0). `declared` counts the rows that were left
    out too; `skipped` says of each of those what is wrong.
    """

    columns: tuple[Column, ...]
    places: NDArray[np.int64]
    declared: int
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Dialect(NamedTuple):
    """How a file is written: cells per row, the row (of cells) its first data are in, the names above them."""

    delimiter: str
    decimal: Decimal
    width: int
    before: int
    names: tuple[str, ...]
    header: bool


def open_csv(file: BinaryIO, path: str) -> Tabular:
    """Read a table of text whose cells are separated by commas, semicolons, tabs or bars."""
    encoding, notes = _encoding(file, path)
    text = io.TextIOWrapper(file, encoding, newline="")
    dialect = _dialect(text, path)
    text.seek(0)
    found = _Rows(path, dialect)
    try:
        # Strict: a quote that is never closed would else swallow the rest of the file without a word
        found.read(csv.reader(text, delimiter=dialect.delimiter, strict=True))
    except csv.Error as error:
        what = f"line {found.line + 1}: {error}"
        raise ReadError(path, what, "Look for a quote that is opened and never closed there") from error
    return found.tabular(notes)


def _encoding(file: BinaryIO, path: str) -> tuple[str, list[str]]:
    """The first encoding that the whole file is in, and what to say about it."""
    start = file.read(4)
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        tried: tuple[str, ...] = ("utf-16",)
    else:
        tried = ("utf-8-sig", "cp932", "latin-1")
    for encoding in tried:
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while block := file.read(1 << 20):
                if encoding != "utf-16" and b"\0" in block:
                    raise ReadError(path, "holds zero bytes: it is not text", "Export it as CSV in UTF-8")
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        file.seek(0)
        return encoding, [] if encoding in ("utf-8-sig", "utf-16") else [f"not UTF-8: read as {encoding}"]
    raise ReadError(path, "is in no encoding that kizu knows", "Export it as CSV in UTF-8")


def _dialect(text: io.TextIOWrapper, path: str) -> Dialect:
    sample = text.read(_SAMPLE)
    if len(sample) == _SAMPLE and len(lines := sample.splitlines(keepends=True)) > 1:
        sample = "".join(lines[:-1])  # the last line may be cut
    tries = {delimiter: _rows_of(sample, delimiter) for delimiter in DELIMITERS}
    agreed = {delimiter: _agreement(rows) for delimiter, rows in tries.items()}
    # The first in DELIMITERS that cuts nearly all rows alike; else the one that comes closest
    best = next((d for d in DELIMITERS if agreed[d][0] > 1 and agreed[d][1] >= AGREE), None)
    best = best or max((d for d in DELIMITERS if agreed[d][0] > 1), key=lambda d: agreed[d][1], default=",")
    rows, (width, _) = tries[best], agreed[best]
    if not width:
        raise ReadError(path, "has no rows", "Export it again")
    if width > COLUMNS:
        raise ReadError(path, f"has {width} columns, the limit is {COLUMNS}", "Leave columns out, or turn it round")
    before = next(place for place, row in enumerate(rows) if len(row) == width)
    decimal = decimal_of([cell for row in rows for cell in row], best)
    header = _has_header([row for row in rows[before:] if len(row) == width], decimal)
    names = rows[before] if header else [f"column {n + 1}" for n in range(width)]
    return Dialect(best, decimal, width, before + header, names_of(names), header)


def _rows_of(sample: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if not _blank(row):
                rows.append(row)
            if len(rows) == _SAMPLE_ROWS:
                break
    except csv.Error:  # said with its line when the whole file is read
        pass
    return rows


def _agreement(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """The usual number of cells in a row and the share of rows that have it; of a tie, the larger number."""
    if not rows:
        return 0, 0.0
    width, count = max(Counter(map(len, rows)).items(), key=lambda item: (item[1], item[0]))
    return width, count / len(rows)


def _has_header(rows: Sequence[Sequence[str]], decimal: Decimal) -> bool:
    """Whether the first row names columns: it holds no number, or a text where the column holds numbers."""
    first, others = rows[0], rows[1:]
    texts = [place for place, cell in enumerate(first) if is_text(cell, decimal)]
    if not texts:
        return False
    if not any(is_number(cell, decimal) for cell in first):
        return True
    return any(2 * sum(is_number(row[place], decimal) for row in others) > len(others) for place in texts)


def names_of(cells: Sequence[str]) -> tuple[str, ...]:
    """One name per column: spaces put in order, empty ones numbered, of two equal ones the later marked."""
    names: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(cells):
        plain = " ".join(cell.split())[:_NAME] or f"column {place + 1}"
        name, count = plain, 1
        while name in taken:
            count += 1
            name = f"{plain} ({count})"
        taken.add(name)
        names.append(name)
    return tuple(names)


def _blank(row: Sequence[str]) -> bool:
    return not any(cell and not cell.isspace() for cell in row)


class _Rows:
    """The rows of a file, chunk by chunk turned into columns."""

    def __init__(self, path: str, dialect: Dialect) -> None:
        self._path, self._dialect = path, dialect
        self._columns = [Reading(name, dialect.decimal) for name in dialect.names]
        self._places: list[tuple[int, int]] = []
        self._skipped: list[str] = []
        self._odd = self._declared = self._blank = 0
        self.line = 0  # of the last row that was read whole

    def read(self, reader: Iterator[list[str]]) -> None:
        chunk = max(_CHUNK_CELLS // self._dialect.width, 1)
        rows = self._whole(reader)
        while taken := list(itertools.islice(rows, chunk)):
            lines = [line for line, _ in taken]
            for column, cells in zip(self._columns, zip(*(row for _, row in taken), strict=True), strict=True):
                column.take(cells, lines)

    def _whole(self, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of every row that has as many cells as the table has columns."""
        width, above = self._dialect.width, self._dialect.before
        for row in reader:
            self.line = int(reader.line_num)  # type: ignore[attr-defined]
            if _blank(row):
                self._blank += bool(row) and len(row) > 1
                continue
            if above:
                above -= 1
                continue
            line = self.line
            if len(row) > width and _blank(row[width:]):  # spreadsheets leave empty cells behind
                row = row[:width]
            if len(row) == width:
                self._places.append((self._declared, line))
                yield line, row
            else:
                self._skip(line, len(row))
            self._declared += 1

    def _skip(self, line: int, cells: int) -> None:
        self._odd += 1
        if self._odd <= _NAMED:
            self._skipped.append(f"line {line}: {cells} {'cell' if cells == 1 else 'cells'}, not {self._dialect.width}")

    def tabular(self, notes: Sequence[str]) -> Tabular:
        """The whole table; refused where it is none."""
        if not self._places:
            raise ReadError(self._path, "has no rows below its header", "Export it again")
        if 2 * self._odd > self._declared:
            what = f"{self._odd} of {self._declared} rows have not {self._dialect.width} cells; {self._skipped[0]}"
            raise ReadError(self._path, what, "Check its delimiter and its quotes")
        said = [*notes, *self._said()]
        more = self._odd - len(self._skipped)
        skipped = [*self._skipped, *([f"{more} more rows of another number of cells"] if more else [])]
        columns = tuple(column.column() for column in self._columns)
        return Tabular(columns, np.array(self._places, np.int64), self._declared, tuple(skipped), tuple(said))

    def _said(self) -> list[str]:
        dialect = self._dialect
        above = dialect.before - dialect.header
        return [
            *([] if dialect.header else ["no header: columns are numbered from 1"]),
            *([f"{above} {'line' if above == 1 else 'lines'} above the table left out"] if above else []),
            *([f"{self._blank} rows of empty cells left out"] if self._blank else []),
            *(["decimal comma"] if dialect.decimal == "," and dialect.delimiter != "," else []),
        ]
