"""Codes beside outliers: against FISTA, linear programs and a plain proximal gradient, and their own proofs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from kizu.datafits import Huber
from kizu.engines.threads import Threads
from kizu.penalties import L1, NonNegativeL1
from kizu.solvers import fista, huber_codes, l1_fit
from kizu.solvers.composite import Problem
from kizu.solvers.huber_codes import Coding, bounded, encode, proofs, residual

signs = pytest.mark.parametrize("positive", [False, True], ids=["signed", "positive"])
types = pytest.mark.parametrize("dtype", ["f4", "f8"])


def drawn(seed=0, *, samples=40, atoms=12, features=20, dtype="f8", share=0.1):
    """Samples of a few atoms, noise, and large entries here and there; and the dictionary."""
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((atoms, features))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    codes = np.where(rng.random((samples, atoms)) < 0.3, rng.standard_normal((samples, atoms)), 0.0)
    Y = codes @ D + 0.05 * rng.standard_normal((samples, features))
    Y += np.where(rng.random(Y.shape) < share, 2.0 * rng.standard_normal(Y.shape), 0.0)
    return Y.astype(dtype), D.astype(dtype)


def solved(Y, D, problem, solver=huber_codes):
    codes = np.zeros((len(Y), len(D)), Y.dtype)
    return codes, solver.encode(Y, D, codes, problem)


def by_definition(Y, D, codes, problem):
    """The objective with the anomaly written out."""
    rest = Y.astype("f8") - codes.astype("f8") @ D.astype("f8")
    if problem.shape == "entries":
        anomaly = np.sign(rest) * np.maximum(np.abs(rest) - problem.tau, 0)
        cost = np.abs(anomaly).sum(1)
    else:
        length = np.linalg.norm(rest, axis=1, keepdims=True)
        anomaly = rest * np.maximum(1 - problem.tau / np.maximum(length, 1e-300), 0)
        cost = np.linalg.norm(anomaly, axis=1)
    return 0.5 * ((rest - anomaly) ** 2).sum(1) + problem.lam * np.abs(codes.astype("f8")).sum(1) + problem.tau * cost


def slowly(Y, D, problem, steps=20_000):
    """Codes by proximal gradients with momentum, straight from the formula."""
    size = np.linalg.norm(D, 2) ** 2
    x = z = np.zeros((len(Y), len(D)))
    t = 1.0
    for _ in range(steps):
        v = z + bounded(Y - z @ D, problem) @ D.T / size
        new = np.sign(v) * np.maximum(np.abs(v) - problem.lam / size, 0)
        new = np.maximum(new, 0) if problem.positive else new
        ahead = (1 + math.sqrt(1 + 4 * t * t)) / 2
        z, x, t = new + (t - 1) / ahead * (new - x), new, ahead
    return x


@signs
@types
def test_codes_are_those_of_fista_on_hubers_loss(positive, dtype):
    Y, D = drawn(dtype=dtype)
    problem = Coding(0.1, 0.15, positive=positive, tol=1e-5)
    codes, found = solved(Y, D, problem)
    penalty = (NonNegativeL1 if positive else L1)(0.1)
    witness = fista.solve(Problem(Huber(Y.T.astype("f8"), 0.15), penalty, D.T.astype("f8")), tol=1e-9)
    assert witness.converged
    assert found.objective.sum() == pytest.approx(witness.certificate.primal, rel=1e-5)
    assert found.relative_gap.max() <= 1e-5
    np.testing.assert_allclose(found.objective, by_definition(Y, D, codes, problem), rtol=1e-12)
    np.testing.assert_allclose(codes, witness.state.x.T, atol=2e-2)
    assert (np.abs(residual(Y, D, codes)) > 0.15).any(axis=1).mean() > 0.5
    assert not positive or codes.min() >= 0


@signs
@types
def test_codes_beside_abnormal_rows_are_those_of_a_plain_proximal_gradient(positive, dtype):
    Y, D = drawn(dtype=dtype)
    problem = Coding(0.1, 0.5, "rows", positive, tol=1e-5)
    codes, found = solved(Y, D, problem)
    best = by_definition(Y, D, slowly(Y.astype("f8"), D.astype("f8"), problem), problem)
    np.testing.assert_allclose(found.objective, best, rtol=2e-5)
    np.testing.assert_allclose(found.objective, by_definition(Y, D, codes, problem), rtol=1e-12)
    assert found.relative_gap.max() <= 1e-5
    length = np.linalg.norm(residual(Y, D, codes), axis=1)
    assert (length > 0.5).any()
    assert (length < 0.5).any()


@signs
@types
def test_codes_without_noise_are_those_of_a_linear_program(positive, dtype):
    Y, D = drawn(samples=12, dtype=dtype)
    problem = Coding(0.7, 1.0, positive=positive, tol=1e-5)
    codes, found = solved(Y, D, problem, l1_fit)
    atoms, features = D.shape
    table = np.hstack([D.T, -D.T, np.eye(features), -np.eye(features)]).astype("f8")
    cost = np.repeat([0.7, 1.0], [2 * atoms, 2 * features])
    limits = [(0, None)] * atoms + [(0, 0 if positive else None)] * atoms + [(0, None)] * (2 * features)
    best = np.array([linprog(cost, A_eq=table, b_eq=y, bounds=limits).fun for y in Y.astype("f8")])
    np.testing.assert_allclose(found.objective, best, rtol=1e-5)
    assert found.relative_gap.max() <= 1e-5
    value = 0.7 * np.abs(codes.astype("f8")).sum(1) + np.abs(Y.astype("f8") - codes.astype("f8") @ D).sum(1)
    np.testing.assert_allclose(found.objective, value, rtol=1e-12)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    lam=st.floats(0.01, 3.0),
    tau=st.floats(0.01, 3.0) | st.just(math.inf),
    shape=st.sampled_from(["entries", "rows"]),
    positive=st.booleans(),
)
def test_no_proof_is_false_and_no_code_gets_worse(seed, lam, tau, shape, positive):
    rng = np.random.default_rng(seed)
    Y, D = drawn(seed, samples=5, atoms=int(rng.integers(1, 9)), features=int(rng.integers(1, 9)))
    D *= rng.uniform(0.2, 1.0, (len(D), 1))
    problem = Coding(lam, tau, shape, positive, tol=1e-8)
    start = np.abs(rng.standard_normal((5, len(D))))
    early = proofs(Y, D, start, problem)
    codes = start.copy()
    found = encode(Y, D, codes, problem)
    assert (found.objective <= early.objective).all()
    assert (early.objective * (1 - early.relative_gap) <= found.objective * (1 + 1e-9)).all()
    assert found.relative_gap.max() <= 1e-6
    again = proofs(Y, D, codes, problem)
    np.testing.assert_array_equal(again.relative_gap, found.relative_gap)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), lam=st.floats(0.05, 2.0), positive=st.booleans())
def test_no_proof_without_noise_is_false(seed, lam, positive):
    Y, D = drawn(seed, samples=4, atoms=5, features=7)
    problem = Coding(lam, 1.0, positive=positive, tol=1e-6)
    codes, found = solved(Y, D, problem, l1_fit)
    loose, early = solved(Y, D, problem._replace(tol=0.3), l1_fit)
    assert found.relative_gap.max() <= 1e-4
    assert (early.objective * (1 - early.relative_gap) <= found.objective * (1 + 1e-9)).all()
    assert not positive or min(codes.min(), loose.min()) >= 0


def test_without_outliers_it_is_the_lasso():
    Y, D = drawn(share=0.0)
    plain, _ = solved(Y, D, Coding(0.1, math.inf, tol=1e-9))
    for problem in (Coding(0.1, 100.0, tol=1e-9), Coding(0.1, 100.0, "rows", tol=1e-9)):
        np.testing.assert_array_equal(solved(Y, D, problem)[0], plain)


@pytest.mark.parametrize("problem", [Coding(0.1, 0.15), Coding(0.1, 0.5, "rows")], ids=["entries", "rows"])
def test_threads_change_no_bit(problem):
    Y, D = drawn(samples=3000)
    found = []
    for jobs in (1, 3):
        codes = np.zeros((len(Y), len(D)))
        found.append((codes, encode(Y, D, codes, problem, engine=Threads(jobs))))
    (one, proof_one), (three, proof_three) = found
    np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(proof_one, proof_three)


@pytest.mark.parametrize("power", [-40, 7, 60])
@pytest.mark.parametrize("solver", [huber_codes, l1_fit])
def test_a_power_of_two_changes_no_digit(power, solver):
    Y, D = drawn()
    scale = 2.0**power
    up = scale if solver is huber_codes else 1.0
    codes, found = solved(Y, D, Coding(0.1, 0.15), solver)
    moved, moved_found = solved(Y * scale, D, Coding(0.1 * up, 0.15 * up), solver)
    np.testing.assert_array_equal(moved, codes * scale)
    np.testing.assert_array_equal(moved_found.relative_gap, found.relative_gap)


def test_no_samples_and_samples_of_zeros_are_codes_too():
    _, D = drawn()
    for problem in (Coding(0.1, 0.15), Coding(0.1, 0.15, "rows")):
        for solver in (huber_codes, l1_fit):
            codes, found = solved(np.zeros((3, 20)), D, problem, solver)
            assert not codes.any()
            assert found.relative_gap.max() == 0
    assert solved(np.empty((0, 20)), D, Coding(0.1, 0.15))[1].objective.shape == (0,)
