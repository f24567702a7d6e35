"""Sparse codes against scikit-learn, CLARABEL's optimum through other solvers, and their own proofs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.linear_model import ElasticNet
from sklearn.utils.estimator_checks import parametrize_with_checks

import kizu
from kizu.arrays import to_numpy
from kizu.errors import ParameterError, ShapeError
from witnesses import composite_optimum

SOLVERS = ["coordinate_descent", "fista", "ista", "admm"]


def drawn(seed=0, *, samples=7, features=12, atoms=20):
    """Samples of a few atoms each, with noise, and their dictionary of unit rows."""
    draw = np.random.default_rng(seed)
    D = draw.standard_normal((atoms, features))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    codes = np.where(draw.random((samples, atoms)) < 0.15, draw.standard_normal((samples, atoms)), 0.0)
    return codes @ D + 0.05 * draw.standard_normal((samples, features)), D


def objective(Y, D, codes, lam, ratio=1.0):
    """Of every sample, from its definition."""
    penalty = ratio * np.abs(codes).sum(axis=1) + 0.5 * (1 - ratio) * (codes**2).sum(axis=1)
    return 0.5 * ((Y - codes @ D) ** 2).sum(axis=1) + lam * penalty


def sklearn_codes(Y, D, lam, ratio, positive):
    exact = {"fit_intercept": False, "tol": 1e-14, "max_iter": 100_000, "positive": positive}
    model = ElasticNet(alpha=lam / D.shape[1], l1_ratio=ratio, **exact)
    return np.array([model.fit(D.T, y).coef_ for y in Y])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_codes_are_scikit_learns(solver, ratio, positive):
    Y, D = drawn()
    found = kizu.sparse_code(Y, D, lam=0.1, ratio=ratio, positive=positive, solver=solver, tol=1e-9, max_iter=100_000)
    assert found.converged
    best = objective(Y, D, sklearn_codes(Y, D, 0.1, ratio, positive), 0.1, ratio)
    np.testing.assert_allclose(objective(Y, D, found.codes, 0.1, ratio), best, rtol=1e-7)
    np.testing.assert_allclose(found.objective, best, rtol=1e-7)
    np.testing.assert_allclose(found.codes, sklearn_codes(Y, D, 0.1, ratio, positive), atol=1e-4)
    assert not positive or found.codes.min() >= 0


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.02, 1.2), ratio=st.sampled_from([1.0, 0.5, 0.05]))
def test_solvers_agree_and_no_gap_is_false(seed, share, ratio):
    draw = np.random.default_rng(seed)
    Y, D = drawn(seed, samples=3, features=int(draw.integers(1, 9)), atoms=int(draw.integers(1, 14)))
    lam = share * np.abs(Y @ D.T).max()
    early = kizu.sparse_code(Y, D, lam=lam, ratio=ratio, max_iter=1)
    late = kizu.sparse_code(Y, D, lam=lam, ratio=ratio, solver="fista", tol=1e-8)
    sure = kizu.sparse_code(Y, D, lam=lam, ratio=ratio, tol=1e-8)
    assert sure.converged
    assert late.converged
    np.testing.assert_allclose(sure.objective, late.objective, rtol=2e-8, atol=1e-300)
    middle = kizu.sparse_code(Y, D, lam=lam, ratio=ratio, solver="fista", tol=1e-2, max_iter=40)
    for found in (early, middle, late, sure):
        assert np.all(found.objective * (1 - found.relative_gap) <= sure.objective * (1 + 1e-12))


@pytest.mark.parametrize("of_data", [-500, -60, 0, 60, 500])
@pytest.mark.parametrize("of_atoms", [-400, 0, 400])
def test_scales_change_no_bit(of_data, of_atoms):
    Y, D = (np.ldexp(array, -30) for array in drawn())  # so small that one is scaled inside as well
    one = kizu.sparse_code(Y, D, lam=2.0**-64)
    lam = np.ldexp(1.0, -64 + of_data + of_atoms)
    other = kizu.sparse_code(np.ldexp(Y, of_data), np.ldexp(D, of_atoms), lam=lam)
    np.testing.assert_array_equal(np.ldexp(other.codes, of_atoms - of_data), one.codes)
    np.testing.assert_array_equal(other.relative_gap, one.relative_gap)
    assert one.support > 1


@pytest.mark.parametrize("share", [1e-1, 1e-3, 1e-5])
@pytest.mark.parametrize("solver", SOLVERS[:2])
def test_no_gap_of_float32_hides_in_rounding(solver, share):
    draw = np.random.default_rng(1)
    D = draw.standard_normal((64, 16))
    D = (D / np.linalg.norm(D, axis=1, keepdims=True)).astype(np.float32)
    codes = np.where(draw.random((30, 64)) < 0.1, draw.standard_normal((30, 64)), 0)
    Y = (codes @ D + 1e-3 * draw.standard_normal((30, 16))).astype(np.float32)
    lam = float(share * np.abs(Y @ D.T).max())
    found = kizu.sparse_code(Y, D, lam=lam, solver=solver, max_iter=300)
    exact = kizu.sparse_code(Y.astype(float), D.astype(float), lam=lam, tol=1e-9)
    assert found.codes.dtype == np.float32
    assert exact.converged
    wide = Y.astype(float), D.astype(float)
    np.testing.assert_allclose(found.objective, objective(*wide, found.codes, lam), rtol=1e-5)
    assert np.all(found.objective * (1 - found.relative_gap) <= exact.objective * (1 + 1e-6))
    assert found.converged or solver == "fista" or share < 1e-4  # codes of float32 are not fine enough for that lam


@pytest.mark.parametrize("positive", [False, True])
def test_codes_are_clarabels(positive):
    Y, D = drawn()
    found = kizu.sparse_code(Y, D, lam=0.1, ratio=0.7, positive=positive, tol=1e-9)
    best = [composite_optimum(y, D.T, 0.07, np.inf if positive else 0.07, 0.03) for y in Y]
    np.testing.assert_allclose(found.objective, best, rtol=1e-7)


def test_codes_are_celers():
    celer = pytest.importorskip("celer", reason="celer is not installed: see requirements/bench.txt")
    Y, D = drawn()
    model = celer.Lasso(alpha=0.1 / 12, fit_intercept=False, tol=1e-12)
    codes = np.array([model.fit(np.asfortranarray(D.T), y).coef_ for y in Y])
    np.testing.assert_allclose(kizu.sparse_code(Y, D, lam=0.1, tol=1e-9).codes, codes, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_each_sample_is_on_its_own(solver):
    Y, D = drawn()
    whole = kizu.sparse_code(Y, D, lam=0.1, solver=solver, tol=1e-9, max_iter=100_000)
    for row, code in zip(Y, whole.codes, strict=True):
        alone = kizu.sparse_code(row[None], D, lam=0.1, solver=solver, tol=1e-9, max_iter=100_000)
        np.testing.assert_allclose(alone.codes[0], code, atol=1e-4)


def test_the_path_starts_empty_and_grows_and_starts_are_worth_it():
    Y, D = drawn(samples=1)
    path = kizu.sparse_code_path(Y, D, lams=12)
    lams = [found.parameters["lam"].value for found in path]
    assert lams == sorted(lams, reverse=True)
    assert path[0].support == 0
    assert path[-1].support > 3
    assert all(found.converged for found in path)
    again = kizu.sparse_code(Y, D, lam=lams[-1], start=path[-1].codes, max_iter=1)
    assert again.converged
    given = kizu.sparse_code_path(Y, D, lams=[0.1, 0.2])
    assert [found.parameters["lam"].value for found in given] == [0.2, 0.1]


def test_library_and_type_are_those_of_the_data(xp):
    Y, D = drawn()
    found = kizu.sparse_code(xp.asarray(Y), xp.asarray(D), lam=0.1)
    assert type(found.codes) is type(xp.asarray(Y))
    np.testing.assert_array_equal(to_numpy(found.codes), kizu.sparse_code(Y, D, lam=0.1).codes)


@pytest.mark.parametrize(("kind", "seen"), [(np.float32, np.float32), (np.float64, np.float64), (np.uint8, np.float32)])
def test_types_in_and_out(kind, seen):
    Y, D = drawn()
    Y = (40 * np.abs(Y)).astype(kind)
    found = kizu.sparse_code(Y, D.astype(np.float32) if kind != np.float64 else D)
    assert found.codes.dtype == seen
    assert found.converged
    assert found.parameters["tol"].value == (1e-5 if seen == np.float64 else 1e-4)


def test_choices_have_reasons():
    Y, D = drawn()
    found = kizu.sparse_code(Y, D)
    assert set(found.parameters) == {"lam", "ratio", "positive", "solver", "tol"}
    assert all(parameter.why for parameter in found.parameters.values())
    assert "from which on all codes are 0" in found.parameters["lam"].why
    assert found.parameters["solver"].value == "coordinate_descent"
    above = kizu.sparse_code(Y, D, lam=10.001 * found.parameters["lam"].value)
    assert above.support == 0
    assert kizu.sparse_code(Y, D, lam=9.5 * found.parameters["lam"].value).support > 0


def test_zero_samples_have_zero_codes():
    Y, D = drawn()
    Y[2] = 0
    for solver in SOLVERS:
        found = kizu.sparse_code(Y, D, lam=0.1, solver=solver)
        assert not found.codes[2].any()
        assert found.relative_gap[2] == 0
    nothing = kizu.sparse_code(0 * Y, D)
    assert not nothing.codes.any()
    assert nothing.parameters["lam"].why == "all codes are 0 at any weight"


def test_input_is_not_changed():
    Y, D = drawn()
    start = np.ones((7, 20))
    for array in (Y, D, start):
        array.flags.writeable = False
    kizu.sparse_code(Y, D, lam=0.1, start=start)
    assert (start == 1).all()


BAD = [
    ({"D": np.ones((12, 20))}, r"^D: Y has shape \(7, 12\), D has \(12, 20\).*give D.T"),
    ({"Y": np.ones(12)}, r"^Y: Y has shape \(12,\).*one sample is Y\[None\]"),
    ({"Y": None}, r"^Y: "),
    ({"Y": np.ma.masked_greater(np.ones((7, 12)), 2)}, r"^Y: Y is a masked array"),
    ({"Y": csr_array(np.ones((7, 12)))}, r"^Y: Y is a sparse matrix"),
    ({"max_iter": 1.5}, r"^max_iter: got 1.5"),
    ({"max_iter": None}, r"^max_iter: got None"),
    ({"ratio": "x"}, r"^ratio: got 'x'"),
    ({"solver": [1]}, r"^solver: got \[1\]"),
    ({"positive": "no"}, r"^positive: got 'no'"),
    ({"Y": np.full((7, 12), np.nan)}, r"^Y: Y has entries that are not finite"),
    ({"lam": 0.0}, r"^lam: got 0.0"),
    ({"lam": -1}, r"^lam: got -1"),
    ({"ratio": 0.0}, r"^ratio: got 0.0. Use a number above 0"),
    ({"ratio": 1.5}, r"^ratio: got 1.5"),
    ({"tol": 0}, r"^tol: got 0"),
    ({"max_iter": 0}, r"^max_iter: got 0"),
    ({"solver": "lars"}, r"^solver: got 'lars'. Use 'auto' or one of 'coordinate_descent'"),
    ({"start": np.ones((2, 2))}, r"^start: start has shape \(2, 2\)"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_what_cannot_be_is_refused_in_one_line(change, message):
    Y, D = drawn()
    with pytest.raises((ParameterError, ShapeError), match=message):
        kizu.sparse_code(**{"Y": Y, "D": D, **change})


@pytest.mark.parametrize("lams", [0, [], True, 0.1])
def test_a_path_needs_points(lams):
    with pytest.raises(ParameterError, match=r"^lams: got .* Use a number of points"):
        kizu.sparse_code_path(*drawn(), lams=lams)


def test_a_path_has_no_lam_of_its_own():
    with pytest.raises(ParameterError, match=r"^lam: got 0.3. Use lams"):
        kizu.sparse_code_path(*drawn(), lam=0.3)
    assert len(kizu.sparse_code_path(*drawn(), lams=np.int64(3))) == 3


@parametrize_with_checks([kizu.SparseCoder(), kizu.SparseCoder(ratio=0.5, positive=True)])
def test_scikit_learn_accepts_the_coder(estimator, check):
    check(estimator)


def test_the_coder_is_the_function():
    Y, D = drawn()
    coder = kizu.SparseCoder(D, lam=0.1).fit(Y)
    np.testing.assert_array_equal(coder.transform(Y), kizu.sparse_code(Y, D, lam=0.1).codes)
    np.testing.assert_allclose(coder.inverse_transform(coder.transform(Y)), Y, atol=0.5)
    assert len(coder.get_feature_names_out()) == 20
    assert kizu.SparseCoder(D).fit(Y).lam_ == kizu.sparse_code(Y, D).parameters["lam"].value


@pytest.mark.parametrize("option", [{"lam": -1}, {"solver": "x"}, {"tol": -1}, {"max_iter": 0}, {"ratio": 2.0}])
def test_the_coder_refuses_when_it_is_fitted(option):
    with pytest.raises(ParameterError, match=f"^{next(iter(option))}: got"):
        kizu.SparseCoder(**option).fit(drawn()[0])
    with pytest.raises(ShapeError, match=r"^dictionary: X has shape"):
        kizu.SparseCoder(drawn()[1].T).fit(drawn()[0])


def test_the_coder_says_when_it_is_not_proven():
    Y, D = drawn()
    with pytest.warns(UserWarning, match="stopped with relative gap"):
        kizu.SparseCoder(D, lam=0.01, solver="ista", max_iter=2).fit(Y).transform(Y)
