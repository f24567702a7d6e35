"""Report pictures: small, on one scale, and a defect of one pixel is still seen."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from kizu.io.pictures import outline
from kizu.report.panels import (
    LONG_SIDE,
    MIDDLE,
    PALETTE,
    Small,
    anomaly_bytes,
    outline_bytes,
    photo_bytes,
    scale_of,
    shrink,
)


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def small(residual, mask):
    grey = np.zeros(mask.shape, np.uint8)
    return Small(grey, grey, np.asarray(residual, np.float32), mask)


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("size", [(512, 512), (513, 20), (1100, 1300)])
def test_a_single_pixel_survives_shrinking(size, channels):
    picture = np.full((*size, *channels), 90, np.uint8)
    residual, mask = np.zeros(size, np.float32), np.zeros(size, bool)
    residual[-1, -1], mask[-1, -1] = -40, True
    residual[0, 0] = 7
    found = shrink(picture, picture, residual, mask)
    assert max(found.mask.shape) <= LONG_SIDE
    assert found.mask[-1, -1]
    assert found.mask.sum() == 1
    assert (found.residual[-1, -1], found.residual[0, 0]) == (-40, 7)
    assert found.original.shape == (*found.mask.shape, *channels)
    assert np.all(found.background == 90)


def test_shrinking_averages_pictures():
    picture = np.tile(np.array([[10, 30], [30, 10]], np.uint8), (500, 500))
    blank = np.zeros((1000, 1000))
    assert np.all(shrink(picture, picture, blank, blank > 0).original == 20)


@given(
    hnp.arrays(np.float32, (6, 7), elements=st.floats(-100, 100, width=32)),
    hnp.arrays(bool, (6, 7)),
    st.floats(1, 100),
)
def test_blue_is_darker_red_is_brighter_and_faint_outside(residual, mask, scale):
    colours = opened(anomaly_bytes(small(residual, mask), scale))[..., :3].astype(int)
    blueness = colours[..., 2] - colours[..., 0]
    full = np.rint(127 * np.clip(residual / scale, -1, 1))
    assert np.all(blueness[mask & (full < 0)] > 0)
    assert np.all(blueness[mask & (full > 0)] < 0)
    white = np.rint(PALETTE[MIDDLE]).astype(int)
    assert np.all(colours[residual == 0] == white)
    lightness = np.abs(colours - white).sum(axis=2)
    same = np.abs(opened(anomaly_bytes(small(residual, ~mask), scale))[..., :3].astype(int) - white).sum(axis=2)
    assert np.all(lightness[~mask] <= same[~mask])


def test_one_scale_from_what_is_flagged():
    mask = np.zeros((10, 10), bool)
    mask[0] = True
    quiet, loud = small(np.full((10, 10), 3.0), mask & False), small(np.where(mask, -50.0, 2.0), mask)
    assert scale_of([quiet, loud]) == 50
    assert scale_of([quiet]) == 3
    assert scale_of([small(np.zeros((10, 10)), mask & False)]) == 1


@given(hnp.arrays(bool, (9, 11)))
def test_the_outline_lies_on_nothing(mask):
    alpha = opened(outline_bytes(mask))[..., 3]
    np.testing.assert_array_equal(alpha > 0, outline(mask))


def test_photos_look_like_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    found = opened(photo_bytes(picture))[..., 0].astype(float)
    assert np.abs(found - picture).mean() < 5
