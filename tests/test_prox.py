"""Each operator against its own definition, over shapes, thresholds and 200 orders of magnitude."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.prox import (
    differences,
    group_norms,
    group_soft_threshold,
    hard_threshold,
    mcp_threshold,
    scad_threshold,
    shrink,
    signed_soft_threshold,
    singular_value_threshold,
    soft_threshold,
    support_threshold,
    total_variation_threshold,
)


def clip_rows(x, radius):
    norms = np.linalg.norm(x, axis=-1, keepdims=True)
    return x * np.minimum(1.0, radius / norms)


def clip_singular_values(x, radius):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return (u * np.minimum(s, radius)) @ vh


def group_by_rows(x, threshold):
    return group_soft_threshold(x, threshold, axis=-1)


# Moreau: x = prox_tf(x) + what is left, and what is left is a projection (for norms) or a scaling.
RESIDUALS = [
    (soft_threshold, lambda x, t: np.clip(x, -t, t)),
    (group_by_rows, clip_rows),
    (singular_value_threshold, clip_singular_values),
    (shrink, lambda x, t: x * (t / (1 + t))),
]
OPERATORS = [operator for operator, _ in RESIDUALS]

matrices = st.builds(
    lambda seed, rows, columns, exponent: 10.0**exponent * np.random.default_rng(seed).standard_normal((rows, columns)),
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(-100, 100),
)


@pytest.mark.parametrize(("operator", "residual"), RESIDUALS)
@given(x=matrices, ratio=st.floats(0, 3))
def test_moreau(operator, residual, x, ratio):
    t = ratio * np.abs(x).max()
    np.testing.assert_allclose(operator(x, t) + residual(x, t), x, rtol=1e-12, atol=1e-13 * np.abs(x).max())


@pytest.mark.parametrize("operator", OPERATORS)
@given(x=matrices)
def test_threshold_zero_changes_nothing(operator, x):
    np.testing.assert_allclose(operator(x, 0.0), x, rtol=0, atol=1e-13 * np.linalg.norm(x))


@pytest.mark.parametrize("operator", OPERATORS)
@given(x=matrices)
def test_infinite_threshold_leaves_nothing(operator, x):
    assert not np.any(operator(x, np.inf))


@pytest.mark.parametrize("operator", OPERATORS)
@given(x=matrices, ratios=st.tuples(st.floats(0, 3), st.floats(0, 3)))
def test_norm_falls_as_the_threshold_grows(operator, x, ratios):
    small, large = (np.linalg.norm(operator(x, ratio * np.abs(x).max())) for ratio in sorted(ratios))
    assert large <= small * (1 + 1e-12)


@pytest.mark.parametrize("operator", OPERATORS)
@given(x=matrices, ratio=st.floats(0, 3))
def test_odd(operator, x, ratio):
    t = ratio * np.abs(x).max()
    np.testing.assert_allclose(operator(-x, t), -operator(x, t), rtol=0, atol=1e-13 * np.linalg.norm(x))


@pytest.mark.parametrize("operator", OPERATORS)
def test_input_is_not_changed(operator):
    x = np.random.default_rng(0).standard_normal((4, 5))
    x.flags.writeable = False
    before = x.copy()
    operator(x, 0.3)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("operator", [soft_threshold, group_by_rows, shrink])
def test_nan_stays_nan(operator):
    x = np.array([[1.0, np.nan], [2.0, 3.0]])
    assert np.isnan(operator(x, 0.5)[0, 1])
    assert np.isfinite(operator(x, 0.5)[1]).all()


@given(x=matrices, ratio=st.floats(0.01, 3))
def test_singular_value_threshold_commutes_with_rotations(x, ratio):
    rng = np.random.default_rng(1)
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for n in x.shape)
    t = ratio * np.abs(x).max()
    turned = singular_value_threshold(left @ x @ right, t)
    np.testing.assert_allclose(
        turned, left @ singular_value_threshold(x, t) @ right, rtol=0, atol=1e-12 * np.linalg.norm(x)
    )


@pytest.mark.parametrize("operator", OPERATORS)
def test_threshold_may_be_an_array_of_its_own(operator):
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_array_equal(operator(x, np.array(0.3)), operator(x, 0.3))


@pytest.mark.parametrize("exponent", [-30, 30])
def test_group_norms_survive_the_ends_of_float32(exponent):
    x = np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32) * np.float32(10.0**exponent)
    np.testing.assert_allclose(group_norms(x, axis=-1), [[5.0 * 10.0**exponent], [0.0]], rtol=1e-6)
    np.testing.assert_allclose(group_norms(x.T, axis=-2).T, group_norms(x, axis=-1), rtol=1e-6)


@given(x=matrices, ratio=st.floats(0, 3))
def test_equal_signs_cost_the_same(x, ratio):
    t = ratio * np.abs(x).max()
    np.testing.assert_allclose(signed_soft_threshold(x, t, t), soft_threshold(x, t), rtol=1e-15, atol=0)


@given(x=matrices, ratio=st.floats(0, 3))
def test_hard_threshold_keeps_or_kills(x, ratio):
    t = ratio * np.abs(x).max()
    np.testing.assert_array_equal(hard_threshold(x, t), x * (np.abs(x) > t))


@given(x=matrices, step=st.floats(0.01, 0.99))
def test_nonconvex_thresholds_lie_between_soft_and_hard(x, step):
    lam = np.median(np.abs(x))
    for found in (mcp_threshold(x, lam, 1.0, step), scad_threshold(x, lam, 2.5, step)):
        assert np.all(np.abs(found) <= np.abs(x) * (1 + 1e-12))
        assert np.all(np.abs(found) >= np.abs(soft_threshold(x, step * lam)) * (1 - 1e-12))
        large = np.abs(x) > 2.5 * lam
        np.testing.assert_array_equal(found[large], x[large])


@given(x=matrices, ratio=st.floats(0, 3))
def test_total_variation_keeps_the_mean_and_ends_flat(x, ratio):
    t = ratio * np.abs(x).max()
    assert total_variation_threshold(x, t).mean() == pytest.approx(x.mean(), abs=1e-9 * np.abs(x).max())
    flat = total_variation_threshold(x, np.inf)
    np.testing.assert_allclose(flat, np.full_like(x, x.mean()), rtol=0, atol=1e-5 * np.abs(x).max())


def test_differences_are_those_of_neighbours():
    x = np.array([[1.0, 4.0, 9.0], [2.0, 3.0, 5.0]])
    down, right = differences(x)
    np.testing.assert_array_equal(down, [[1, -1, -4], [0, 0, 0]])
    np.testing.assert_array_equal(right, [[3, 5, 0], [1, 2, 0]])


@given(x=matrices, ratio=st.floats(0, 1), share=st.floats(0, 1))
def test_support_selection_passes_the_largest_and_shrinks_the_rest(x, ratio, share):
    t = ratio * np.abs(x).max()
    found, size = support_threshold(x, t, share, axis=0), np.abs(x)
    for column in range(x.shape[1]):
        count = len(x) - int(np.ceil(len(x) - len(x) * share))
        largest = np.argsort(-size[:, column])[:count]
        expected = soft_threshold(x[:, column], t)
        expected[largest] = np.where(size[largest, column] > t, x[largest, column], expected[largest])
        np.testing.assert_array_equal(found[:, column], expected)


@given(x=matrices, ratio=st.floats(0, 3))
def test_support_selection_lies_between_soft_and_hard(x, ratio):
    t = ratio * np.abs(x).max()
    np.testing.assert_array_equal(support_threshold(x, t, 0.0, axis=-1), soft_threshold(x, t))
    np.testing.assert_array_equal(support_threshold(x, t, 1.0, axis=-1), hard_threshold(x, t))
    np.testing.assert_array_equal(support_threshold(x.T, t, 0.5, axis=0).T, support_threshold(x, t, 0.5, axis=1))


def test_support_selection_has_a_share_and_a_threshold_per_sample(xp):
    x = np.array([[3.0, 3.0, 3.0], [2.0, -2.0, 2.0], [1.0, 1.0, np.nan]])
    threshold, share = np.array([[0.5, 0.5, 0.5]]), np.array([[1 / 3, 1.0, 1 / 3]])
    found = support_threshold(xp.asarray(x), xp.asarray(threshold), xp.asarray(share), axis=0)
    np.testing.assert_array_equal(np.asarray(found), [[3.0, 3.0, 2.5], [1.5, -2.0, 1.5], [0.5, 1.0, np.nan]])


def test_support_selection_lets_equal_entries_pass_together():
    np.testing.assert_array_equal(support_threshold(np.array([2.0, -2.0, 1.0]), 0.5, 0.34, axis=0), [2.0, -2.0, 0.5])
