"""A texture explains what it is made of, and nothing else."""

import numpy as np
import pytest

from kizu.errors import ShapeError
from kizu.models import texture
from kizu.models.reduction import enlarged, reduced
from kizu.models.texture import explain, learn, standardised


def stripes(size=64, *, seed=0, sigma=0.1):
    """Wavy stripes with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    picture = np.sin(2 * np.pi * (x + 1.5 * np.sin(y / 9)) / 6.3)
    return (picture + sigma * rng.standard_normal((size, size))).astype(np.float32)


@pytest.fixture(scope="module")
def scales():
    return learn([stripes()])


def test_a_flaw_stands_out_and_the_texture_does_not(scales):
    picture = stripes(seed=1)
    picture[30:34, 20:24] += 0.8
    z = explain(scales, picture).z
    flaw = np.zeros(z.shape, bool)
    flaw[30:34, 20:24] = True
    assert np.median(np.abs(z[flaw])) > 3 * np.median(np.abs(z[~flaw]))
    assert np.unravel_index(np.abs(z).argmax(), z.shape) in set(zip(*np.nonzero(flaw), strict=True))


def test_picture_is_background_and_residual(scales):
    picture = stripes(seed=2)
    found = explain(scales, picture)
    assert found.background.shape == picture.shape and found.background.dtype == picture.dtype
    assert np.abs(picture - found.background).mean() < 0.15


def test_z_is_about_one_everywhere(scales):
    z = explain(scales, stripes(seed=3)).z
    inside, rim = np.abs(z[8:-8, 8:-8]), np.abs(np.concatenate([z[:2].ravel(), z[-2:].ravel()]))
    assert 0.5 < np.median(inside) < 1.3
    assert np.median(rim) < 1.5 * np.median(inside)


@pytest.mark.parametrize("power", [-20, 3, 40])
def test_scale_changes_no_bit_of_z(power):
    picture = stripes(40)
    one, two = (explain(learn([p]), p).z for p in (picture, np.ldexp(picture, power)))
    assert np.array_equal(one, two)


def test_the_same_seed_learns_the_same(scales):
    for one, two in zip(scales, learn([stripes()]), strict=True):
        assert np.array_equal(one.atoms, two.atoms)


def test_a_constant_picture_has_no_flaw():
    flat = np.full((40, 40), 7.0, np.float32)
    assert not explain(learn([flat]), flat).z.any()


def test_colours_are_explained_together():
    picture = np.stack([stripes(), -stripes(seed=5), stripes(seed=6)], axis=2)
    found = explain(learn([picture]), picture)
    assert found.background.shape == picture.shape and found.z.shape == picture.shape[:2]


def test_a_wide_flaw_is_seen_at_a_coarser_scale():
    picture = stripes(96)
    picture[40:60, 30:50] += 0.7
    found = learn([picture])
    fine, all_ = (np.abs(explain(some, picture).z[46:54, 36:44]).mean() for some in (found[:1], found))
    assert len(found) > 1 and all_ > 1.5 * fine


def test_too_small_a_picture_is_one_line():
    with pytest.raises(ShapeError, match=r"too few patches of 8x8\. Use larger pictures"):
        learn([np.zeros((9, 9), np.float32)])


def test_enlarging_undoes_reducing_where_pictures_are_smooth():
    y, x = np.mgrid[:41, :30].astype(np.float32)
    ramp = 2 * x - y
    back = enlarged(reduced(ramp, 4), 4, ramp.shape)
    assert back.shape == ramp.shape
    np.testing.assert_allclose(back[4:-8, 4:-8], ramp[4:-8, 4:-8], atol=1e-3)


def test_noise_levels_that_change_are_evened_out():
    rng = np.random.default_rng(0)
    level = np.linspace(1, 3, 120)[None, :, None]
    rest = (level * rng.standard_normal((90, 120, 1))).astype(np.float32)
    z = standardised(rest, np.ones((90, 120), np.float32))
    assert np.abs(z[:, :20]).mean() == pytest.approx(np.abs(z[:, -20:]).mean(), rel=0.25)
    assert z.std() == pytest.approx(1, rel=0.15)


def test_rounding_is_noise():
    rest = np.zeros((20, 20, 1), np.float32)
    rest[3, 4] = 0.4
    assert np.abs(standardised(rest, np.ones((20, 20), np.float32), 0.29)).max() < 2


def test_patches_are_drawn_from_all_pictures():
    rows = texture.sample([stripes(200), stripes(200) + 100], 8, 0)
    assert len(rows) <= texture.LEARNED
    assert (rows.mean(axis=1) > 50).mean() == pytest.approx(0.5, abs=0.01)
