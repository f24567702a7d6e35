"""Tables of results: CSV for a spreadsheet, JSON for a program, of the same rows."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np

from kizu.errors import printable

RESULT_COLUMNS = ("source", "index", "score", "anomalous", "regions", "area_fraction")
REGION_COLUMNS = (
    "source",
    "index",
    "region",
    "x",
    "y",
    "width",
    "height",
    "area",
    "score",
    "peak_z",
    "sign",
    "expected_false_alarms",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = Mapping[str, Any]


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """`rows` as CSV with exactly `columns`; every row must have them.

    A text that a spreadsheet would run as a formula gets a leading apostrophe (OWASP, CSV injection), numbers stay
    numbers, control characters are escaped, and a number that does not exist is an empty cell.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> object:
    value = finite(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return printable(f"'{value}" if value.startswith(FORMULA) else value)
    return value


def finite(value: Any) -> Any:
    """`value` as JSON can hold it: NumPy values as Python's, and None for a number that is NaN or infinite."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
