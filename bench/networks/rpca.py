"""Learned robust PCA: what training does to the error, and the time to an error beside the textbook's.

KIZU_DATA names the folder of the published numbers. Seconds
are of one thread; "cpu" ones are the process's own, which other work on the machine moves less.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from kizu import robust_pca
from kizu.networks.learned_rpca import LAYERS, LearnedRPCA
from kizu.networks.rpca_task import Planted, errors, planted, recipe, self_supervised, supervised, tuned
from kizu.networks.training import train
from kizu.solvers.iteration import iterate
from kizu.solvers.pcp_steps import InexactLagrangian

TEST = 8
"""Matrices on which an error is measured; the median counts."""
TRIALS, STEPS, RATE = 150, 150, 0.03
LIMITS = {("self-supervised", 0.1): 5e-5, ("supervised", 0.1): 5e-7}
"""What the two numbers per layer have to reach."""
ALIKE = 1e-5
"""Relative error at which times are compared."""
FASTER = 5.0
LOSSES = {"supervised": supervised, "self-supervised": self_supervised}
IALM_STEPS = 45
PUBLISHED = {0.1: 2e-6, 0.3: 4e-5}
"""Share of outliers → the error that the published numbers have to reproduce."""


class Row(NamedTuple):
    """One line of a table: what, the median error, the seconds, and whether it holds (None: nothing is promised)."""

    what: str
    error: float
    wall: float
    cpu: float
    held: bool | None = None


def run(seeds: int, smoke: bool) -> list[str]:
    """Print a row for everything measured, and give what missed its limit; `smoke` with small matrices, few steps."""
    torch.set_num_threads(1)
    print("| what | relative error of the background | wall s | cpu s | |\n|---|---|---|---|---|")
    missed = []
    for row in chain(raced(smoke), reproduced(smoke), trained(range(1 if smoke else seeds), smoke)):
        print(line(row), flush=True)
        missed += [row.what] if row.held is False else []
    return missed


def line(row: Row) -> str:
    held = "" if row.held is None else "held" if row.held else "missed"
    return f"| {row.what} | {row.error:.1e} | {row.wall:.2f} | {row.cpu:.2f} | {held} |"


def trained(seeds: Iterable[int], smoke: bool, shares: tuple[float, ...] = (0.1, 0.3)) -> Iterator[Row]:
    """n = 200, rank 5: untrained, each way of training, and the textbook."""
    size = 40 if smoke else 200
    for share in shares:
        for seed in seeds:
            made = Planted((size, size), share=share, seed=seed)
            test = Planted((size, size), share=share, seed=1000 + seed).validation(TEST)
            name = f"n={size}, {share:.0%} outliers, seed {seed}"
            yield Row(f"{name}: untrained", _median(LearnedRPCA.untrained(5), test), 0.0, 0.0)
            for form in ("shared", "per layer"):
                for title in LOSSES:
                    yield _trained(name, made, test, form, title, smoke)
            yield _textbook(f"{name}: IALM, {IALM_STEPS} steps", test)


def _trained(name: str, made: Planted, test: Any, form: Any, title: str, smoke: bool) -> Row:
    """Schedules tried, then all numbers trained."""
    task, trials, steps = planted(made, loss=LOSSES[title]), 4 if smoke else TRIALS, 4 if smoke else STEPS

    def work() -> LearnedRPCA:
        schedule = tuned(task, made.rank, LAYERS, trials, seed=made.seed)
        network = LearnedRPCA.untrained(made.rank, form=form, schedule=schedule)
        train(network, task, recipe(steps, RATE))
        return network

    network, wall, cpu = timed(work)
    error, limit = _median(network, test), LIMITS.get((title, made.share))
    held = None if smoke or limit is None or form == "shared" else error <= limit
    return Row(f"{name}: {form}, {title}", error, wall, cpu, held)


def raced(smoke: bool) -> Iterator[Row]:
    """n = 1000, rank 5, 10 % outliers: the time to a relative error of 1e-5."""
    size = 100 if smoke else 1000
    test = Planted((size, size), count=1).validation(1)
    data, truth = test.data[0], test.background[0]
    network = _published(0.1, size, data)
    found, wall, cpu = _until(network.iteration, data, truth, network.layers)
    yield Row(f"n={size}: learned, published numbers, to {ALIKE:.0e}", found, wall, cpu)
    error, slow_wall, slow_cpu = _until(InexactLagrangian(), data.numpy(), truth.numpy(), IALM_STEPS)
    ratio = slow_cpu / cpu
    held = None if smoke else ratio >= FASTER
    yield Row(f"n={size}: textbook IALM, to {ALIKE:.0e}: {ratio:.1f} times as long", error, slow_wall, slow_cpu, held)
    best, wall, fast = timed(lambda: robust_pca(data.numpy(), noise=None, mode="fast"))
    error = float(np.linalg.norm(best.background - truth.numpy()) / np.linalg.norm(truth.numpy()))
    yield Row(f"n={size}: robust_pca, mode fast, to its own stop: {fast / cpu:.1f} times as long", error, wall, fast)


def reproduced(smoke: bool) -> Iterator[Row]:
    """The authors' numbers at their size give their error."""
    size = 100 if smoke else 1000
    for share, limit in PUBLISHED.items():
        test = Planted((size, size), share=share, count=1).validation(1)
        network = _published(share, size, test.data[0])
        error, wall, cpu = timed(lambda n=network, t=test: _median(n, t))
        held = None if smoke else error <= limit
        yield Row(f"n={size}: published numbers, {share:.0%} outliers, {network.layers} layers", error, wall, cpu, held)


def _published(share: float, size: int, data: torch.Tensor) -> LearnedRPCA:
    """Their numbers for a matrix whose factors have the variance 1, where theirs have 1/size."""
    folder = Path(os.environ["KIZU_DATA"]) / "reference_networks"
    with np.load(folder / f"lrpca_thresholds_alpha{share}.npz", allow_pickle=False) as file:
        thresholds, steps = file["ths"][0], file["step"][0]
    return LearnedRPCA.published(thresholds, steps, size=size, rank=5, scale=float(data.abs().mean()) / size)


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` gives, its wall seconds, and the process's."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def _until(iteration: Any, data: Any, truth: Any, most: int) -> tuple[float, float, float]:
    """Error, wall and cpu seconds at the first step within `ALIKE`; looking at the error is not counted."""
    with torch.no_grad():
        state, wall, cpu = timed(lambda: iteration.init(data, iteration.numbers(0)))
        for k in range(most):
            state, more, more_cpu = timed(lambda s=state, k=k: iteration.step(data, s, iteration.numbers(k)))
            wall, cpu = wall + more, cpu + more_cpu
            error = float(((state.background - truth) ** 2).sum() / (truth**2).sum()) ** 0.5
            if error <= ALIKE:
                break
        return error, wall, cpu


def _textbook(what: str, test: Any) -> Row:
    (found, wall, cpu) = timed(
        lambda: [iterate(InexactLagrangian(), one.numpy(), IALM_STEPS).background for one in test.data]
    )
    error = float(errors(torch.from_numpy(np.stack(found)), test.background).median())
    return Row(what, error, wall / TEST, cpu / TEST)


@torch.no_grad()
def _median(network: LearnedRPCA, test: Any) -> float:
    return float(errors(network(test.data).background, test.background).median())
