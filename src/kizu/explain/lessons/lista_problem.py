"""What the coders of the lesson "lista" are given: a dictionary, samples, trained numbers; and two coders to beat."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from kizu.penalties import L1
from kizu.solvers import ista
from kizu.solvers.hyper_lista import HyperLista
from kizu.typing import Floats

FEATURES, ATOMS, NONZERO, LAYERS = 50, 100, 5, 16
LAM = 0.02
"""Weight of the lasso's penalty, relative to each sample's length."""
TRAINED = Path(__file__).with_name("lista.json")
"""Numbers of the trained networks: `python bench/networks/lesson.py` trains them (with torch) and writes the file."""


def dictionary() -> Floats:
    """A (features, atoms) with columns of length 1."""
    A = np.random.default_rng(0).standard_normal((FEATURES, ATOMS))
    return np.asarray(A / np.linalg.norm(A, axis=0))


def drawn(count: int, nonzero: int, seed: int | Sequence[int]) -> tuple[Floats, Floats]:
    """Samples (features, count) and their codes (atoms, count), `nonzero` entries of which are normal, the others 0."""
    rng = np.random.default_rng(seed)
    chosen = rng.random((ATOMS, count)).argsort(axis=0) < nonzero
    codes = np.where(chosen, rng.standard_normal((ATOMS, count)), 0.0)
    return dictionary() @ codes, codes


@cache
def trained() -> Mapping[str, list[float]]:
    numbers: Mapping[str, list[float]] = json.loads(TRAINED.read_text("utf-8"))
    return numbers


def untrained(A: Floats, scale: Floats) -> tuple[Floats, Floats, list[Floats]]:
    """W₁ and W₂ of ISTA, and the thresholds of its layers for samples of length `scale`."""
    size = float(np.linalg.norm(A, 2)) ** 2
    return A.T / size, np.eye(A.shape[1]) - A.T @ A / size, [LAM * scale / size] * LAYERS


def costs(A: Floats, x: Floats, y: Floats, scale: Floats) -> Floats:
    """The lasso's objective of each sample at length 1."""
    misfit = 0.5 * np.sum((A @ x - y) ** 2, axis=0) / scale**2
    return np.asarray(misfit + LAM * np.sum(np.abs(x), axis=0) / scale)


def iterated(A: Floats, y: Floats, scale: Floats) -> Iterator[Floats]:
    """Codes of ISTA after each step of kizu's solver."""
    size, x = float(np.linalg.norm(A, 2)) ** 2, np.zeros((A.shape[1], y.shape[1]))
    yield x
    for _ in range(LAYERS):
        x = ista.step(x, A.T @ (A @ x - y), L1(LAM * scale).prox, 1 / size)
        yield x


def fista(A: Floats, y: Floats, scale: Floats) -> Iterator[Floats]:
    """Codes of FISTA after each step."""
    size, t, x = float(np.linalg.norm(A, 2)) ** 2, 1.0, np.zeros((A.shape[1], y.shape[1]))
    before, prox = x, L1(LAM * scale).prox
    yield x
    for _ in range(LAYERS):
        following = (1 + np.sqrt(1 + 4 * t**2)) / 2
        ahead = x + (t - 1) / following * (x - before)
        before, x, t = x, ista.step(ahead, A.T @ (A @ ahead - y), prox, 1 / size), following
        yield x


def hyper_lista(A: Floats, y: Floats) -> Iterator[Floats]:
    """Codes of HyperLISTA after each step."""
    iteration = HyperLista.over(A, *trained()["hyper"])
    numbers = {**iteration.constants(), **iteration.numbers(0)}
    state = iteration.init(y, numbers)
    yield np.asarray(state.x)
    for _ in range(LAYERS):
        with np.errstate(over="ignore"):  # where a sample is explained exactly
            state = iteration.step(y, state, numbers)
        yield np.asarray(state.x)


def classical() -> tuple[float, float]:
    """ISTA's step size 1/L, and its threshold λ/L relative to a sample's length."""
    size = float(np.linalg.norm(dictionary(), 2)) ** 2
    return 1 / size, LAM / size


def learned() -> tuple[Floats, Floats]:
    """ALISTA's step sizes and thresholds, layer by layer."""
    steps = np.array(trained()["step_size"])
    return steps, steps * np.array(trained()["lam"])
