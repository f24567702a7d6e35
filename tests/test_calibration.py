import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kizu import calibration


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def test_mad_is_the_deviation_of_normal_noise():
    assert calibration.mad(3.0 + 2.0 * normal(0, 100_000)) == pytest.approx(2.0, rel=0.01)


@given(st.integers(0, 10**6), st.floats(0.1, 100), st.floats(-100, 100))
def test_mad_scales_and_does_not_see_shifts(seed, scale, shift):
    x = normal(seed, 51)
    assert calibration.mad(scale * x + shift) == pytest.approx(scale * calibration.mad(x), rel=1e-9)


def test_mad_ignores_a_third_of_outliers():
    x = normal(0, 9_000)
    x[:3000] = 1e9
    assert calibration.mad(x) < 3.0


def test_mad_of_nothing():
    assert calibration.mad(np.zeros(0)) == 0.0


def test_scales_lean_on_the_common_one_when_samples_are_few():
    own = np.array([0.0, 1.0, 4.0])
    np.testing.assert_allclose(calibration.shrunken_scale(own, 1.0, 10), np.sqrt((own**2 + 1) / 2))
    np.testing.assert_allclose(calibration.shrunken_scale(own, 1.0, 0), 1.0)
    np.testing.assert_allclose(calibration.shrunken_scale(own, 1.0, 10**9), own, atol=1e-3)


@pytest.mark.parametrize("dof", [3.0, 8.0, 1e4])
def test_the_null_finds_its_law(dof):
    null = calibration.fit_null(2.0 * stats.t.rvs(dof, size=400_000, random_state=0))
    for z in (2.0, 5.0, 9.0):
        true = 2 * stats.t.sf(z / 2.0, dof)
        assert math.log(null.p_value(np.array(z)) / true) == pytest.approx(0, abs=0.05 * z)


def test_a_few_anomalies_do_not_widen_the_null():
    z = normal(0, 200_000)
    clean, spoilt = calibration.fit_null(z), calibration.fit_null(np.concatenate([z, np.full(4000, 8.0)]))
    assert spoilt.scale == pytest.approx(clean.scale, rel=0.03)


@given(st.integers(0, 10**6))
def test_p_values_fall_with_size_and_do_not_see_signs(seed):
    null = calibration.Null(scale=1.3, dof=7.0)
    z = np.sort(np.abs(normal(seed, 50)))
    p = null.p_value(z)
    assert ((p > 0) & (p <= 1)).all()
    assert (np.diff(p) <= 0).all()
    np.testing.assert_array_equal(p, null.p_value(-z))


def test_without_any_spread_every_difference_is_infinitely_odd():
    null = calibration.fit_null(np.array([0.0, 0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(null.p_value(np.array([0.0, 1e-9])), [1.0, 0.0])
    assert calibration.fit_null(np.zeros(0)).scale == 0.0


def test_more_samples_make_scales_more_certain():
    dofs = [calibration.scale_dof(n) for n in (10, 100, 1000)]
    assert dofs == sorted(dofs)
    assert dofs[0] > calibration.LEAST_DOF
    assert dofs[2] == pytest.approx(1000 / (2 * 1.361), rel=0.03)


def test_the_degrees_of_freedom_describe_measured_scales():
    count = 60
    x = normal(0, count, 40_000)
    scale = np.sqrt((count * np.apply_along_axis(calibration.mad, 0, x) ** 2 + 10) / (count + 10))
    fresh = normal(1, 40_000) / scale
    tail = 3.5
    law = 2 * stats.t.sf(tail, calibration.scale_dof(count))
    assert (np.abs(fresh) > tail).mean() == pytest.approx(law, rel=0.35)


def test_benjamini_hochberg_by_hand():
    p = np.array([0.001, 0.011, 0.02, 0.9, 0.039])
    assert calibration.benjamini_hochberg(p, 0.05) == 0.039
    assert calibration.benjamini_hochberg(p, 0.01) == 0.001
    assert calibration.benjamini_hochberg(np.array([0.5, 0.9]), 0.05) == -1.0


@given(st.integers(0, 10**6))
def test_benjamini_hochberg_is_scipys(seed):
    draw = np.random.default_rng(seed)
    p = draw.random(40) ** draw.integers(1, 6)
    limit = calibration.benjamini_hochberg(p, 0.1)
    np.testing.assert_array_equal(p <= limit, stats.false_discovery_control(p) <= 0.1)


def test_the_rate_is_kept_over_many_draws():
    false = []
    for seed in range(200):
        p = np.random.default_rng(seed).random(1000)
        p[:100] = 0.0
        hit = p <= calibration.benjamini_hochberg(p, 0.1)
        false.append(hit[100:].sum() / hit.sum())
    assert np.mean(false) == pytest.approx(0.09, abs=0.01)
