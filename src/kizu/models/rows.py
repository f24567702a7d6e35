"""Rows that do not belong in a table, and the columns that say so.

Three views of the same rows (:mod:`kizu.models.rows_views`) give a distance each. Each distance becomes −log of the
share of fitted rows that are as far, continued beyond the body of them; a row's score is the sum:

    score(row) = Σ over views  −log P(distance of a fitted row ≥ distance of this row)

A column's share is its share in the views, each weighed by its own summand. No number here was taught by a label.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from kizu.engines.blas import one_thread
from kizu.models.rows_columns import column_scales, compressed, filled, standardised
from kizu.models.rows_tails import KNOTS, fit_law, fit_tail, law_p_value, law_score, unlikely
from kizu.models.rows_views import (
    BINS,
    DRAWS,
    NEAREST,
    REFERENCE,
    TRIMMED,
    Seen,
    draw_reference,
    learn_column,
    learn_shape,
    places_of,
    see_column,
    see_near,
    see_shape,
)
from kizu.parameters import Parameter
from kizu.typing import Bools, Floats

KNEE = 4.0
"""Where a deviation begins to count less, in robust scales: what is usual is left alone. For histograms 1."""
VIEWS = ("near", "shape", "column")
PARAMETERS: Mapping[str, Parameter] = {
    "knee": Parameter(KNEE, "robust scales from which on a deviation counts by its logarithm; for histograms 1"),
    "references": Parameter(REFERENCE, f"rows that others are held against, in each of {DRAWS} draws"),
    "nearest": Parameter(NEAREST, "neighbours among them whose mean distance counts"),
    "trimmed": Parameter(TRIMMED, "share of the rows that says nothing about how columns go together"),
    "bins": Parameter(BINS, "of the histogram of a column"),
}
"""The same for every table: chosen once, over many tables of many kinds."""


class RowScores(NamedTuple):
    """`score` (rows,) grows with abnormality; `shares` (rows, columns) ≥ 0 sum to 1; `p_value` (rows,)."""

    score: Floats
    shares: Floats
    p_value: Floats


class RowModel(NamedTuple):
    """All that judging a row needs: float64 arrays by name, ready to be saved."""

    arrays: Mapping[str, Floats]

    @property
    def columns(self) -> int:
        return len(self.arrays["median"])

    def require(self) -> None:
        """KeyError or ValueError where the arrays, read from a file, are not those of a model."""
        count = self.columns
        shapes: dict[str, tuple[int | None, ...]] = {
            "median": (count,),
            "scale": (count,),
            "mean": (count,),
            "precision": (count, count),
            "references": (DRAWS, None, count),
            "edges": (count, 2),
            "surprise": (count, BINS),
            "typical": (count,),
            "law": (3,),
            **{f"tail.{view}": (len(KNOTS) + 1,) for view in VIEWS},
        }
        for name, shape in shapes.items():
            array = self.arrays[name]
            fits = [have == want or want is None for have, want in zip(array.shape, shape, strict=True)]
            if not all(fits) or not np.isfinite(array).all():
                raise ValueError(f"{name} of shape {array.shape}")


def fit_rows(values: Floats) -> RowModel:
    """Learn from `values` (rows, columns), NaN where unknown, of which most belong. The same rows, the same bytes."""
    with one_thread():  # sums in one order: the same bytes on any number of threads
        return _fit_rows(values)


def _fit_rows(values: Floats) -> RowModel:
    missing = np.isnan(values)
    arrays = column_scales(values)
    z = np.where(missing, 0.0, standardised(arrays, values))
    rows = compressed(z, KNEE)
    arrays |= learn_shape(rows, missing) | learn_column(compressed(z, 1.0), missing)
    whole = filled(rows, missing, arrays["mean"], arrays["precision"])
    order = np.argsort(see_shape(arrays, whole)[0], kind="stable")
    references, chosen = draw_reference(whole, order)
    arrays |= {"references": references, "chosen": chosen.astype(np.float64)}
    seen = _seen(arrays, values, fitted=True)
    arrays |= {f"tail.{view}": fit_tail(distance) for view, (distance, _) in seen.items()}
    arrays["law"] = fit_law(_sum(arrays, seen))
    return RowModel(arrays)


def score_rows(model: RowModel, values: Floats, *, fitted: bool = False) -> RowScores:
    """Judge `values` (rows, columns), whose columns are those of the fit.

    `fitted` (default False) says that these are the very rows of the fit: none is then its own neighbour.
    """
    arrays = model.arrays
    with one_thread():
        seen, missing = _seen(arrays, values, fitted=fitted), np.isnan(values)
        score = _sum(arrays, seen)
        return RowScores(score, _shares(arrays, seen, missing), law_p_value(arrays["law"], score))


def null_of(model: RowModel) -> dict[str, Any]:
    """The law of the scores of rows without anomalies, as run.json says it."""
    middle, scale, shape = model.arrays["law"].tolist()
    return {"law": "generalised Pareto beyond the median", "median": middle, "scale": scale, "shape": shape}


def threshold_of(model: RowModel, p_value: float) -> float:
    """The score from which on a row is as unlikely as `p_value`."""
    return law_score(model.arrays["law"], p_value)


def _seen(arrays: Mapping[str, Floats], values: Floats, *, fitted: bool) -> dict[str, Seen]:
    missing = np.isnan(values)
    z = np.where(missing, 0.0, standardised(arrays, values))
    rows = filled(compressed(z, KNEE), missing, arrays["mean"], arrays["precision"])
    own = places_of(arrays["chosen"].astype(np.int64), len(values)) if fitted else None
    return {
        "near": see_near(arrays["references"], rows, own),
        "shape": see_shape(arrays, rows),
        "column": see_column(arrays, compressed(z, 1.0), missing),
    }


def _sum(arrays: Mapping[str, Floats], seen: Mapping[str, Seen]) -> Floats:
    return np.asarray(sum(unlikely(arrays[f"tail.{view}"], seen[view][0]) for view in VIEWS))


def _shares(arrays: Mapping[str, Floats], seen: Mapping[str, Seen], missing: Bools) -> Floats:
    """Nobody can say what an unknown value adds: it has no share. A row that is all unknown has none at all."""
    shares = np.zeros(missing.shape)
    for view in VIEWS:
        distance, parts = seen[view]
        known = np.where(missing, 0.0, parts)
        whole = np.maximum(known.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        shares += unlikely(arrays[f"tail.{view}"], distance)[:, None] * known / whole
    return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny))
