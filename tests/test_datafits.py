"""Every datafit by its definition. A new one adds one row to DATAFITS."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizu.arrays import to_numpy
from kizu.datafits import Datafit, Huber, Masked, Quadratic
from kizu.errors import ParameterError, ShapeError

DATAFITS = {
    "quadratic": lambda y, draw: Quadratic(y),
    "masked": lambda y, draw: Masked(y, draw.random(y.shape) < 0.7),
    "huber": lambda y, draw: Huber(y, 0.8),
}
everyone = pytest.mark.parametrize("make", DATAFITS.values(), ids=DATAFITS)
seeds = st.integers(0, 2**32 - 1)
many = settings(max_examples=200)


def drawn(make, seed):
    """A datafit, two predictions, and a step size."""
    draw = np.random.default_rng(seed)
    y, z, other = 2 * draw.standard_normal((3, 6, 2))
    return make(y, draw), z, other, draw.uniform(0.05, 5)


def test_every_datafit_is_tested():
    draw = np.random.default_rng(0)
    assert {type(make(np.ones(3), draw)) for make in DATAFITS.values()} == set(Datafit.__subclasses__())


@everyone
@many
@given(seed=seeds)
def test_gradient_is_the_slope_of_a_convex_value_and_1_lipschitz(make, seed):
    fit, z, other, _ = drawn(make, seed)
    slope, there = fit.gradient(z), fit.gradient(other)
    inner = np.sum(slope * (other - z))
    assert fit.value(other) >= fit.value(z) + inner - 1e-12
    assert fit.value(other) <= fit.value(z) + inner + 0.5 * np.sum((other - z) ** 2) + 1e-12
    assert np.linalg.norm(there - slope) <= np.linalg.norm(other - z) * (1 + 1e-12)


@everyone
@many
@given(seed=seeds)
def test_prox_is_where_its_gradient_vanishes(make, seed):
    fit, z, _, step_size = drawn(make, seed)
    u = fit.prox(z, step_size)
    np.testing.assert_allclose(step_size * fit.gradient(u) + u - z, 0, atol=1e-12)


@everyone
@many
@given(seed=seeds, scale=st.floats(0, 1))
def test_the_dual_formula_is_a_lower_bound_and_meets_the_value(make, seed, scale):
    fit, z, other, _ = drawn(make, seed)
    theta = -fit.gradient(z)
    # f(z) = ⟨θ, y − z⟩ − ½‖θ‖² at its own θ, and no θ of a gradient, scaled down, gives more anywhere.
    assert fit.inner(theta) - np.sum(theta * z) - 0.5 * np.sum(theta**2) == pytest.approx(fit.value(z), abs=1e-12)
    small = scale * theta
    assert fit.inner(small) - np.sum(small * other) - 0.5 * np.sum(small**2) <= fit.value(other) + 1e-12


@everyone
def test_parts_add_up(make):
    fit, z, _, _ = drawn(make, 0)
    rows = np.arange(6)
    parts = [fit.part(rows[:2]).value(z[:2]), fit.part(rows[2:]).value(z[2:])]
    assert sum(parts) == pytest.approx(fit.value(z), rel=1e-14)


@everyone
def test_array_libraries_agree(make, xp):
    fit, z, _, step_size = drawn(make, 0)
    fields = {name: xp.asarray(value) for name, value in vars(fit).items() if name != "tau"}
    there = type(fit)(**fields, **({"tau": fit.tau} if isinstance(fit, Huber) else {}))
    for name in ("value", "gradient"):
        found = to_numpy(getattr(there, name)(xp.asarray(z)))
        np.testing.assert_allclose(found, getattr(fit, name)(z), rtol=1e-13)
    np.testing.assert_allclose(to_numpy(there.prox(xp.asarray(z), step_size)), fit.prox(z, step_size), rtol=1e-13)


def test_unknown_entries_change_nothing():
    y, known = np.arange(6.0), np.array([1, 1, 0, 1, 0, 1], bool)
    holes = Masked(np.where(known, y, np.nan), known)
    other = Masked(np.where(known, y, 1e300), known)
    z = np.linspace(0, 2, 6)
    assert holes.value(z) == other.value(z)
    np.testing.assert_array_equal(holes.gradient(z), other.gradient(z))
    np.testing.assert_array_equal(holes.prox(z, 2.0), other.prox(z, 2.0))
    assert holes.inner(-holes.gradient(z)) == other.inner(-other.gradient(z))


def test_integers_become_floats():
    assert Quadratic(np.arange(4, dtype=np.uint8)).gradient(np.full(4, 9.0)).dtype == np.float64
    assert Quadratic(np.ones(4, np.float32)).y.dtype == np.float32
    assert Quadratic([1, 2]).value(np.zeros(2)) == 2.5


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"^observed: observed has shape \(3,\), y has \(4,\)"):
        Masked(np.ones(4), np.ones(3, bool))
    for tau in (0, np.float32(-1), "a", None):
        with pytest.raises(ParameterError, match=r"^tau: got .* Use a number above 0"):
            Huber(np.ones(4), tau)
