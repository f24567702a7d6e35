"""Streaks are followed whichever way they run; what lies across them is left."""

import numpy as np
import pytest
from scipy import ndimage

from kizu.models.streaks import STEEPEST, along_columns, median_along, tilt

SHAPE = (120, 140)


def streaked(degrees=0.0, *, shape=SHAPE, seed=0, noise=0.3):
    """Streaks that lean `degrees` off the columns (the deeper, the further right), and noise."""
    rng = np.random.default_rng(seed)
    profile = ndimage.gaussian_filter1d(rng.standard_normal(shape[1] + 200), 1.2)
    profile /= profile.std()
    y, x = np.indices(shape)
    place = x - np.tan(np.radians(degrees)) * (y - shape[0] / 2) + 100
    picture = np.interp(place, np.arange(len(profile)), profile) + noise * rng.standard_normal(shape)
    return picture.astype(np.float32)


@pytest.mark.parametrize("degrees", [-7.0, -3.0, 0.0, 1.5, 4.0, 8.0])
def test_the_tilt_of_streaks_is_measured(degrees):
    assert tilt(streaked(degrees)) == pytest.approx(degrees, abs=1)


@pytest.mark.parametrize("degrees", [-4.0, 0.0, 4.0])
def test_a_bright_scratch_does_not_tilt_the_streaks(degrees):
    picture = streaked(degrees)
    rows = np.arange(20, 100)
    picture[rows, (rows * 0.5).astype(int) + 40] += 20
    assert tilt(picture) == pytest.approx(degrees, abs=1)


def test_steeper_streaks_are_followed_as_far_as_is_tried():
    assert abs(tilt(streaked(20.0))) <= STEEPEST


@pytest.mark.parametrize("picture", [np.zeros((40, 50), np.float32), np.full((40, 50), 9, np.float32)])
def test_an_even_picture_is_upright(picture):
    assert tilt(picture) == 0


def test_the_side_that_streaks_run_along_is_seen():
    assert along_columns(streaked(3.0)) and not along_columns(streaked(3.0).T)


def test_an_even_picture_is_taken_as_it_is():
    assert along_columns(np.zeros((30, 40), np.float32))


@pytest.mark.parametrize("degrees", [0.0, 5.0])
def test_the_median_keeps_streaks_and_removes_a_blob(degrees):
    clean = streaked(degrees, noise=0.1)
    spoiled = clean.copy()
    spoiled[50:70, 60:75] += 5
    found = median_along(spoiled, 61, degrees)
    inner = slice(10, -10)
    assert np.corrcoef(found[:, inner].ravel(), clean[:, inner].ravel())[0, 1] > 0.95
    assert np.abs(found - clean)[50:70, 60:75].mean() < 0.5


def test_leaning_medians_follow_leaning_streaks_better_than_upright_ones():
    picture = streaked(6.0, noise=0.05)
    upright, leaning = (np.abs(picture - median_along(picture, 91, d)).mean() for d in (0.0, 6.0))
    assert leaning < 0.5 * upright


@pytest.mark.parametrize("degrees", [0.0, 5.0])
def test_an_even_picture_is_its_own_median(degrees):
    even = np.full((50, 60), 3.5, np.float32)
    assert np.array_equal(median_along(even, 21, degrees), even)


def test_columns_do_not_mix():
    picture = np.tile(np.arange(30, dtype=np.float32), (25, 1))
    assert np.array_equal(median_along(picture, 11), picture)


@pytest.mark.parametrize("length", [1, 2, 15, 59, 60, 181, 1001])
def test_the_median_is_that_of_the_mirrored_column(length):
    picture = streaked(shape=(30, 8))
    found, reach = median_along(picture, length), min(length, 59) // 2
    mirrored = np.pad(picture, ((reach, reach), (0, 0)), mode="symmetric")
    for row in (0, 13, 29):
        assert np.array_equal(found[row], np.median(mirrored[row : row + 2 * reach + 1], axis=0))


def test_the_picture_is_not_changed():
    picture = streaked(4.0)
    before = picture.copy()
    median_along(picture, 31, 4.0), tilt(picture), along_columns(picture)
    assert np.array_equal(picture, before)
