"""Sparse codes: the kernel at every level of instructions and its twin, against formulas and others' solvers."""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet

import kizu.native as native
from kizu.engines.serial import Serial
from kizu.engines.threads import Threads
from kizu.errors import ShapeError
from kizu.solvers import active_set
from kizu.solvers.active_set import code, encode

LEVELS = range(native.level() + 1)
TYPES = ("f4", "f8")
TOL = {"f4": 1e-4, "f8": 1e-7}
ROUNDING = {"f4": 3e-6, "f8": 1e-14}
"""Of the values, as a share of ½‖y‖²."""
everywhere = [pytest.param(level, dtype, id=f"{level}-{dtype}") for level in LEVELS for dtype in TYPES]
INF = math.inf


class Problem:
    """Y, D and weights; `kind` says what is odd about D."""

    def __init__(self, seed, dtype, *, samples=7, atoms=12, features=6, kind="plain", ridge=0.0, weights=(0.1, 0.1)):
        rng = np.random.default_rng(seed)
        D = rng.standard_normal((atoms, features))
        D /= np.linalg.norm(D, axis=1, keepdims=True)
        if kind == "twins":
            D[1::2] = D[: atoms // 2 * 2 : 2][: len(D[1::2])] * rng.choice([-1.0, 1.0])
        if kind == "zeros":
            D[::3] = 0
        if kind == "alike":
            D += 2
        self.D = D.astype(dtype)
        self.Y = (rng.standard_normal((samples, features)) * rng.exponential(size=(samples, 1))).astype(dtype)
        self.start = (rng.standard_normal((samples, atoms)) * (rng.random((samples, atoms)) < 0.4)).astype(dtype)
        self.weights, self.ridge, self.dtype = weights, ridge, dtype

    def run(self, start=None, *, tol=None, max_rounds=5000, level=None):
        """(codes, what code says)."""
        x = np.zeros_like(self.start) if start is None else start.copy()
        gram = self.D @ self.D.T + np.asarray(self.ridge * np.eye(len(self.D)), self.dtype)
        square = (self.Y.astype("f8") ** 2).sum(1)
        tol = TOL[self.dtype] if tol is None else tol
        limits = {"positive": self.weights[0], "negative": self.weights[1], "tol": tol, "max_rounds": max_rounds}
        return x, code(gram, self.Y @ self.D.T, square, x, **limits, level=level)

    def values(self, x):
        """(primal, dual) in float64, of the stacked lasso [D, √ridge·I], [y, 0]."""
        D = np.hstack([self.D.astype("f8"), math.sqrt(self.ridge) * np.eye(len(self.D))])
        Y = np.hstack([self.Y.astype("f8"), np.zeros(x.shape)])
        x, (positive, negative) = x.astype("f8"), self.weights
        r = Y - x @ D
        above, below = np.maximum(x, 0).sum(1), np.maximum(-x, 0).sum(1)
        penalty = np.where(above > 0, positive, 0) * np.maximum(above, 1e-300)
        penalty += np.where(below > 0, negative, 0) * np.maximum(below, 1e-300)
        q, square, inner = r @ D.T, (r**2).sum(1), (r * Y).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(square > 0, np.maximum(inner, 0) / square, 0)
            for top, weight in ((q.max(1), positive), (-q.min(1), negative)):
                scale = np.where(top > 0, np.minimum(scale, weight / top), scale)
        return square / 2 + penalty, scale * inner - scale**2 * square / 2

    @property
    def size(self):
        """What rounding is measured by."""
        return (self.Y.astype("f8") ** 2).sum(1) / 2 + np.finfo("f8").tiny

    def rounding(self, x):
        """How exact (primal, dual) can be; the dual's scale feels how exact the gradients are beside the weights."""
        terms = (x.astype("f8") ** 2).sum(1) * (1 + 5 * len(self.D))
        primal = 4 * ROUNDING[self.dtype] * (self.size + terms)
        return primal, 10 * primal * (1 + np.sqrt(2 * self.size)) / min(self.weights)


def problems(**fixed):
    """Any problem; `fixed` overrides."""
    drawn = {
        "seed": st.integers(0, 2**32),
        "samples": st.integers(1, 9),
        "atoms": st.integers(1, 40),
        "features": st.integers(1, 20),
        "kind": st.sampled_from(["plain", "twins", "zeros", "alike"]),
        "ridge": st.sampled_from([0.0, 0.0, 0.3]),
        "weights": st.sampled_from([(0.1, 0.1), (0.02, 0.5), (0.1, INF), (INF, 0.05), (1.0, 1.0)]),
    }
    return st.builds(
        Problem,
        **{name: st.just(fixed[name]) if name in fixed else how for name, how in drawn.items()},
        dtype=st.sampled_from(TYPES),
    )


def optimum(G, c, square, positive, negative):
    """The least value over all patterns of signs of a few atoms."""
    best = square / 2
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=len(c)):
        on = np.array(signs) != 0
        weight = np.where(np.array(signs)[on] > 0, positive, -negative)
        if not on.any() or not np.isfinite(weight).all():
            continue
        x = np.linalg.lstsq(G[np.ix_(on, on)], c[on] - weight, rcond=None)[0]
        if (x * weight >= 0).all():
            best = min(best, 0.5 * x @ G[np.ix_(on, on)] @ x - c[on] @ x + square / 2 + weight @ x)
    return best


@pytest.mark.parametrize("level, dtype", everywhere)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_it_agrees_with_scikit_learn(level, dtype, positive, ridge):
    lam = 0.07
    made = Problem(3, dtype, samples=5, atoms=30, features=18, ridge=ridge, weights=(lam, INF if positive else lam))
    x, found = made.run(level=level)
    made.dtype = "f8"
    share = lam / (lam + ridge)
    other = ElasticNet((lam + ridge) / 18, l1_ratio=share, positive=positive, fit_intercept=False, tol=1e-13)
    other.max_iter = 200_000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of float32 at this tolerance
        theirs = np.stack([other.fit(made.D.T.astype("f8"), y).coef_ for y in made.Y.astype("f8")])
    best, _ = made.values(theirs)
    assert (found.relative_gap <= TOL[dtype]).all()
    np.testing.assert_allclose(made.values(x)[0], best, rtol=TOL[dtype])
    np.testing.assert_allclose(x, theirs, atol=0.02 if dtype == "f4" else 1e-3)


@pytest.mark.parametrize("level", LEVELS)
@given(
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from(TYPES),
    atoms=st.integers(1, 5),
    features=st.integers(1, 4),
    kind=st.sampled_from(["plain", "twins", "zeros"]),
    weights=st.sampled_from([(0.1, 0.1), (0.02, 0.5), (0.1, INF), (INF, 0.05)]),
)
def test_it_is_the_best_of_all_signs(level, seed, dtype, atoms, features, kind, weights):
    made = Problem(seed, dtype, samples=1, atoms=atoms, features=features, kind=kind, weights=weights)
    x, found = made.run(made.start, level=level)
    D, y = made.D.astype("f8"), made.Y[0].astype("f8")
    best = optimum(D @ D.T, D @ y, float(y @ y), *weights)
    near, nearly = made.rounding(x)
    assert made.values(x)[0][0] <= best * (1 + TOL[dtype]) + nearly[0]
    assert found.dual[0] - nearly[0] <= best <= found.primal[0] + near[0]


@pytest.mark.parametrize("level", LEVELS)
@given(made=problems(), warm=st.booleans(), rounds=st.integers(0, 4))
def test_the_certificate_is_that_of_the_residual(level, made, warm, rounds):
    x, found = made.run(made.start if warm else None, max_rounds=rounds, level=level)
    primal, dual = made.values(x)
    near, nearly = made.rounding(x)
    assert (np.abs(found.primal - primal) <= near + 1e-6 * primal * (made.dtype == "f4")).all()
    assert (np.abs(found.dual - dual) <= nearly).all()
    assert (found.rounds <= rounds).all()


@pytest.mark.parametrize("level", LEVELS)
@given(made=problems())
@example(made=Problem(43055, "f8", atoms=29, features=5, kind="twins", ridge=0.3, weights=(0.1, INF)))  # two turn 0
def test_it_arrives(level, made):
    x, found = made.run(made.start, level=level)
    assert (found.primal - found.dual <= TOL[made.dtype] * found.primal + made.rounding(x)[1]).all()
    assert (x <= 0).all() if made.weights[0] == INF else True
    assert (x >= 0).all() if made.weights[1] == INF else True
    assert made.ridge or not x[:, (made.D == 0).all(1)].any()


@pytest.mark.parametrize("level", LEVELS)
@given(made=problems())
def test_no_round_goes_up(level, made):
    x, before = made.start, made.run(made.start, max_rounds=0, level=level)[0]
    for _ in range(4):
        x, _ = made.run(x, tol=0.0, max_rounds=1, level=level)
        slack, _ = made.rounding(before)
        assert (made.values(x)[0] <= made.values(before)[0] + slack).all()
        before = x


@pytest.mark.parametrize("level", LEVELS)
@given(made=problems())
def test_a_solution_stays(level, made):
    x, found = made.run(tol=0.01, level=level)
    gap = found.relative_gap + made.rounding(x)[1] / np.maximum(found.primal, np.finfo("f8").tiny)
    again, other = made.run(x, tol=2 * gap.max(), level=level)
    np.testing.assert_array_equal(again, x)
    assert not other.rounds.any()


@pytest.mark.parametrize("level", LEVELS)
@given(made=problems(), order=st.randoms(use_true_random=False), cut=st.integers(0, 9))
def test_samples_do_not_see_each_other(level, made, order, cut):
    x, found = made.run(made.start, max_rounds=20, level=level)
    rows = list(range(len(x)))
    order.shuffle(rows)
    whole = made.Y, made.start
    gram = made.D @ made.D.T + np.asarray(made.ridge * np.eye(len(made.D)), made.dtype)
    correlation, square = made.Y @ made.D.T, (made.Y.astype("f8") ** 2).sum(1)
    limits = {"positive": made.weights[0], "negative": made.weights[1], "tol": TOL[made.dtype], "max_rounds": 20}
    for part in (rows[:cut], rows[cut:]):
        here = whole[1][part].copy()
        other = code(gram, correlation[part], square[part], here, **limits, level=level)
        np.testing.assert_array_equal(here, x[part])
        np.testing.assert_array_equal(other.dual, found.dual[part])
        np.testing.assert_array_equal(other.rounds, found.rounds[part])


@pytest.mark.parametrize("level", LEVELS)
@given(made=problems(), power=st.integers(-12, 12))
def test_units_do_not_matter(level, made, power):
    x, found = made.run(made.start, max_rounds=20, level=level)
    unit = 2.0**power
    made.Y, made.weights = made.Y * np.asarray(unit, made.dtype), tuple(w * unit for w in made.weights)
    other, scaled = made.run(made.start * np.asarray(unit, made.dtype), max_rounds=20, level=level)
    np.testing.assert_array_equal(other, x * np.asarray(unit, made.dtype))
    np.testing.assert_array_equal(scaled.primal, found.primal * unit**2)


@pytest.mark.parametrize("level, dtype", everywhere)
def test_what_is_not_finite_stays_with_its_sample(level, dtype):
    made = Problem(0, dtype, samples=6)
    x, found = made.run(level=level)
    made.Y[1, 2], made.Y[3, 0], made.start[:] = np.nan, np.inf, 0
    made.start[4, 5] = np.nan
    with np.errstate(invalid="ignore"):
        other, told = made.run(made.start, level=level)
    bad = [1, 3, 4]
    good = [0, 2, 5]
    assert np.isnan(other[bad]).all() and np.isnan(told.primal[bad]).all() and np.isnan(told.relative_gap[bad]).all()
    np.testing.assert_array_equal(other[good], x[good])
    np.testing.assert_array_equal(told.dual[good], found.dual[good])


@pytest.mark.parametrize("level, dtype", everywhere)
def test_without_weights_it_is_least_squares(level, dtype):
    made = Problem(2, dtype, atoms=5, features=9, weights=(0.0, 0.0))
    x, found = made.run(max_rounds=500, level=level)
    theirs = np.linalg.lstsq(made.D.T.astype("f8"), made.Y.T.astype("f8"), rcond=None)[0].T
    np.testing.assert_allclose(x, theirs, atol=1e-3 if dtype == "f4" else 1e-7)
    assert (found.dual >= 0).all()


@pytest.mark.parametrize("level, dtype", everywhere)
def test_a_sample_of_zeros_has_no_code(level, dtype):
    made = Problem(2, dtype)
    made.Y[:] = 0
    x, found = made.run(level=level)
    assert not x.any() and not found.primal.any() and not found.relative_gap.any() and not found.rounds.any()


@pytest.mark.parametrize("level, dtype", everywhere)
def test_without_tolerance_it_ends(level, dtype):
    made = Problem(2, dtype, atoms=30, features=20)
    _, found = made.run(tol=0.0, max_rounds=10**6, level=level)
    assert (found.relative_gap <= (1e-4 if dtype == "f4" else 1e-12)).all()
    assert (found.rounds < 10**4).all()


@pytest.mark.parametrize("level, dtype", everywhere)
def test_codes_may_be_dense(level, dtype):
    made = Problem(4, dtype, samples=3, atoms=200, features=400, weights=(0.02, 0.02))
    x, found = made.run(level=level)
    assert (np.count_nonzero(x, axis=1) > 100).all()
    assert (found.relative_gap <= TOL[dtype]).all()


@pytest.mark.parametrize("level, dtype", everywhere)
@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0), (1, 1)])
def test_nothing_is_no_problem(level, dtype, shape):
    samples, atoms = shape
    x, ones = np.zeros(shape, dtype), np.ones(samples)
    limits = {"positive": 0.1, "negative": 0.1, "tol": 1e-4, "max_rounds": 10}
    found = code(np.eye(atoms, dtype=dtype), np.ones(shape, dtype), ones, x, **limits, level=level)
    np.testing.assert_allclose(found.primal, np.full(samples, 0.095 if atoms else 0.5), rtol=1e-6)


@given(seed=st.integers(0, 2**32), dtype=st.sampled_from(TYPES), samples=st.integers(0, 150), cut=st.integers(0, 150))
def test_blocks_and_threads_do_not_change_a_bit(seed, dtype, samples, cut):
    made = Problem(seed, dtype, samples=samples, atoms=20, features=11, ridge=0.01)
    limits = {"positive": 0.1, "negative": 0.2, "ridge": 0.01, "tol": TOL[dtype], "max_rounds": 100}
    x = made.start.copy()
    found = encode(made.Y, made.D, x, **limits, engine=Serial())
    assert (found.relative_gap <= TOL[dtype]).all() or dtype == "f4"
    first, second = made.start[:cut].copy(), made.start[cut:].copy()
    encode(made.Y[:cut], made.D, first, **limits)
    encode(made.Y[cut:], made.D, second, **limits, engine=Threads(3))
    np.testing.assert_array_equal(np.concatenate([first, second]), x)


def test_many_blocks_are_one(monkeypatch):
    made = Problem(1, "f4", samples=700, atoms=33, features=12)
    limits = {"positive": 0.1, "negative": 0.1, "tol": 1e-4, "max_rounds": 100}
    x, y = np.zeros_like(made.start), np.zeros_like(made.start)
    whole = encode(made.Y, made.D, x, **limits)
    monkeypatch.setattr(active_set, "BLOCK", 50)
    parts = encode(made.Y, made.D, y, **limits, engine=Threads(2))
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(whole.primal, parts.primal)


def test_numpy_can_do_it_all(monkeypatch):
    made = Problem(1, "f8", samples=70, ridge=0.1)
    limits = {"positive": 0.1, "negative": INF, "ridge": 0.1, "tol": 1e-7, "max_rounds": 5000}
    x, y = np.zeros_like(made.start), np.zeros_like(made.start)
    encode(made.Y, made.D, x, **limits)
    monkeypatch.setattr(native, "level", lambda: 0)
    found = encode(made.Y, made.D, y, **limits)
    assert (found.relative_gap <= 1e-7).all()
    np.testing.assert_allclose(x, y, atol=1e-3)


def wrong(**changed):
    made = Problem(0, "f8")
    good = {"gram": made.D @ made.D.T, "correlation": made.Y @ made.D.T, "square": np.ones(7), "codes": made.start}
    return code(**{**good, **changed}, positive=0.1, negative=0.1, tol=1e-4, max_rounds=5)


@pytest.mark.parametrize(
    "changed, where",
    [
        ({"codes": np.zeros((7, 12), "i8")}, "codes: got int64"),
        ({"codes": np.zeros((12, 7)).T}, "codes: got float64"),
        ({"codes": np.zeros(12)}, "codes: got"),
        ({"gram": np.eye(12, dtype="f4")}, "gram: got float32"),
        ({"gram": np.full((12, 12), np.nan)}, "gram: got numbers"),
        ({"correlation": np.zeros((6, 12))}, "correlation"),
        ({"square": np.ones((7, 1))}, "square"),
    ],
)
def test_wrong_arrays_are_named(changed, where):
    with pytest.raises(ShapeError, match=where):
        wrong(**changed)


def test_data_and_dictionary_have_to_fit():
    with pytest.raises(ShapeError, match="dictionary"):
        encode(np.ones((3, 4)), np.ones((5, 6)), np.zeros((3, 5)), positive=1, negative=1, tol=0, max_rounds=1)


@pytest.mark.parametrize(("level", "dtype"), everywhere)
def test_what_overflows_is_not_called_proven_and_stays_with_its_sample(level, dtype):
    gram, correlation, codes = np.eye(5, dtype=dtype), np.eye(5, dtype=dtype)[:3], np.zeros((3, 5), dtype)
    gram[0, 0] = np.finfo(dtype).smallest_subnormal  # the first code is infinite
    numbers = {"positive": 0.1, "negative": 0.1, "tol": 1e-3, "max_rounds": 50}
    with warnings.catch_warnings(action="ignore"):
        found = code(gram, correlation, np.ones(3), codes, **numbers, level=level)
    assert not found.relative_gap[0] <= 1e-3
    assert (found.relative_gap[1:] <= 1e-3).all()
    np.testing.assert_allclose(codes[1:], [[0, 0.9, 0, 0, 0], [0, 0, 0.9, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_dictionary_whose_products_overflow_is_refused(dtype):
    D = np.full((3, 4), np.finfo(dtype).max / 2, dtype)
    with warnings.catch_warnings(action="ignore"), pytest.raises(ShapeError, match=r"^gram: got numbers that are not"):
        encode(D[:2] * 0 + 1, D, np.zeros((2, 3), dtype), positive=1.0, negative=1.0, tol=1e-3, max_rounds=5)
