import math
from itertools import pairwise

import numpy as np
import pytest

from instances import CERTIFIED, SOLVERS, planted, setup
from kizu.engines.serial import Serial
from kizu.lowrank.blocks import MatrixBlocks
from kizu.solvers import ialm, stable_pcp
from kizu.solvers.loop import Record, run

BLOCKS = MatrixBlocks(planted(0, shape=(20, 30), rank=2).X / 8)
PROBLEM = ialm.Problem(BLOCKS, 1 / math.sqrt(30), 20, 1.0)
SERIAL = Serial()
FEW_SEEDS = range(10)


@pytest.mark.parametrize("name", CERTIFIED)
@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_the_objective_is_the_optimum(name, seed):
    found = SOLVERS[name](setup(seed), 1e-7)
    assert found.solution.converged
    assert found.values()[0] == pytest.approx(found.optimum(), rel=1e-6)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_the_proof_brackets_the_optimum(name, seed):
    found = SOLVERS[name](setup(seed), 1e-4)
    proof, best = found.solution.certificate, found.optimum()
    assert proof.dual <= best * (1 + 1e-7)
    assert proof.primal >= best * (1 - 1e-7)


@pytest.mark.parametrize("name", CERTIFIED)
def test_converged_means_a_small_gap(name):
    found = SOLVERS[name](setup(4), 1e-3)
    assert found.solution.stopped == "gap"
    primal, dual = found.values()
    assert (primal - dual) / primal <= 1e-3


def test_the_textbook_stop_is_feasible_and_not_converged():
    found = SOLVERS["ialm fast"](setup(0), 1e-7).solution
    assert found.stopped == "feasible"
    assert not found.converged
    assert found.certificate.relative_gap > 1e-3


def stable_numbers(rank=20):
    return stable_pcp.Numbers(0.5, 0.5 / math.sqrt(30), rank, Serial())


RUNS = {
    "ialm": lambda start, most: ialm.solve(PROBLEM, SERIAL, tol=1e-6, feasible=1e-7, max_iter=most, start=start),
    "ialm fast": lambda start, most: ialm.solve_fast(PROBLEM, SERIAL, feasible=1e-7, max_iter=most, start=start),
    "stable_pcp": lambda start, most: stable_pcp.solve(BLOCKS, stable_numbers(), tol=1e-7, max_iter=most, start=start),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("pause", [1, 7, 20])
def test_a_run_continues_exactly_from_its_state(name, pause):
    whole = RUNS[name](None, 5000)
    first = RUNS[name](None, pause)
    second = RUNS[name](first.state, 5000)
    assert first.stopped == "max_iter"
    np.testing.assert_equal([*first.history, *second.history], list(whole.history))
    np.testing.assert_equal(second.state, whole.state)
    assert second.certificate == whole.certificate


@pytest.mark.parametrize("name", RUNS)
def test_no_step_is_allowed(name):
    found = RUNS[name](None, 0)
    assert found.stopped == "max_iter"
    assert found.history == ()
    assert found.certificate.relative_gap > 0.1


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_the_same_twice(name):
    np.testing.assert_equal(RUNS[name](None, 40).state, RUNS[name](None, 40).state)


def test_the_thresholds_shrink_to_those_asked_for_and_momentum_pauses_where_the_objective_rose():
    state, records = stable_pcp.init(BLOCKS, stable_numbers()), []
    for _ in range(60):
        level, paused = state.level, state.momentum == 0
        state, record = stable_pcp.step(BLOCKS, state, stable_numbers())
        records.append((level, paused, record.objective))
    assert all(after <= before for (before, _, _), (after, _, _) in pairwise(records))
    last = [(paused, objective) for level, paused, objective in records if level == 1]
    assert len(last) > 20
    rounding = 1 + 1e-12
    assert all(after <= before * rounding for (paused, before), (_, after) in pairwise(last) if paused)
    assert last[-1][1] <= min(objective for _, objective in last) * rounding


def test_the_first_multiplier_is_feasible():
    state = ialm.init(PROBLEM, SERIAL)
    y = np.clip(state.w, -PROBLEM.lam, PROBLEM.lam)
    s = (state.w - y) / state.weight
    norm = np.linalg.norm(BLOCKS.matrix, 2)
    start = BLOCKS.matrix / max(norm, np.abs(BLOCKS.matrix).max() / PROBLEM.lam)
    assert state.weight * norm == pytest.approx(1.25)
    np.testing.assert_allclose(y + state.weight * (s - BLOCKS.matrix), start, atol=1e-15)


def test_mu_ramps_then_holds_then_is_balanced_ever_more_rarely():
    mus = []
    state = ialm.init(PROBLEM, SERIAL)
    for _ in range(120):
        state, _ = ialm.step(PROBLEM, SERIAL, state, ialm.balance(ialm.grow(state, ialm.HOLD)))
        mus.append(state.mu)
    np.testing.assert_allclose(np.divide(mus[1 : ialm.HOLD], mus[: ialm.HOLD - 1]), ialm.GROWTH)
    changes = np.flatnonzero(np.diff(mus[ialm.HOLD :]))
    assert len(changes) >= 3
    assert (np.diff(changes) >= ialm.FIRST_BALANCE).all()
    assert np.diff(changes)[-1] > np.diff(changes)[0]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_capped_rank_cannot_hide(rank):
    data = planted(0, shape=(40, 50), rank=5, sigma=0.01).X / 16
    numbers = stable_pcp.Numbers(0.02, 0.02 / math.sqrt(50), rank, Serial())
    found = stable_pcp.solve(MatrixBlocks(data), numbers, tol=1e-5, max_iter=300)
    assert found.stopped == "max_iter"
    assert found.certificate.relative_gap > 0.1
    assert found.state.rank == rank


def test_the_loop_counts_and_reports():
    seen = []

    def count(state):
        return state + 1, Record(state + 1, 0.0, 0.0, 0.0, 0)

    found = run(
        count,
        0,
        finished=lambda state, _: ("gap", "proof") if state == 3 else None,
        certify=lambda state: (state, f"proof of {state}"),
        max_iter=10,
        callback=seen.append,
    )
    assert (found.state, found.stopped, found.converged, found.certificate) == (3, "gap", True, "proof")
    assert tuple(seen) == found.history
    short = run(count, 0, finished=lambda *_: None, certify=lambda state: (state, f"proof of {state}"), max_iter=2)
    assert (short.state, short.stopped, short.converged, short.certificate) == (2, "max_iter", False, "proof of 2")
