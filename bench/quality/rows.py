"""Rows of tables and pixels of hyperspectral images, ranked without labels; the data are read by bench/tables.py."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

import tables
from kizu.models.rows import fit_rows, score_rows
from quality.kinds import Asked, Check, Found, Kind, table
from quality.pursuit import pursuit

Floats = NDArray[np.floating]
SOURCES: dict[str, Callable[[Path], Iterator[tables.Labelled]]] = {
    "adbench": tables.tables,
    "hyperspectral": tables.cubes,
}
LIMITS = {"adbench": (0.85, -np.inf), "hyperspectral": (0.965, 0.38)}
"""Least mean AUROC and average precision."""
TOL, MOST, BANDS = 1e-6, 2000, 100
"""Of the textbook pursuit; rows of a table with `--smoke`; columns from which on they are bands of a spectrum."""


def measure(asked: Asked) -> Found:
    texts, figures, checks = [], {}, []
    for name in asked.names:
        asked.folder(name)
        assert asked.data is not None
        labelled = asked.some(list(SOURCES[name](asked.data)), 2)
        found = {title: ranked(*_part(values, truth, asked.smoke)) for title, values, truth in labelled}
        means = {method: np.mean([one[method] for one in found.values()], axis=0) for method in METHODS}
        texts.append(_text(name, found, means))
        figures[name] = found
        auroc, precision, _ = (float(mean) for mean in means["kizu"])
        checks.append(Check(f"{name}: mean AUROC", auroc, least=LIMITS[name][0]))
        if np.isfinite(LIMITS[name][1]):
            checks.append(Check(f"{name}: mean AP", precision, least=LIMITS[name][1]))
    return Found("\n\n".join(texts), figures, tuple(checks))


def _part(values: Floats, truth: NDArray[np.bool_], smoke: bool) -> tuple[Floats, NDArray[np.bool_]]:
    step = -(-len(values) // MOST) if smoke else 1
    return values[::step], truth[::step]


def ranked(values: Floats, truth: NDArray[np.bool_]) -> dict[str, list[float]]:
    """AUROC, average precision and seconds of every method."""
    found = {}
    for name, method in METHODS.items():
        started = time.perf_counter()
        score = method(values)
        seconds = time.perf_counter() - started
        found[name] = [float(roc_auc_score(truth, score)), float(average_precision_score(truth, score)), seconds]
    return found


def _text(name: str, found: dict[str, dict[str, list[float]]], means: dict[str, Any]) -> str:
    columns = [f"{measure} {method}" for measure in ("AUROC", "AP", "seconds") for method in METHODS]
    rows = [[title, *_cells(one)] for title, one in found.items()]
    return table(" | ".join([name, *columns]), [*rows, ["mean", *_cells(means)]])


def _cells(one: dict[str, Any]) -> list[Any]:
    measures = [float(one[method][n]) for n in (0, 1) for method in METHODS]
    return [*measures, *(f"{one[method][2]:.1f}" for method in METHODS)]


def by_kizu(values: Floats) -> Floats:
    return score_rows(fit_rows(values), values, fitted=True).score


def by_forest(values: Floats) -> Floats:
    """scikit-learn's defaults."""
    return np.asarray(-IsolationForest(random_state=0).fit(values).score_samples(values))


def by_pursuit(values: Floats) -> Floats:
    """Length of a row's sparse part; columns standardised, but for bands, which have one unit and lose by it."""
    if values.shape[1] < BANDS:
        spread = values.std(axis=0)
        values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    _, sparse = pursuit(values, TOL)
    return np.asarray(np.linalg.norm(sparse, axis=1))


METHODS: dict[str, Callable[[Floats], Floats]] = {"kizu": by_kizu, "forest": by_forest, "RPCA": by_pursuit}
KIND = Kind(measure, tuple(SOURCES))
