"""Where the part is: dark surroundings are found, what is broken out of an edge is not among them."""

import numpy as np
import pytest

from kizu.models.outline import continued, outline

SHAPE = (90, 120)


def plate(inside=None, *, seed=0, level=120.0, dark=8.0):
    """A noisy plate of `level` where `inside` is True, `dark` around it."""
    inside = np.ones(SHAPE, bool) if inside is None else inside
    noise = np.random.default_rng(seed).standard_normal(SHAPE)
    return np.where(inside, level + 6 * noise, dark + 2 * noise).clip(0).astype(np.float32)


def framed(top=0, bottom=0, left=0, right=0):
    inside = np.zeros(SHAPE, bool)
    inside[top : SHAPE[0] - bottom, left : SHAPE[1] - right] = True
    return inside


def depths(found):
    """How deep each side's surroundings reach at the middle of the side."""
    row, column = found[SHAPE[0] // 2], found[:, SHAPE[1] // 2]
    return [int(np.argmax(line)) for line in (column, column[::-1], row, row[::-1])]


@pytest.mark.parametrize(
    "sides", [(6, 0, 0, 0), (0, 7, 0, 0), (0, 0, 9, 0), (0, 0, 0, 12), (5, 0, 8, 0), (6, 6, 0, 0), (4, 6, 8, 10)]
)
def test_dark_sides_are_found_to_a_pixel(sides):
    found = outline(plate(framed(*sides)))
    np.testing.assert_allclose(depths(found), sides, atol=1)
    assert (found != framed(*sides)).mean() < 0.02


def test_a_slanted_edge_is_followed():
    y, x = np.indices(SHAPE)
    inside = y >= 3 + 8 * x / SHAPE[1]
    assert (outline(plate(inside)) != inside).sum() < SHAPE[1]


def test_a_curved_edge_is_followed():
    y, x = np.indices(SHAPE)
    inside = x >= 2 + 9 * ((y - 45) / 45) ** 2
    assert (outline(plate(inside)) != inside).sum() < SHAPE[0]


def test_a_piece_broken_out_of_the_edge_belongs_to_the_part():
    inside = framed(top=5)
    inside[5:12, 40:60] = False
    assert outline(plate(inside))[7:12, 40:60].all()


def test_a_break_without_surroundings_belongs_to_the_part():
    inside = framed()
    inside[:10, 40:60] = False
    assert outline(plate(inside)).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_full_of_part_has_no_surroundings(seed):
    assert outline(plate(seed=seed)).all()


def test_a_dark_area_that_reaches_far_in_is_a_part_of_the_part():
    assert outline(plate(framed(left=60))).all()


@pytest.mark.parametrize("level", [0, 7])
def test_an_even_picture_is_all_part(level):
    assert outline(np.full(SHAPE, level, np.float32)).all()


def test_noise_in_the_dark_is_all_part():
    rng = np.random.default_rng(0)
    assert outline(np.abs(rng.standard_normal(SHAPE)).astype(np.float32)).mean() > 0.9


@pytest.mark.parametrize("factor", [0.01, 1.7, 2.0**20])
def test_the_unit_of_grey_levels_does_not_matter(factor):
    picture = plate(framed(4, 6, 8, 10))
    assert np.array_equal(outline(picture), outline(picture * np.float32(factor)))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_has_a_turned_outline(turns):
    picture = plate(framed(4, 6, 8, 10))
    assert (outline(np.rot90(picture, turns)) != np.rot90(outline(picture), turns)).mean() < 0.005


@pytest.mark.parametrize("offset", [126, 500])
def test_levels_below_zero_are_no_surroundings(offset):
    assert outline(plate() - offset).all()


def test_surroundings_are_found_where_dark_is_below_zero():
    sides = (6, 0, 9, 0)
    np.testing.assert_allclose(depths(outline(plate(framed(*sides)) - 60)), sides, atol=1)


def test_the_smallest_picture_has_an_outline():
    assert outline(np.full((16, 16), 50, np.float32)).shape == (16, 16)


def test_surroundings_are_replaced_by_the_nearest_pixel_of_the_part():
    inside = framed(top=3, left=4)
    picture = plate(inside)
    found = continued(picture, inside)
    assert np.array_equal(found[inside], picture[inside])
    assert np.array_equal(found[:3, 10], np.repeat(picture[3, 10], 3))
    assert np.array_equal(found[20, :4], np.repeat(picture[20, 4], 4))
    assert (found[:3, :4] == picture[3, 4]).all()


def test_nothing_is_replaced_without_surroundings():
    picture = plate()
    assert continued(picture, np.ones(SHAPE, bool)) is picture
