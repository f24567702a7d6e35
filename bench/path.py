"""What a path saves along lam: `python bench/path.py [--large]`.

Solves the points of :func:`kizu.robust_pca_path` along the path and each by :func:`kizu.robust_pca`, and prints
iterations, seconds of computation and the largest gap; exits with 1 where a point is not solved. Beside its warm starts
a stable path has a pace of its own, so the third number starts every point of it from scratch at that pace; where
entries are missing the solution that shows the upper cliff is the start of each. `--large` adds a 400 × 2000 matrix.
"""

import argparse
import time
from typing import Any

import numpy as np

from kizu import robust_pca, robust_pca_path
from kizu.typing import Bools, Floats

POINTS, RANK, SIGMA, OUTLIERS, MISSING = 20, 5, 0.1, 0.05, 0.25
SMALL, LARGE = (120, 90), (400, 2000)


def main() -> None:
    """A Markdown row per problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="a 400 × 2000 matrix as well")
    shapes = (SMALL, LARGE) if parser.parse_args().large else (SMALL,)
    print("| matrix | form | data | iterations: path / single calls / single points | seconds: path / calls | gap |")
    print("|---|---|---|---|---|---|")
    solved = True
    for shape in shapes:
        for noise, sigma in ((SIGMA, SIGMA), (None, SIGMA), (None, 0.0)):
            for missing in (0.0, MISSING):
                text, converged = row(shape, noise, sigma, missing)
                print(text, flush=True)
                solved &= converged
    raise SystemExit(0 if solved else 1)


def row(shape: tuple[int, int], noise: float | None, sigma: float, missing: float) -> tuple[str, bool]:
    """One problem, every way; whether all points were solved."""
    X, observed = problem(shape, sigma, missing)
    began = time.process_time()
    path = robust_pca_path(X, lams=POINTS, noise=noise, observed=observed)
    warm, gap = time.process_time() - began, max(point.relative_gap for point in path)
    began = time.process_time()
    calls = [robust_pca(X, lam=point.lam.value, noise=noise, observed=observed) for point in path]
    seconds = time.process_time() - began
    alone = [robust_pca_path(X, lams=[p.lam.value], noise=noise, observed=observed)[0].decomposition for p in path]
    counts = [sum(len(d.history) for d in way) for way in ([p.decomposition for p in path], calls, alone)]
    data = f"{'noisy' if sigma else 'clean'}{', a quarter missing' if missing else ''}"
    form = "exact" if noise is None else "stable"
    text = (
        f"| {shape[0]} × {shape[1]} | {form} | {data} | {' / '.join(map(str, counts))} ({counts[0] / counts[1]:.2f}) "
        f"| {warm:.1f} / {seconds:.1f} | {gap:.1e} |"
    )
    return text, all(point.decomposition.converged for point in path)


def problem(shape: tuple[int, int], sigma: float, missing: float) -> tuple[Floats, Bools | None]:
    """A matrix of low rank with outliers and noise, and which entries are known."""
    rng = np.random.default_rng(0)
    X: Any = rng.standard_normal((shape[0], RANK)) @ rng.standard_normal((RANK, shape[1]))
    off = rng.random(shape) < OUTLIERS
    X = X + off * rng.uniform(-10, 10, shape) + sigma * rng.standard_normal(shape)
    return X, rng.random(shape) >= missing if missing else None


if __name__ == "__main__":
    main()
