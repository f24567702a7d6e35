import numpy as np
import pytest

from kizu.engines.serial import Serial
from kizu.engines.threads import Threads
from kizu.lowrank.blocks import MatrixBlocks
from kizu.models import background
from kizu.models.background import FIRST_STEPS, RAISE

FRAMES, SIZE = 30, (24, 32)
COLUMNS = SIZE[0] * SIZE[1]
SIGMA = 1.0


def chosen(sigma=SIGMA, *, lam=None, rank=None, frames=FRAMES, share_known=1.0):
    return background.thresholds((frames, COLUMNS), sigma, share_known=share_known, lam=lam, rank=rank)


def still(seed=0, rank=3):
    """Rank-`rank` frames around a bright picture: (background, background + noise)."""
    rng = np.random.default_rng(seed)
    picture = 100 + 10 * rng.standard_normal(COLUMNS)
    scene = picture + 3 * rng.standard_normal((FRAMES, rank - 1)) @ rng.standard_normal((rank - 1, COLUMNS))
    return scene, (scene + SIGMA * rng.standard_normal(scene.shape)).astype(np.float32)


def moving(seed=0):
    """A still picture over which six waves run, each at its own speed: no rank below thirteen explains it."""
    rng = np.random.default_rng(seed)
    x, t = 2 * np.pi * np.arange(COLUMNS) / COLUMNS, 2 * np.pi * np.arange(FRAMES)[:, None] / FRAMES
    waves = sum(np.cos(k * t - 5 * k * x) for k in range(1, 7))
    picture = 100 + 10 * rng.standard_normal(COLUMNS)
    return (picture + 3 * SIGMA * waves + SIGMA * rng.standard_normal(waves.shape)).astype(np.float32)


def begun(frames, numbers, steps=FIRST_STEPS):
    """The blocks, and a state after a first fit."""
    data = MatrixBlocks(frames)
    state = background.start_from(np.median(frames, axis=0), len(frames))
    state = background.grow(data, numbers, state, engine=Serial())
    return data, background.fit(data, numbers, state, steps=steps, engine=Serial())


def settled(frames, numbers, steps=FIRST_STEPS):
    data, state = begun(frames, numbers, steps)
    return data, background.settle(data, numbers, state, tol=1e-3, engine=Serial())


def test_a_still_scene_is_certified_at_the_edge_of_the_noise():
    scene, frames = still()
    data, found = settled(frames, chosen(rank=3), steps=20)
    assert found.chosen == chosen(rank=3)
    assert found.solution.converged
    left, right = background.compact(found.solution.state, found.chosen, 1)
    assert right.shape == (3, COLUMNS)
    error = np.sqrt(np.mean((left @ right - scene) ** 2))
    assert error < 0.5 * SIGMA
    spectrum = background.dual_spectrum(data, found.chosen, found.solution.state, engine=Serial())
    assert spectrum[0] <= found.chosen.tau_background.value * RAISE


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_a_raised_threshold_certifies_a_scene_that_no_small_rank_explains(rank):
    first = chosen(rank=rank)
    data, state = begun(moving(), first)
    unraised = background.dual_spectrum(data, first, state, engine=Serial())
    assert unraised[0] > 1.2 * first.tau_background.value
    _, found = settled(moving(), first)
    assert found.chosen.tau_background.value > 1.2 * first.tau_background.value
    assert found.chosen.tau_background.why.startswith("raised to the residual's own spectrum")
    assert found.chosen.tau_anomaly.value == first.tau_anomaly.value
    assert "before that was raised" in found.chosen.tau_anomaly.why
    assert found.solution.converged
    assert found.solution.certificate.relative_gap <= 1e-3
    assert found.solution.state.rank(found.chosen.numbers(1)) <= rank
    assert (found.left_over <= found.chosen.tau_background.value).all()


def test_growing_finds_the_directions_that_are_there():
    scene, frames = still()
    data = MatrixBlocks(frames)
    state = background.start_from(np.median(frames, axis=0), FRAMES)
    assert state.left.shape == (FRAMES, 1)
    wide = background.grow(data, chosen(lam=1.0, rank=3), state, engine=Serial())
    assert wide.left.shape == (FRAMES, 3)
    before, after = (np.linalg.norm(frames - s.left @ s.right) for s in (state, wide))
    noise = np.linalg.norm(frames - scene)
    assert before > 2 * noise
    assert after < 1.05 * noise


@pytest.mark.parametrize("rank", [1, 2])
def test_a_state_that_has_its_rank_does_not_grow(rank):
    _, frames = still()
    data, state = begun(frames, chosen(rank=2))
    assert background.grow(data, chosen(rank=rank), state, engine=Serial()) is state


def test_growing_stops_at_the_number_of_frames():
    frames = still()[1][:3]
    state = background.start_from(np.median(frames, axis=0), 3)
    numbers = chosen(rank=8, frames=3)
    assert background.grow(MatrixBlocks(frames), numbers, state, engine=Serial()).left.shape == (3, 3)


@pytest.mark.parametrize("seed", range(3))
def test_compact_factors_are_the_background_before_the_threshold(seed):
    _, found = settled(still(seed)[1], chosen())
    state = found.solution.state
    left, right = background.compact(state, found.chosen, 1)
    assert left.dtype == right.dtype == np.float32
    np.testing.assert_allclose(right @ right.T, np.eye(len(right)), atol=1e-4)
    u, sizes, vh = np.linalg.svd(state.left.astype(float) @ state.right, full_matrices=False)
    rank = len(right)
    whole = (u[:, :rank] * (sizes[:rank] + found.chosen.tau_background.value)) @ vh[:rank]
    np.testing.assert_allclose(left @ right, whole, atol=1e-2)


def test_frames_are_projected_onto_themselves():
    scene, _ = still()
    _, sizes, vh = np.linalg.svd(scene, full_matrices=False)
    right = vh[:3].astype(np.float32)
    assert sizes[3] < 1e-9 * sizes[0]
    data = MatrixBlocks(scene.astype(np.float32))
    left = background.project(data, right, chosen(lam=1e3), np.zeros((FRAMES, 3), np.float32), steps=2, engine=Serial())
    np.testing.assert_allclose(left @ right, scene, atol=0.01)


def test_projected_training_frames_have_the_background_of_the_fit():
    scene, frames = still()
    data, found = settled(frames, chosen())
    left, right = background.compact(found.solution.state, found.chosen, 1)
    again = background.project(data, right, found.chosen, left, steps=30, engine=Serial())
    assert np.sqrt(np.mean((again @ right - left @ right) ** 2)) < 0.3 * SIGMA
    assert np.sqrt(np.mean((again @ right - scene) ** 2)) < 0.5 * SIGMA


def test_a_projection_is_robust_and_stationary():
    scene, frames = still()
    _, found = settled(frames, chosen())
    left, right = background.compact(found.solution.state, found.chosen, 1)
    marked = frames.copy()
    marked[5, 100:130] += 80
    data, level = MatrixBlocks(marked), found.chosen.tau_anomaly.value
    again = background.project(data, right, found.chosen, left, steps=60, engine=Serial())
    pull = np.clip(marked - again @ right, -level, level) @ right.T
    assert np.abs(pull).max() < 0.05
    assert np.abs((again @ right)[5] - scene[5]).mean() < SIGMA


def test_fits_do_not_depend_on_the_number_of_threads():
    data, state = begun(still()[1], chosen())
    one, two = (background.fit(data, chosen(), state, steps=2, engine=Threads(jobs)) for jobs in (1, 2))
    np.testing.assert_equal(one, two)


def test_pruning_keeps_at_least_one_component():
    _, state = begun(still()[1], chosen())
    assert len(background.pruned(state, chosen(1e6)).sizes) == 1
    np.testing.assert_equal(background.pruned(state, chosen(1e-6)), state)


@pytest.mark.parametrize(("frames", "rank"), [(1, 1), (4, 1), (10, 2), (19, 3), (20, 4), (500, 4)])
def test_the_rank_allowed_grows_with_the_frames(frames, rank):
    assert chosen(frames=frames).rank.value == rank
    assert chosen(frames=frames, rank=7).rank.value == min(7, frames)


def test_thresholds_say_what_was_given():
    assert chosen(lam=0.3).lam == (0.3, "given")
    assert chosen(lam=0.3).tau_anomaly.value == pytest.approx(0.3 * chosen().tau_background.value)
    assert chosen(share_known=0.25).tau_background.value == pytest.approx(0.5 * chosen().tau_background.value)
