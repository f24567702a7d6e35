"""How long dictionaries take to learn: kizu beside spams and scikit-learn, on 100,000 photographic patches, one thread.

    minimise  mean ½‖y − x D‖² + λ‖x‖₁      ‖d_j‖ ≤ 1, over 8 × 8 patches of length 1, λ = 0.15, nothing robust

`python bench/dictionary.py [--atoms 100 256]` prints objective against seconds of the processor for each, from the
same first atoms, and how many times longer each peer takes to an objective that it reaches. The objective is that of
10,000 patches that nobody learns from, with codes proven by kizu; it is not timed. Peers that are missing are skipped.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy: BLAS reads it once

import argparse
import importlib
import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from kizu.engines.blas import one_thread
from kizu.models import dictionary_online
from kizu.models.dictionary_online import Going
from kizu.models.sparse_code import sparse_code
from kizu.solvers.huber_codes import Coding

Floats = NDArray[np.floating]
Curve = list[tuple[float, float]]
SAMPLES, JUDGED, SIDE, LAM, SEED, BATCH = 100_000, 10_000, 8, 0.15, 0, 512
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Of one pass over the data: where the curves are read."""


def photographs(samples: int) -> Floats:
    """Patches (samples, 64) of scikit-learn's two photographs without their mean, of length 1 unless nearly flat."""
    rng = np.random.default_rng(SEED)
    parts = []
    for image in load_sample_images().images:
        views = sliding_window_view(image.mean(axis=2), (SIDE, SIDE)).reshape(-1, SIDE * SIDE)
        parts.append(views[rng.choice(len(views), samples // 2, replace=False)])
    Y = np.vstack(parts)
    Y -= Y.mean(axis=1, keepdims=True)
    length = np.linalg.norm(Y, axis=1, keepdims=True)
    Y /= np.maximum(length, 0.2 * np.median(length))
    return Y[rng.permutation(len(Y))]


def objective(judged: Floats, D: Floats) -> float:
    D = D / np.maximum(np.linalg.norm(D, axis=1, keepdims=True), 1)
    return float(sparse_code(judged, D, lam=LAM).objective.mean())


def kizu_curve(Y: Floats, judged: Floats, first: Floats) -> Curve:
    going = Going(Coding(LAM, np.inf, tol=dictionary_online.TOL), 0.0, False, None)
    seen, spent, curve = dictionary_online.begin(first), 0.0, []
    stops = {int(share * (len(Y) // BATCH)) for share in SHARES}
    for number in range(len(Y) // BATCH):
        begun = time.process_time()
        seen, _, _ = dictionary_online.advance(Y[number * BATCH : (number + 1) * BATCH], seen, going)
        spent += time.process_time() - begun
        if number + 1 in stops:
            curve.append((spent, objective(judged, seen.atoms)))
    return curve


def spams_curve(Y: Floats, judged: Floats, first: Floats) -> Curve:
    spams = importlib.import_module("spams")
    data, start = np.asfortranarray(Y.T), np.asfortranarray(first.T)
    options = {"lambda1": LAM, "mode": 2, "batchsize": BATCH, "numThreads": 1, "verbose": False}
    curve = []
    for share in SHARES:
        begun = time.process_time()
        found = spams.trainDL(data, D=start.copy("F"), iter=max(1, int(share * (len(Y) // BATCH))), **options)
        curve.append((time.process_time() - begun, objective(judged, found.T)))
    return curve


def sklearn_curve(Y: Floats, judged: Floats, first: Floats) -> Curve:
    """Its own defaults but for lambda, the batch and the solver of codes, of which coordinate descent is the faster."""
    options = {"alpha": LAM, "batch_size": BATCH, "fit_algorithm": "cd", "n_jobs": 1}
    model = MiniBatchDictionaryLearning(len(first), dict_init=first.copy(), random_state=SEED, **options)
    spent, curve = 0.0, []
    stops = {int(share * (len(Y) // BATCH)) for share in SHARES}
    for number in range(len(Y) // BATCH):
        begun = time.process_time()
        model.partial_fit(Y[number * BATCH : (number + 1) * BATCH])
        spent += time.process_time() - begun
        if number + 1 in stops:
            curve.append((spent, objective(judged, model.components_)))
    return curve


PEERS: dict[str, Callable[[Floats, Floats, Floats], Curve]] = {"spams": spams_curve, "scikit-learn": sklearn_curve}


def until(curve: Curve, wanted: float) -> float:
    """Seconds to an objective, between the points where it lies; the first point's where it was there already."""
    best = np.minimum.accumulate([value for _, value in curve])
    if best[-1] > wanted:
        return float("inf")
    seconds = [second for second, _ in curve]
    return float(np.interp(-wanted, -best, seconds))


def ratios(ours: Curve, theirs: Curve) -> list[tuple[float, float]]:
    """(objective, how many times longer they take), at each objective that they reach."""
    return [(value, second / until(ours, value)) for second, value in theirs]


def compare(Y: Floats, judged: Floats, atoms: int) -> None:
    first = Y[-atoms:] / np.linalg.norm(Y[-atoms:], axis=1, keepdims=True)
    print(f"\n{atoms} atoms, {len(Y)} patches of {Y.shape[1]}, {Y.dtype}; start {objective(judged, first):.5f}")
    ours = kizu_curve(Y, judged, first)
    print("kizu          " + "  ".join(f"{second:.2f} s {value:.5f}" for second, value in ours))
    for name, run in PEERS.items():
        try:
            curve = run(Y, judged, first)
        except ImportError as error:
            print(f"{name:12}  skipped: {error}")
            continue
        print(f"{name:12}  " + "  ".join(f"{second:.2f} s {value:.5f}" for second, value in curve))
        print(f"{'':12}  times longer: " + ", ".join(f"{x:.1f} to {value:.5f}" for value, x in ratios(ours, curve)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atoms", type=int, nargs="+", default=[100, 256])
    parser.add_argument("--samples", type=int, default=SAMPLES)
    given = parser.parse_args()
    drawn = photographs(given.samples + JUDGED)
    judged, Y = drawn[:JUDGED], drawn[JUDGED:]
    warnings.simplefilter("ignore", ConvergenceWarning)  # of scikit-learn's codes, far below what atoms move by
    with one_thread():
        for atoms in given.atoms:
            compare(Y, judged, atoms)


if __name__ == "__main__":
    main()
