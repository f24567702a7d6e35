"""The canvas: whole shifts copy, fractions interpolate, and what was not seen stays unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from kizu.detect.register_canvas import from_canvas, margins_of, overlap, to_canvas

WHOLE = st.tuples(st.integers(-5, 5), st.integers(-5, 5)).map(np.array)
SHIFTS = st.tuples(st.floats(-5, 5), st.floats(-5, 5)).map(np.array)
SHAPES = st.one_of(st.tuples(st.integers(7, 12), st.integers(7, 12)), st.just((8, 9, 3)))
FRAMES = hnp.arrays(np.float32, SHAPES, elements=st.floats(-100, 100, width=32))


@given(FRAMES, WHOLE)
def test_whole_shifts_are_exact_copies_there_and_back(frame, shift):
    margins = margins_of(shift)
    laid, seen = to_canvas(frame, shift, margins)
    assert laid.dtype == np.float32 and seen.shape == laid.shape[:2]
    assert seen.sum() == frame.shape[0] * frame.shape[1]
    top, left = margins - shift
    np.testing.assert_array_equal(laid[top : top + frame.shape[0], left : left + frame.shape[1]], frame)
    np.testing.assert_array_equal(from_canvas(laid, shift, margins, *frame.shape[:2]), frame)


@given(FRAMES, SHIFTS)
def test_what_is_seen_lies_between_what_the_frame_has(frame, shift):
    laid, seen = to_canvas(frame, shift, margins_of(shift))
    assert np.isnan(laid[~seen]).all()
    values = laid[seen]
    slack = 1e-4
    assert values.min() >= frame.min() - slack and values.max() <= frame.max() + slack


@given(SHIFTS)
def test_a_plane_is_moved_exactly(shift):
    y, x = np.mgrid[:9, :11]
    margins = margins_of(shift)
    laid, seen = to_canvas(2.0 * y - 3.0 * x, shift, margins)
    rows, columns = np.nonzero(seen)
    truth = 2 * (rows - margins[0] + shift[0]) - 3 * (columns - margins[1] + shift[1])
    np.testing.assert_allclose(laid[seen], truth, atol=1e-4)


@given(SHIFTS)
def test_planes_come_back_to_where_they_were(shift):
    margins = margins_of(shift)
    y, x = np.mgrid[-margins[0] : 9 + margins[0], -margins[1] : 11 + margins[1]].astype(np.float64)
    found = from_canvas(2 * y - 3 * x, shift, margins, 9, 11)
    rows, columns = np.mgrid[:9, :11]
    np.testing.assert_allclose(found, 2 * (rows - shift[0]) - 3 * (columns - shift[1]), atol=1e-9)


@given(SHIFTS)
def test_smooth_pictures_survive_the_round_trip(shift):
    picture = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((30, 30)), 3).astype(np.float32)
    margins = margins_of(shift)
    back = from_canvas(to_canvas(picture, shift, margins)[0], shift, margins, 30, 30)
    known = ~np.isnan(back)
    assert known[2:-2, 2:-2].all()
    assert np.abs(back - picture)[known].max() < 0.1 * np.ptp(picture)


@given(SHIFTS)
def test_unknown_neighbours_take_no_part(shift):
    margins = margins_of(shift)
    picture = np.full((9 + 2 * margins[0], 11 + 2 * margins[1]), np.nan)
    picture[margins[0] : margins[0] + 9, margins[1] : margins[1] + 11] = 4.0
    found = from_canvas(picture, shift, margins, 9, 11)
    assert found.shape == (9, 11)
    np.testing.assert_allclose(found[~np.isnan(found)], 4.0)


def test_an_unknown_channel_makes_the_pixel_unseen():
    frame = np.ones((4, 5, 3))
    frame[2, 3, 1] = np.nan
    _, seen = to_canvas(frame, (0.0, 0.0), (0, 0))
    assert not seen[2, 3] and seen.sum() == 19


@pytest.mark.parametrize(("shift", "columns"), [(0.25, slice(3, 6)), (-0.25, slice(3, 6)), (0.75, slice(4, 7))])
def test_masks_come_back_as_masks_by_majority(shift, columns):
    mask = np.zeros((6, 12), bool)
    mask[1:4, 4:7] = True
    found = from_canvas(mask, (0.0, shift), (0, 1), 6, 10)
    truth = np.zeros((6, 10), bool)
    truth[1:4, columns] = True
    np.testing.assert_array_equal(found, truth)


def test_margins_cover_the_largest_shift():
    assert margins_of([[0.2, -3.0], [-1.5, 2.0]]) == (2, 3)
    assert margins_of(np.zeros((4, 2))) == (0, 0)


def test_overlap_of_a_shift_beyond_the_frame_is_empty():
    values, window = overlap(np.ones((4, 5), np.float32), (9.0, 0.0))
    assert values.size == 0 and np.ones((4, 5))[window].size == 0
