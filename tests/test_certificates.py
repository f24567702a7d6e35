import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instances import CERTIFIED, SOLVERS, setup
from kizu import certificates
from witnesses import pcp_values, relative_gap, stable_values

SEEDS = st.integers(0, 2**32 - 1)


def anywhere(seed):
    """A random problem, background and dual point, none of them near an optimum."""
    draw = np.random.default_rng(seed)
    shape = tuple(draw.integers(1, 12, 2))
    known = draw.random(shape) < draw.choice([0.6, 2.0])
    data = np.where(known, draw.standard_normal(shape), 0.0)
    background = draw.choice([0.0, 0.1, 1.0, 10.0]) * draw.standard_normal(shape)
    dual = np.where(known, draw.choice([1e-3, 1.0, 1e3]) * draw.standard_normal(shape), 0.0)
    return data, known, background, dual, 10.0 ** draw.uniform(-2, 1)


@given(SEEDS)
def test_weak_duality_of_the_exact_form(seed):
    data, known, background, dual, lam = anywhere(seed)
    found = certificates.pcp(
        nuclear=np.linalg.norm(background, "nuc"),
        l1=np.abs(np.where(known, data - background, 0)).sum(),
        lam=lam,
        inner=(data * dual).sum(),
        spectral=np.linalg.norm(dual, 2),
        largest=np.abs(dual).max(),
        bound="svd",
    )
    assert found.dual <= found.primal * (1 + 1e-12)
    primal, dual_value = pcp_values(data, known, background, dual, lam)
    np.testing.assert_allclose([found.primal, found.dual], [primal, dual_value], rtol=1e-12, atol=1e-12)
    if primal:
        assert found.relative_gap == pytest.approx(relative_gap(primal, dual_value), rel=1e-9)


@given(SEEDS)
def test_weak_duality_of_the_stable_form(seed):
    data, known, background, _, tau = anywhere(seed)
    level = tau / math.sqrt(max(data.shape))
    rest = np.where(known, data - background, 0.0)
    y = np.clip(rest, -level, level)
    found = certificates.stable_pcp(
        loss=(0.5 * y**2 + level * (np.abs(rest) - np.abs(y))).sum(),
        nuclear=np.linalg.norm(background, "nuc"),
        tau_background=tau,
        inner=(data * y).sum(),
        square=(y * y).sum(),
        spectral=np.linalg.norm(y, 2),
        bound="svd",
    )
    assert found.dual <= found.primal * (1 + 1e-12)
    primal, better_dual = stable_values(data, known, background, tau, level)
    assert found.primal == pytest.approx(primal, rel=1e-9)
    assert found.dual <= better_dual + 1e-12
    assert better_dual <= primal * (1 + 1e-12)


@pytest.mark.parametrize("name", CERTIFIED)
@pytest.mark.parametrize("seed", range(10))
def test_a_witness_confirms_the_reported_gap(name, seed):
    found = SOLVERS[name](setup(seed), 1e-6)
    primal, dual = found.values()
    proof = found.solution.certificate
    assert relative_gap(primal, dual) <= proof.relative_gap + 1e-10
    assert proof.primal == pytest.approx(primal, rel=1e-10)


@given(SEEDS)
def test_the_spectral_bound_is_above_and_near(seed):
    draw = np.random.default_rng(seed)
    y = draw.standard_normal(draw.integers(1, 30, 2)) * 10.0 ** draw.uniform(-100, 100)
    true = np.linalg.norm(y, 2)
    assert true * (1 - 1e-15) <= certificates.spectral_bound(y @ y.T) <= true * (1 + 1e-12)


def test_nothing_is_bounded_by_nothing():
    assert certificates.spectral_bound(np.zeros((0, 0))) == 0.0


def test_rounding_is_no_negative_gap():
    assert certificates.certificate(1.0, 1.0 + 1e-16, bound="").relative_gap == 0.0
    assert certificates.certificate(1.0, 1.1, bound="").relative_gap == 0.0


def test_zero_problems_have_no_gap():
    assert certificates.certificate(0.0, 0.0, bound="").relative_gap == 0.0


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_what_is_not_a_number_proves_nothing(bad):
    assert certificates.certificate(1.0, bad, bound="").relative_gap == math.inf
    assert certificates.certificate(math.nan, 1.0, bound="").relative_gap == math.inf
