"""HyperLISTA finds planted codes, scales with its samples, and is tuned by seeds; its weight is the reference's."""

import numpy as np
import pytest

from kizu.solvers.analytic_weight import analytic_weight, coherence
from kizu.solvers.hyper_lista import HyperLista, Tuned, tune
from kizu.solvers.iteration import iterate

FEATURES, ATOMS = 48, 80
NUMBERS = 0.02, 0.005, 0.1


def problem(seed=0, count=60):
    draw = np.random.default_rng(seed)
    A = np.random.default_rng(9).standard_normal((FEATURES, ATOMS))
    A /= np.linalg.norm(A, axis=0)
    codes = np.where(draw.random((ATOMS, count)) < 0.06, draw.standard_normal((ATOMS, count)), 0.0)
    return A, A @ codes, codes


def test_weight_is_least_coherent_and_has_a_unit_diagonal():
    A = problem()[0]
    W = analytic_weight(A)
    np.testing.assert_allclose(np.sum(W * A, axis=0), 1.0, rtol=1e-12)
    draw, least = np.random.default_rng(0), np.sum((W.T @ A) ** 2)
    for size in (1e-1, 1e-3):
        step = size * draw.standard_normal(A.shape)
        step -= A * np.sum(step * A, axis=0)  # keeps the diagonal of unit atoms
        assert np.sum(((W + step).T @ A) ** 2) > least
    assert coherence(W, A) == pytest.approx(np.abs(W.T @ A - np.eye(ATOMS)).max())


def test_weight_is_that_of_the_reference(data):
    reference = np.load(data / "reference_networks" / "alista_m250_n500.npz")
    assert np.abs(analytic_weight(reference["D"].astype(np.float64)) - reference["W"]).max() < 1.1e-3


@pytest.mark.parametrize("atoms", [12, 80])
def test_weight_of_a_dictionary_that_does_not_span_its_space(atoms):
    A = problem()[0][:, :atoms].copy()
    A[-10:] = 0
    A[:, 3] = 0
    W = analytic_weight(A)
    np.testing.assert_allclose(np.delete(np.sum(W * A, axis=0), 3), 1.0, rtol=1e-10)
    assert not W[-10:].any() or np.abs(W[-10:]).max() < 1e-12
    assert not W[:, 3].any()


def test_one_step_is_the_formula():
    A, Y, _ = problem(count=1)
    found = HyperLista.over(A, *NUMBERS)
    one, two = (iterate(found, Y, k) for k in (1, 2))
    rest, inverse = Y - A @ one.x, np.linalg.pinv(A)
    left, whole = np.abs(inverse @ rest).sum(), np.abs(inverse @ Y).sum()
    ahead = one.x + analytic_weight(A).T @ rest + NUMBERS[1] * np.count_nonzero(one.x) * one.x
    theta, passing = NUMBERS[0] * left, int(NUMBERS[2] * np.log(whole / left) * ATOMS)
    expected = np.sign(ahead) * np.maximum(np.abs(ahead) - theta, 0)
    largest = np.argsort(-np.abs(ahead[:, 0]))[:passing]
    expected[largest] = np.where(np.abs(ahead[largest]) > theta, ahead[largest], expected[largest])
    np.testing.assert_allclose(two.x, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("factor", [2.0**30, 2.0**-30, -1.0])
def test_codes_scale_with_the_sample(factor):
    A, Y, _ = problem()
    found = HyperLista.over(A, *NUMBERS)
    np.testing.assert_array_equal(iterate(found, factor * Y, 8).x, factor * iterate(found, Y, 8).x)


def test_zeros_stay_zeros_and_samples_are_apart():
    A, Y, _ = problem()
    found = HyperLista.over(A, *NUMBERS)
    Y[:, 0] = 0
    codes = iterate(found, Y, 8).x
    assert not codes[:, 0].any()
    np.testing.assert_allclose(iterate(found, Y[:, 5:6], 8).x, codes[:, 5:6], rtol=0, atol=1e-12)


def test_every_library_finds_the_same(xp):
    A, Y, _ = problem(count=5)
    found = iterate(HyperLista.over(xp.asarray(A), *NUMBERS), xp.asarray(Y), 6).x
    np.testing.assert_allclose(np.asarray(found), iterate(HyperLista.over(A, *NUMBERS), Y, 6).x, rtol=0, atol=1e-12)


def test_tuning_finds_the_codes_and_repeats():
    A, Y, codes = problem(0, 80)
    found = tune(A, Y, codes, layers=12, draws=60)
    assert isinstance(found, Tuned)
    assert found == tune(A, Y, codes, layers=12, draws=60)
    assert found.error < -25
    _, other, planted = problem(1, 80)
    x = iterate(HyperLista.over(A, *found[:3]), other, 12).x
    assert 10 * np.log10(np.sum((x - planted) ** 2) / np.sum(planted**2)) < -20
