"""Principal component pursuit in factors: the same path as with singular value decompositions, and the same end."""

import numpy as np
import pytest
import torch

from instances import planted
from kizu.prox import singular_value_threshold
from kizu.solvers.factored_pcp import FactoredLagrangian
from kizu.solvers.iteration import iterate
from kizu.solvers.pcp_steps import InexactLagrangian
from kizu.solvers.scaled_gradient import EXACT


def matrix(seed=0, shape=(60, 45)):
    return planted(seed, shape=shape, rank=3, share=0.08, amplitude=(2.0, 5.0))


def off(one, other):
    return np.linalg.norm(one - other) / np.linalg.norm(other)


@pytest.mark.parametrize("threshold", [0.5, 5.0, 20.0])
def test_sweeps_converge_to_singular_value_thresholding(threshold):
    rng = np.random.default_rng(0)
    sought = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 20)) + 0.1 * rng.normal(size=(30, 20))
    iteration, (left, right) = FactoredLagrangian(20), EXACT.leading(sought, 20)
    for _ in range(400):  # slow only where a singular value is at the threshold
        left = iteration._fitted(sought, right, threshold)
        right = iteration._fitted(sought.T, left, threshold)
    best = singular_value_threshold(sought, threshold)
    assert np.linalg.norm(left @ right.T - best) < 1e-3 * np.linalg.norm(sought)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rank", [3, 5, 12])
def test_it_ends_where_the_textbook_does_also_with_rank_to_spare(seed, rank):
    """Scaled gradient descent would keep outliers in a spare column."""
    made = matrix(seed)
    textbook = iterate(InexactLagrangian(), made.X, 30).background
    factored = iterate(FactoredLagrangian(rank), made.X, 30)
    assert off(factored.background, made.background) < 1e-3 + 1.5 * off(textbook, made.background)
    np.testing.assert_allclose(
        factored.background + factored.textbook.anomaly, made.X, atol=1e-3 * np.abs(made.X).max()
    )


def test_arrays_of_another_library_and_matrices_side_by_side_give_the_same():
    both = np.stack([matrix(0).X, matrix(1).X])
    alone = [iterate(FactoredLagrangian(5), X, 12).background for X in both]
    together = iterate(FactoredLagrangian(5), torch.from_numpy(both), 12).background.numpy()
    for one, other in zip(alone, together, strict=True):
        assert off(other, one) < 1e-12


@pytest.mark.parametrize("X", [np.zeros((6, 5)), np.ones((6, 5)), np.eye(6)], ids=["zeros", "rank one", "ties"])
def test_it_stays_finite(X):
    state = iterate(FactoredLagrangian(4), X, 20)
    assert np.isfinite(state.background).all()
    assert np.isfinite(state.textbook.anomaly).all()


def test_the_first_threshold_is_the_textbook_s():
    """One step from the exact leading part, which has all singular values, is one step of the textbook, nearly."""
    X = matrix(shape=(30, 20)).X
    textbook = iterate(InexactLagrangian(), X, 1)
    factored = iterate(FactoredLagrangian(20, algebra=EXACT), X, 1)
    np.testing.assert_allclose(factored.textbook.unit, textbook.unit, rtol=1e-9)
    assert off(factored.background, textbook.background) < 0.1
