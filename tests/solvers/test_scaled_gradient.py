import numpy as np
import pytest

from instances import planted
from kizu.solvers import scaled_gradient as sg
from kizu.solvers.iteration import iterate

SHAPES = [(60, 60), (80, 40), (40, 80)]
FORMS = [sg.ScaledGradient, sg.Decaying]
ALGEBRAS = {"products": sg.PRODUCTS, "exact": sg.EXACT}


def matrix(seed=0, shape=(60, 60), rank=3):
    """5 % outliers as large as the background."""
    return planted(seed, shape=shape, rank=rank, share=0.05, amplitude=(0.0, 2.0))


def error(state, made):
    return np.linalg.norm(state.background - made.background) / np.linalg.norm(made.background)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_background_comes_back(form, shape):
    made = matrix(shape=shape, rank=2)
    errors = [error(iterate(form(2), made.X, count), made) for count in (0, 8, 16, 40)]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 1e-3
    assert errors[3] < 1e-6


@pytest.mark.parametrize("algebra", ALGEBRAS.values(), ids=ALGEBRAS)
@pytest.mark.parametrize("spare", [1, 4])
def test_a_rank_too_large_keeps_a_few_outliers_and_is_seen(algebra, spare):
    made = matrix()
    found = iterate(sg.ScaledGradient(3 + spare, algebra=algebra), made.X, 16)
    assert error(found, made) < 0.1
    values = np.linalg.svd(found.background, compute_uv=False)
    assert values[3] < values[2] / sg.GAP


def test_products_find_what_decompositions_find():
    X = matrix().X
    products, exact = (iterate(sg.ScaledGradient(3, algebra=one), X, 12).background for one in (sg.PRODUCTS, sg.EXACT))
    np.testing.assert_allclose(products, exact, rtol=0, atol=1e-7 * np.abs(exact).max())


def test_both_factors_move_from_the_old_ones():
    """One step, written out."""
    X, iteration = matrix(shape=(20, 15)).X, sg.ScaledGradient(3, algebra=sg.EXACT)
    state = iteration.init(X, iteration.numbers(0))
    left, right, scale, _ = (np.asarray(part) for part in state)
    assert scale.item() == np.abs(X).mean()
    rest = X - scale * left @ right.T
    sparse = np.sign(rest) * np.maximum(np.abs(rest) - 0.5 * scale, 0)
    slope = (scale * left @ right.T + sparse - X) / scale
    after = iteration.step(X, state, {"threshold": 0.5, "step_size": 0.7})
    np.testing.assert_allclose(after.left, left - 0.7 * slope @ right @ np.linalg.inv(right.T @ right), rtol=1e-4)
    np.testing.assert_allclose(after.right, right - 0.7 * slope.T @ left @ np.linalg.inv(left.T @ left), rtol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_a_power_of_two_changes_no_bit(form):
    X = matrix().X
    one = iterate(form(3), X, 10).background
    for exponent in (-7, 5):
        np.testing.assert_array_equal(iterate(form(3), np.ldexp(X, exponent), 10).background, np.ldexp(one, exponent))
    np.testing.assert_allclose(iterate(form(3), 10 * X, 10).background, 10 * one, rtol=0, atol=1e-11)


def test_matrices_side_by_side_are_split_each_on_its_own():
    X = np.stack([matrix(seed).X * 3.0**seed for seed in range(3)])
    together = iterate(sg.ScaledGradient(3), X, 6).background
    for data, found in zip(X, together, strict=True):
        alone = iterate(sg.ScaledGradient(3), data, 6).background
        np.testing.assert_allclose(found, alone, rtol=0, atol=1e-12 * np.abs(alone).max())


def test_the_two_schedules_are_one_before_training():
    X = matrix().X
    one, other = (iterate(form(3), X, 7).background for form in FORMS)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_zeros_and_ranks_that_are_not_there_are_finite():
    lone = np.zeros((9, 7))
    lone[2, 3] = 5.0
    for X in (np.zeros((9, 7)), lone, np.ones((9, 7))):
        for algebra in ALGEBRAS.values():
            found = iterate(sg.ScaledGradient(4, algebra=algebra), X, 30).background
            assert np.isfinite(found).all()
    np.testing.assert_allclose(iterate(sg.ScaledGradient(4), np.ones((9, 7)), 60).background, 1.0, atol=1e-6)


def test_arrays_of_other_libraries_give_the_same(xp):
    X = matrix().X
    found = iterate(sg.ScaledGradient(3), xp.asarray(X), 8).background
    expected = iterate(sg.ScaledGradient(3), X, 8).background
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_subspace_iteration_finds_singular_vectors_in_order():
    X = matrix(rank=3).background
    left, right = sg.leading_by_products(X, 3)
    np.testing.assert_allclose(left @ right.T, X, atol=1e-10)
    lengths = np.linalg.norm(left, axis=0)
    np.testing.assert_allclose(lengths, np.linalg.norm(right, axis=0))
    np.testing.assert_allclose(lengths**2, np.linalg.svd(X, compute_uv=False)[:3], rtol=1e-2)


def test_newton_inverts():
    draw = np.random.default_rng(0)
    factor = draw.standard_normal((30, 5))
    gram = (factor / np.linalg.norm(factor, axis=0)).T @ (factor / np.linalg.norm(factor, axis=0))
    np.testing.assert_allclose(sg.inverse_by_newton(gram) @ gram, np.eye(5), atol=1e-10)


@pytest.mark.parametrize("rank", [1, 3, 8])
@pytest.mark.parametrize("amplitude", [1.0, 10.0])
def test_the_rank_is_seen_through_outliers(rank, amplitude):
    made = planted(1, shape=(120, 90), rank=rank, share=0.1, amplitude=(0.0, amplitude))
    found = sg.estimate_rank(made.X)
    assert found.value == rank
    assert "times the next" in found.why


def test_without_a_gap_the_guess_counts():
    found = sg.estimate_rank(np.random.default_rng(0).standard_normal((40, 30)))
    assert found.value == 2
    assert "no gap" in found.why


def test_the_rank_of_little_is_at_least_one():
    for X in (np.zeros((5, 4)), np.ones((1, 6)), np.eye(3)):
        assert 1 <= sg.estimate_rank(X).value <= min(X.shape)
