"""Small bright targets are told from edges, ridges, areas and noise."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from kizu.detect.targets import CANDIDATES, Candidate, candidates, decide, expected_number, roughness, score_map
from kizu.models.patch_image import patch_image

SHAPE = (100, 120)
RATE = 0.1


def bump(y, x, width=1.5, shape=SHAPE):
    rows, columns = np.indices(shape)
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width**2))


def grain(seed=0, shape=SHAPE):
    return 3 * np.random.default_rng(seed).standard_normal(shape)


def clouds(seed=0):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(SHAPE), 8)
    return 20 * field / field.std()


BACKGROUNDS = {
    "noise": np.zeros(SHAPE),
    "ramp": 0.5 * np.indices(SHAPE)[1],
    "clouds": clouds(),
}
ROWS, COLUMNS = np.indices(SHAPE)
NO_TARGETS = {
    "step": 60.0 * (COLUMNS > 60),
    "ridge": 60 * np.exp(-((COLUMNS - 60 + 0.3 * (ROWS - 50)) ** 2) / 4),
    "large area": 60.0 * (np.hypot(ROWS - 50, COLUMNS - 60) < 25),
    "dark target": -50 * bump(40, 50),
    "checks": 25.0 * ((ROWS // 25 + COLUMNS // 25) % 2),
}


def pictured(values):
    return (100 + values).astype(np.float32)


def decided(picture, rate=RATE, quantum=0.0):
    return decide(picture, patch_image(picture).residual, rate, quantum)


def count(mask):
    return ndimage.label(mask, np.ones((3, 3)))[1]


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("width", [1.0, 1.5, 2.5])
def test_a_target_is_found_with_a_mask_of_its_size(background, width):
    target = bump(40, 50, width)
    found = decided(pictured(BACKGROUNDS[background] + 60 * target + grain()))
    assert count(found.mask) == 1 and found.mask[40, 50]
    true = np.count_nonzero(target > 0.27)
    assert 0.5 * true < np.count_nonzero(found.mask) < 2 * true
    assert (found.expected[found.mask] < RATE).all() and np.isinf(found.expected[~found.mask]).all()
    assert np.hypot(*(np.argwhere(found.mask).mean(axis=0) - (40, 50))) < 1


@pytest.mark.parametrize("scene", NO_TARGETS)
def test_what_is_no_target_is_left(scene):
    assert not decided(pictured(NO_TARGETS[scene] + grain())).mask.any()


def test_two_targets_are_both_found():
    mask = decided(pictured(50 * (bump(30, 30) + bump(70, 90)) + grain())).mask
    assert count(mask) == 2 and mask[30, 30] and mask[70, 90]


def test_neighbours_do_not_hide_each_other():
    mask = decided(pictured(60 * (bump(40, 50) + bump(40, 61)) + grain())).mask
    assert mask[40, 50] and mask[40, 61]


def test_a_target_is_found_beside_an_edge():
    mask = decided(pictured(NO_TARGETS["step"] + 70 * bump(40, 40) + grain())).mask
    assert count(mask) == 1 and mask[40, 40]


@pytest.mark.parametrize("place", [(0, 0), (0, 60), (99, 119), (3, 116), (50, 1)])
def test_the_border_of_the_picture_is_no_trouble(place):
    found = decided(pictured(80 * bump(*place) + grain()))
    assert found.mask.shape == SHAPE and count(found.mask) <= 1
    assert not found.mask.any() or found.mask[place]


def test_a_target_near_a_corner_is_found():
    assert decided(pictured(80 * bump(5, 6) + grain())).mask[5, 6]


def test_noise_holds_no_more_targets_than_stated():
    found = [decided(pictured(grain(seed, (64, 64))), 1.0).mask for seed in range(30)]
    assert np.mean([count(mask) for mask in found]) <= 1.0


def test_more_false_alarms_allow_more_targets():
    picture = pictured(18 * bump(40, 50) + grain())
    masks = [decided(picture, rate).mask for rate in (0.001, 0.1, 1.0, 10.0)]
    assert all((more | less == more).all() for less, more in itertools.pairwise(masks))
    assert not masks[0].any() and masks[-1].any()


def test_the_expected_number_falls_with_the_score():
    numbers = [expected_number(score, 1.0) for score in np.linspace(0, 50, 200)]
    assert numbers[0] == CANDIDATES and (np.diff(numbers) <= 0).all() and 0 < numbers[-1] < 0.01


def test_a_rough_scene_expects_more():
    middling, others = Candidate(0, 0, 4.5), [Candidate(0, 0, 2.0), Candidate(0, 0, 9.0)]
    found = [roughness([middling] * number + others) for number in (0, 8, 30)]
    assert 0.5 < found[0] < 1 < found[2] and found[1] == pytest.approx(1, abs=0.02)
    assert expected_number(8.0, 2.0) == 2 * expected_number(8.0, 1.0)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_so_many_peaks_are_looked_at(background):
    picture = pictured(BACKGROUNDS[background] + 50 * bump(40, 50) + grain())
    found = candidates(picture, patch_image(picture).residual, 0.0)
    assert len(found) == CANDIDATES and max(found, key=lambda one: one.score)[:2] == (40, 50)


@pytest.mark.parametrize("power", [-20, 4, 40])
def test_scale_changes_no_bit(power):
    picture = pictured(BACKGROUNDS["clouds"] + 50 * bump(40, 50) + grain())
    one, two = decided(picture), decided(np.ldexp(picture, power))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(("factor", "offset"), [(1.7, 0), (1, -100), (1, 1000), (0.3, 20)])
def test_scale_and_offset_hardly_matter(factor, offset):
    picture = pictured(50 * bump(40, 50) + grain())
    residual = patch_image(picture).residual
    one = decide(picture, residual, RATE)
    two = decide(np.float32(factor) * picture + np.float32(offset), np.float32(factor) * residual, RATE)
    assert np.array_equal(one.mask, two.mask)
    np.testing.assert_allclose(two.score, one.score, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(two.expected[two.mask], one.expected[one.mask], rtol=0.02)


def test_rounding_is_clutter():
    residual = np.zeros(SHAPE, np.float32)
    residual[40, 50] = 0.4
    assert score_map(residual, [], 1.0).max() < 1
    picture = pictured(residual)
    assert not decide(picture, residual, RATE, 1.0).mask.any()


def test_the_score_peaks_at_its_candidates_and_is_low_elsewhere():
    residual = np.zeros(SHAPE, np.float32)
    residual[39:42, 49:52], residual[40, 50] = 3.0, 9.0
    score = score_map(residual, [Candidate(40, 50, 12.0)])
    assert score.shape == SHAPE and score.dtype == np.float32 and (score >= 0).all()
    assert score.max() == score[40, 50] == 12.0
    score[38:43, 48:53] = 0
    assert score.max() <= 4.0


@pytest.mark.parametrize("shape", [SHAPE, (1, 1), (5, 9)])
@pytest.mark.parametrize("level", [0, 90])
def test_an_even_picture_has_no_target(shape, level):
    found = decided(np.full(shape, level, np.float32))
    assert not found.mask.any() and np.isfinite(found.score).all() and np.isinf(found.expected).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (17, 16)])
def test_tiny_pictures_are_decided(shape):
    assert decided(pictured(grain(0, shape))).mask.shape == shape


def test_a_target_without_noise_is_found():
    assert decided(pictured(50 * bump(40, 50)), quantum=0.0).mask[40, 50]
