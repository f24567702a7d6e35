"""Atoms for given codes: every step goes down, to the minimum, and no sum depends on threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.engines.threads import Threads
from kizu.solvers.dictionary import Sums, normalised, step, sums, sweeps


def drawn(seed, *, samples=60, atoms=6, features=9):
    rng = np.random.default_rng(seed)
    codes = np.where(rng.random((samples, atoms)) < 0.4, rng.standard_normal((samples, atoms)), 0.0)
    data = codes @ rng.standard_normal((atoms, features)) + 0.1 * rng.standard_normal((samples, features))
    start = rng.standard_normal((atoms, features))
    return start / np.linalg.norm(start, axis=1, keepdims=True), codes, data


def loss(atoms, codes, data):
    return 0.5 * ((data - codes @ atoms) ** 2).sum()


@given(seed=st.integers(0, 2**32 - 1), positive=st.booleans())
def test_a_step_never_goes_up_and_keeps_the_constraints(seed, positive):
    atoms, codes, data = drawn(seed)
    atoms = np.abs(atoms) if positive else atoms
    given_ = sums(codes, data)
    value = loss(atoms, codes, data)
    for _ in range(5):
        atoms = step(atoms, given_, positive=positive)
        assert loss(atoms, codes, data) <= value * (1 + 1e-12)
        value = loss(atoms, codes, data)
    assert np.linalg.norm(atoms, axis=1).max() <= 1 + 1e-12
    assert not positive or atoms.min() >= 0


@pytest.mark.parametrize("positive", [False, True])
def test_many_steps_find_the_minimum(positive):
    atoms, codes, data = drawn(3)
    found = sweeps(atoms, sums(codes, data), positive=positive, count=2000)
    size = np.linalg.norm(codes, 2) ** 2
    slow = np.abs(atoms) if positive else atoms
    for _ in range(20_000):
        slow = slow + codes.T @ (data - codes @ slow) / size
        slow = np.maximum(slow, 0) if positive else slow
        slow = slow / np.maximum(np.linalg.norm(slow, axis=1, keepdims=True), 1)
    np.testing.assert_allclose(found, slow, atol=1e-8)


def test_atoms_that_nobody_uses_stay():
    atoms, codes, data = drawn(0)
    codes[:, 2] = 0
    np.testing.assert_array_equal(step(atoms, sums(codes, data))[2], atoms[2])


def test_sums_are_products_in_float64_on_any_number_of_threads():
    _, codes, data = drawn(0, samples=10_000)
    one, three = (sums(codes.astype("f4"), data.astype("f4"), engine=Threads(jobs)) for jobs in (1, 3))
    np.testing.assert_array_equal(one.codes, three.codes)
    np.testing.assert_array_equal(one.data, three.data)
    np.testing.assert_allclose(one.codes, codes.T @ codes, rtol=1e-5)
    np.testing.assert_allclose(one.data, codes.T @ data, rtol=1e-4, atol=1e-2)
    assert one.codes.dtype == one.data.dtype == np.float64
    assert one.weight == 10_000


def test_sums_can_be_joined_and_aged():
    _, codes, data = drawn(0)
    whole, parts = sums(codes, data), [sums(codes[p], data[p]) for p in (slice(0, 20), slice(20, None))]
    for a, b in zip(parts[0].joined(parts[1]), whole, strict=True):
        np.testing.assert_allclose(a, b)
    assert isinstance(whole.aged(0.5), Sums)
    np.testing.assert_array_equal(whole.aged(0.5).codes, whole.codes / 2)


def test_normalised_atoms_say_the_same():
    atoms, codes, _ = drawn(0)
    atoms *= np.linspace(0, 0.9, len(atoms))[:, None]
    unit, scaled = normalised(atoms, codes)
    np.testing.assert_allclose(np.linalg.norm(unit[1:], axis=1), 1)
    np.testing.assert_array_equal(unit[0], 0)
    np.testing.assert_allclose(scaled @ unit, codes @ atoms)
    assert (np.abs(scaled) <= np.abs(codes)).all()
