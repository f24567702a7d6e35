"""The road of a table: every row against all others, or against those of a good table that was fitted before."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kizu.errors import ReadError, UsageError
from kizu.files import MODEL_CARD, MODEL_WEIGHTS, load_model, save_model
from kizu.io.matrix import read_matrix
from kizu.io.names import stems
from kizu.io.readers import TABLES, suffix_of
from kizu.io.regular import sha256_of
from kizu.io.results import open_results
from kizu.io.table import Table, read_table, select, telling
from kizu.models.rows import RowModel, fit_rows, score_rows
from kizu.pipeline.estimate import LIBRARIES, refuse_beyond
from kizu.pipeline.manifest import Outcome
from kizu.pipeline.matrix import IMAGES_ONLY
from kizu.pipeline.options import Options, first_set
from kizu.pipeline.refit import Progress
from kizu.pipeline.rows_decide import FALSE_ROWS, Decided, decide
from kizu.pipeline.rows_outputs import Judged, column_rows, document, table_rows, write_maps
from kizu.report.rows_write import write_rows_report
from kizu.stack import Source
from kizu.typing import Bools, Floats

KIND, SCHEMA = "rows", 1
LEAST_ROWS = 8
"""Fewer rows have no body that one of them could stick out of."""
COPIES = 14
"""Float64 copies of the table that are alive at the peak."""
DISTANCES = 4096 * (256 + 8) * 8
"""Bytes of one block of distances."""
USUAL = (0.01, 0.5, 0.99)
"""Quantiles of the good rows that are shown as usual."""
NOT_FOR_ROWS: dict[str, Any] = {
    **{name: value for name, value in IMAGES_ONLY.items() if name not in ("false_alarms", "z")},
    "noise": "auto", "lam": None, "rank": None,
}  # fmt: skip
"""Keywords of `inspect` that mean nothing here, with the value that says so."""


class Fitted(NamedTuple):
    """A model with the names of its columns, those it left out, its usual values (3, columns) and its rows."""

    model: RowModel
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    usual: Floats
    rows: int


def inspect_rows(path: str, out: Path, options: Options, progress: Progress, model: Path | None) -> Outcome:
    """Score every row of the table in `path` and write what does not belong into the folder `out`.

    `model` is a folder that :func:`fit_table` wrote; without it the rows are held against each other. The rule is
    `fdr` (default 0.02 of the flagged rows are expected to be false), `false_alarms` (expected false rows in a table
    without anomalies) or `z`. What the tables hold is said in :mod:`kizu.pipeline.rows_outputs`.
    """
    started = time.monotonic()
    refuse_options(path, options)
    progress("read", 0, 1)
    table = table_of(path, options)
    source = Source(Path(path).name, sha256_of(path), table.declared, len(table.values))
    key = options.key([source], len(table.values))
    with open_results(out, resume=options.resume, overwrite=options.overwrite, key=key) as results:
        progress("calibrate", 0, 1)
        if model is None:
            table = telling(require_rows(table, path))
            fitted, decided = _against_itself(table, options)
        else:
            fitted = load(model)
            table = select(table, fitted.names, fitted.left_out, path)
            decided = decide(score_rows(fitted.model, table.values), options)
        progress("write", 0, 1)
        judged = Judged(table, fitted.model, decided, fitted.usual, fitted.rows, stems([source.path])[0], source)
        run = document(judged, options, earlier=model is not None)
        write_maps(judged, results)
        save(fitted, results.folder / "model", results.key)
        tables = table_rows(judged), column_rows(judged)
        results.write_tables(*tables)
        results.write_log({"seconds": round(time.monotonic() - started, 2), "out": str(results.folder)})
        write_rows_report(results.saved(run, *tables), shares=decided.shares, values=table.values)
        results.write_run(run)
    return Outcome(results.folder, run)


def fit_table(path: str, folder: Path, options: Options, progress: Progress) -> dict[str, Any]:
    """Learn from the good table in `path` into the model folder `folder`.

    Returns `rows`, the `suspicious` among them at the usual rule, how many false ones of those are `expected`, and
    `warnings`.
    """
    refuse_options(path, options)
    progress("read", 0, 1)
    table = telling(require_rows(table_of(path, options), path))
    progress("calibrate", 0, 1)
    fitted, decided = _against_itself(table, options)
    source = Source(Path(path).name, sha256_of(path), table.declared, len(table.values))
    save(fitted, folder, options.key([source], len(table.values)))
    odd = np.flatnonzero(decided.p_value <= FALSE_ROWS / len(table.values))
    skipped = [f"{one.what}: left out" for one in table.skipped]
    return {
        "rows": len(table.values),
        "suspicious": tuple(table.label(int(row)) for row in odd),
        "expected": FALSE_ROWS,
        "warnings": (*table.notes, *skipped),
    }


def table_for(path: str, options: Options, model: Path | None) -> Table:
    """The table as a run reads it: what tells, or the columns of a model that was fitted."""
    table = table_of(path, options)
    if model is None:
        return require_rows(telling(table), path)
    fitted = load(model)
    return select(table, fitted.names, fitted.left_out, path)


def refuse_options(path: str, options: Options) -> None:
    """UsageError names the first option that means nothing for a table."""
    if option := first_set(options, NOT_FOR_ROWS):
        raise UsageError(
            f"is a table, and {option} is for images", "Leave it out (rows are decided by --fdr)", where=path
        )


def table_of(path: str, options: Options) -> Table:
    """The table in `path`, also of a 2-D array; ResourceError for more than the memory holds."""
    table = read_table(path) if suffix_of(path) in TABLES else _of_matrix(path)
    rows, columns = table.values.shape
    refuse_beyond(options.memory, memory_of(rows, columns), f"{rows} rows of {columns}", "Give fewer rows or columns")
    return table


def memory_of(rows: int, columns: int) -> int:
    """Bytes at the peak."""
    return LIBRARIES + DISTANCES + COPIES * rows * columns * np.dtype(float).itemsize


def _of_matrix(path: str) -> Table:
    values = read_matrix(path).astype(np.float64)
    rows, columns = values.shape
    places = np.stack([np.arange(rows), np.zeros(rows, np.int64)], axis=1)
    names = tuple(f"column {number + 1}" for number in range(columns))
    infinite = np.isinf(values)
    notes = (f"{int(infinite.sum())} infinite values: missing",) if infinite.any() else ()
    return Table(names, np.where(infinite, np.nan, values), (), None, places, rows, (), notes)


def require_rows(table: Table, path: str) -> Table:
    """Refuse a table too short to say what is usual."""
    if len(table.values) < LEAST_ROWS:
        raise UsageError(
            f"has {len(table.values)} rows: too few to say which of them is odd",
            f"Give at least {LEAST_ROWS}, or --model with a model of good rows",
            where=path,
        )
    return table


def _against_itself(table: Table, options: Options) -> tuple[Fitted, Decided]:
    model = fit_rows(table.values)
    decided = decide(score_rows(model, table.values, fitted=True), options)
    left_out = tuple(name for name, _ in table.left_out)
    usual = usual_of(table.values, ~decided.flagged)
    return Fitted(model, table.names, left_out, usual, len(table.values)), decided


def usual_of(values: Floats, good: Bools) -> Floats:
    """1 %, 50 % and 99 % of every column over the `good` rows (3, columns); of all rows where those know nothing."""
    kept = values[good]
    blank = np.asarray(np.isnan(kept).all(axis=0))
    return np.stack(
        [
            np.nanquantile(values[:, column] if blank[column] else kept[:, column], USUAL)
            for column in range(values.shape[1])
        ],
        axis=1,
    )


def save(fitted: Fitted, folder: Path, key: str) -> None:
    """Write the model folder."""
    card = {
        "kind": KIND,
        "schema": SCHEMA,
        "key": key,
        "names": list(fitted.names),
        "left_out": list(fitted.left_out),
        "rows": fitted.rows,
        "arrays": MODEL_WEIGHTS,
    }
    save_model(folder, card, {**fitted.model.arrays, "usual": fitted.usual})


def load(folder: Path) -> Fitted:
    """Read what :func:`save` wrote; ReadError for anything else."""
    card, weights = load_model(folder)
    try:
        return _fitted(card, weights)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ReadError(
            folder / MODEL_CARD, f"not a model of a table of this version ({error})", "Make it again with kizu fit"
        ) from error


def _fitted(card: Mapping[str, Any], weights: dict[str, Floats]) -> Fitted:
    if (card["kind"], card["schema"]) != (KIND, SCHEMA):
        raise ValueError(f"kind {card['kind']}, schema {card['schema']}")
    usual = weights.pop("usual")
    model = RowModel(weights)
    model.require()
    names = tuple(map(str, card["names"]))
    if not model.columns == len(names) == usual.shape[1]:
        raise ValueError("its arrays do not fit together")
    return Fitted(model, names, tuple(map(str, card["left_out"])), usual, int(card["rows"]))
