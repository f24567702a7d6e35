"""Gain and bias: right under outliers, saturation and masks; silent where nothing can be known."""

import numpy as np
import pytest

from kizu.detect.register import exposure
from kizu.detect.register_exposure import regress, unsaturated
from kizu.scenes import plaster


def lit(seed, *, frames=12, noise=2.0):
    """A wall, its frames in changing light, gains and biases."""
    draw = np.random.default_rng(seed)
    wall = plaster(120, 160, draw)
    gains, biases = draw.uniform(0.85, 1.15, frames), draw.uniform(-10, 10, frames)
    pictures = gains[:, None, None] * wall + biases[:, None, None]
    return wall, pictures + noise * draw.standard_normal(pictures.shape), gains, biases


def off_by(found, wall, gains, biases):
    """Relative error of the gains, and error of the level at the wall's mean in grey levels."""
    relative = np.abs(found[0][:, 0] / gains - 1).max()
    level = np.abs((found[0][:, 0] - gains) * wall.mean() + found[1][:, 0] - biases).max()
    return relative, level


def test_plaster_gives_gain_and_level_within_a_percent():
    wall, frames, gains, biases = lit(0)
    gain, level = off_by(exposure(frames, wall), wall, gains, biases)
    assert gain < 0.01 and level < 0.1


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_passing_truck_changes_nothing(share):
    wall, frames, gains, biases = lit(1)
    frames[:, :, : int(160 * share)] = 40 + np.random.default_rng(2).normal(0, 5, (12, 120, int(160 * share)))
    gain, level = off_by(exposure(frames, wall), wall, gains, biases)
    assert gain < 0.015 and level < 0.3


def test_masked_entries_take_no_part():
    wall, frames, gains, biases = lit(2)
    known = np.ones(frames.shape, bool)
    known[:, :70] = False
    frames[~known] = 1e6
    gain, level = off_by(exposure(frames, wall, known=known), wall, gains, biases)
    assert gain < 0.02 and level < 0.3


def test_saturated_pixels_take_no_part_where_there_are_many():
    wall, frames, gains, _ = lit(3)
    clipped = np.clip(np.rint(frames * 1.6), 0, 255).astype(np.uint8)
    found = exposure(clipped, wall)[0][:, 0] / (1.6 * gains) - 1
    share = (clipped == 255).mean(axis=(1, 2))
    some = (share > 0.02) & (share < 0.2)
    plain = [np.polyfit(wall.ravel(), f.ravel(), 1)[0] / (1.6 * g) - 1 for f, g in zip(clipped, gains, strict=True)]
    assert some.any() and np.abs(found[some]).max() < 0.04
    assert (np.abs(found) < np.abs(plain))[share > 0.02].all()


def test_lone_extremes_are_no_saturation():
    picture = np.random.default_rng(0).standard_normal((20, 20, 1)).astype(np.float32)
    assert unsaturated(picture, float(picture.min()), float(picture.max())) is picture


def test_flat_frames_at_the_extreme_are_kept():
    picture = np.zeros((20, 20, 1), np.float32)
    assert not np.isnan(unsaturated(picture, 0.0, 1.0)).any()


def test_shifts_say_where_frames_look():
    draw = np.random.default_rng(4)
    wall = plaster(80, 100, draw)
    frames = np.stack([0.9 * wall[5:75, 5:95] + 3, 0.9 * wall[2:72, 9:99] + 3])
    found = exposure(frames, wall[5:75, 5:95], shifts=[[0, 0], [3, -4]])
    np.testing.assert_allclose(found[0], 0.9, rtol=1e-4)
    np.testing.assert_allclose(found[1], 3, atol=0.02)


def test_channels_are_independent():
    wall, frames, _, _ = lit(5, frames=3)
    colour = np.stack([frames, 2 * frames, 255 - frames], axis=-1)
    found = exposure(colour, np.stack([wall, wall, 255 - wall], axis=-1))
    np.testing.assert_allclose(found[0][:, 1], 2 * found[0][:, 0], rtol=0.01)  # the prior pulls 2 more than 1
    np.testing.assert_allclose(found[0][:, 2], found[0][:, 0], rtol=1e-3)


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_no_contrast_is_no_gain(scale):
    """The mean of noise has less contrast than its own noise would give it."""
    noise = scale * np.random.default_rng(6).standard_normal((20, 60, 80))
    gains, biases = exposure(noise, noise.mean(axis=0))
    np.testing.assert_array_equal(gains, 1)
    assert np.abs(biases).max() < 0.1 * scale


def test_weak_contrast_is_pulled_towards_one():
    """Before noise of 25 times the contrast the error is below that of the plain regression."""
    wall, frames, gains, _ = lit(7, frames=40, noise=150.0)
    wall, frames = wall.astype(np.float32), frames.astype(np.float32)
    found = np.array([regress(f, wall, 10**6).gain for f in frames])
    plain = np.array([np.polyfit(wall.ravel(), f.ravel(), 1)[0] for f in frames])
    assert found.std() > 0.02
    assert np.std(found - gains) < 0.8 * np.std(plain - gains)


def test_a_perfect_fit_is_exact():
    wall = plaster(40, 50, np.random.default_rng(8)).astype(np.float32)
    line = regress(0.5 * wall + 7, wall, 1)
    assert line.gain == pytest.approx(0.5, rel=1e-5) and line.bias == pytest.approx(7, abs=1e-2)


@pytest.mark.parametrize("picture", [np.full((40, 50), np.nan), np.full((40, 50), 3.0)])
def test_frames_that_do_not_follow_are_left_alone(picture):
    wall = plaster(40, 50, np.random.default_rng(9)).astype(np.float32)
    assert regress(picture.astype(np.float32), wall, 1) == (1.0, 0.0)


def test_frames_of_other_light_altogether_are_left_alone():
    wall = plaster(40, 50, np.random.default_rng(10)).astype(np.float32)
    assert regress(10 * wall, wall, 1) == (1.0, 0.0)
    assert regress(-wall, wall, 1) == (1.0, 0.0)


def test_powers_of_two_change_only_the_biases():
    wall, frames, _, _ = lit(11, frames=3)
    a, b = exposure(frames, wall), exposure(np.ldexp(frames, 30), np.ldexp(wall, 30))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(np.ldexp(a[1], 30), b[1])
