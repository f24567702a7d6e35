"""Planted defects are where they are said to be, as strong as they are said to be, and nowhere else."""

import numpy as np
import pytest

from kizu.defects import CONTRASTS, KINDS, SWAP, plant_defects, sizes_of, spread_of
from runs import walls


def texture(seed=0, shape=(96, 128)):
    """A smooth random texture around 120 grey levels."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    return 120 + 20 * np.sin(x / 2.1) * np.cos(y / 3.3) + 4 * rng.standard_normal(shape)


EIGHT = np.clip(np.rint(texture()), 0, 255).astype(np.uint8)
UNKNOWN = texture().astype(np.float32)
UNKNOWN[20:50, 30:60] = np.nan
PICTURES = {
    "8 bits": EIGHT,
    "16 bits": (texture() * 200).astype(np.uint16),
    "signed": (texture() * 50 - 6000).astype(np.int16),
    "colour": np.stack([EIGHT, 255 - EIGHT, EIGHT // 2], axis=2),
    "one channel": EIGHT[..., None],
    "float": texture().astype(np.float32),
    "double": texture(),
    "unknown pixels": UNKNOWN,
    "dark": np.zeros((64, 64), np.uint8),
    "full": np.full((64, 64), 255, np.uint8),
    "flat float": np.full((64, 64), 0.25, np.float32),
}


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_not_planted_stays_bit_for_bit(name):
    given = [PICTURES[name]] * 3
    before = PICTURES[name].copy()
    planted, defects = plant_defects(given, seed=1)
    assert np.array_equal(PICTURES[name], before, equal_nan=before.dtype.kind == "f")
    assert len({defect.frame for defect in defects}) == 3
    for frame, picture in enumerate(planted):
        assert (picture.dtype, picture.shape) == (before.dtype, before.shape)
        same = (picture == before) | ((picture != picture) & (before != before))
        changed = ~same.reshape(*same.shape[:2], -1).all(axis=2)
        masks = [defect.mask(changed.shape) for defect in defects if defect.frame == frame]
        assert np.array_equal(changed, np.logical_or.reduce(masks))
        assert changed.sum() == sum(mask.sum() for mask in masks)  # none overlaps another
        assert not changed[[0, 1, 2, -3, -2, -1]].any() and not changed[:, [0, 1, 2, -3, -2, -1]].any()


def test_contrast_is_the_change_in_grey_levels():
    picture = texture()
    planted, defects = plant_defects([picture] * 12, seed=2)
    hard = [one for one in defects if one.kind in ("spot", "scratch", "step")]
    assert {round(abs(one.contrast), 6) for one in hard} == set(CONTRASTS)
    assert {np.sign(one.contrast) for one in hard} == {-1, 1}
    for one in hard:
        change = (planted[one.frame] - picture)[one.box][one.inside]
        np.testing.assert_allclose(change, one.grey, rtol=1e-9)
        np.testing.assert_allclose(one.grey, one.contrast * spread_of(picture), rtol=1e-9)
    for one in (one for one in defects if one.kind == "blob"):
        change = np.abs((planted[one.frame] - picture)[one.box])
        assert change.max() == pytest.approx(abs(one.grey))
        assert change[change > 0].min() >= 0.1 * abs(one.grey) * (1 - 1e-9)


def test_sizes_are_those_stated():
    assert sizes_of((96, 128)) == (3.0, 5.4, 9.6)
    _, defects = plant_defects([texture()] * 12, seed=3)
    assert {one.size for one in defects} == {3.0, 5.4, 9.6}
    for one in defects:
        height, width = one.inside.shape
        if one.kind == "spot":
            assert abs(max(height, width) - one.size) <= 1
            assert abs(one.inside.sum() - np.pi * one.size**2 / 4) < 0.4 * one.size**2
        if one.kind == "scratch":
            assert 0.5 * 4 * one.size < np.hypot(height, width) < 1.3 * 4 * one.size
        if one.kind == "step":
            assert max(height, width) <= 1.5 * one.size + 1


def test_every_kind_is_planted_and_swaps_have_no_contrast():
    _, defects = plant_defects([texture()] * 12, seed=4)
    assert {one.kind for one in defects} == set(KINDS)
    assert all((one.contrast is None) == (one.kind == SWAP) for one in defects)


def test_a_swap_is_another_place_turned():
    picture = texture()
    planted, defects = plant_defects([picture] * 12, seed=4)
    one = next(one for one in defects if one.kind == SWAP)
    new = planted[one.frame][one.box]
    windows = np.lib.stride_tricks.sliding_window_view(picture, new.shape)
    assert (windows == np.rot90(new, -1)).all(axis=(2, 3)).sum() == 1


def test_a_seed_is_a_planting():
    first, again, other = (plant_defects([EIGHT] * 2, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first[0], again[0], strict=True))
    assert [one.document for one in first[1]] == [one.document for one in again[1]]
    assert [one.document for one in first[1]] != [one.document for one in other[1]]


def test_so_many_in_one_picture_and_hardly_any_of_it():
    _, defects = plant_defects(list(walls(10)[0]), most=1)
    assert [one.frame for one in defects] == list(range(10))
    _, defects = plant_defects([EIGHT])
    assert 1 < len(defects) <= 6
    assert sum(int(one.inside.sum()) for one in defects) <= 0.04 * EIGHT.size


def test_a_spread_is_that_of_the_detail():
    rng = np.random.default_rng(0)
    noise = 3 * rng.standard_normal((80, 80))
    y, x = np.indices(noise.shape)
    light = 100 + 0.5 * x + np.where(y > 40, 60, 0)
    flawed = light + noise
    flawed[10:20, 10:20] += 200
    assert spread_of(flawed) == pytest.approx(spread_of(noise), rel=0.03)
    assert 2.5 < spread_of(noise) < 3.2
    assert spread_of(4 * noise) == pytest.approx(4 * spread_of(noise), rel=1e-5)
    assert spread_of(np.full((9, 9), 7, np.uint8)) == 1.0
    assert spread_of(np.zeros((9, 9))) == 1.0


def test_a_picture_without_room_has_no_defect():
    planted, defects = plant_defects([np.zeros((6, 6), np.uint8)])
    assert defects == () and not planted[0].any()
