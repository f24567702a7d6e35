import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import kizu.native as native
from kizu.detect.smooth import LARGEST_HALF, box_sum, dilate, half_median, majority, median

SIZES = [1, 3, 5, 7]
SHAPES = [(1, 1), (2, 9), (13, 17)]
HALF = 2.0**-11
"""Rounding of a half-precision number."""


def upper_median(values):
    """The upper of the two middle values of those that are not NaN."""
    known = np.sort(values[~np.isnan(values)])
    return known[len(known) // 2] if len(known) else np.nan


def brute(picture, size):
    return ndimage.generic_filter(picture, upper_median, size=size, mode="constant", cval=np.nan)


def draw(seed, shape, share=0.6):
    rng = np.random.default_rng(seed)
    return rng.exponential(3.0, shape), rng.random(shape) < share


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_median_is_that_of_the_window_inside_the_picture(size, shape, dtype):
    picture = draw(size, shape)[0].astype(dtype)
    found = median(picture, size)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, brute(picture, size), rtol=HALF, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.05, 0.6])
def test_unknown_pixels_have_no_vote_and_no_median(size, share):
    picture, known = draw(size, (13, 17), share)
    found = median(np.where(known, picture, 1e9), size, known)
    expected = np.where(known, brute(np.where(known, picture, np.nan), size), np.nan)
    np.testing.assert_allclose(found, expected, rtol=HALF, atol=1e-6)


def test_pictures_of_a_stack_are_smoothed_one_by_one():
    pictures, known = draw(0, (2, 3, 9, 8))
    found = median(pictures, 3, known)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[index], median(pictures[index], 3, known[index]))


def test_a_picture_of_several_sorted_blocks_has_no_seams():
    picture = draw(1, (300, 200))[0]
    np.testing.assert_array_equal(median(picture, 3)[140:180], median(picture[139:181], 3)[1:-1])


@pytest.mark.parametrize("huge", [1e5, 1e30, np.inf])
def test_what_half_precision_cannot_hold_stays_large_and_finite(huge):
    assert median(np.full((3, 3), huge), 3) == pytest.approx(np.full((3, 3), LARGEST_HALF), rel=1e-3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("masked", [False, True])
def test_a_majority_is_the_median_of_votes(size, masked):
    rng = np.random.default_rng(size)
    votes, known = rng.random((15, 12)) < 0.5, rng.random((15, 12)) < 0.6
    found = majority(votes, size, known if masked else None)
    lines = np.where(known | (not masked), votes, np.nan)
    sums = ndimage.generic_filter(lines, np.nansum, size=size, mode="constant", cval=np.nan)
    count = ndimage.generic_filter(
        lines, lambda v: np.count_nonzero(~np.isnan(v)), size=size, mode="constant", cval=np.nan
    )
    np.testing.assert_array_equal(found, sums > count // 2)


@pytest.mark.parametrize("size", [*SIZES, 15])
@pytest.mark.parametrize("shape", [*SHAPES, (3, 8, 9)])
def test_box_sums_and_dilations_are_those_of_scipy(size, shape):
    votes = np.random.default_rng(0).random(shape) < 0.3
    window = np.ones((1,) * (len(shape) - 2) + (size, size), int)
    expected = ndimage.correlate(votes.astype(int), window, mode="constant")
    np.testing.assert_array_equal(box_sum(votes, size), expected)
    np.testing.assert_array_equal(dilate(votes, size), ndimage.binary_dilation(votes, window))


def test_a_full_window_of_the_largest_size_does_not_overflow():
    assert box_sum(np.ones((15, 15), bool), 15)[7, 7] == 225


@pytest.mark.parametrize("level", range(1, native.level() + 1))
@given(
    seed=st.integers(0, 2**32 - 1), share=st.sampled_from([None, 0.05, 0.6, 1.0]), size=st.sampled_from([3, 5, 7, 15])
)
def test_the_kernel_finds_exactly_the_medians_of_its_twin(level, seed, share, size):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 40, 2)
    picture = np.abs(rng.standard_normal((height, width + 5))).astype(np.float32)
    picture = (picture * 10.0 ** rng.integers(-9, 6))[:, 2 : 2 + width]
    odd = [0.0, -0.0, 1e-42, 3e-8, 65504.0, 1e30, np.inf, np.nan, -np.nan]
    where = rng.random(picture.shape) < 0.2
    picture[where] = rng.choice(np.array(odd, np.float32), np.count_nonzero(where))
    known = None if share is None else (rng.random((height, 2 * width)) < share)[:, ::2]
    found, expected = (half_median(picture, size, known, level=n).view(np.uint16) for n in (level, 0))
    np.testing.assert_array_equal(found, expected)
