import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.detect.null import BLOCK, Tail, fit_tail, null_maps
from kizu.engines.serial import Serial

HEIGHT, WIDTH, FRAMES = 70, 50, 8


def coded():
    """Every pixel's value says where it is from: 1 + its place, and the frame in the fraction."""
    place = 1.0 + np.arange(HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    return np.stack([place + np.float32(t / 16) for t in range(FRAMES)])


def frame_of(maps):
    return np.rint((np.abs(maps) % 1) * 16).astype(int)


@pytest.mark.parametrize("seed", range(5))
def test_a_null_map_keeps_every_pixel_at_its_place(seed):
    maps = null_maps(coded(), np.zeros((FRAMES, HEIGHT, WIDTH), bool), count=6, seed=seed, engine=Serial())
    np.testing.assert_array_equal(np.floor(np.abs(maps)), np.broadcast_to(np.floor(coded()[0]), maps.shape))


def test_frames_and_signs_are_mixed_and_each_block_is_of_one_frame_and_sign():
    maps = null_maps(coded(), np.zeros((FRAMES, HEIGHT, WIDTH), bool), count=40, seed=0, engine=Serial())
    assert set(frame_of(maps).ravel()) == set(range(FRAMES))
    assert np.sign(maps).mean() == pytest.approx(0, abs=0.2)
    for one in maps[:10]:
        changes = np.flatnonzero(np.diff(frame_of(one), axis=1).any(axis=0) | np.diff(np.sign(one), axis=1).any(axis=0))
        assert (np.diff(changes) % BLOCK == 0).all()


@given(st.integers(0, 10**6))
def test_null_maps_never_contain_excluded_pixels(seed):
    rng = np.random.default_rng(seed)
    z, excluded = coded(), np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    for t in rng.choice(FRAMES, FRAMES // 2, replace=False):
        y, x = rng.integers(0, (HEIGHT - 10, WIDTH - 10))
        excluded[t, y : y + 10, x : x + 10] = True
    z[excluded] = 0.5
    assert not (np.abs(null_maps(z, excluded, count=5, seed=seed, engine=Serial())) == 0.5).any()


def test_a_place_without_a_free_frame_is_filled_from_another_place():
    z, excluded = coded(), np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    excluded[:, :4, :4] = True
    z[excluded] = 0.5
    assert not (np.abs(null_maps(z, excluded, count=20, seed=0, engine=Serial())) == 0.5).any()


def test_maps_depend_on_the_seed_alone():
    free = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    first, again, other = (null_maps(coded(), free, count=3, seed=s, engine=Serial()) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_stack_with_nothing_free_still_has_a_null():
    maps = null_maps(coded(), np.ones((FRAMES, HEIGHT, WIDTH), bool), count=2, seed=0, engine=Serial())
    assert np.isfinite(maps).all()
    assert (maps != 0).all()


TAILS = [Tail(3.0, -2.0, 0.0, 0.5, 2.0), Tail(5.0, -0.5, -0.8, 1.0, 3.0), Tail(9.0, 2.0, -1.5, 2.0, 2.5)]


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("rate", [1.0, 0.1, 1e-3, 1e-9])
def test_a_level_is_the_smallest_with_its_rate(tail, rate):
    level = tail.level(rate)
    if level == tail.start:
        assert tail.log_rate(level) <= math.log(rate)
    else:
        assert tail.log_rate(level) == pytest.approx(math.log(rate), abs=1e-9)


@pytest.mark.parametrize("tail", TAILS)
def test_a_tail_is_flat_before_its_start_and_falls_from_there(tail):
    t = np.linspace(tail.start, 50, 200)
    assert (np.diff(tail.log_rate(t)) < 0).all()
    assert tail.log_rate(tail.start / 2) == tail.log_rate(tail.start)


@pytest.mark.parametrize("true", TAILS[:2])
def test_a_fit_continues_the_law_of_its_counts(true):
    levels = np.linspace(true.start, true.start + 2, 12)
    rates = np.exp(true.log_rate(levels))
    found = fit_tail(levels, rates, np.ones(12))
    assert found.log_rate(6.0) == pytest.approx(float(true.log_rate(6.0)), abs=1e-6)


@given(st.integers(0, 10**6), st.integers(2, 14))
def test_whatever_the_counts_the_fit_falls_from_its_start_on(seed, rungs):
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.uniform(0.1, 5, rungs))
    tail = fit_tail(levels, rng.uniform(0.01, 9, rungs), rng.uniform(1, 90, rungs))
    assert (np.diff(tail.log_rate(np.linspace(levels[0], 20, 100))) < 0).all()
    assert tail.level(1e-6) > tail.level(1e-3) >= tail.start == levels[0]
