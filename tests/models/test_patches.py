"""Patches and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.errors import ShapeError
from kizu.models.patches import corners, coverage, fold, patches

SHAPES = st.tuples(st.integers(5, 23), st.integers(5, 23))


@given(SHAPES, st.integers(1, 5), st.integers(1, 4), st.sampled_from([(), (1,), (3,)]))
def test_folding_undoes_patches(shape, size, stride, channels):
    stride = min(stride, size)
    picture = np.random.default_rng(0).standard_normal((*shape, *channels))
    rows = patches(picture, size, stride)
    assert rows.shape[1] == size * size * int(np.prod(channels))
    np.testing.assert_allclose(fold(rows, picture.shape, size, stride), picture, atol=1e-12)


@given(SHAPES, st.integers(1, 5), st.integers(1, 4))
def test_every_pixel_is_covered_as_often_as_is_said(shape, size, stride):
    counted = np.zeros(shape)
    for top in corners(shape[0], size, stride):
        for left in corners(shape[1], size, stride):
            counted[top : top + size, left : left + size] += 1
    assert np.array_equal(coverage(shape, size, stride), counted)
    assert stride > size or counted.min() >= 1


def test_a_patch_is_a_square_of_the_picture():
    picture = np.arange(5 * 7 * 3).reshape(5, 7, 3)
    assert np.array_equal(patches(picture, 3, 2)[1].reshape(3, 3, 3), picture[:3, 2:5])


def test_a_patch_larger_than_the_picture_is_one_line():
    with pytest.raises(ShapeError, match=r"9x5 pixels, smaller than a patch of 8x8\. Use smaller patches\."):
        patches(np.zeros((5, 9)), 8, 2)
