"""Datafit × penalty × solver: every pair of solvers agrees, and with CLARABEL. A new solver is one row of SOLVERS."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator

import pages
from kizu.arrays import to_numpy
from kizu.datafits import Huber, Masked, Quadratic
from kizu.errors import IncompatibleError, ParameterError, ShapeError
from kizu.operators import convolution
from kizu.penalties import (
    L1,
    L2,
    MCP,
    SCAD,
    ElasticNet,
    GroupL21,
    NonNegativeL1,
    Nuclear,
    SignedL1,
    TotalVariation,
)
from kizu.solvers import admm, coordinate_descent, fista, gradient_descent, ista, sgd
from kizu.solvers.composite import Problem
from witnesses import composite_optimum

SOLVERS = {
    "gradient descent": gradient_descent,
    "stochastic gradient descent": sgd,
    "ISTA": ista,
    "FISTA": fista,
    "ADMM": admm,
    "coordinate descent": coordinate_descent,
    "inertial": pages.run("page_solver", pages.written(pages.EXTEND)[3]),
}
EXACT = [name for name in SOLVERS if name != "stochastic gradient descent"]  # that one only comes near
MONOTONE = ["gradient descent", "ISTA", "coordinate descent"]
DATAFITS = {
    "quadratic": Quadratic,
    "masked": lambda y: Masked(np.where(np.arange(len(y)) % 4, y, np.nan), np.arange(len(y)) % 4 > 0),
    "huber": lambda y: Huber(y, 0.3),
}
PENALTIES = [L1(0.1), NonNegativeL1(0.1), SignedL1(0.05, 0.2), ElasticNet(0.1, 0.4), L2(0.1)]
STATIONARY = [MCP(0.1), SCAD(0.1)]


def data(seed=0, *, shape=(20, 30)):
    """A dictionary of unit atoms, and observations of a few of them with noise and one outlier."""
    draw = np.random.default_rng(seed)
    A = draw.standard_normal(shape)
    A /= np.linalg.norm(A, axis=0)
    x = np.where(draw.random(shape[1]) < 0.15, draw.standard_normal(shape[1]), 0.0)
    y = A @ x + 0.05 * draw.standard_normal(shape[0])
    y[1] += 2.0
    return y, A


def works(name, problem):
    try:
        SOLVERS[name].solve(problem, max_iter=0)
    except IncompatibleError:
        return False
    return True


def solved(name, problem, *, tol=1e-7, max_iter=50_000):
    return SOLVERS[name].solve(problem, tol=tol, max_iter=max_iter)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("datafit", DATAFITS)
def test_every_pair_of_solvers_agrees_to_the_gap_and_with_clarabel(datafit, penalty):
    y, A = data()
    problem = Problem(DATAFITS[datafit](y), penalty, A)
    able = [name for name in EXACT if works(name, problem)]
    assert {"ISTA", "FISTA", "ADMM"} <= set(able)
    best = optimum(y, A, datafit, penalty)
    for name in able:
        found = solved(name, problem)
        assert found.converged, name
        assert found.certificate.relative_gap <= 1e-7
        assert found.certificate.primal == pytest.approx(best, rel=2e-7), name
        assert found.certificate.dual <= best * (1 + 1e-8)


def optimum(y, A, datafit, penalty):
    rows = np.arange(len(y)) % 4 > 0 if datafit == "masked" else slice(None)
    weights = coordinate_descent.KIN[type(penalty)](penalty)
    return composite_optimum(y[rows], A[rows], *weights, tau=0.3 if datafit == "huber" else math.inf)


@pytest.mark.parametrize("name", MONOTONE)
@settings(max_examples=200)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_objective_never_increases(name, seed):
    y, A = data(seed, shape=tuple(np.random.default_rng(seed).integers(2, 12, 2)))
    for datafit, penalty in product(DATAFITS.values(), [*PENALTIES, *STATIONARY]):
        problem = Problem(datafit(y), penalty, A)
        if not works(name, problem):
            continue
        seen = [trace.objective for trace in solved(name, problem, tol=0.0, max_iter=12).history]
        assert all(after <= before * (1 + 1e-12) for before, after in pairwise(seen))


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32 - 1), penalty=st.sampled_from(PENALTIES), datafit=st.sampled_from([*DATAFITS]))
def test_no_lower_bound_is_above_what_anyone_reaches(seed, penalty, datafit):
    y, A = data(seed, shape=(6, 8))
    problem = Problem(DATAFITS[datafit](y), penalty, A)
    seen = [solved(name, problem, tol=0.0, max_iter=3).certificate for name in EXACT if works(name, problem)]
    seen.append(solved("FISTA", problem, tol=1e-9, max_iter=500).certificate)
    assert max(proof.dual for proof in seen) <= min(proof.primal for proof in seen) * (1 + 1e-12)


@pytest.mark.parametrize("penalty", STATIONARY, ids=repr)
def test_stationary_points_are_no_worse_along_any_coordinate(penalty):
    y, A = data()
    problem = Problem(Quadratic(y), penalty, A)
    for name in ("ISTA", "coordinate descent"):
        found = solved(name, problem, tol=1e-9)
        assert found.stopped == "stationary"
        assert not found.converged
        assert found.certificate.relative_gap == math.inf
        x = found.state.x
        at = 0.5 * np.sum((y - A @ x) ** 2) + penalty.value(x)
        for j, move in product(range(len(x)), [-1e-3, 1e-3]):
            moved = x + move * np.eye(len(x))[j]
            assert 0.5 * np.sum((y - A @ moved) ** 2) + penalty.value(moved) >= at - 1e-9


@pytest.mark.parametrize("penalty", [Nuclear(1.0), GroupL21(0.5), TotalVariation(0.4)], ids=repr)
def test_unknown_entries_of_a_matrix_are_completed_alike(penalty):
    draw = np.random.default_rng(0)
    whole = draw.standard_normal((12, 2)) @ draw.standard_normal((2, 15))
    problem = Problem(Masked(whole, draw.random(whole.shape) < 0.7), penalty)
    found = {name: solved(name, problem, tol=1e-8).certificate.primal for name in ("ISTA", "FISTA", "ADMM")}
    assert max(found.values()) == pytest.approx(min(found.values()), rel=1e-6)


def test_a_linear_operator_gives_what_its_matrix_gives():
    y, A = data()
    for name in ("ISTA", "FISTA"):
        one, other = (solved(name, Problem(Quadratic(y), L1(0.1), operator)) for operator in (A, aslinearoperator(A)))
        np.testing.assert_allclose(one.state.x, other.state.x, atol=1e-4)
        assert other.converged


def test_a_blurred_dot_is_found_again():
    image = np.zeros((16, 16))
    image[5, 9] = 4.0
    blur = convolution(np.outer([1, 2, 1], [1, 2, 1]) / 16, image.shape)
    found = solved("FISTA", Problem(Quadratic(blur @ image.ravel()), NonNegativeL1(0.01), blur)).state.x
    assert np.unravel_index(found.argmax(), image.shape) == (5, 9)
    assert found.max() > 3.5


@pytest.mark.parametrize("name", SOLVERS)
def test_columns_are_problems_of_their_own(name):
    y, A = data()
    penalty = L2(0.1) if "gradient" in name else L1(0.1)
    both = Problem(Quadratic(np.stack([y, 2 * y], axis=1)), penalty, A)
    one = Problem(Quadratic(y), penalty, A)
    tol, most = (1e-2, 3000) if "stochastic" in name else (1e-8, 50_000)
    together, alone = solved(name, both, tol=tol, max_iter=most), solved(name, one, tol=tol, max_iter=most)
    assert together.converged
    np.testing.assert_allclose(together.state.x[:, 0], alone.state.x, atol=0.1 if "stochastic" in name else 1e-3)


@pytest.mark.parametrize("name", SOLVERS)
def test_array_libraries_agree(name, xp):
    y, A = data()
    penalty = L2(0.1) if "gradient" in name else L1(0.1)
    here = solved(name, Problem(Quadratic(y), penalty, A), tol=0.0, max_iter=4)
    there = solved(name, Problem(Quadratic(xp.asarray(y)), penalty, xp.asarray(A)), tol=0.0, max_iter=4)
    assert type(there.state.x) is type(xp.asarray(y))
    if name != "coordinate descent":  # compiled rounds and plain sweeps take different ways
        np.testing.assert_allclose(to_numpy(there.state.x), here.state.x, atol=1e-12)
        assert [t.objective for t in there.history] == pytest.approx([t.objective for t in here.history], rel=1e-12)


@pytest.mark.parametrize("name", SOLVERS)
def test_float32_stays_float32(name):
    y, A = (array.astype(np.float32) for array in data())
    found = solved(name, Problem(Quadratic(y), L2(0.1), A), tol=None, max_iter=2000)
    assert found.state.x.dtype == np.float32
    assert found.converged == ("stochastic" not in name)


@pytest.mark.parametrize("name", EXACT)
def test_a_start_at_the_solution_stays_there(name):
    y, A = data()
    problem = Problem(Quadratic(y), L2(0.1) if "gradient" in name else L1(0.1), A)
    x = solved(name, problem, tol=1e-12).state.x
    again = SOLVERS[name].solve(problem, tol=1e-9, start=x)
    assert len(again.history) == 0
    np.testing.assert_array_equal(again.state.x, x)


@pytest.mark.parametrize("name", SOLVERS)
def test_nothing_to_explain(name):
    y, A = data()
    found = solved(name, Problem(Quadratic(0 * y), L2(0.1), A))
    assert found.converged
    assert not found.state.x.any()


def test_above_the_largest_correlation_nothing_is_used():
    y, A = data()
    edge = np.abs(A.T @ y).max()
    for name in ("ISTA", "FISTA", "ADMM", "coordinate descent"):
        assert not solved(name, Problem(Quadratic(y), L1(1.001 * edge), A)).state.x.any()
        assert solved(name, Problem(Quadratic(y), L1(0.98 * edge), A)).state.x.any()


def test_history_says_what_happened():
    y, A = data()
    seen = []
    found = fista.solve(Problem(Quadratic(y), L1(0.1), A), callback=seen.append)
    assert tuple(seen) == found.history
    assert [trace.iteration for trace in seen] == list(range(1, len(seen) + 1))
    last = seen[-1]
    assert last.support == np.count_nonzero(found.state.x)
    assert last.step_size == pytest.approx(1 / np.linalg.norm(A, 2) ** 2)
    assert all(before.dual <= after.dual for before, after in pairwise(seen))
    assert (last.objective, last.dual, last.relative_gap) == found.certificate[:3]


def test_an_order_of_observations_is_a_seed():
    y, A = data()
    problem = Problem(Quadratic(y), L2(0.1), A)
    one, same, other = (sgd.solve(problem, tol=0.0, max_iter=5, seed=seed).state.x for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


REFUSED = [
    ("gradient descent", L1(0.1), "gradient descent: needs a penalty with a gradient", "Use ISTA, FISTA, ADMM"),
    ("stochastic gradient descent", L1(0.1), "needs a penalty with a gradient", "coordinate descent"),
    ("FISTA", MCP(0.1), "FISTA: needs a convex penalty", "Use ISTA or coordinate descent"),
    ("ADMM", SCAD(0.1), "ADMM: needs a convex penalty", "stationary point"),
    ("coordinate descent", GroupL21(0.1), "needs a penalty that is a sum over entries", "Use ISTA, FISTA or ADMM"),
]


@pytest.mark.parametrize(("name", "penalty", "what", "instead"), REFUSED)
def test_impossible_pairs_are_refused_by_name(name, penalty, what, instead):
    y, A = data()
    with pytest.raises(IncompatibleError) as caught:
        SOLVERS[name].solve(Problem(Quadratic(y), penalty, A))
    message = str(caught.value)
    assert what in message
    assert instead in message
    assert type(penalty).__name__ in message


@pytest.mark.parametrize("name", ["stochastic gradient descent", "ADMM", "coordinate descent"])
def test_an_operator_that_is_only_applied_is_refused_where_its_entries_are_needed(name):
    y, A = data()
    with pytest.raises(IncompatibleError, match="needs the operator as a matrix"):
        SOLVERS[name].solve(Problem(Quadratic(y), L2(0.1), aslinearoperator(A)))


def test_huber_is_refused_by_coordinate_descent():
    y, A = data()
    with pytest.raises(IncompatibleError, match="needs the quadratic datafit"):
        coordinate_descent.solve(Problem(Huber(y, 1.0), L1(0.1), A))


def test_an_operator_of_the_wrong_size_is_refused():
    y, A = data()
    with pytest.raises(ShapeError, match=r"^operator: the operator predicts 20 numbers, the data have shape \(19,\)"):
        ista.solve(Problem(Quadratic(y[1:]), L1(0.1), A))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_are_not_finite_are_refused(bad):
    y, A = data()
    y[3] = bad
    with pytest.raises(ShapeError, match=r"^y: Aᵀ∇f\(0\) is not finite.*Use the Masked datafit"):
        ista.solve(Problem(Quadratic(y), L1(0.1), A))


WRONG = [
    (lambda y, A: Problem(y, L1(0.1), A), r"^datafit: got array.*Use a datafit, such as Quadratic"),
    (lambda y, A: Problem(L1(0.1), Quadratic(y), A), r"^datafit: got L1"),
    (lambda y, A: Problem(Quadratic(y), 0.1, A), r"^penalty: got 0.1. Use a penalty, such as L1"),
    (lambda y, A: Problem(Quadratic(y), L1(0.1), A.tolist()), r"^operator: got a list. Give a matrix"),
    (lambda y, A: Problem(Quadratic(y), L1(0.1), A[0]), r"^operator: got a ndarray of shape \(30,\)"),
    (lambda y, A: Problem(Quadratic(y), L1(0.1), A.T), r"^operator: the operator predicts 30 numbers"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
@pytest.mark.parametrize("name", SOLVERS)
def test_what_is_no_problem_is_refused_in_one_line(name, make, message):
    with pytest.raises((ParameterError, ShapeError), match=message):
        SOLVERS[name].solve(make(*data()))


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"start": np.full(30, np.nan)}, r"^start: start has shape \(30,\). Give finite numbers"),
        ({"start": np.ones(29)}, r"^start: start has shape \(29,\). Give finite numbers of shape \(30,\)"),
        ({"tol": -1.0}, r"^tol: got -1.0"),
        ({"max_iter": 1.5}, r"^max_iter: got 1.5"),
    ],
)
def test_impossible_options_are_refused_in_one_line(name, option, message):
    y, A = data()
    with pytest.raises((ParameterError, ShapeError), match=message):
        SOLVERS[name].solve(Problem(Quadratic(y), L2(0.1), A), **option)


def test_an_operator_that_is_zero_leaves_nothing_to_find():
    y, A = data()
    for operator in (0 * A, aslinearoperator(0 * A)):
        assert not fista.solve(Problem(Quadratic(y), L1(0.1), operator)).state.x.any()


@pytest.mark.parametrize("tau", [1e-2, 1e-6])
def test_a_huber_bound_is_none_too_high_far_from_the_data(tau):
    y, A = (array.astype(np.float32) for array in data())
    fit = Huber(1000 * y, tau)
    assert np.abs(fit.gradient(np.zeros_like(y))).max() <= np.float32(tau)
    found = fista.solve(Problem(fit, L2(0.1), A), max_iter=200).certificate
    wide = fista.solve(Problem(Huber(1000.0 * y.astype(float), tau), L2(0.1), A.astype(float)), tol=1e-9)
    assert found.dual <= wide.certificate.primal * (1 + 1e-6)
