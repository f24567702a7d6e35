import math

import numpy as np
import pytest
from scipy import sparse

from instances import PROBLEMS, planted, random_problem, true_gap
from kizu.arrays import to_numpy
from kizu.errors import ParameterError, ShapeError
from kizu.models.robust_pca import robust_pca

FORMS = [{"noise": None}, {"noise": "auto"}, {"noise": 0.1}, {"noise": None, "mode": "fast"}]
IDS = ["exact", "auto", "stable", "fast"]
EPS = np.finfo(np.float64).eps


def sheet(seed=0, shape=(24, 36), sigma=0.1):
    return planted(seed, shape=shape, rank=2, sigma=sigma).X


def parts(found):
    return [to_numpy(x) for x in (found.background, found.anomaly, found.noise)]


def assert_same(one, other):
    for a, b in zip(parts(one), parts(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.certificate == other.certificate


@pytest.mark.parametrize("index", range(3 * len(PROBLEMS)))
def test_converged_is_never_said_of_a_large_gap(index):
    kind, problem, noise = random_problem(index)
    found = robust_pca(problem.X, noise=noise, observed=problem.observed, rank=problem.rank, max_iter=500)
    gap = true_gap(found, problem.X, problem.observed)
    rounding = 1e-6 if found.background.dtype == np.float32 else 1e-9
    assert gap <= found.certificate.relative_gap + rounding
    if kind == "rank capped":
        assert not found.converged
        assert gap > 0.1
    elif found.converged:
        assert gap <= found.parameters["tol"].value + rounding


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{"noise": "auto"}, {"noise": None}, {"noise": None, "mode": "fast"}])
def test_the_planted_background_comes_back(options, seed):
    made = planted(seed)
    found = robust_pca(made.X, tol=1e-6, **options)
    error = np.linalg.norm(found.background - made.background) / np.linalg.norm(made.background)
    assert error <= 1e-6
    assert found.rank == 5
    assert found.sigma == 0.0
    if options.get("mode") != "fast":
        assert found.certificate.relative_gap <= 1e-6


@pytest.mark.parametrize("options", FORMS, ids=IDS)
@pytest.mark.parametrize("exponent", [-1000, -60, 1, 900])
@pytest.mark.filterwarnings("ignore:the textbook stop:RuntimeWarning")
def test_scaling_by_a_power_of_two_changes_no_bit(options, exponent):
    X = sheet()
    scaled = dict(options)
    if options["noise"] == 0.1:
        scaled["noise"] = math.ldexp(0.1, exponent)
    one, other = robust_pca(X, **options), robust_pca(np.ldexp(X, exponent), **scaled)
    for a, b in zip(parts(one), parts(other), strict=True):
        np.testing.assert_array_equal(np.ldexp(a, exponent), b)
    assert one.certificate.relative_gap == other.certificate.relative_gap
    assert math.ldexp(one.sigma, exponent) == other.sigma


@pytest.mark.parametrize("options", FORMS, ids=IDS)
@pytest.mark.filterwarnings("ignore:the textbook stop:RuntimeWarning")
def test_a_flipped_sign_flips_the_parts(options):
    X = sheet()
    for a, b in zip(parts(robust_pca(X, **options)), parts(robust_pca(-X, **options)), strict=True):
        np.testing.assert_allclose(a, -b, rtol=0, atol=1e-11)


@pytest.mark.parametrize("options", FORMS, ids=IDS)
@pytest.mark.filterwarnings("ignore:the textbook stop:RuntimeWarning")
def test_the_transpose_has_transposed_parts(options):
    X = sheet()
    for a, b in zip(parts(robust_pca(X, **options)), parts(robust_pca(X.T, **options)), strict=True):
        np.testing.assert_allclose(a, b.T, rtol=0, atol=1e-9)


def strided(X):
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]))
    wide[::2, ::3] = X
    return wide[::2, ::3]


LAYOUTS = {
    "Fortran": np.asfortranarray,
    "strided": strided,
    "backwards": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "big-endian": lambda X: X.astype(">f8"),
    "list": lambda X: X.tolist(),
    "object numbers": lambda X: X.astype(object),
}


@pytest.mark.parametrize("options", FORMS[:3], ids=IDS[:3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_changes_nothing(layout, options):
    X = sheet()
    for a, b in zip(parts(robust_pca(X, **options)), parts(robust_pca(LAYOUTS[layout](X), **options)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", FORMS[:3], ids=IDS[:3])
def test_read_only_files_are_read_and_nothing_is_written(tmp_path, options):
    X = sheet()
    X.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", dtype=X.dtype, shape=X.shape, mode="r")
    assert_same(robust_pca(mapped, **options), robust_pca(X, **options))
    np.testing.assert_array_equal(X, sheet())
    np.testing.assert_array_equal(mapped, sheet())


@pytest.mark.parametrize("options", [{}, {"noise": None, "lam": 0.1}])
def test_8_bit_data_and_their_float_copy_agree(options):
    X = np.clip(100 + 20 * sheet(), 0, 255).astype(np.uint8)
    small, large = robust_pca(X, **options), robust_pca(X.astype(np.float64), **options)
    assert (small.support is None) == (large.support is None)
    assert small.certificate.primal == pytest.approx(
        large.certificate.primal, rel=1e-4 if small.support is not None else 0.02
    )
    assert np.linalg.norm(small.background - large.background) <= 0.02 * np.linalg.norm(large.background)


@pytest.mark.parametrize(
    ("dtype", "out"),
    [
        ("f2", "f4"),
        ("f4", "f4"),
        ("f8", "f8"),
        ("g", "f8"),
        ("u1", "f4"),
        ("i2", "f4"),
        ("i4", "f8"),
        ("i8", "f8"),
        ("u8", "f8"),
    ],
)
def test_every_real_type_is_computed_in_a_float_that_holds_it(dtype, out):
    X = (10 + sheet()).astype(dtype)
    found = robust_pca(X)
    assert {x.dtype for x in parts(found)} == {np.dtype(out)}
    assert found.converged
    assert true_gap(found, X.astype(np.float64)) <= found.parameters["tol"].value + 1e-6


def test_truth_values_are_numbers():
    X = sheet() > 1
    assert_same(robust_pca(X), robust_pca(X.astype(np.uint8)))


@pytest.mark.parametrize("value", [127, -128])
def test_integers_are_never_subtracted_as_integers(value):
    found = robust_pca(np.full((5, 6), value, dtype=np.int8))
    np.testing.assert_allclose(found.background, value, rtol=1e-4)


def test_missing_ways_agree():
    X = sheet()
    observed = np.random.default_rng(1).random(X.shape) < 0.8
    with_nan = np.where(observed, X, np.nan)
    masked = np.ma.MaskedArray(X, mask=~observed)
    half = observed | (np.arange(X.shape[1]) < 10)
    both = np.where(observed | ~half, X, np.nan)
    reference = robust_pca(X, observed=observed)
    for found in (robust_pca(with_nan), robust_pca(masked), robust_pca(both, observed=half)):
        assert_same(found, reference)
        np.testing.assert_array_equal(found.observed, observed)


@pytest.mark.parametrize("options", FORMS[:3], ids=IDS[:3])
@pytest.mark.parametrize("junk", [0.0, 1e300, -7.0, np.nan, np.inf])
def test_unknown_entries_change_no_bit(junk, options):
    X = 1e-300 * sheet() if junk == 1e300 and options["noise"] != 0.1 else sheet()
    observed = np.random.default_rng(1).random(X.shape) < 0.8
    found = robust_pca(np.where(observed, X, junk), observed=observed, **options)
    assert_same(found, robust_pca(X, observed=observed, **options))
    assert not found.anomaly[~observed].any()
    assert not found.noise[~observed].any()


@pytest.mark.parametrize("options", FORMS, ids=IDS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
@pytest.mark.filterwarnings("ignore:the textbook stop:RuntimeWarning")
def test_the_parts_add_up(options, dtype):
    X = np.abs(20 * sheet()).astype(dtype)
    background, anomaly, noise = parts(robust_pca(X, **options))
    eps = np.finfo(background.dtype).eps
    size = np.abs(background) + np.abs(anomaly) + np.abs(noise)
    assert (np.abs(background + anomaly + noise - X) <= 2 * eps * size).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (5, 7)])
@pytest.mark.parametrize("options", FORMS, ids=IDS)
def test_zeros_are_their_own_background(shape, options):
    found = robust_pca(np.zeros(shape), **options)
    assert [np.abs(x).max() for x in parts(found)] == [0, 0, 0]
    assert (found.rank, found.converged, found.certificate.relative_gap, found.history) == (0, True, 0.0, ())


def test_nothing_known_is_nothing():
    found = robust_pca(np.full((4, 5), np.nan))
    assert found.converged
    assert not found.background.any()


@pytest.mark.parametrize("value", [5.0, -5.0, 1e-200, 1e200])
@pytest.mark.parametrize("noise", ["auto", None])
def test_a_constant_is_background(value, noise):
    found = robust_pca(np.full((20, 30), value), noise=noise, tol=1e-9)
    np.testing.assert_allclose(found.background, value, rtol=1e-6)
    assert np.abs(found.anomaly).max() <= 1e-6 * abs(value)
    assert found.rank == 1


@pytest.mark.parametrize("shape", [(1, 30), (30, 1)])
def test_one_row_has_no_background_of_its_own(shape):
    X = np.random.default_rng(0).standard_normal(shape)
    found = robust_pca(X, noise=None)
    assert found.converged
    assert found.certificate.primal <= np.linalg.norm(X) * (1 + 1e-5)


def test_every_library_gets_its_own_arrays_back(xp):
    X = sheet()
    observed = np.random.default_rng(1).random(X.shape) < 0.9
    there = xp.asarray(X.copy())
    found = robust_pca(there, observed=xp.asarray(observed))
    for part in (found.background, found.anomaly, found.noise):
        assert type(part) is type(there)
        assert part.device == there.device
        assert part.dtype == there.dtype
    assert_same(found, robust_pca(X, observed=observed))


def test_far_outliers_and_offsets_do_not_stall():
    X = sheet(shape=(60, 80))
    spoilt = np.where(np.random.default_rng(1).random(X.shape) < 0.02, 1e6, X) + 1e3
    assert len(robust_pca(spoilt, noise=0.1).history) < 300
    assert len(robust_pca(X + 1e4).history) < 300


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((0, 3)), "there is nothing to do"),
        (np.zeros((3, 0)), "there is nothing to do"),
        (np.zeros(3), r"X has shape \(3,\)"),
        (np.zeros((2, 2, 2)), r"X has shape \(2, 2, 2\)"),
        (np.array([[1.0, np.inf], [-np.inf, 0.0]]), r"infinity at row 0, column 1 \(2 in all\)"),
        (np.array([[1j]]), "Complex data not supported"),
        (np.array([["a", "b"]]), "Give numbers only"),
        (np.array([["a", {}]], dtype=object), "X holds objects"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), "Give numbers only"),
        (sparse.eye_array(4), "sparse"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(X, message):
    with pytest.raises(ShapeError, match=message):
        robust_pca(X)


@pytest.mark.parametrize("observed", [np.ones((3, 3), bool), np.ones((24, 36))])
def test_a_wrong_observed_is_refused(observed):
    with pytest.raises(ShapeError, match=r"^observed: .*Give a boolean array like X"):
        robust_pca(sheet(), observed=observed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("noise", 0), ("noise", -1.0), ("noise", math.nan), ("noise", math.inf), ("noise", "Auto"),
        ("noise", 1e300), ("noise", 1e-300),
        ("lam", 0), ("lam", -1), ("lam", math.nan), ("lam", "1"),
        ("tol", 0), ("tol", math.inf), ("rank", 0), ("rank", 2.5), ("rank", -3),
        ("mode", "quick"), ("max_iter", -1), ("max_iter", 1.5),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"^{name}: got .*\\. Use "):
        robust_pca(sheet(), **{name: value})


def test_the_fast_mode_warns_of_its_gap():
    noise = np.random.default_rng(0).standard_normal((60, 60))
    with pytest.warns(RuntimeWarning, match="the textbook stop left a relative gap of .*; use mode='certified'"):
        found = robust_pca(noise, noise=None, mode="fast")
    assert (found.stopped, found.converged) == ("feasible", False)
    assert true_gap(robust_pca(noise, noise=None), noise) <= 1e-5


def test_every_parameter_says_why():
    exact, stable = robust_pca(sheet(sigma=0.0)), robust_pca(sheet(), rank=20)
    assert exact.parameters.keys() == {"lam", "rank", "tol", "sigma"}
    assert stable.parameters.keys() == {"lam", "rank", "tol", "sigma", "tau_background", "tau_anomaly"}
    for found in (exact, stable):
        assert all(len(p.why) > 4 for p in found.parameters.values())
    assert exact.parameters["sigma"].why.startswith("the residual of the fit vanishes")
    assert stable.parameters["rank"].why == "given as the limit"


def test_the_history_is_what_the_callback_saw():
    seen = []
    found = robust_pca(sheet(), noise=None, callback=seen.append)
    assert tuple(seen) == found.history
    assert [r.iteration for r in seen] == list(range(1, len(seen) + 1))


def test_a_lower_lam_calls_more_anomaly():
    shares = [(robust_pca(sheet(), noise=0.1, lam=lam).anomaly != 0).mean() for lam in (0.08, 0.16, 0.4)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


@pytest.mark.parametrize(
    ("shape", "noise", "how"),
    [((20, 30), None, "svd"), ((60, 900), None, "subspace"), ((40, 1500), None, "gram"), ((40, 1500), 0.1, "subspace")],
)
def test_how_the_singular_values_were_found_is_said(shape, noise, how):
    rank = 2 if how == "subspace" else 8
    X = planted(0, shape=shape, rank=rank, sigma=noise or 0.0).X
    found = robust_pca(X, noise=noise)
    assert (found.thresholding, found.converged) == (how, True)
    assert robust_pca(X.T, noise=noise).thresholding == how
