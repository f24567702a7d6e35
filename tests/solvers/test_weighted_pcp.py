from itertools import pairwise

import numpy as np
import pytest

from instances import planted
from kizu.engines.serial import Serial
from kizu.engines.threads import Threads
from kizu.lowrank import weighted
from kizu.lowrank.blocks import MatrixBlocks
from kizu.solvers import stable_pcp, weighted_pcp
from kizu.solvers.stable_proof import dual_spectrum, nuclear_norm, prove
from kizu.solvers.weighted_pcp import Numbers, balanced, start_at, step
from witnesses import stable_optimum, stable_values

SHAPE = (30, 80)
SIGMA = 0.1
TAUS = (
    SIGMA * (np.sqrt(SHAPE[0]) + np.sqrt(SHAPE[1])),
    SIGMA * (np.sqrt(SHAPE[0]) + np.sqrt(SHAPE[1])) / np.sqrt(SHAPE[1]),
)
NUMBERS = Numbers(*TAUS, Serial())


def matrix(seed, *, share=0.8, shape=SHAPE, dtype=np.float64):
    """Rank 3, 5 % flaws, noise, a share of the entries known: (data with 0 elsewhere, known)."""
    made = planted(seed, shape=shape, rank=3, sigma=SIGMA)
    known = np.random.default_rng(seed + 100).random(shape) < share
    return np.where(known, made.X, 0.0).astype(dtype), known


def blocks(seed, **options):
    return MatrixBlocks(*matrix(seed, **options))


def start(seed, rank, shape=SHAPE, dtype=np.float64):
    rng = np.random.default_rng(seed + 200)
    return start_at(
        rng.standard_normal((shape[0], rank)).astype(dtype), rng.standard_normal((rank, shape[1])).astype(dtype)
    )


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("rank", [1, 3, 6])
def test_the_objective_never_rises(share, rank):
    data, state, seen = blocks(0, share=share), start(0, rank), []
    for _ in range(40):
        state, record = step(data, state, NUMBERS)
        seen.append(record.objective)
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(seen))
    assert seen[-1] < 0.99 * seen[0]


def test_the_objective_is_that_of_the_state_before_the_step():
    data, known = matrix(1)
    state = start(1, 4)
    _, record = step(MatrixBlocks(data, known), state, NUMBERS)
    assert record.objective == pytest.approx(stable_values(data, known, state.left @ state.right, *TAUS)[0])


@pytest.mark.parametrize("seed", range(4))
def test_a_sufficient_rank_finds_the_optimum_of_stable_pcp(seed):
    data = blocks(seed)
    found = weighted_pcp.solve(data, start(seed, 6), NUMBERS, tol=1e-5, max_iter=2000)
    assert found.stopped == "gap"
    assert found.certificate.relative_gap <= 1e-5
    other = stable_pcp.solve(data, stable_pcp.Numbers(*TAUS, SHAPE[0], Serial()), tol=1e-6, max_iter=5000)
    assert other.state.rank <= 6
    assert found.certificate.primal == pytest.approx(other.certificate.primal, rel=1e-4)


def test_the_proof_holds_to_an_independent_optimum():
    data, known = matrix(5, shape=(10, 14))
    found = weighted_pcp.solve(MatrixBlocks(data, known), start(5, 6, (10, 14)), NUMBERS, tol=1e-4, max_iter=2000)
    best = stable_optimum(data, known, *TAUS)
    assert found.converged
    assert found.certificate.dual <= best * (1 + 1e-7)
    assert best * (1 - 1e-7) <= found.certificate.primal <= best * (1 + 1.1e-4)


def test_a_rank_that_does_not_suffice_is_not_certified():
    found = weighted_pcp.solve(blocks(0), start(0, 2), NUMBERS, tol=1e-3, max_iter=100)
    assert found.stopped == "max_iter"
    assert len(found.history) == 100
    assert found.certificate.relative_gap > 0.1


def test_components_that_are_not_needed_vanish():
    found = weighted_pcp.solve(blocks(0), start(0, 8), NUMBERS, tol=1e-7, max_iter=3000)
    exact = stable_pcp.solve(blocks(0), stable_pcp.Numbers(*TAUS, SHAPE[0], Serial()), tol=1e-7, max_iter=5000)
    assert found.state.rank(NUMBERS) == exact.state.rank < 8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_of_threads_changes_nothing(dtype):
    shape = (60, 60_000)
    data = blocks(0, shape=shape, dtype=dtype)
    assert len(Serial().spans(shape)) > 2
    states = [start(0, 3, shape, dtype)] * 2
    for _ in range(2):
        engines = Serial(), Threads(2)
        found = [step(data, state, NUMBERS._replace(engine=e)) for e, state in zip(engines, states, strict=True)]
        np.testing.assert_equal(found[0], found[1])
        states = [state for state, _ in found]
    assert states[0].right.dtype == dtype


def test_columns_solve_their_own_ridge_system_where_nothing_is_an_outlier():
    data, known = matrix(2)
    state, wide = start(2, 3), Numbers(2.0, 1e6, Serial())
    chosen = weighted.Thresholds(wide.tau_anomaly, wide.tau_background, weighted_pcp.RELAXED)
    new = weighted.walk(MatrixBlocks(data, known).read(0, SHAPE[1]), state.left, state.right, chosen).right
    whole = state.right + (new - state.right) / weighted_pcp.RELAXED
    for p in range(SHAPE[1]):
        own = state.left[known[:, p]]
        expected = np.linalg.solve(own.T @ own + 2.0 * np.eye(3), own.T @ data[known[:, p], p])
        np.testing.assert_allclose(whole[:, p], expected, atol=1e-9)


def test_a_column_and_a_row_without_entries_have_no_background():
    data, known = matrix(3)
    known[:, 5] = known[7] = False
    state = start(3, 3)
    for _ in range(40):
        state, _ = step(MatrixBlocks(data, known), state, NUMBERS)
    background = state.left @ state.right
    np.testing.assert_allclose(background[:, 5], 0, atol=1e-12)
    np.testing.assert_allclose(background[7], 0, atol=1e-12)


@pytest.mark.parametrize("true", [1, 2, 4])
def test_balanced_factors_share_the_singular_values(true):
    rng = np.random.default_rng(true)
    left, right = rng.standard_normal((12, true)), rng.standard_normal((true, 30))
    wide = np.pad(left, ((0, 0), (0, 4 - true))), np.pad(right, ((0, 4 - true), (0, 0)), mode="wrap")
    a, b, sizes = balanced(*wide)
    np.testing.assert_allclose(a @ b, left @ right, atol=1e-12)
    np.testing.assert_allclose(a.T @ a, np.diag(sizes), atol=1e-6)
    np.testing.assert_allclose(b @ b.T, np.diag(sizes), atol=1e-6)
    np.testing.assert_allclose(sizes[:true], np.linalg.svd(left @ right)[1][:true])
    assert (np.diff(sizes) <= 0).all()
    assert nuclear_norm(left, right @ right.T) == pytest.approx(sizes.sum(), abs=1e-6)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_proof_agrees_with_dense_formulas(jobs):
    data, known = matrix(4)
    state = weighted_pcp.solve(MatrixBlocks(data, known), start(4, 5), NUMBERS, tol=1e-3, max_iter=500).state
    background = state.left @ state.right
    blocks_, (left, right) = MatrixBlocks(data, known), state[:2]
    found = prove(blocks_, left, right, tau_background=TAUS[0], tau_anomaly=TAUS[1], engine=Threads(jobs))
    y = np.clip(np.where(known, data - background, 0.0), -TAUS[1], TAUS[1])
    spectrum = dual_spectrum(blocks_, left, right, tau_anomaly=TAUS[1], engine=Threads(jobs))
    np.testing.assert_allclose(spectrum, np.linalg.svd(y)[1], atol=1e-6)
    primal, dual = stable_values(data, known, background, *TAUS)
    assert found.primal == pytest.approx(primal)
    assert found.dual <= dual * (1 + 1e-9)
    assert found.relative_gap <= 1e-3
