"""Every network that codes sparsely: a solver before training, homogeneous after. A new one is a row of CODERS."""

import numpy as np
import pytest
import torch

from kizu.arrays import to_numpy
from kizu.datafits import Quadratic
from kizu.networks.coders import CODERS, Coder, fit, propose
from kizu.networks.coding import samples
from kizu.networks.coding_task import CodingTask, Objective, drawn, pairs, planted
from kizu.networks.training import train
from kizu.penalties import L1
from kizu.prox import soft_threshold, support_threshold
from kizu.solvers import ista
from kizu.solvers.analytic_weight import analytic_weight
from kizu.solvers.composite import Problem
from kizu.solvers.iteration import iterate

WORDS = list(CODERS)
FEATURES, ATOMS, LAYERS, LAM = 16, 30, 5, 0.05
SELECTING = {"lista-cpss", "tilista", "alista"}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def dictionary(seed=0, features=FEATURES, atoms=ATOMS):
    D = np.random.default_rng(seed).standard_normal((atoms, features))
    return D / np.linalg.norm(D, axis=1, keepdims=True)


def signs(count=7, seed=1):
    """Samples of one length exactly, so that relative and absolute weights are the same numbers."""
    return np.random.default_rng(seed).choice([-1.0, 1.0], (count, FEATURES))


def made(word, D=None, dtype=torch.float64, **options):
    D = dictionary() if D is None else D
    return CODERS[word].network(D, LAYERS, lam=LAM, dtype=dtype, **options)


def moved(word, seed=0, **options):
    """A network whose numbers are not those of a solver."""
    network = made(word, **options)
    torch.manual_seed(seed)
    with torch.no_grad():
        for one in network.parameters():
            one += 0.05 * torch.randn_like(one)
    return network


# --- before training


@pytest.mark.parametrize("word", sorted(set(WORDS) - SELECTING))
def test_untrained_layers_are_iterations_of_ista_bit_for_bit(word):
    Y, D = torch.as_tensor(signs()), torch.as_tensor(dictionary())
    problem = Problem(Quadratic(Y.T), L1(LAM * float(np.sqrt(FEATURES))), D.T)
    found = ista.solve(problem, tol=0.0, max_iter=LAYERS).state.x
    assert torch.equal(made(word, D).codes(Y).T, found)


@pytest.mark.parametrize("word", WORDS)
def test_untrained_layers_are_iterations_of_their_own_step(word):
    Y, D = signs(), dictionary()
    network = made(word, torch.as_tensor(D))
    data = network.read(Y)
    assert torch.equal(network(data), iterate(network.iteration, data, LAYERS))
    plain = type(data)(*(to_numpy(part) if torch.is_tensor(part) else part for part in data))
    found = iterate(made(word).iteration, plain, LAYERS)
    np.testing.assert_allclose(to_numpy(network(data)), found, rtol=0, atol=1e-12 * np.abs(found).max())


@pytest.mark.parametrize("word", [word for word in WORDS if CODERS[word].weighed or word == "alista"])
def test_the_weight_stands_in_for_the_dictionary(word):
    Y, D = signs(), dictionary()
    A, W = D.T, analytic_weight(D.T)
    x = np.zeros((ATOMS, len(Y)))
    for k in range(LAYERS):
        ahead, threshold = x - W.T @ (A @ x - Y.T), LAM * np.linalg.norm(Y, axis=1)
        selected = support_threshold(ahead, threshold, min(0.012 * (k + 1), 0.13), axis=0)
        x = selected if word in SELECTING else soft_threshold(ahead, threshold)
    weight = {} if word == "alista" else {"weight": W.T}
    np.testing.assert_allclose(made(word, **weight).codes(Y).detach().numpy(), x.T, rtol=0, atol=1e-12)


def test_ada_lista_takes_another_dictionary():
    Y, first, other = signs(), torch.as_tensor(dictionary(0)), torch.as_tensor(dictionary(5, atoms=40))
    network = made("ada-lista", first)
    assert torch.equal(network(network.read(Y, other)).T, made("ada-lista", other).codes(Y))


# --- at any weights


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_codes_have_a_row_per_sample_and_the_networks_type(word, dtype):
    network = moved(word, dtype=dtype)
    for count in (0, 1, 3):
        codes = network.codes(signs(count))
        assert codes.shape == (count, ATOMS)
        assert codes.dtype == dtype


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("factor", [2.0**40, 2.0**-40, -1.0])
def test_codes_scale_with_the_sample(word, factor):
    Y = np.random.default_rng(2).standard_normal((9, FEATURES))
    network = moved(word)
    assert torch.equal(network.codes(factor * Y), factor * network.codes(Y))


@pytest.mark.parametrize("word", WORDS)
def test_gradients_are_those_of_differences(word):
    network = moved(word)
    data = network.read(np.random.default_rng(3).standard_normal((2, FEATURES)))
    state = torch.randn(ATOMS, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = network.numbers(LAYERS - 1)
    names = [name for name in found if name in network.offsets]

    def layer(x, *values):
        return network.iteration.step(data, x, {**found, **dict(zip(names, values, strict=True))})

    leaves = [state, *(found[name].detach() for name in names)]
    for leaf in leaves:
        leaf.requires_grad_()
    assert torch.autograd.gradcheck(layer, leaves, fast_mode=True)


@pytest.mark.parametrize("word", WORDS)
def test_gradients_are_finite_at_ties_and_zeros(word):
    network = moved(word)
    Y = np.vstack([np.zeros((1, FEATURES)), np.ones((2, FEATURES)), dictionary()[:2]])
    torch.sum(network.codes(Y) ** 2).backward()
    assert all(torch.isfinite(one.grad).all() for one in network.parameters())
    assert not network.codes(Y)[0].any()


# --- training


@pytest.mark.parametrize("word", WORDS)
def test_a_short_training_lowers_the_error(word):
    D = dictionary(features=24, atoms=32).astype(np.float32)
    network = CODERS[word].make(D, 2, lam=LAM)
    batch = drawn(network, *planted(D, 200, np.random.default_rng(0)), size=32, seed=0)
    task = CodingTask(batch, pairs(network, *planted(D, 100, np.random.default_rng(1))))
    before = task.validate(network, None)
    train(network, task, CODERS[word].recipe(2, 30))
    assert task.validate(network, None) < before - 0.1


def test_step_sizes_are_learned_from_the_objective_alone():
    D = dictionary().astype(np.float32)
    network = CODERS["slista"].make(D, 4, lam=LAM)
    Y = planted(D, 200, np.random.default_rng(0))
    task = CodingTask(drawn(network, *Y, size=32, seed=0), pairs(network, *Y), Objective(network.dictionary, LAM))
    before = task.validate(network, None)
    train(network, task, CODERS["slista"].recipe(4, 60))
    assert task.validate(network, None) < before


def test_batches_depend_on_seed_and_step_alone():
    network = made("alista")
    data = planted(dictionary(), 50, np.random.default_rng(0))
    one, other = (drawn(network, *data, size=8, seed=3) for _ in range(2))
    one(0)
    assert torch.equal(one(5).codes, other(5).codes)
    assert not torch.equal(one(5).codes, one(6).codes)


def test_fit_returns_the_type_of_the_dictionary():
    D = dictionary()
    Y, codes = planted(D, 40, np.random.default_rng(0))
    network, error = fit("alista", D, (Y, codes), (Y, codes), layers=2, lam=LAM, steps=4, seed=0)
    assert propose(network, Y).dtype == np.float64
    wrong = np.sum((propose(network, Y) - codes) ** 2) / np.sum(codes**2)
    assert error == pytest.approx(10 * np.log10(wrong), abs=0.01)


def test_a_dictionary_that_changes_later_changes_nothing():
    D = dictionary()
    network = made("tilista", D)
    before = network.codes(signs())
    D[:] = 0
    assert torch.equal(network.codes(signs()), before)
    assert isinstance(CODERS["tilista"], Coder)
    assert samples(signs()).scale.shape == (1, 7)
