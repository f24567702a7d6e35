"""The race: who may start, who arrives, and that only the clock differs from machine to machine."""

import numpy as np
import pytest

from kizu.datafits import Quadratic
from kizu.explain.lessons.race import CONTESTANTS, GOAL, REPEATS, heats, moments, numbers, started, timed
from kizu.penalties import L1
from kizu.solvers import fista
from kizu.solvers.composite import Problem


def test_who_needs_a_gradient_may_not_start_where_there_is_none():
    assert heats()["ridge"].keys() == CONTESTANTS.keys()
    assert CONTESTANTS.keys() - heats()["lasso"].keys() == {"gradient_descent", "sgd"}


def test_those_that_are_quoted_arrive_and_the_cost_is_never_above_the_gap():
    for heat, runs in heats().items():
        for run in runs.values():
            assert (run.cost <= run.gap + 1e-12).all()
            assert (np.diff(run.time) > 0).all()
        for name in ("fista", "admm", "coordinate_descent"):
            steps = numbers()[f"{heat}_{name}"]
            assert (runs[name].gap[: steps - 1] > GOAL).all()
            assert runs[name].gap[steps - 1] <= GOAL
    assert heats()["lasso"]["ista"].gap[-1] > GOAL < heats()["ridge"]["sgd"].gap[-1]


def test_a_heat_is_shown_until_the_last_is_done():
    for runs in heats().values():
        shown = moments(runs)
        assert shown[-1] == pytest.approx(max(run.time[-1] for run in runs.values()), rel=1e-12)
        assert shown[0] == pytest.approx(min(run.time[0] for run in runs.values()), rel=1e-12)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return Problem(Quadratic(rng.standard_normal(20)), L1(0.5), rng.standard_normal((20, 8)))


def test_every_iteration_has_a_time(problem):
    history, times = timed(fista.solve, problem)
    assert len(history) == len(times)
    assert (np.diff(times) > 0).all()
    assert times[0] > 0


def test_the_best_of_the_runs_counts_and_a_refusal_is_no_run(problem):
    called = []

    def counted(*args, **more):
        called.append(1)
        return fista.solve(*args, **more)

    runs = started(problem, {"counted": counted, "sgd": CONTESTANTS["sgd"][0]})
    assert list(runs) == ["counted"]
    assert len(called) == REPEATS
