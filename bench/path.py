"""What warm starts save along lam: `python bench/path.py [--large]`.

Solves the same points of :func:`kizu.robust_pca_path` from their neighbours and each from scratch, and prints
iterations, seconds of computation and the largest gap. `--large` adds a 400 × 2000 matrix, some ten minutes.
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
    print("| matrix | form | data | iterations: warm / cold | seconds: warm / cold | largest gap |")
    print("|---|---|---|---|---|---|")
    for shape in (SMALL, LARGE) if parser.parse_args().large else (SMALL,):
        for noise, sigma in ((SIGMA, SIGMA), (None, SIGMA), (None, 0.0)):
            for missing in (0.0, MISSING):
                print(row(shape, noise, sigma, missing), flush=True)


def row(shape: tuple[int, int], noise: float | None, sigma: float, missing: float) -> str:
    """One problem, both ways."""
    X, observed = problem(shape, sigma, missing)
    count: list[int] = []
    began = time.process_time()
    path = robust_pca_path(X, lams=POINTS, noise=noise, observed=observed, callback=lambda _: count.append(1))
    warm, gap = time.process_time() - began, max(point.relative_gap for point in path)
    began = time.process_time()
    cold = [robust_pca(X, lam=point.lam.value, noise=noise, observed=observed) for point in path]
    seconds = time.process_time() - began
    steps = sum(len(found.history) for found in cold)
    data = f"{'noisy' if sigma else 'clean'}{', a quarter missing' if missing else ''}"
    form = "exact" if noise is None else "stable"
    return (
        f"| {shape[0]} × {shape[1]} | {form} | {data} | {len(count)} / {steps} ({len(count) / steps:.2f}) "
        f"| {warm:.1f} / {seconds:.1f} | {gap:.1e} |"
    )


def problem(shape: tuple[int, int], sigma: float, missing: float) -> tuple[Floats, Bools | None]:
    """A matrix of low rank with outliers and noise, and which entries are known."""
    rng = np.random.default_rng(0)
    X: Any = rng.standard_normal((shape[0], RANK)) @ rng.standard_normal((RANK, shape[1]))
    off = rng.random(shape) < OUTLIERS
    X = X + off * rng.uniform(-10, 10, shape) + sigma * rng.standard_normal(shape)
    return X, rng.random(shape) >= missing if missing else None


if __name__ == "__main__":
    main()
