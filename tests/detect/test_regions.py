import numpy as np
import pytest

from kizu.detect.regions import Region, regions_of, top_mean

SHAPE = (20, 30)


def picture(*parts):
    """A picture of zeros with (rows, columns, value) filled in."""
    out = np.zeros(SHAPE)
    for rows, columns, value in parts:
        out[slice(*rows), slice(*columns)] = value
    return out


def test_a_region_is_its_box_area_score_sign_and_chance():
    score = picture(((3, 6), (4, 9), 2.0), ((4, 5), (5, 7), 8.0))
    expected = np.full(SHAPE, np.inf)
    expected[4, 5], expected[5, 8] = 0.25, 0.01
    found = regions_of(score > 0, score, -score, expected)
    assert found == [Region(4, 3, 5, 3, 15, (13 * 2 + 2 * 8) / 15, 8.0, -1, 0.01)]


def test_the_largest_twenty_scores_count():
    values = np.random.default_rng(0).permutation(100.0 + np.arange(60)).reshape(6, 10)
    score = np.zeros(SHAPE)
    score[2:8, 5:15] = values
    (found,) = regions_of(score > 0, score, score, score)
    assert found.score == np.mean(100.0 + np.arange(40, 60))
    assert found.peak_z == 159
    assert (found.area, found.sign) == (60, 1)


@pytest.mark.parametrize(("values", "mean"), [([], 0.0), ([3.0], 3.0), (np.arange(20.0), 9.5), (np.arange(30.0), 19.5)])
def test_fewer_than_twenty_are_all_averaged(values, mean):
    assert top_mean(np.array(values)) == mean


def test_the_highest_score_comes_first_and_ties_go_from_the_top_left():
    corners = {(2, 20): 1.0, (10, 3): 5.0, (10, 20): 1.0, (2, 3): 1.0}
    score = picture(*(((y, y + 2), (x, x + 2), value) for (y, x), value in corners.items()))
    found = regions_of(score > 0, score, score, score)
    assert [(r.y, r.x) for r in found] == [(10, 3), (2, 3), (2, 20), (10, 20)]


def test_overlapping_boxes_do_not_mix():
    mask = picture(((2, 12), (2, 3), 1), ((2, 3), (2, 12), 1), ((6, 9), (6, 9), 1)).astype(bool)
    score = np.where(mask, 1.0, 99.0)
    score[6:9, 6:9] = 4.0
    found = regions_of(mask, score, np.where(score == 4, 1.0, -1.0), score)
    assert [(r.area, r.peak_z, r.sign, r.expected_false_alarms) for r in found] == [(9, 4, 1, 4), (19, 1, -1, 1)]


def test_pixels_that_touch_at_a_corner_are_one_region_and_every_pixel_is_in_one():
    rng = np.random.default_rng(0)
    mask = rng.random(SHAPE) < 0.2
    score = rng.random(SHAPE)
    assert sum(r.area for r in regions_of(mask, score, score, score)) == mask.sum()
    assert len(regions_of(np.eye(*SHAPE, dtype=bool), score, score, score)) == 1


def test_an_empty_mask_has_no_regions():
    empty = np.zeros(SHAPE)
    assert regions_of(empty > 0, empty, empty, empty) == []
