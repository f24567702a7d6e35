import warnings
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from instances import planted  # noqa: E402
from kizu.errors import ParameterError  # noqa: E402
from kizu.models.robust_pca import robust_pca  # noqa: E402
from kizu.networks.unfolded_pcp import ITERATIONS, unfolded_pcp  # noqa: E402
from kizu.prox import singular_value_threshold, soft_threshold  # noqa: E402
from kizu.solvers import pcp_steps  # noqa: E402
from kizu.solvers.iteration import iterate  # noqa: E402
from kizu.solvers.reference_prox import follow  # noqa: E402


def matrix(seed=0, shape=(30, 24)):
    return planted(seed, shape=shape, rank=2, share=0.08, amplitude=(2.0, 5.0))


@pytest.mark.parametrize("shape", [(30, 24), (20, 45)])
@pytest.mark.parametrize("count", [1, 6, 25])
def test_textbook_steps_are_the_iterations_of_robust_pca(shape, count):
    """The blocked form gives the L after its last step: that of one step more."""
    X = matrix(shape=shape).X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = robust_pca(X, noise=None, mode="fast", max_iter=count)
    textbook = iterate(pcp_steps.InexactLagrangian(), X, len(found.history) + 1).background
    assert np.linalg.norm(textbook - found.background) <= 1e-9 * np.linalg.norm(found.background)


@pytest.mark.parametrize("method", ITERATIONS)
def test_untrained_layers_are_iterations(method):
    X = matrix().X
    network = unfolded_pcp(method, 10)
    found = network(torch.from_numpy(X))
    looped = iterate(network.iteration, torch.from_numpy(X), 10)
    plain = iterate(replace(network.iteration, svt=singular_value_threshold), X, 10)
    for learned, same, close in zip(found, looped, plain, strict=True):
        assert torch.equal(learned, same)
        np.testing.assert_allclose(learned.detach(), close, rtol=0, atol=1e-12 * max(1.0, np.abs(close).max()))


def test_held_weight_converges_to_the_optimum():
    made = matrix()
    found = iterate(pcp_steps.HeldLagrangian(), made.X, 400)
    best = robust_pca(made.X, noise=None, tol=1e-9)
    np.testing.assert_allclose(found.background, best.background, atol=1e-4)


@pytest.mark.parametrize("method", ITERATIONS)
def test_every_layer_can_be_differentiated(method):
    """In all numbers together, of a matrix whose background has fewer dimensions than it."""
    X = torch.from_numpy(matrix(shape=(6, 4)).X)
    network = unfolded_pcp(method, 2)
    names = list(network.offsets)
    start = [network.offsets[name].detach().clone().requires_grad_() for name in names]

    def state(*offsets):
        values = {f"offsets.{name}": one for name, one in zip(names, offsets, strict=True)}
        found = torch.func.functional_call(network, values, (X,))
        return found.background, found.anomaly

    assert torch.autograd.gradcheck(state, start)


@pytest.mark.parametrize("method", ITERATIONS)
@pytest.mark.parametrize("X", [torch.zeros(5, 4), torch.eye(5), torch.ones(4, 6)], ids=["zeros", "ties", "rank one"])
def test_gradients_are_finite_at_ties_and_zeros(method, X):
    network = unfolded_pcp(method, 4)
    (network(X.double()).background ** 2).sum().backward()
    for offset in network.offsets.values():
        assert offset.grad is None or torch.isfinite(offset.grad).all()


@pytest.mark.parametrize("method", ITERATIONS)
def test_matrices_side_by_side_and_scale(method):
    X = torch.from_numpy(np.stack([matrix(seed).X for seed in range(2)]))
    network = unfolded_pcp(method, 5)
    together = network(X * torch.tensor([1.0, 4.0])[:, None, None]).background
    torch.testing.assert_close(together[0], network(X[0]).background, rtol=0, atol=1e-11)
    torch.testing.assert_close(together[1] / 4, network(X[1]).background, rtol=0, atol=1e-11)


def test_frames_follow_the_frame_before():
    """One step, written out; and without a pull it is plain ADMM."""
    X, iteration = matrix().X, pcp_steps.FollowedLagrangian(share=0.8, pull=0.5)
    numbers = iteration.numbers(0)
    before = iterate(iteration, X, 3)
    after = iteration.step(X, before, numbers)
    mu, lam = 0.25 / np.abs(X).mean(), 1 / np.sqrt(30)
    earlier = np.vstack([np.zeros((1, 24)), before.anomaly[:-1]])
    expected = follow(X - after.background + before.multiplier / mu, 0.8 * earlier, lam / mu, 0.5 * lam / mu)
    np.testing.assert_allclose(after.anomaly, expected, atol=1e-12)
    alone, free = (iterate(one, X, 9).anomaly for one in (pcp_steps.HeldLagrangian(), replace(iteration, pull=1e-13)))
    np.testing.assert_allclose(alone, free, atol=1e-9)


def test_unknown_methods_are_refused():
    with pytest.raises(ParameterError, match=r'"ialm" or "admm" or "video"'):
        unfolded_pcp("fista", 3)


# --- the proximal operator with a reference


def test_reference_prox_is_the_minimiser():
    draw = np.random.default_rng(0)
    grid = np.linspace(-16, 16, 64_001)
    for _ in range(40):
        x, w = draw.uniform(-6, 6, 2)
        a, b = draw.uniform(0, 3, 2) * draw.integers(0, 2, 2)
        value = a * np.abs(grid) + b * np.abs(grid - w) + 0.5 * (grid - x) ** 2
        found = float(follow(np.array([x]), np.array([w]), a, b)[0])
        assert a * abs(found) + b * abs(found - w) + 0.5 * (found - x) ** 2 <= value.min() + 1e-12
        assert abs(found - grid[value.argmin()]) <= 1e-3


def test_reference_prox_without_reference_is_soft(xp):
    x = xp.asarray(np.linspace(-3, 3, 41))
    np.testing.assert_array_equal(np.asarray(follow(x, xp.ones_like(x), 0.7, 0.0)), soft_threshold(np.asarray(x), 0.7))
    np.testing.assert_allclose(
        np.asarray(follow(x, xp.zeros_like(x), 0.7, 0.4)), soft_threshold(np.asarray(x), 1.1), atol=1e-15
    )


def test_reference_prox_can_be_differentiated():
    draw = np.random.default_rng(1)
    x, w = (torch.from_numpy(draw.uniform(-4, 4, 30)).requires_grad_() for _ in range(2))
    numbers = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.8, 0.5))
    assert torch.autograd.gradcheck(follow, (x, w, *numbers))
