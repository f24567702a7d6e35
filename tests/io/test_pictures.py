"""Pictures: exact where they can be, comparable where they cannot, outlined so that the flagged pixels stay visible."""

import io

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from kizu.io.pictures import (
    cut,
    display,
    exact_or_display,
    map_bytes,
    mask_bytes,
    outlined,
)
from kizu.io.png import indexed_bytes, png_bytes

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_eight_bits_stay(shape):
    frame = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(display(frame, (100, 101)), frame)
    np.testing.assert_array_equal(exact_or_display(frame, (100, 101)), frame)


@given(hnp.arrays(np.float64, (4, 5), elements=st.floats(-1e300, 1e300)), st.floats(-10, 10), st.floats(0, 10))
def test_display_keeps_order_and_range(frame, low, width):
    shown = display(frame, (low, low + width))
    assert shown.dtype == np.uint8
    order = np.argsort(frame, axis=None)
    assert np.all(np.diff(shown.ravel()[order].astype(int)) >= 0)


def test_the_span_is_black_to_white():
    np.testing.assert_array_equal(display(np.array([[-1.0, 2.0, 4.0, 9.0, np.nan]]), (0, 4)), [[0, 128, 255, 255, 0]])


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_other_channel_counts_show_as_grey(channels):
    frame = np.full((3, 4, channels), 9, np.uint8)
    np.testing.assert_array_equal(display(frame, (0, 1)), np.full((3, 4), 9, np.uint8))


@pytest.mark.parametrize(
    "frame",
    [
        np.arange(12, dtype=np.uint8).reshape(3, 4),
        np.arange(36, dtype=np.uint8).reshape(3, 4, 3),
        (np.arange(12) * 5000).astype(np.uint16).reshape(3, 4),
    ],
)
def test_what_png_can_hold_comes_back(frame):
    back = np.asarray(Image.open(io.BytesIO(png_bytes(exact_or_display(frame, (0, 1))))))
    assert back.dtype == frame.dtype
    np.testing.assert_array_equal(back, frame)


PIXELS = st.one_of(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2)),
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2)),
)


@given(PIXELS, st.booleans())
def test_png_is_what_others_read(picture, turned):
    picture = np.swapaxes(picture, 0, 1) if turned else picture
    image = Image.open(io.BytesIO(png_bytes(picture)))
    np.testing.assert_array_equal(np.asarray(image), picture)
    assert image.info == {}


@given(hnp.arrays(np.uint8, (4, 5), elements=st.integers(0, 2)))
def test_an_indexed_png_shows_its_colours_and_what_is_below(index):
    palette = np.array([(1, 2, 3), (255, 0, 9), (7, 250, 0)], np.uint8)
    image = Image.open(io.BytesIO(indexed_bytes(index, palette, transparent=True)))
    shown = np.asarray(image.convert("RGBA"))
    np.testing.assert_array_equal(shown[..., :3], palette[index])
    np.testing.assert_array_equal(shown[..., 3], np.where(index == 0, 0, 255))


def test_colour_of_more_than_eight_bits_is_shown_in_eight():
    frame = np.full((3, 4, 3), 1000, np.uint16)
    np.testing.assert_array_equal(exact_or_display(frame, (0, 2000)), np.full((3, 4, 3), 128, np.uint8))


@given(MASKS)
def test_the_outline_lies_outside_and_touches(mask):
    picture = np.full(mask.shape, 7, np.uint8)
    drawn = outlined(picture, mask)
    changed = (drawn != 7).any(axis=2)
    assert not (changed & mask).any()
    padded = np.pad(mask, 1)
    near = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).any(axis=(2, 3))
    np.testing.assert_array_equal(changed, near & ~mask)


def test_the_outline_has_two_colours_of_different_grey():
    mask = np.zeros((30, 30), bool)
    mask[8:22, 8:22] = True
    drawn = outlined(np.zeros((30, 30, 3), np.uint8), mask)
    assert {tuple(map(int, c)) for c in drawn[drawn.any(axis=2)]} == {(255, 0, 255), (255, 255, 0)}


def test_cut_stops_at_the_border():
    picture = np.arange(100, dtype=np.uint8).reshape(10, 10)
    np.testing.assert_array_equal(cut(picture, x=0, y=7, width=2, height=3, margin=1), picture[6:10, 0:3])


def test_masks_are_eight_bits_of_two_values():
    image = Image.open(io.BytesIO(mask_bytes(np.array([[True, False]]))))
    assert image.mode == "L"
    assert list(image.tobytes()) == [255, 0]
    assert image.info == {}


@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(width=32)))
def test_maps_come_back_with_what_is_unknown(score_map):
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(map_bytes(score_map))), score_map)


def test_maps_carry_no_date_and_no_program():
    with tifffile.TiffFile(io.BytesIO(map_bytes(np.ones((3, 4))))) as tiff:
        tags = {tag.name for tag in tiff.pages[0].tags.values()}
    assert not tags & {"DateTime", "Software", "ImageDescription", "HostComputer", "Artist"}
