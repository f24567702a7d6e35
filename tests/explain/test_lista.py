"""Layers against iterations: the lesson's coders are the library's, and what it claims holds."""

import json

import numpy as np
import pytest

from kizu.explain.lessons import lista_problem as problem
from kizu.explain.lessons.lista import CODERS, MANY, SAMPLES, SEED, TESTS, alista, layers, numbers, tried
from kizu.models.safeguard import fista_steps, safeguard
from kizu.solvers.hyper_lista import HyperLista
from kizu.solvers.iteration import iterate


@pytest.fixture(scope="module")
def samples():
    y, codes = problem.drawn(SAMPLES, problem.NONZERO, (SEED, 1))
    return problem.dictionary(), y, codes, np.linalg.norm(y, axis=0)


def test_untrained_layers_are_iterations_of_the_solver(samples):
    A, y, _, scale = samples
    found = zip(layers(y, *problem.untrained(A, scale)), problem.iterated(A, y, scale), strict=True)
    for layer, iteration in found:
        np.testing.assert_allclose(layer, iteration, atol=1e-13)


def test_every_code_has_as_many_entries_as_is_said(samples):
    _, _, codes, _ = samples
    assert (np.count_nonzero(codes, axis=0) == problem.NONZERO).all()
    for name, (_, times) in TESTS.items():
        assert np.count_nonzero(tried(name).truth) == times * problem.NONZERO


def test_the_coders_are_those_of_the_library(samples):
    A, y, _, scale = samples
    *_, ours = problem.fista(A, y, scale)
    np.testing.assert_allclose(ours, fista_steps((y / scale).T, A.T, problem.LAM, problem.LAYERS).T * scale, atol=1e-10)
    *_, ours = problem.hyper_lista(A, y)
    theirs = iterate(HyperLista.over(A, *problem.trained()["hyper"]), y, problem.LAYERS).x
    np.testing.assert_array_equal(ours, theirs)


def test_trained_layers_are_those_of_the_network(samples):
    networks = pytest.importorskip("kizu.networks.alista", exc_type=ImportError)
    import torch

    A, y, _, scale = samples
    network = networks.Alista(A.T, problem.LAYERS, lam=problem.LAM, dtype=torch.float64)
    with torch.no_grad():
        for name, offsets in network.offsets.items():
            wanted = torch.as_tensor(problem.trained()[name], dtype=torch.float64)
            offsets.copy_(torch.log(wanted / getattr(network.defaults, name)))
    *_, ours = alista(A, y, scale, problem.trained())
    assert problem.trained()["share"] == pytest.approx(
        [network.numbers(k)["share"].item() for k in range(problem.LAYERS)]
    )
    np.testing.assert_allclose(ours, network.codes(y.T).detach().numpy().T, atol=1e-9)


def test_the_safeguard_is_that_of_the_library(samples):
    A, y, codes, scale = samples
    made = tried("same")
    *_, last = alista(A, y, scale, problem.trained())
    safe = safeguard(y.T, A.T, last.T, lam=problem.LAM, steps=problem.LAYERS)
    assert made.taken[-1] == pytest.approx(1 - safe.learned.mean())
    wrong = np.sum((np.asarray(safe.codes).T - codes) ** 2) / np.sum(codes**2)
    assert made.error["safe"][-1] == pytest.approx(10 * np.log10(wrong))


def test_what_the_words_claim():
    same, loud, many, quoted = tried("same"), tried("loud"), tried("many"), numbers()
    assert quoted["same"] < 1e-13
    assert quoted["hyper"] < quoted["ista"] > quoted["fista"] > quoted["alista"]  # dB: the lower, the better
    for coder in CODERS:
        np.testing.assert_allclose(loud.error[coder], same.error[coder], atol=1e-6)
    assert loud.error["absolute"][-1] > 0 > same.error["absolute"][-1]
    assert many.error["alista"][-1] > many.error["fista"][-1]
    assert many.taken[-1] > 0.95 > 0.1 > same.taken[-1] > 0
    assert same.error["safe"][-1] > same.error["alista"][-1]
    for made in map(tried, TESTS):
        assert all((cost > -1e-5).all() for cost in made.cost.values())
        assert (made.cost["safe"] <= np.minimum(made.cost["alista"], made.cost["fista"]) + 1e-12).all()
    assert (np.diff(same.cost["ista"]) < 0).all()
    assert same.cost["fista"][-1] < same.cost["ista"][-1]
    assert quoted["short"] > 2 * quoted["usual"]
    steps, thresholds = problem.learned()
    assert thresholds[0] > 10 * thresholds[-1] > 0
    assert len(steps) == problem.LAYERS
    assert quoted["many"] == MANY


def test_the_file_says_how_it_was_made():
    assert json.loads(problem.TRAINED.read_text("utf-8"))["command"] == "python bench/networks/lesson.py"
