"""Text cells of a table as numbers: what is a number, what is missing, and what is neither.

A column is read chunk by chunk and decided on at its end: it holds numbers if at least half of its known cells do.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "date", "text", "empty"]
Decimal = Literal[".", ","]

MISSING = frozenset({"", "-", "--", "?", ".", "na", "n/a", "#n/a", "nan", "null", "none"})
TRUTH = {"true": 1.0, "false": 0.0}
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?"),
}
_MARKED = {".": re.compile(r"[+-]?\d*\.\d+"), ",": re.compile(r"[+-]?\d+(\.\d{3})*,\d+")}
_DATE = re.compile(
    r"""(?: \d{4}([-/])\d{1,2}\1\d{1,2} (?: [T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)? \s?(?:Z|[+-]\d{2}:?\d{2})? )?
          | \d{1,2}:\d{2}:\d{2}(?:[.,]\d+)? )""",
    re.VERBOSE,
)
_SHOWN = 40
"""Characters of a cell in a message."""


class Column(NamedTuple):
    """One column as read: `values` (rows,) with NaN where nothing is known, None where it holds no numbers.

    `texts` are its cells as written, if all differ from each other: it may name the rows.
    """

    name: str
    kind: Kind
    values: NDArray[Any] | None
    texts: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


class Reading:
    """A column while its cells come in; `decimal` is the mark of the file's fractions."""

    def __init__(self, name: str, decimal: Decimal) -> None:
        self.name = name
        self._decimal: Decimal = decimal
        self._parts: list[NDArray[Any]] = []
        self._numbers = self._dates = self._strange = self._infinite = 0
        self._first = ""
        self._texts: list[str] | None = []
        self._seen: set[str] = set()

    def take(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Read the next `cells`, which lie in these `lines` of the file."""
        values = self._quick(cells)
        self._parts.append(self._each(cells, lines) if values is None else values)
        self._keep(cells)

    def column(self) -> Column:
        """What the column is, all its cells seen."""
        known = self._numbers + self._dates + self._strange
        if 2 * self._numbers < known or not known:
            kind: Kind = "empty" if not known else "date" if 2 * self._dates >= known else "text"
            return Column(self.name, kind, None, None if self._texts is None else tuple(self._texts))
        notes = []
        if self._dates + self._strange:
            notes.append(
                f"column {self.name}: {_cells(self._dates + self._strange)} not a number (first {self._first}): missing"
            )
        if self._infinite:
            notes.append(f"column {self.name}: {_cells(self._infinite)} infinite: missing")
        return Column(self.name, "number", np.concatenate(self._parts), None, tuple(notes))

    def _quick(self, cells: Sequence[str]) -> NDArray[Any] | None:
        """All cells at once if every one is a plain finite number."""
        if self._decimal == ",":
            return None
        try:
            values = np.array([float(cell) for cell in cells])
        except ValueError:
            return None
        if not np.isfinite(values).all():
            return None
        self._numbers += len(values)
        return values

    def _each(self, cells: Sequence[str], lines: Sequence[int]) -> NDArray[Any]:
        values = np.full(len(cells), np.nan)
        for place, cell in enumerate(cells):
            text = cell.strip()
            if text.lower() in MISSING:
                continue
            number = number_of(text, self._decimal)
            if number is None:
                self._note(text, lines[place])
            else:
                self._numbers += 1
                self._infinite += math.isinf(number)
                values[place] = number if math.isfinite(number) else math.nan
        return values

    def _note(self, text: str, line: int) -> None:
        if _DATE.fullmatch(text):
            self._dates += 1
        else:
            self._strange += 1
        self._first = self._first or f"{text[:_SHOWN]!r} in line {line}"

    def _keep(self, cells: Sequence[str]) -> None:
        """Keep the texts as long as no two are equal and it does not look like numbers."""
        if self._texts is None:
            return
        self._texts += (cell.strip()[:_SHOWN] for cell in cells)
        self._seen.update(cells)
        if len(self._seen) < len(self._texts) or 2 * self._numbers > len(self._texts):
            self._texts, self._seen = None, set()


def number_of(text: str, decimal: Decimal) -> float | None:
    """The number that the stripped, known cell `text` spells, None if it is none.

    Truth values are 1 and 0. Where the decimal mark is a comma, a dot can only stand before three digits, and the
    other way round: what fits neither is not guessed at.
    """
    other = "." if decimal == "," else ","
    if other in text:
        if not _GROUPED[decimal].fullmatch(text):
            return None
        text = text.replace(other, "")
    text = text.replace(",", ".") if decimal == "," else text
    try:
        return float(text)
    except ValueError:
        return TRUTH.get(text.lower())


def decimal_of(cells: Sequence[str], delimiter: str) -> Decimal:
    """The decimal mark of a file from a sample of its `cells`: what most fractions are written with.

    A comma that separates cells marks no fraction; a semicolon is what programs separate with where the comma does.
    """
    if delimiter == ",":
        return "."
    commas, dots = (sum(1 for cell in cells if _MARKED[mark].fullmatch(cell.strip())) for mark in (",", "."))
    return "," if commas > dots or (commas == dots and delimiter == ";") else "."


def is_number(cell: str, decimal: Decimal) -> bool:
    text = cell.strip()
    return text.lower() not in MISSING and number_of(text, decimal) is not None


def is_text(cell: str, decimal: Decimal) -> bool:
    """Whether a cell is known and neither number nor date."""
    text = cell.strip()
    return text.lower() not in MISSING and number_of(text, decimal) is None and not _DATE.fullmatch(text)


def _cells(count: int) -> str:
    return "1 cell is" if count == 1 else f"{count} cells are"
