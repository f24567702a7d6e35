"""The files of a judged table: its tables, its map and its run.json.

`results` has one row per row of the table: `score` as in :mod:`kizu.models.rows`, `regions` the number of columns
that carry most of a flagged row's score, `area_fraction` their share of the columns, `index` the row's number in the
file from 0. `regions` has one row per flagged row and such column: the column is `x` (of the columns used), the row
of the map is `y`, `score` is the column's part of the row's score, `peak_z` the value's distance from the median in
robust scales, `sign` "high" or "low", `expected_false_alarms` how many rows as odd a table of this size without
anomalies has. The JSON adds `column`, `value`, `low`, `median`, `high` (1 %, 50 %, 99 % of the good rows), `share`,
and `label` and `line` where the file has them. The map (rows, columns) holds every column's part of every score.
"""

from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from kizu.files import write_bytes
from kizu.io.pictures import map_bytes, mask_bytes
from kizu.io.results import Results, frame_path
from kizu.io.table import Table
from kizu.models.rows import PARAMETERS, RowModel, null_of, threshold_of
from kizu.models.rows_columns import standardised
from kizu.pipeline.models import MODELS
from kizu.pipeline.options import Options
from kizu.pipeline.rows_decide import Decided
from kizu.stack import Source
from kizu.typing import Floats

SCHEMA = 1
FEW_ROWS = 100
"""Below, the body of the scores says little about their tail."""


class Judged(NamedTuple):
    """A table, the decision on its rows, what is usual, how many rows that was learned from, and where it is from."""

    table: Table
    model: RowModel
    decided: Decided
    usual: Floats
    fitted: int
    name: str
    source: Source


def table_rows(judged: Judged) -> list[dict[str, Any]]:
    """One row per row of the table."""
    decided, names = judged.decided, judged.table.names
    counts, columns = decided.leading.sum(axis=1), decided.leading.shape[1]
    return [
        {
            **_who(judged, row),
            "score": _brief(decided.score[row]),
            "p_value": _brief(decided.p_value[row]),
            "anomalous": bool(decided.flagged[row]),
            "regions": int(counts[row]),
            "area_fraction": round(float(counts[row] / columns), 8),
            "columns": [names[column] for column in _by_share(decided, row)],
        }
        for row in range(len(decided.score))
    ]


def column_rows(judged: Judged) -> list[dict[str, Any]]:
    """One row per flagged row and leading column: by row, the column that says most first."""
    decided = judged.decided
    z = standardised(judged.model.arrays, judged.table.values)
    return [
        _column_row(judged, row, column, number, z)
        for row in np.flatnonzero(decided.flagged).tolist()
        for number, column in enumerate(_by_share(decided, row), start=1)
    ]


def _column_row(judged: Judged, row: int, column: int, number: int, z: Floats) -> dict[str, Any]:
    decided, table = judged.decided, judged.table
    low, median, high = judged.usual[:, column].tolist()
    value, share = float(table.values[row, column]), float(decided.shares[row, column])
    return {
        **_who(judged, row),
        "region": number,
        "x": column,
        "y": row,
        "width": 1,
        "height": 1,
        "area": 1,
        "score": _brief(share * decided.score[row]),
        "peak_z": _brief(abs(z[row, column])),
        "sign": "high" if value >= median else "low",
        "expected_false_alarms": _brief(decided.p_value[row] * len(decided.score), 3),
        "column": table.names[column],
        "value": value,
        "low": low,
        "median": median,
        "high": high,
        "share": round(share, 6),
    }


def _by_share(decided: Decided, row: int) -> list[int]:
    """The leading columns of a row, the one with the largest share first."""
    columns = np.flatnonzero(decided.leading[row])
    order = np.argsort(-decided.shares[row, columns], kind="stable")
    return [int(column) for column in columns[order]]


def _who(judged: Judged, row: int) -> dict[str, Any]:
    index, line = (int(number) for number in judged.table.places[row])
    labels = judged.table.labels
    return {
        "name": f"{judged.name}/{index:06d}",
        "source": judged.source.path,
        "index": index,
        **({"line": line} if line else {}),
        **({"label": labels[row]} if labels else {}),
    }


def _brief(number: float, digits: int = 5) -> float:
    return float(f"{number:.{digits}g}")


MANY, A_GROUP = 0.01, 5
"""Share and number of flagged rows above which a reader should ask what they are."""
BY_NATURE = "Rows of a small group of their own are rare by nature, and the stated rate does not count them as false."


def write_maps(judged: Judged, results: Results) -> None:
    """The part of every column in every score, and the leading columns of the flagged rows, both (rows, columns)."""
    decided = judged.decided
    parts = np.where(np.isnan(judged.table.values), np.nan, decided.shares * decided.score[:, None])
    write_bytes(frame_path(results.folder, "maps", judged.name), map_bytes(parts))
    write_bytes(frame_path(results.folder, "masks", judged.name), mask_bytes(decided.leading))


def document(judged: Judged, options: Options, *, earlier: bool) -> dict[str, Any]:
    """run.json: input, every parameter with its reason, decision, counts; nothing of machine or time."""
    table, decided, used = judged.table, judged.decided, len(judged.table.values)
    few = judged.fitted < FEW_ROWS
    left_out = [f"column {name} left out: {why}" for name, why in table.left_out]
    warnings = [f"Only {judged.fitted} rows: the stated rate is approximate below {FEW_ROWS}."] if few else []
    if earlier:
        warnings.append("The stated rate is approximate: it was counted on the rows of the fit.")
    if decided.flagged.sum() > max(MANY * used, A_GROUP):
        warnings.append(f"More than {MANY:.0%} of the rows are flagged. {BY_NATURE}")
    return {
        "schema": SCHEMA,
        "kizu": version("kizu"),
        "command": "detect",
        "kind": "table",
        "inputs": [judged.source.__dict__],
        "frames": {"declared": table.declared, "decoded": used, "used": used},
        "skipped": [one.__dict__ for one in table.skipped],
        "notes": [*table.notes, *left_out],
        "warnings": warnings,
        "table": _shape(judged),
        "model": _model(options, earlier=earlier),
        # Nothing was optimised, so there is nothing to prove and nothing that could have stopped too early
        "certificate": None,
        "stopped": "",
        "converged": True,
        "parameters": {**_parameters(), decided.rule: {"value": decided.value, "why": decided.why}},
        "decision": {
            "rule": decided.rule,
            "value": decided.value,
            "approximate": few or earlier,
            "why": decided.why,
            "null": null_of(judged.model),
            "threshold": None if decided.limit < 0 else _brief(threshold_of(judged.model, decided.limit)),
            "scales": [],
        },
        "summary": {"anomalous": int(decided.flagged.sum()), "regions": int(decided.leading.sum())},
    }


def _shape(judged: Judged) -> dict[str, Any]:
    table = judged.table
    columns = [
        {"name": name, "low": low, "median": median, "high": high}
        for name, (low, median, high) in zip(table.names, judged.usual.T.tolist(), strict=True)
    ]
    known = float(np.mean(~np.isnan(table.values)))
    return {"rows": len(table.values), "columns": columns, "known": known, "fitted": judged.fitted}


def _parameters() -> dict[str, Any]:
    return {name: parameter._asdict() for name, parameter in PARAMETERS.items()}


def _model(options: Options, *, earlier: bool) -> dict[str, Any]:
    why = "asked for" if options.model else "the usual one for a table"
    why = "fitted before: the model folder that was given" if earlier else why
    return {"name": "rows", "what": MODELS["rows"].title, "why": why, "others": []}
