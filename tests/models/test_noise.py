import numpy as np
import pytest

from instances import planted
from kizu import robust_pca
from kizu.models.noise import upper_sigma

MOST_BIAS = 1.2
"""The shrunken background leaves some of itself in the residual: sigma errs on the side of fewer flags."""


@pytest.mark.parametrize("sigma", [0.03, 0.3, 3.0])
@pytest.mark.parametrize("shape", [(200, 200), (40, 1000), (1000, 60)])
def test_known_noise_is_measured(shape, sigma):
    found = robust_pca(planted(0, shape=shape, share=0.02, amplitude=(0, 10), sigma=sigma).X)
    assert 0.98 * sigma <= found.sigma <= MOST_BIAS * sigma
    assert found.parameters["sigma"].why == "1.4826 · MAD of M − L, fitted and estimated in turn"


def test_missing_entries_do_not_enter():
    X = planted(0, sigma=0.3).X
    observed = np.random.default_rng(1).random(X.shape) < 0.7
    assert robust_pca(np.where(observed, X, 1e9), observed=observed).sigma <= MOST_BIAS * 0.3


@pytest.mark.parametrize("seed", range(3))
def test_no_noise_is_said(seed):
    found = robust_pca(planted(seed).X)
    assert found.sigma == 0.0
    assert found.support is not None


def test_the_first_value_is_from_above():
    made = planted(0, sigma=0.3)
    assert upper_sigma(made.X, None) > 0.3
    moving = np.cumsum(np.ones((100, 50)), axis=0) + 0.3 * np.random.default_rng(0).standard_normal((100, 50))
    assert upper_sigma(moving, None) == pytest.approx(0.3, rel=0.1)


def test_the_first_value_of_few_different_entries_is_their_spread():
    sparse = np.zeros((20, 20))
    sparse[3, 4] = 1.0
    assert upper_sigma(sparse, None) == pytest.approx(np.std(sparse))
