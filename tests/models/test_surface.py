"""Every view of a surface answers to its own kind of flaw, and to none of the light."""

import numpy as np
import pytest
from scipy import ndimage

from kizu.errors import ShapeError
from kizu.models.surface import SMALLEST, VIEWS, contrast_of, levelled, views
from runs import part

SHAPE = (96, 120)
NAMES = tuple(VIEWS)


def plain(shape=SHAPE, seed=0):
    return part(shape, seed).astype(np.float32)


def dark_line(picture):
    y, x = np.indices(picture.shape)
    there = (np.abs(y - 50 - 0.3 * (x - 60)) < 1) & (np.abs(x - 60) < 22)
    return picture - 35 * there, there


def blob(picture):
    y, x = np.indices(picture.shape)
    there = np.hypot(y - 48, x - 60) < 4
    return picture - 40 * there, there


def wide_area(picture):
    y, x = np.indices(picture.shape)
    return picture * (1 - 0.25 * np.exp(-((y - 48) ** 2 + (x - 60) ** 2) / 250)), np.hypot(y - 48, x - 60) < 8


def coarse_grain(picture):
    y, x = np.indices(picture.shape)
    there = (np.abs(y - 48) < 12) & (np.abs(x - 60) < 12)
    noise = np.random.default_rng(7).standard_normal(picture.shape)
    return picture + 16 * there * noise, there


def worn(picture):
    """Streaks that are rubbed off."""
    y, x = np.indices(picture.shape)
    there = (np.abs(y - 48) < 12) & (np.abs(x - 60) < 12)
    return np.where(there, ndimage.gaussian_filter(picture, 6), picture), there


@pytest.fixture(scope="module")
def usual():
    return views(plain(), 1)


def test_views_are_finite_and_not_negative(usual):
    assert usual.values.shape == (len(VIEWS), *SHAPE) and usual.values.dtype == np.float32
    assert np.isfinite(usual.values).all() and (usual.values >= 0).all()
    assert usual.part.shape == usual.background.shape == SHAPE and usual.part.all()
    assert 0 <= usual.gap < 0.02


def test_the_background_is_in_grey_levels(usual):
    assert np.abs(usual.background - plain()).mean() < 6


@pytest.mark.parametrize(
    ("flaw", "name"),
    [
        (dark_line, "line"),
        (dark_line, "fine line"),
        (dark_line, "along"),
        (blob, "lowrank"),
        (blob, "median"),
        (wide_area, "area"),
        (coarse_grain, "grain"),
        (worn, "across"),
    ],
)
def test_a_view_answers_to_its_kind_of_flaw(usual, flaw, name):
    picture, there = flaw(plain())
    view = NAMES.index(name)
    found = views(picture, 1).values[view]
    assert np.quantile(found[there], 0.75) > usual.values[view].max()
    assert ndimage.binary_dilation(there, iterations=3).flat[found.argmax()]


def test_a_flaw_leaves_the_far_corner_as_it_was(usual):
    found = views(blob(plain())[0], 1).values[:, :20, :20]
    assert np.median(np.abs(found - usual.values[:, :20, :20]), axis=(1, 2)).max() < 0.1


@pytest.mark.parametrize("factor", [2.0**-12, 1.7, 2.0**30])
def test_exposure_hardly_changes_the_views(usual, factor):
    found = views(plain() * np.float32(factor), 1)
    np.testing.assert_allclose(found.values, usual.values, atol=0.02, rtol=0.02)
    np.testing.assert_allclose(found.background, usual.background * factor, rtol=1e-4)


def test_a_turned_picture_has_turned_views(usual):
    found = views(np.ascontiguousarray(plain().T), 1)
    np.testing.assert_array_equal(found.values, usual.values.transpose(0, 2, 1))
    np.testing.assert_array_equal(found.background, usual.background.T)


def test_grey_in_three_channels_is_grey(usual):
    found = views(np.repeat(plain()[..., None], 3, axis=2), 1)
    np.testing.assert_allclose(found.values, usual.values, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float64])
@pytest.mark.parametrize("shrink", [1, 2])
def test_the_type_of_pixels_does_not_matter(dtype, shrink):
    one, two = views(plain(), shrink), views(plain().astype(dtype), shrink)
    assert np.array_equal(one.values, two.values) and two.values.dtype == np.float32


def test_shrinking_makes_views_smaller():
    found = views(plain((97, 121)), 2)
    assert found.values.shape == (len(VIEWS), 49, 61) and found.part.shape == found.background.shape == (49, 61)


@pytest.mark.parametrize("level", [0, 200, -5])
def test_a_constant_picture_has_nothing_to_show(level):
    found = views(np.full((40, 50), level, np.float32), 1)
    assert not found.values.any() and found.part.all()
    np.testing.assert_allclose(found.background, level, atol=1e-3)


@pytest.mark.parametrize("level", [0, 200])
def test_a_part_without_noise_is_not_blind_to_its_flaw(level):
    picture = np.full((60, 70), level, np.float32)
    picture[20:23, 10:50] += 40
    found = views(picture, 1).values
    for name in ("lowrank", "median", "line", "fine line", "along", "grain"):
        view = found[NAMES.index(name)]
        assert view[20:23, 10:50].mean() > 3 * view[45:, :].mean() + 0.1


@pytest.mark.parametrize("offset", [100, 128, 500])
def test_levels_below_zero_are_levels(offset):
    picture, there = dark_line(plain())
    found = views((picture - offset) / 64, 1)
    assert np.isfinite(found.values).all() and found.part.all()
    line = found.values[NAMES.index("line")]
    assert line[there].mean() > 3 * line[~there].mean()
    assert np.abs(found.background * 64 + offset - plain()).mean() < 8


def test_dark_surroundings_are_no_part():
    picture = plain()
    picture[:, :9] = 3
    found = views(picture, 1)
    assert not found.part[:, :7].any() and found.part[:, 11:].all()
    assert found.values[NAMES.index("lowrank")][:, 11:].max() < 12


@pytest.mark.parametrize("shape", [(SMALLEST - 1, 80), (80, SMALLEST - 1), (1, 1)])
def test_too_small_a_picture_is_one_line(shape):
    with pytest.raises(ShapeError, match=rf"{shape[1]}x{shape[0]} pixels, a surface needs 24x24\. Use larger pictures"):
        views(np.ones(shape, np.float32), 1)


def test_the_least_size_grows_with_the_shrinking():
    assert views(plain((48, 50)), 2).values.shape == (len(VIEWS), 24, 25)
    with pytest.raises(ShapeError, match="a surface needs 48x48"):
        views(plain((47, 50)), 2)


@pytest.mark.parametrize("offset", [0, -130, -1000])
def test_contrast_can_be_undone(offset):
    grey = plain() + offset
    found = contrast_of(grey)
    np.testing.assert_allclose(found.grey(found.values), grey, rtol=1e-4, atol=0.02)
    assert abs(np.median(found.values)) < 1e-6


def test_levelling_makes_noise_of_any_strength_alike():
    rng = np.random.default_rng(0)
    strength = np.linspace(1, 2.5, 120)[None]
    found = levelled((strength * rng.standard_normal(SHAPE)).astype(np.float32), 12, np.ones(SHAPE, bool))
    assert np.abs(found[:, :20]).mean() == pytest.approx(np.abs(found[:, -20:]).mean(), rel=0.2)


def test_the_picture_is_not_changed():
    picture = plain()
    picture.flags.writeable = False
    views(picture, 1)
