import math

import numpy as np
import pytest

import witnesses
from instances import planted
from kizu import parameters, robust_pca


def test_lam_is_that_of_the_theorem():
    assert parameters.default_lam(30, 120).value == pytest.approx(1 / math.sqrt(120))
    assert parameters.default_lam(120, 30, 0.25).value == pytest.approx(2 / math.sqrt(120))
    assert "p = share of known entries" in parameters.default_lam(120, 30, 0.25).why


def test_thresholds_follow_the_noise():
    edge, clip = parameters.stable_thresholds(100, 400, 0.5, 0.05, 0.25)
    assert edge.value == pytest.approx(0.5 * (10 + 20) * 0.5)
    assert clip.value == pytest.approx(0.05 * edge.value)


def test_the_edge_is_the_norm_of_pure_noise():
    noise = 0.5 * np.random.default_rng(0).standard_normal((200, 800))
    edge, _ = parameters.stable_thresholds(200, 800, 0.5, 0.05)
    assert np.linalg.norm(noise, 2) == pytest.approx(edge.value, rel=0.03)


@pytest.fixture(scope="module")
def dense():
    return planted(0, shape=(30, 24), rank=2, sigma=0.1).X


def test_below_the_lower_cliff_the_background_is_empty(dense):
    low, _ = witnesses.cliffs(dense)
    inside = robust_pca(dense, noise=None, lam=0.98 * low)
    assert inside.rank == 0
    np.testing.assert_array_equal(inside.anomaly, dense)
    assert robust_pca(dense, noise=None, lam=1.1 * low).rank > 0


def test_above_the_upper_cliff_the_anomaly_is_empty(dense):
    _, high = witnesses.cliffs(dense)
    beyond = robust_pca(dense, noise=None, lam=1.02 * high)
    assert not beyond.anomaly.any()
    np.testing.assert_allclose(beyond.background, dense, atol=1e-5)
    assert robust_pca(dense, noise=None, lam=0.9 * high).anomaly.any()


def edge_of(data):
    """The noise scale at which the stable background vanishes, by bisection of the stated condition."""

    def empty(sigma):
        lam = parameters.default_lam(*data.shape).value
        edge, clip = parameters.stable_thresholds(*data.shape, sigma, lam)
        return witnesses.stable_cliffs(data, edge.value, clip.value)[0]

    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if empty(middle) else (middle, high)
    return high


def test_beyond_the_stable_cliff_the_background_is_empty(dense):
    sigma = edge_of(dense)
    assert robust_pca(dense, noise=1.01 * sigma, tol=1e-7).rank == 0
    assert robust_pca(dense, noise=0.98 * sigma, tol=1e-7).rank > 0


def test_beyond_the_other_stable_cliff_the_anomaly_is_empty(dense):
    lam = 0.5 * np.abs(dense).max() / np.linalg.norm(dense, 2)
    edge, clip = parameters.stable_thresholds(*dense.shape, 1.0, lam)
    sigma = np.abs(dense).max() / clip.value
    for factor, empty in [(1.01, True), (0.99, False)]:
        found = robust_pca(dense, noise=factor * sigma, lam=lam, tol=1e-7)
        assert found.rank == 0
        assert (not found.anomaly.any()) == empty
        assert witnesses.stable_cliffs(dense, factor * sigma * edge.value, factor * sigma * clip.value) == (
            True,
            empty,
        )


@pytest.mark.parametrize("sigma", [0.1, 3.0])
def test_sigma_of_known_noise(sigma):
    still = np.repeat(100 * np.random.default_rng(1).random((1, 500)), 100, axis=0)
    noise = sigma * np.random.default_rng(0).standard_normal((100, 500))
    assert parameters.sigma_from_differences(still + noise).value == pytest.approx(sigma, rel=0.02)
    assert parameters.sigma_from_residual(noise).value == pytest.approx(sigma, rel=0.02)


def test_unknown_entries_do_not_enter_sigma():
    noise = np.random.default_rng(0).standard_normal((100, 200))
    known = np.random.default_rng(1).random(noise.shape) < 0.6
    spoilt = np.where(known, noise, 1e9)
    assert parameters.sigma_from_differences(spoilt, known).value == pytest.approx(1.0, rel=0.05)


def test_one_sample_has_no_differences():
    found = parameters.sigma_from_differences(np.ones((1, 5)))
    assert found.value == 0.0
    assert "fewer than two samples" in found.why


def test_the_hard_threshold_at_known_noise():
    assert parameters.gavish_donoho(100, 100, 2.0).value == pytest.approx(4 / math.sqrt(3) * 10 * 2.0)


def test_the_hard_threshold_at_unknown_noise():
    # Gavish & Donoho (2014), abstract: 2.858 times the median singular value for a square matrix
    assert parameters.gavish_donoho_unknown(50, 50, np.array([1.0, 2.0, 3.0])).value == pytest.approx(
        2 * 2.858, abs=0.01
    )


def test_the_hard_thresholds_agree_on_noise():
    noise = np.random.default_rng(0).standard_normal((300, 300))
    values = np.linalg.svd(noise, compute_uv=False)
    known, unknown = parameters.gavish_donoho(300, 300, 1.0), parameters.gavish_donoho_unknown(300, 300, values)
    assert unknown.value == pytest.approx(known.value, rel=0.03)
    assert values[0] < known.value
