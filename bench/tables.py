"""Rank the rows of labelled tables and cubes, and count false ones: `KIZU_DATA=… python bench/tables.py [NAME…]`.

tables  AUROC and average precision of `kizu.models.rows`, which sees no label, on every table in adbench/, beside
        scikit-learn's IsolationForest with its defaults in the same run.
cubes   the same on the pixels of the hyperspectral images in hyperspectral/ (a row is a pixel, a column a band).
rate    rows flagged where one false row is stated, on tables without anomalies of nine kinds; no data are needed.

Exit code 1 where a mean misses its limit. The model's parts and constants were chosen with these tables, and others,
in view, and the cubes were looked at too: all numbers here are optimistic.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from kizu.models.rows import fit_rows, score_rows

Labelled = tuple[str, NDArray[np.float64], NDArray[np.bool_]]
LIMITS = {"tables": (0.85, 0.48), "cubes": (0.96, 0.38)}
"""Least mean AUROC and average precision."""
SEEDS = 10
"""Repetitions of a table without anomalies."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="tables, cubes, rate; all by default")
    names = parser.parse_args().names or ["tables", "cubes", "rate"]
    if not set(names) <= {"tables", "cubes", "rate"}:
        parser.error("NAME is tables, cubes or rate")
    good = True
    for name in names:
        if name == "rate":
            rate()
        elif "KIZU_DATA" in os.environ:
            good &= rank(name, SOURCES[name](Path(os.environ["KIZU_DATA"])))
        else:
            print(f"{name}: skipped, KIZU_DATA names no folder of data")
    return 0 if good else 1


def tables(data: Path) -> Iterator[Labelled]:
    for path in sorted((data / "adbench").glob("*.npz")):
        with np.load(path) as file:
            yield path.stem, file["X"].astype(np.float64), file["y"] > 0


def cubes(data: Path) -> Iterator[Labelled]:
    for path in sorted((data / "hyperspectral").glob("*.npz")):
        with np.load(path) as file:
            cube = file["data"]
            yield path.stem, cube.reshape(-1, cube.shape[2]).astype(np.float64), file["map"].ravel() > 0


SOURCES: Mapping[str, Callable[[Path], Iterator[Labelled]]] = {"tables": tables, "cubes": cubes}


def rank(name: str, labelled: Iterator[Labelled]) -> bool:
    """Print a line per table and the means; whether those of kizu reach the limits."""
    print(f"\n| {name} | rows | columns | AUROC kizu | forest | AP kizu | forest | seconds kizu | forest |")
    print("|---|---|---|---|---|---|---|---|---|")
    found = []
    for title, values, truth in labelled:
        started = time.perf_counter()
        ours = score_rows(fit_rows(values), values, fitted=True).score
        middle = time.perf_counter()
        theirs = -IsolationForest(random_state=0).fit(values).score_samples(values)
        seconds = middle - started, time.perf_counter() - middle
        measured = [
            measure(truth, score) for measure in (roc_auc_score, average_precision_score) for score in (ours, theirs)
        ]
        found.append(measured)
        numbers = " | ".join(f"{number:.3f}" for number in measured)
        print(f"| {title} | {len(values)} | {values.shape[1]} | {numbers} | {seconds[0]:.1f} | {seconds[1]:.1f} |")
    means = np.mean(found, axis=0)
    print(f"| mean | | | {' | '.join(f'{mean:.3f}' for mean in means)} | | |")
    least = LIMITS[name]
    good = bool(means[0] >= least[0] and means[2] >= least[1])
    print(f"{'reaches' if good else 'MISSES'} AUROC {least[0]} and AP {least[1]}")
    return good


def rate() -> None:
    """Flagged rows among those fitted, and among as many new ones, where one is stated."""
    print("\n| without anomalies | rows | columns | flagged of the fitted, stated 1 | of new ones, stated 1 |")
    print("|---|---|---|---|---|")
    for kind in KINDS:
        for rows, columns in ((200, 6), (1000, 10)):
            flagged = np.zeros(2)
            for seed in range(SEEDS):
                values = KINDS[kind](np.random.default_rng(seed), (2 * rows, columns))
                model = fit_rows(values[:rows])
                own, new = score_rows(model, values[:rows], fitted=True), score_rows(model, values[rows:])
                flagged += [(scores.p_value <= 1 / rows).sum() for scores in (own, new)]
            own_rate, new_rate = flagged / SEEDS
            print(f"| {kind} | {rows} | {columns} | {own_rate:.1f} | {new_rate:.1f} |")


def _mixed(rng: np.random.Generator, shape: tuple[int, int], inner: int) -> NDArray[np.float64]:
    loads = np.random.default_rng(1).standard_normal((inner, shape[1]))
    return rng.standard_normal((shape[0], inner)) @ loads


def _clusters(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    centers = 4 * np.random.default_rng(2).standard_normal((3, shape[1]))
    return centers[rng.integers(0, 3, shape[0])] + rng.standard_normal(shape)


KINDS: Mapping[str, Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "related columns": lambda rng, shape: _mixed(rng, shape, shape[1]),
    "low rank and noise": lambda rng, shape: _mixed(rng, shape, 3) + 0.3 * rng.standard_normal(shape),
    "heavy tails, each column": lambda rng, shape: rng.standard_t(3, shape),
    "heavy tails, whole rows": lambda rng, shape: (
        _mixed(rng, shape, shape[1]) / np.sqrt(rng.chisquare(3, shape[0]) / 3)[:, None]
    ),
    "lognormal": lambda rng, shape: np.exp(rng.standard_normal(shape)),
    "three clusters": _clusters,
    "counts": lambda rng, shape: rng.poisson(2, shape).astype(np.float64),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore", FutureWarning)
    sys.exit(main())
