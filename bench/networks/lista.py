"""Sparse codes in 16 layers: classical steps and learned ones on the protocol of Chen et al. 2018, without noise.

Features 250, atoms 500 of normal entries and length 1; codes are normal with probability 0.1. Training, validation and
test are drawn apart. Learned networks train on shares between 0.08 and 0.14: what is rare in the test is not new then.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from quality.kinds import table

from kizu.models.safeguard import fista_steps, safeguard
from kizu.networks.coders import BATCH, CODERS, propose
from kizu.networks.coding_task import CodingTask, Objective, log_error, pairs, planted
from kizu.networks.training import train
from kizu.operators import squared_norm
from kizu.penalties import L1
from kizu.solvers import ista
from kizu.solvers.hyper_lista import HyperLista, tune
from kizu.solvers.iteration import iterate

LAM, START = 0.05, 0.05
"""Weight of the lasso that the safeguard judges by, at the samples' median length; and, relative, before training.

At 0.1 the lasso prefers FISTA's codes to the true ones: what finds the latter has to be judged by a smaller weight."""
SHARE, OTHER, TRAINED = 0.1, 0.25, (0.08, 0.14)
OFF = 8.0
"""How many decibels ×10 and ×0.05 may lose."""
Code = Callable[[Any], Any]


class Size(NamedTuple):
    """How large the problem is, how many samples test, how many tune, and what steps of training are divided by."""

    features: int
    atoms: int
    layers: int
    tested: int
    tuning: int
    draws: int
    fraction: int


FULL, SMOKE = Size(250, 500, 16, 1000, 400, 150, 1), Size(24, 40, 3, 50, 40, 8, 35)


class Data(NamedTuple):
    """Dictionary (atoms, features), and (samples, codes) of three draws."""

    D: Any
    validation: tuple[Any, Any]
    test: tuple[Any, Any]
    other: tuple[Any, Any]
    seed: int
    size: Size

    def training(self, step: int, count: int) -> tuple[Any, Any]:
        draw = np.random.default_rng((self.seed, 0, step))
        return planted(self.D, count, draw, draw.uniform(*TRAINED, (count, 1)))


class Learned(NamedTuple):
    """Codes of rows, how many numbers were learned, and CPU seconds that took."""

    code: Code
    parameters: int
    seconds: float


class Method(NamedTuple):
    """How to get it, and the pooled error in decibels that it has to reach."""

    title: str
    make: Callable[[Data], Learned]
    limit: float = np.inf


def draw(seed: int, size: Size) -> Data:
    """The data of one seed."""
    D = np.random.default_rng((seed, 9)).standard_normal((size.atoms, size.features))
    D = (D / np.linalg.norm(D, axis=1, keepdims=True)).astype(np.float32)
    validation, test, other = (
        planted(D, size.tested, np.random.default_rng((seed, n)), share)
        for n, share in ((1, SHARE), (2, SHARE), (3, OTHER))
    )
    return Data(D, validation, test, other, seed, size)


def by_ista(lam: float) -> Callable[[Data], Learned]:
    """ISTA with an absolute weight."""

    def make(data: Data) -> Learned:
        A = data.D.T
        step_size, prox = 1.0 / squared_norm(A), L1(lam).prox

        def code(Y: Any) -> Any:
            x = np.zeros((A.shape[1], len(Y)), Y.dtype)
            for _ in range(data.size.layers):
                x = ista.step(x, A.T @ (A @ x - Y.T), prox, step_size)
            return x.T

        return Learned(code, 0, 0.0)

    return make


def by_fista(lam: float) -> Callable[[Data], Learned]:
    """FISTA with an absolute weight."""
    return lambda data: Learned(lambda Y: fista_steps(Y, data.D, lam, data.size.layers), 0, 0.0)


def by_network(word: str) -> Callable[[Data], Learned]:
    """A network, trained as CODERS says; SLISTA on the objective, the others on codes."""

    def make(data: Data) -> Learned:
        started, coder = time.process_time(), CODERS[word]
        network = coder.make(data.D, data.size.layers, lam=START)
        measure = Objective(network.dictionary, START) if word == "slista" else log_error
        judges = pairs(network, *(part[:300] for part in data.validation))
        task = CodingTask(lambda step: pairs(network, *data.training(step, BATCH)), judges, measure)
        train(network, task, coder.recipe(data.size.layers, max(1, coder.steps // data.size.fraction)))
        count = sum(one.numel() for one in network.parameters())
        return Learned(lambda Y: propose(network, Y), count, time.process_time() - started)

    return make


def by_hyper(data: Data) -> Learned:
    """HyperLISTA's three numbers, tuned on samples of their own."""
    started, size = time.process_time(), data.size
    Y, codes = planted(data.D, size.tuning, np.random.default_rng((data.seed, 0)), SHARE)
    found = tune(data.D.T, Y.T, codes.T, layers=size.layers, draws=size.draws, seed=data.seed)
    iteration = HyperLista.over(data.D.T, found.c1, found.c2, found.c3)

    def code(Y: Any) -> Any:
        with np.errstate(all="ignore"):
            return iterate(iteration, Y.T, size.layers).x.T

    return Learned(code, 3, time.process_time() - started)


METHODS: tuple[Method, ...] = (
    Method("ISTA, λ .1", by_ista(0.1)),
    Method("ISTA, λ .4", by_ista(0.4)),
    Method("FISTA, λ .1", by_fista(0.1)),
    Method("FISTA, λ .4", by_fista(0.4)),
    Method("SLISTA", by_network("slista")),
    Method("Ada-LISTA", by_network("ada-lista")),
    Method("LISTA", by_network("lista"), -33.0),
    Method("LISTA-CP", by_network("lista-cp"), -41.0),
    Method("LISTA-CPSS", by_network("lista-cpss"), -65.0),
    Method("TiLISTA", by_network("tilista"), -65.0),
    Method("ALISTA", by_network("alista"), -65.0),
    Method("HyperLISTA", by_hyper, -65.0),
)


class Figures(NamedTuple):
    """Errors in decibels, pooled unless said otherwise; shares of samples; `wins`: the network's codes are kept."""

    pooled: float
    median: float
    bad: float
    parameters: int
    seconds: float
    larger: float
    smaller: float
    wins: float
    wins_other: float
    other: float


def measure(learned: Learned, data: Data) -> Figures:
    """What a method does on the test samples, on the same at other sizes, and on denser ones."""
    Y, codes = data.test
    each = _decibels(np.sum((learned.code(Y) - codes) ** 2, axis=1) / np.maximum(np.sum(codes**2, axis=1), 1e-30))
    lam = LAM / float(np.median(np.linalg.norm(Y, axis=1)))
    shares = [_wins(learned, data, part[0], lam) for part in (data.test, data.other)]
    pooled, larger, smaller = (_pooled(learned.code(np.float32(f) * Y) / f, codes) for f in (1, 10, 0.05))
    other = _pooled(learned.code(data.other[0]), data.other[1])
    spread = float(np.median(each)), float(np.mean(each > -20.0))
    return Figures(pooled, *spread, learned.parameters, learned.seconds, larger, smaller, *shares, other)


def _wins(learned: Learned, data: Data, Y: Any, lam: float) -> float:
    found = safeguard(Y, data.D, learned.code(Y), lam=lam, steps=data.size.layers)
    return float(np.mean(found.learned))


def _pooled(x: Any, codes: Any) -> float:
    return float(_decibels(np.sum((x - codes) ** 2, dtype=np.float64) / np.sum(codes**2, dtype=np.float64)))


def _decibels(ratio: Any) -> Any:
    return 10.0 * np.log10(np.maximum(ratio, 1e-30))


HEAD = (
    "method | seed | NMSE dB | median dB | share > −20 dB | parameters | CPU s | ×10 dB | ×0.05 dB |"
    " network kept % | p .25: kept % | p .25: NMSE dB"
)


def run(seeds: int, smoke: bool) -> list[str]:
    """Print a row per method and seed, the medians, and the seed with the largest error; what missed its limit."""
    torch.set_num_threads(1)
    size = SMOKE if smoke else FULL
    found: dict[str, list[Figures]] = {method.title: [] for method in METHODS}
    for seed in range(1 if smoke else seeds):
        data = draw(seed, size)
        for method in METHODS:
            found[method.title].append(measure(method.make(data), data))
            print(f"{method.title}, seed {seed}: {found[method.title][-1].pooled:.1f} dB", flush=True)
    rows: list[list[Any]] = [
        [title, seed, *_shown(one)] for title, many in found.items() for seed, one in enumerate(many)
    ]
    for title, many in found.items():
        rows.append([title, "median", *_shown(Figures(*np.median(many, axis=0)))])
        rows.append([title, "worst", *_shown(max(many, key=lambda one: one.pooled))])
    print(f"\n{table(HEAD, rows)}\n")
    return [] if smoke else [miss for method in METHODS for miss in _missed(method, found[method.title])]


def _shown(one: Figures) -> list[str]:
    shares = (f"{100 * one.wins:.1f}", f"{100 * one.wins_other:.1f}")
    sizes = f"{one.larger:.1f}", f"{one.smaller:.1f}"
    head = f"{one.pooled:.1f}", f"{one.median:.1f}", f"{one.bad:.3f}", f"{one.parameters:.0f}", f"{one.seconds:.0f}"
    return [*head, *sizes, *shares, f"{one.other:.1f}"]


def _missed(method: Method, many: list[Figures]) -> list[str]:
    """One line for every limit that is not kept: by the median of the errors, and by the worst seed in all else."""
    if np.isinf(method.limit):
        return []
    loss = max(max(one.larger, one.smaller) - one.pooled for one in many)
    limits = [
        ("median NMSE dB", float(np.median([one.pooled for one in many])), method.limit),
        ("CPU s", max(one.seconds for one in many), 120.0),
        ("dB lost at ×10 or ×0.05", loss, OFF),
        ("% of samples that fell back", 100 * max(1 - one.wins for one in many), 1.0),
    ]
    return [f"{method.title}: {what} {value:.1f}, at most {most:g}" for what, value, most in limits if value > most]
