"""Everything the page of a table shows, as plain values."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kizu.io.results import Saved
from kizu.io.tables import Row
from kizu.report import words
from kizu.report.page import ROWS, summary, worst_first
from kizu.report.rows_charts import Range, histogram, range_of, share_width, threshold_in_strip
from kizu.typing import Floats

CARDS = 50
ODDEST = 5
"""Rows that are shown even if none is flagged."""
COLUMNS = 8
"""Columns that are shown of one row: those with the largest shares."""
RANKED = 30


class Part(NamedTuple):
    """A column of one row: how much of the score it carries, its value and what is usual."""

    name: str
    share: str
    width: float
    value: float
    usual: Mapping[str, float]
    range: Range
    outside: bool


class Card(NamedTuple):
    """One row with the columns that say most, and what share the others have together."""

    title: str
    row: Row
    parts: tuple[Part, ...]
    others: str


class Ranked(NamedTuple):
    """A column: how many flagged rows it leads, and in how many it is named at all."""

    name: str
    leads: int
    named: int
    width: float
    usual: Mapping[str, float]


def rows_context(saved: Saved, shares: Floats, values: Floats) -> dict[str, Any]:
    """The names that the template knows; `shares` and `values` are (rows, columns)."""
    run = saved.run
    scores = [float(row["score"]) for row in saved.results]
    threshold = run["decision"]["threshold"]
    flagged = sum(bool(row["anomalous"]) for row in saved.results)
    shown = worst_first(saved.results, min(max(flagged, ODDEST), CARDS))
    expected = {row["index"]: row["expected_false_alarms"] for row in saved.regions}
    ordered = [saved.results[place] for place in worst_first(saved.results, flagged)]
    return {
        **summary(saved),
        "cards": [_card(saved, place, shares[place], values[place]) for place in shown],
        "flagged": [{**row, "title": title_of(row), "false": expected.get(row["index"])} for row in ordered[:ROWS]],
        "flagged_count": flagged,
        "histogram": histogram(np.array(scores), run["decision"]["null"], threshold),
        "strip_threshold": threshold_in_strip(scores, threshold),
        "ranked": _ranked(saved),
        "contents": words.table(run["table"]),
    }


def title_of(row: Row) -> str:
    """Label and line of a row, or its number."""
    place = f"line {row['line']}" if "line" in row else f"row {row['index']}"
    return f"{row['label']} ({place})" if "label" in row else place.capitalize()


def _card(saved: Saved, place: int, shares: Floats, values: Floats) -> Card:
    columns = saved.run["table"]["columns"]
    order = np.argsort(-shares, kind="stable")[:COLUMNS].tolist()
    parts = tuple(_part(columns[column], shares[column], values[column]) for column in order if shares[column] > 0)
    rest = max(1.0 - sum(float(shares[column]) for column in order), 0.0)
    others = f"{words.count(len(columns) - len(parts), 'other column')}: {words.percent(rest)}"
    row = saved.results[place]
    return Card(title_of(row), row, parts, others if len(columns) > len(parts) else "")


def _part(usual: Mapping[str, Any], share: float, value: float) -> Part:
    number, share = float(value), float(share)
    outside = math.isfinite(number) and not usual["low"] <= number <= usual["high"]
    return Part(
        usual["name"], words.percent(share), share_width(share), number, usual, range_of(number, usual), outside
    )


def _ranked(saved: Saved) -> Sequence[Ranked]:
    """Columns by how many flagged rows they lead, then by how many they are named in."""
    columns = saved.run["table"]["columns"]
    leads, named = [0] * len(columns), [0] * len(columns)
    for row in saved.regions:
        leads[row["x"]] += row["region"] == 1
        named[row["x"]] += 1
    order = sorted((c for c in range(len(columns)) if named[c]), key=lambda c: (-leads[c], -named[c], c))[:RANKED]
    most = max(named, default=0) or 1
    return [Ranked(columns[c]["name"], leads[c], named[c], share_width(leads[c] / most), columns[c]) for c in order]
