"""Three ways to look at the rows of a table: each sees what another misses, and says in which columns it sees it.

    near     mean distance to the 5 nearest of 256 reference rows, averaged over 16 draws of them: far from the others
             (Sugiyama & Borgwardt 2013; bagged as by Aggarwal & Sathe 2015)
    shape    distance in the metric of the most central rows (Mahalanobis, trimmed): columns that do not go together
    column   how rarely a column has such a value, column by column (Goldstein & Dengel 2012)

A view learns arrays from the rows and gives parts (rows, columns) ≥ 0 that say what each column adds.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kizu.models.rows_columns import Arrays, filled
from kizu.typing import Bools, Floats, Integers

DRAWS, REFERENCE, NEAREST = 16, 256, 5
"""More draws, larger ones or more neighbours change no ranking of the tables that this was chosen on by 0.01."""
TRIMMED, ROUNDS = 0.25, 5
RIDGE = 1e-3
BINS, PSEUDO = 10, 0.1
"""Bins of a column's histogram, and the rows that an empty one counts for."""
BLOCK = 4096

Seen = tuple[Floats, Floats]
"""Distance (rows,) of every row, and the parts (rows, columns) of it."""


# --- shape


def learn_shape(rows: Floats, missing: Bools) -> Arrays:
    """{"mean", "precision"} of the three quarters of the rows that are most central.

    Correlations are shrunken towards none as far as so few rows cannot tell them.
    """
    kept, whole = np.ones(len(rows), np.bool_), np.where(missing, 0.0, rows)
    for _ in range(ROUNDS):
        mean = whole[kept].mean(axis=0)
        precision = _precision(np.atleast_2d(np.cov(whole[kept].T, bias=True)), int(kept.sum()))
        whole = filled(rows, missing, mean, precision)
        size = see_shape({"mean": mean, "precision": precision}, whole)[0]
        kept = size <= np.quantile(size, 1 - TRIMMED)
    return {"mean": mean, "precision": precision}


def _precision(covariance: Floats, count: int) -> Floats:
    variance = np.diag(covariance).copy()
    floor = float(np.median(variance[variance > 0])) if (variance > 0).any() else 1.0
    variance = np.where(variance > 1e-12 * floor, variance, floor)
    unit = 1 / np.sqrt(variance)
    correlation = covariance * np.outer(unit, unit)
    share = _shrinkage(correlation, count)
    correlation = (1 - share) * correlation + (share + RIDGE) * np.eye(len(unit))
    return np.asarray(np.linalg.inv(correlation) * np.outer(unit, unit))


def _shrinkage(correlation: Floats, count: int) -> float:
    """Oracle approximating shrinkage towards the identity (Chen, Wiesel, Eldar & Hero 2010, eq. 23)."""
    size = len(correlation)
    squares, trace = float((correlation**2).sum()), float(np.trace(correlation))
    below = (count + 1 - 2 / size) * (squares - trace**2 / size)
    return 1.0 if below <= 0 else min(1.0, ((1 - 2 / size) * squares + trace**2) / below)


def see_shape(arrays: Mapping[str, Floats], rows: Floats) -> Seen:
    """A column's part is by how much the squared distance falls if the column is unknown."""
    away, precision = rows - arrays["mean"], arrays["precision"]
    pull = away @ precision
    distance = np.sqrt(np.maximum((pull * away).sum(axis=1), 0.0))
    return distance, pull**2 / np.diag(precision)


# --- near


def draw_reference(rows: Floats, order: Integers) -> tuple[Floats, Integers]:
    """(references (draws, size, columns), which rows those are (draws, size)).

    Drawn from the rows in `order`, which is that of something they have: how a table is sorted changes nothing.
    """
    rng = np.random.default_rng(0)
    size = min(REFERENCE, max(len(rows) // 2, min(len(rows), 8)))
    chosen = np.stack([order[np.sort(rng.choice(len(rows), size, replace=False))] for _ in range(DRAWS)])
    return rows[chosen], chosen


def see_near(references: Floats, rows: Floats, own: Integers | None) -> Seen:
    """`own` (draws, rows) is where a row is itself among the references, −1 where it is not; None: nowhere."""
    distance, parts = np.zeros(len(rows)), np.zeros(rows.shape)
    for draw, reference in enumerate(references):
        nearest = min(NEAREST, len(reference) - (own is not None))
        for start in range(0, len(rows), BLOCK):
            span = slice(start, start + BLOCK)
            here = rows[span]
            squares = (here**2).sum(axis=1)[:, None] + (reference**2).sum(axis=1) - 2 * here @ reference.T
            if own is not None:
                places = own[draw, span]
                inside = np.flatnonzero(places >= 0)
                squares[inside, places[inside]] = np.inf
            chosen = np.argpartition(squares, nearest - 1, axis=1)[:, :nearest]
            apart = (here[:, None, :] - reference[chosen]) ** 2
            parts[span] += apart.sum(axis=1)
            distance[span] += np.sqrt(apart.sum(axis=2)).mean(axis=1)
    return distance / len(references), parts


def places_of(chosen: Integers, count: int) -> NDArray[np.int64]:
    """(draws, rows): where each of `count` rows is in each draw, −1 where it is not."""
    own = np.full((len(chosen), count), -1)
    for draw, places in enumerate(chosen):
        own[draw, places] = np.arange(len(places))
    return own


# --- column


def learn_column(rows: Floats, missing: Bools) -> Arrays:
    """{"edges" (columns, 2), "surprise" (columns, bins), "typical" (columns,)}: −log of how dense each bin is.

    `typical` is the mean of a column: what an unknown value is taken to be.
    """
    edges, surprise, typical = [], [], []
    for column, unknown in zip(rows.T, missing.T, strict=True):
        known = column[~unknown]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        high = high if high > low else low + 1e-9
        count = np.histogram(known, BINS, (low, high))[0]
        rarity = -np.log((count + PSEUDO) / (max(known.size, 1) + PSEUDO * BINS) * BINS)
        edges.append((low, high))
        surprise.append(rarity)
        typical.append(float(rarity @ count) / max(int(count.sum()), 1))
    return {"edges": np.array(edges), "surprise": np.stack(surprise), "typical": np.array(typical)}


def see_column(arrays: Mapping[str, Floats], rows: Floats, missing: Bools) -> Seen:
    """A value beyond all that were seen is as rare as the rarest of all columns."""
    (low, high), surprise = arrays["edges"].T, arrays["surprise"]
    place = np.clip(np.floor((rows - low) / (high - low) * BINS), 0, BINS - 1).astype(np.int64)
    found = surprise[np.arange(len(surprise)), place]
    beyond = (rows < low - 1e-12) | (rows > high + 1e-12)
    found = np.where(beyond, np.maximum(found, surprise.max()), found)
    found = np.where(missing, arrays["typical"], found)
    return found.sum(axis=1), np.maximum(found - arrays["typical"], 0.0)
