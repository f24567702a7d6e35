"""The film of the hundred walls, by other ways."""

import numpy as np
import pytest

import kizu.solvers.ialm_pass as passes
from kizu.engines.serial import Serial
from kizu.explain.lessons.walls import DOTTED, ITERATIONS, iterations, numbers, run
from kizu.lowrank.augmented import Numbers
from kizu.lowrank.blocks import MatrixBlocks
from kizu.models.robust_pca import robust_pca
from kizu.solvers import ialm


def started(problem, w, mu):
    """The solver's state at a W that was written with `mu`."""
    engine = Serial()
    found, _, square = passes.measure(problem.data, engine, problem.max_rank)
    spectrum = passes.look(problem.data, engine, w, Numbers(mu, mu, mu, problem.lam), found)
    after = ialm.shrunk(spectrum, mu, problem)
    return ialm.State(w, spectrum.vectors, spectrum.values, after, spectrum.how, mu, mu, np.sqrt(square))


def test_the_iterations_are_those_of_the_solver():
    rng = np.random.default_rng(0)
    m = np.outer(rng.uniform(1, 2, 12), rng.uniform(1, 2, 40)) + 5.0 * (rng.random((12, 40)) < 0.05)
    lam = 1 / np.sqrt(40)
    problem, largest = ialm.Problem(MatrixBlocks(m), lam, 12, 1.0), np.linalg.norm(m, 2)
    state = started(problem, m / max(largest, np.abs(m).max() / lam), 1.25 / largest)  # W = Y + mu·S with S = 0
    for background, anomaly, y, mu in iterations(m, lam, 15):
        before = np.clip(state.w, -lam, lam)
        state, _ = ialm.step(problem, Serial(), state, ialm.grow(state, ITERATIONS))
        assert state.weight == pytest.approx(mu)
        np.testing.assert_allclose(np.clip(state.w, -lam, lam), y, atol=1e-9)
        np.testing.assert_allclose((state.w - np.clip(state.w, -lam, lam)) / mu, anomaly, atol=1e-8)
        np.testing.assert_allclose(m - anomaly - (y - before) / mu, background, atol=1e-8)


def test_the_film_ends_where_the_certified_solver_does():
    made = run()
    found = robust_pca(made.matrix, noise=None)
    two = [DOTTED.frame, 12]
    np.testing.assert_allclose(made.parts["background"][-1], found.background[two], atol=0.01)
    np.testing.assert_array_equal(found.anomaly != 0, made.defect)
    np.testing.assert_array_equal(made.parts["anomaly"][-1, 0] != 0, DOTTED.mask.ravel())
    assert not made.parts["anomaly"][:, 1].any()


def test_the_numbers_are_those_of_the_story():
    made, quoted = run(), numbers()
    opens = quoted["opens"]
    assert (made.filled[: opens - 1] < 1).all()
    assert made.filled[opens - 1 :] == pytest.approx(1.0)
    assert (made.nonzero[: opens - 1] == 0).all()
    assert (made.nonzero[opens - 1 :] == quoted["dot"]).all()
    assert (made.rank[: quoted["second"] - 1] == 1).all()
    assert (made.rank[quoted["second"] - 1 :] == 2).all()
    assert 0 < quoted["gap"] < 1e-5
    assert quoted["residual"] < 1e-7
