"""A woven cloth with two flaws (bench/weave.py): `kizu detect --model rdl` on each picture alone, beside two peers."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tifffile
import weave
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

import kizu
from quality import runs
from quality.kinds import Asked, Check, Found, Kind, table
from quality.pursuit import pursuit

Floats = NDArray[np.floating]
SEEDS, FEW = 10, 2
AMPLITUDE, SIGMA = 0.6, 0.1
MEDIAN, WORST = 0.995, 0.98
TOL = 1e-5
HEAD = "method | median | worst | median, smoothed | worst, smoothed | seconds per picture"


def measure(asked: Asked) -> Found:
    seeds = range(FEW if asked.smoke else SEEDS)
    found = {name: np.array([judged(name, seed) for seed in seeds]) for name in METHODS}
    rows = [[name, *_spread(one[:, 0]), *_spread(one[:, 1]), f"{one[:, 2].mean():.1f}"] for name, one in found.items()]
    median, worst = _spread(found["kizu"][:, 0])
    checks = Check("weave: median AUROC", median, least=MEDIAN), Check("weave: worst AUROC", worst, least=WORST)
    columns = "AUROC", "AUROC smoothed", "seconds"
    figures = {name: dict(zip(columns, one.T.tolist(), strict=True)) for name, one in found.items()}
    return Found(table(HEAD, rows), figures, checks)


def _spread(values: Floats) -> tuple[float, float]:
    return float(np.median(values)), float(values.min())


def judged(name: str, seed: int) -> tuple[float, float, float]:
    """AUROC of the pixels, as the map is and smoothed, and seconds."""
    picture, mask = weave.weave(seed, AMPLITUDE, SIGMA)
    started = time.perf_counter()
    unusual = METHODS[name](picture, seed)
    seconds = time.perf_counter() - started
    raw, smooth = (
        roc_auc_score(mask.ravel(), one.ravel()) for one in (unusual, gaussian_filter(unusual, weave.SMOOTH))
    )
    return float(raw), float(smooth), seconds


def by_kizu(picture: Floats, seed: int) -> Floats:
    """The map of a run of its own."""
    file = runs.cleared(f"weave-{seed}").with_suffix(".tif")
    tifffile.imwrite(file, picture.astype(np.float32))
    saved, _ = runs.detect(f"weave-{seed}", [file], "--model", "rdl")
    score: Floats = saved.score_map(saved.results[0]["name"])
    return score


def by_naive_dictionary(picture: Floats, seed: int) -> Floats:
    """Learned from all patches alike, flaws included: their residuals overlap-added."""
    rows, places = weave.patches(picture)
    rest = kizu.RobustDictionary(trim=0).fit(rows).residual(rows)
    return np.abs(weave.overlapped(np.asarray(rest), places, picture.shape))


def by_pursuit(picture: Floats, seed: int) -> Floats:
    """Robust PCA of the patches: their sparse parts overlap-added."""
    rows, places = weave.patches(picture)
    _, sparse = pursuit(rows - rows.mean(), TOL)
    return np.abs(weave.overlapped(sparse, places, picture.shape))


METHODS: Mapping[str, Callable[[Any, int], Floats]] = {
    "kizu": by_kizu,
    "naive dictionary (`trim=0`)": by_naive_dictionary,
    "RPCA of the patches": by_pursuit,
}
KIND = Kind(measure, ("weave",))
