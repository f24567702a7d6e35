"""Measure the figures of the numerical core.

`python bench/core.py` prints a Markdown table and exits with 1 if a figure is missed;
`python bench/core.py recovery flag` measures only those.
"""

import collections
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from instances import CERTIFIED, SOLVERS, faint, planted, random_problem, setup, true_gap
from kizu import flag, robust_pca

SEEDS = 20
LAPLACE = {"noise": "laplace", "spread": np.sqrt(2.0)}
ROUNDING = 1e-9
"""Relative difference that two float64 evaluations of one gap may have."""


class Figure(NamedTuple):
    """One row of the table; `held` None is a number that is reported and promised nowhere."""

    what: str
    seen: str
    held: bool | None


def recovery() -> Iterator[Figure]:
    """Rank 5, 5 % flaws, no noise, 200 × 200: the background comes back, and is certified."""
    for noise in ("auto", None):
        for mode in ("certified", "fast"):
            error, gap, iterations = np.max([_recover(seed, noise, mode) for seed in range(SEEDS)], axis=0)
            run = f"noise={noise!r}, mode={mode!r}, {SEEDS} seeds"
            yield Figure(f"relative error of L, {run}: ≤ 1e-6", f"{error:.1e}", bool(error <= 1e-6))
            held = bool(gap <= 1e-6) if mode == "certified" else None
            wanted = ": ≤ 1e-6" if mode == "certified" else ""
            yield Figure(f"relative gap at tol=1e-6, {run}{wanted}", f"{gap:.1e} ({iterations:.0f} iterations)", held)


def _recover(seed: int, noise: str | None, mode: str) -> tuple[float, float, int]:
    made = planted(seed)
    found = robust_pca(made.X, noise=noise, mode=mode, tol=1e-6)
    error = np.linalg.norm(found.background - made.background) / np.linalg.norm(made.background)
    return float(error), found.certificate.relative_gap, len(found.history)


def optimum() -> Iterator[Figure]:
    """Every certified solver against an interior-point solver."""
    for name in CERTIFIED:
        worst = 0.0
        for seed in range(100):
            found = SOLVERS[name](setup(seed), 1e-7)
            worst = max(worst, abs(found.solution.certificate.primal / found.optimum() - 1))
        yield Figure(
            f"{name}: objective against clarabel, 100 problems up to 12 × 15: ≤ 1e-6", f"{worst:.1e}", worst <= 1e-6
        )


def honesty() -> Iterator[Figure]:
    """1,000 random problems: "converged" is never said of a gap above the tolerance."""
    stopped: collections.Counter[str] = collections.Counter()
    lies, unfinished, capped = [], [], []
    for index in range(1000):
        kind, problem, noise = random_problem(index)
        most = 300 if kind == "rank capped" else 5000
        found = robust_pca(problem.X, noise=noise, observed=problem.observed, rank=problem.rank, max_iter=most)
        gap = true_gap(found, problem.X, problem.observed)
        stopped[found.stopped] += 1
        if found.converged and gap > found.parameters["tol"].value + ROUNDING:
            lies.append(f"{kind} {index}: {gap:.1e}")
        if kind == "rank capped":
            capped.append(found.certificate.relative_gap)
        elif not found.converged:
            unfinished.append(f"{kind} {index}: {gap:.1e}")
    yield Figure('1,000 random problems: false "converged": 0', f"{len(lies)} {' '.join(lies)}", not lies)
    yield Figure("how they stopped", ", ".join(f"{k} {n}" for k, n in sorted(stopped.items())), None)
    yield Figure("not converged, rank not capped", f"{len(unfinished)} {' '.join(unfinished[:5])}", None)
    yield Figure("least gap with the rank capped at 1 of 2: > 0.1", f"{min(capped):.2f}", min(capped) > 0.1)


def flags() -> Iterator[Figure]:
    """Pooled precision and recall of `flag`, noise 0.1 and 2 % flaws of 5 to 10 times that."""
    rows = [
        ((200, 200), {}, "normal"),
        ((1000, 60), {}, "normal"),
        ((200, 200), LAPLACE, "Laplace"),
        ((1000, 60), LAPLACE, "Laplace"),
    ]
    for shape, law, noise in rows:
        for fdr in (0.02, 0.05):
            precision, recall = _pooled(shape, law, fdr)
            held, wanted = None, ""
            if noise == "normal" and shape == (200, 200):
                near = abs(precision - (1 - fdr)) <= 0.015 if fdr == 0.02 else 0.93 <= precision <= 0.97
                held, wanted = (
                    near and recall >= 0.97,
                    f": {1 - fdr:.2f} ± {0.015 if fdr == 0.02 else 0.02}, recall ≥ 0.97",
                )
            what = f"{shape[0]} × {shape[1]}, {noise} noise, fdr={fdr}, {SEEDS} seeds: precision{wanted}"
            yield Figure(what, f"precision {precision:.3f}, recall {recall:.3f}", held)
    clean = [flag(robust_pca(planted(seed, share=0.0, sigma=0.1).X)).mask.mean() for seed in range(SEEDS)]
    yield Figure(
        f"share flagged without any anomaly, fdr=0.02, {SEEDS} seeds: ≤ 1e-4",
        f"{np.mean(clean):.1e}",
        bool(np.mean(clean) <= 1e-4),
    )


def _pooled(shape: tuple[int, int], law: dict[str, object], fdr: float) -> tuple[float, float]:
    hits = flagged = flaws = 0
    for seed in range(SEEDS):
        made = faint(seed, shape=shape, **law)
        mask = flag(robust_pca(made.X), fdr=fdr).mask
        hits, flagged, flaws = hits + (mask & made.flaws).sum(), flagged + mask.sum(), flaws + made.flaws.sum()
    return hits / max(flagged, 1), hits / flaws


FIGURES: dict[str, Callable[[], Iterator[Figure]]] = {
    "recovery": recovery,
    "optimum": optimum,
    "honesty": honesty,
    "flag": flags,
}


def main(names: list[str]) -> int:
    """Print the table; 1 if a figure is missed."""
    warnings.simplefilter("error")
    missed = 0
    print("| figure | seen | |\n|---|---|---|")
    for name in names or FIGURES:
        begun = time.perf_counter()
        for figure in FIGURES[name]():
            missed += figure.held is False
            verdict = "" if figure.held is None else "held" if figure.held else "**missed**"
            print(f"| {figure.what} | {figure.seen} | {verdict} |", flush=True)
        print(f"| seconds for {name} | {time.perf_counter() - begun:.0f} | |", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
