import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kizu.models.path as path_module
import witnesses
from instances import planted, true_gap
from kizu import robust_pca, robust_pca_path
from kizu.arrays import to_numpy
from kizu.engines.blas import one_thread
from kizu.errors import ParameterError, ShapeError
from kizu.lowrank.blocks import MatrixBlocks
from kizu.models import cliffs
from kizu.models.validate import matrix
from kizu.parameters import default_lam, stable_thresholds
from kizu.solvers import ialm

FEW = 8
SIGMA = 0.1
FORMS = pytest.mark.parametrize("noise", [None, SIGMA], ids=["exact", "stable"])
MISSING = pytest.mark.parametrize("missing", [0.0, 0.25], ids=["whole", "missing"])


def sheet(seed=0, *, shape=(36, 24), noise=SIGMA, missing=0.0):
    """(X, observed) of rank 2; observed is None where nothing is missing."""
    X = planted(seed, shape=shape, rank=2, sigma=noise or 0.0).X
    return X, np.random.default_rng(seed + 1).random(shape) >= missing if missing else None


def steps(decompositions):
    return sum(len(found.history) for found in decompositions)


def parts(path):
    return [to_numpy(a) for point in path for a in (point.decomposition.background, point.decomposition.anomaly)]


@settings(max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(5, 30), st.integers(5, 30)),
    noise=st.sampled_from([None, SIGMA]),
    missing=st.sampled_from([0.0, 0.2]),
)
def test_every_point_is_the_optimum_that_a_cold_start_finds(seed, shape, noise, missing):
    X, observed = sheet(seed, shape=shape, noise=noise, missing=missing)
    path = robust_pca_path(X, lams=5, noise=noise, observed=observed)
    for point in path:
        found, proof = point.decomposition, point.decomposition.certificate
        cold = robust_pca(X, lam=point.lam.value, noise=noise, observed=observed).certificate
        assert found.converged
        assert proof.relative_gap <= found.parameters["tol"].value
        assert proof.dual <= cold.primal * (1 + 1e-12)
        assert cold.dual <= proof.primal * (1 + 1e-12)
        if noise:
            assert true_gap(found, X, observed) <= proof.relative_gap + 1e-9


@FORMS
@MISSING
@pytest.mark.parametrize("seed", range(3))
def test_each_part_is_empty_beyond_its_cliff_and_not_before(noise, missing, seed):
    X, observed = sheet(seed, noise=noise, missing=missing)
    path = robust_pca_path(X, lams=FEW, noise=noise, observed=observed)
    assert (path[0].rank, path[-1].share) == (0, 0.0)
    assert not path[0].decomposition.background.any()
    assert not path[-1].decomposition.anomaly.any()
    assert all(point.rank > 0 and point.share > 0 for point in path[1:-1])

    def cold(lam):
        return robust_pca(X, lam=lam, noise=noise, observed=observed)

    assert cold(1.1 * path.lower.value).rank > 0
    assert cold(0.9 * path.upper.value).anomaly.any()
    assert not cold(1.02 * path.upper.value).anomaly.any()
    if noise is None:
        assert cold(0.98 * path.lower.value).rank == 0


def test_the_cliffs_are_those_of_dense_formulas():
    X, _ = sheet()
    low, high = witnesses.cliffs(X)
    checked = matrix(X, None)
    assert cliffs.exact_lower(checked).value == pytest.approx(low, rel=1e-10)
    assert cliffs.exact_upper(checked).value == pytest.approx(high, rel=1e-10)
    edge = 3.0
    lower = edge * cliffs.stable_lower(checked, edge).value
    for factor, empty in [(0.9999, True), (1.0001, False)]:
        clip = factor * lower
        assert (np.linalg.norm(np.clip(X, -clip, clip), 2) <= edge) == empty
    u, s, vh = np.linalg.svd(X, full_matrices=False)
    rest = X - (u * np.maximum(s - edge, 0)) @ vh
    assert cliffs.stable_upper(checked, edge).value == pytest.approx(np.abs(rest).max() / edge, rel=1e-10)


def test_the_norm_of_a_clipped_matrix_may_fall_and_the_first_crossing_counts():
    X = np.ones((30, 30))
    X[:10, :10] = -3.0
    edge = 0.96 * np.linalg.norm(np.clip(X, -1, 1), 2)
    assert np.linalg.norm(np.clip(X, -2, 2), 2) < edge
    lower = cliffs.stable_lower(matrix(X, None), edge).value
    assert lower * edge == pytest.approx(0.96, rel=1e-4)


def test_a_cliff_that_is_only_a_bound_says_so():
    X, _ = sheet(noise=None)
    X[::3, ::2] = 0.0
    lower = cliffs.exact_lower(matrix(X, None))
    assert "a lower bound, because 144 entries are 0" in lower.why
    for lam in (0.98 * lower.value, 0.5 * lower.value):
        assert robust_pca(X, noise=None, lam=lam).rank == 0
    low_rank = np.outer(np.arange(1.0, 9), np.arange(2.0, 14))
    upper = cliffs.exact_upper(matrix(low_rank, None))
    assert "an upper bound, because M has rank 1 only" in upper.why
    assert not robust_pca(low_rank, noise=None, lam=1.02 * upper.value).anomaly.any()


def test_noise_alone_has_no_background_at_any_lam():
    X = np.random.default_rng(0).standard_normal((40, 60))
    path = robust_pca_path(X, lams=FEW, noise=2.0)
    assert path.lower.value == math.inf
    assert "does not stand out of the noise" in path.lower.why
    assert [point.rank for point in path] == [0] * FEW
    assert path[0].share > 0 == path[-1].share


@pytest.mark.parametrize(("missing", "factor"), [(0.0, 2.0), (0.25, 1.5)])
def test_a_stable_path_takes_far_fewer_steps_than_single_calls(missing, factor):
    X, observed = sheet(shape=(60, 45), missing=missing)
    path = robust_pca_path(X, lams=20, noise=SIGMA, observed=observed)
    cold = [robust_pca(X, lam=point.lam.value, noise=SIGMA, observed=observed) for point in path]
    assert factor * steps(point.decomposition for point in path) < steps(cold)


@MISSING
def test_an_exact_path_takes_fewer_steps_than_single_calls(missing):
    X, observed = sheet(shape=(40, 30), missing=missing)
    path = robust_pca_path(X, lams=16, noise=None, observed=observed)
    cold = [robust_pca(X, lam=point.lam.value, noise=None, observed=observed) for point in path]
    assert steps(point.decomposition for point in path) < steps(cold)


def test_the_start_alone_saves_steps():
    X, _ = sheet(shape=(60, 45))
    path = robust_pca_path(X, lams=20, noise=SIGMA)
    cold = [robust_pca_path(X, lams=[point.lam.value], noise=SIGMA)[0].decomposition for point in path]
    assert 1.2 * steps(point.decomposition for point in path) < steps(cold)


@FORMS
@MISSING
def test_later_points_change_no_earlier_one(noise, missing, monkeypatch):
    X, observed = sheet(noise=noise, missing=missing)
    solve, seen = path_module._solve, {}

    def kept(choice, lam, last, edges):
        solved = solve(choice, lam, last, edges)
        found = solved.decomposition
        numbers = (found.factors.left, found.factors.right, *found.singular_values, found.dense_background)
        seen[lam.value] = [a.copy() for a in (*numbers, found.anomaly)]
        for made in ("dense_background", "anomaly", "residual", "_split"):  # to be made again from what is held
            del found.__dict__[made]
        return solved

    monkeypatch.setattr(path_module, "_solve", kept)
    for point in robust_pca_path(X, lams=FEW, noise=noise, observed=observed):
        found = point.decomposition
        numbers = (found.factors.left, found.factors.right, *found.singular_values, found.dense_background)
        np.testing.assert_equal([*numbers, found.anomaly], seen[point.lam.value])


@FORMS
def test_lams_are_sorted_and_their_order_does_not_matter(noise):
    X, _ = sheet(noise=noise)
    lams = [0.3, 0.1, 0.2, 0.1, 10.0, 1e-3]
    one, other = (robust_pca_path(X, lams=order, noise=noise) for order in (lams, np.array(lams[::-1])))
    assert [point.lam for point in one] == [(lam, "given") for lam in (1e-3, 0.1, 0.2, 0.3, 10.0)]
    for a, b in zip(parts(one), parts(other), strict=True):
        np.testing.assert_array_equal(a, b)


@FORMS
@MISSING
def test_a_transposed_or_scaled_matrix_has_the_same_path(noise, missing):
    X, observed = sheet(noise=noise, missing=missing)
    path = robust_pca_path(X, lams=FEW, noise=noise, observed=observed)
    turned = robust_pca_path(X.T, lams=FEW, noise=noise, observed=None if observed is None else observed.T)
    scale = 2.0**70
    scaled = robust_pca_path(scale * X, lams=FEW, noise=noise and scale * noise, observed=observed)
    for a, b, c in zip(path, turned, scaled, strict=True):
        assert (a.lam.value, a.rank, a.share) == pytest.approx((b.lam.value, b.rank, b.share), rel=1e-6, abs=0.01)
        assert a.lam.value == pytest.approx(c.lam.value, rel=1e-4)
        ratio = c.decomposition.certificate.primal / a.decomposition.certificate.primal
        assert ratio == pytest.approx(scale ** (2 if noise else 1), rel=1e-4)


@FORMS
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_other_dtypes(noise, dtype):
    X = np.clip(100 + 20 * sheet(noise=noise)[0], 0, 255).astype(dtype)
    path = robust_pca_path(X, lams=FEW, noise=noise and 2.0)
    assert all(point.decomposition.converged for point in path)
    assert (path[0].rank, path[-1].share) == (0, 0.0)
    assert path[3].decomposition.background.dtype == np.float32


@FORMS
def test_a_matrix_on_disk_has_the_path_of_that_in_memory(noise, tmp_path):
    X, _ = sheet(noise=noise)
    on_disk = np.memmap(tmp_path / "x", np.float64, "w+", shape=X.shape)
    on_disk[:] = X
    one, other = (robust_pca_path(data, lams=3, noise=noise) for data in (X, on_disk))
    for a, b in zip(parts(one), parts(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_noise_is_measured_once_and_the_share_is_that_of_the_anomaly():
    X, observed = sheet(missing=0.2)
    path = robust_pca_path(X, lams=FEW, observed=observed)
    assert len({point.decomposition.sigma for point in path}) == 1
    assert path.default == default_lam(*X.shape, float(observed.mean()))
    ratios = [abs(math.log(point.lam.value / path.default.value)) for point in path]
    assert path.nearest == int(np.argmin(ratios))
    for point in path:
        assert point.share == pytest.approx(np.count_nonzero(point.decomposition.anomaly) / observed.sum())


def test_the_table_has_a_line_for_every_point_and_marks_the_default():
    path = robust_pca_path(sheet()[0], lams=FEW, noise=SIGMA)
    lines = str(path).splitlines()
    assert len(lines) == 1 + FEW + 2
    assert [number for number, line in enumerate(lines) if "default" in line] == [0, path.nearest + 1]
    assert len(path[2:5]) == 3
    assert list(path) == [path[n] for n in range(len(path))]


def test_a_point_that_did_not_get_there_says_so():
    X, observed = sheet(missing=0.2)
    path = robust_pca_path(X, lams=3, noise=None, observed=observed, max_iter=2)
    assert path.upper == cliffs.SURE
    assert "max_iter" in {point.decomposition.stopped for point in path}
    assert all(point.relative_gap <= 1e-5 for point in path if point.decomposition.converged)


@FORMS
@MISSING
def test_the_callback_hears_of_every_step(noise, missing):
    seen, (X, observed) = [], sheet(noise=noise, missing=missing)
    path = robust_pca_path(X, lams=3, noise=noise, observed=observed, callback=seen.append)
    assert seen == [record for point in reversed(path.points) for record in point.decomposition.history]


@pytest.mark.parametrize(
    "lams", [0, 1, -3, [], [0.0], [0.1, -1.0], [math.nan], [math.inf], "20", ["0.1"], [True], None, True, [[0.1]], [1j]]
)
def test_wrong_lams_are_refused(lams):
    with pytest.raises(ParameterError, match=r"^lams: got .*\. Use an integer of at least 2, or positive numbers\.$"):
        robust_pca_path(sheet()[0], lams=lams)


@MISSING
def test_a_rank_limit_leaves_the_cliffs_or_says_that_one_is_a_bound(missing):
    X, observed = sheet(noise=None, missing=missing)
    path, free = (robust_pca_path(X, lams=[0.3], noise=None, observed=observed, rank=rank) for rank in (1, None))
    assert path.lower == free.lower
    assert path.upper == (cliffs.SURE if missing else free.upper)


def test_the_cliff_of_a_completed_matrix_is_a_bound():
    X, observed = np.outer(np.arange(1.0, 9), np.arange(2.0, 14)), np.ones((8, 12), bool)
    observed[0, :2] = False
    upper = robust_pca_path(X, lams=[0.3], noise=None, observed=observed).upper
    assert "an upper bound, because another multiplier may be smaller" in upper.why
    assert not robust_pca(X, noise=None, lam=upper.value, observed=observed).anomaly.any()


def test_paths_are_compared_by_identity():
    path, other = (robust_pca_path(sheet()[0], lams=[0.3], noise=SIGMA) for _ in range(2))
    assert path == path
    assert path != other
    assert len({path, other, path[0]}) == 3


@pytest.mark.parametrize(("name", "value"), [("noise", -1.0), ("tol", 0), ("rank", 0), ("max_iter", -1)])
def test_wrong_parameters_are_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"^{name}: got .*\\. Use "):
        robust_pca_path(sheet()[0], **{name: value})


@pytest.mark.parametrize(
    ("X", "message"), [(np.zeros((4, 5)), "every known entry is 0"), (np.full((4, 5), np.nan), "no entry is known")]
)
def test_nothing_to_walk_along_is_refused(X, message):
    with pytest.raises(ShapeError, match=f"^X: {message}"):
        robust_pca_path(X)


def test_completion_converges_in_the_exact_form():
    X, observed = sheet(shape=(40, 30), noise=None, missing=0.4)
    found = robust_pca(X, noise=None, lam=1.0, observed=observed)
    assert found.converged
    assert not found.anomaly.any()


def test_a_restart_at_the_same_lam_is_soon_proven_again():
    X, _ = sheet()
    with one_thread():
        checked = matrix(X, None)
        problem = ialm.Problem(MatrixBlocks(checked.blocks.matrix), 0.2, 24, 1.0)
        limits = {"tol": 1e-6, "feasible": 1e-7, "max_iter": 2000}
        first = ialm.solve(problem, checked.engine, **limits)
        steps_before = len(first.history)
        again = ialm.solve(
            problem, checked.engine, start=ialm.restarted(problem, checked.engine, first.state), **limits
        )
    assert again.converged
    assert len(again.history) <= min(2, steps_before)
    assert again.history[0].iteration == 1


def test_the_clip_is_the_stated_one():
    path = robust_pca_path(sheet()[0], lams=3, noise=SIGMA)
    for point in path:
        edge, clip = stable_thresholds(36, 24, SIGMA, point.lam.value)
        assert point.decomposition.parameters["tau_background"].value == pytest.approx(edge.value)
        assert point.decomposition.parameters["tau_anomaly"].value == pytest.approx(clip.value)
