from itertools import pairwise

import numpy as np
import pytest

from kizu.detect.register import Registration
from kizu.engines.serial import Serial
from kizu.engines.threads import Threads
from kizu.pipeline.planes import ExposedBlocks, Planes, fewest_frames, planes_of

FRAMES, HEIGHT, WIDTH = 12, 7, 9
PIXELS = HEIGHT * WIDTH


def registration(shifts=None, channels=1):
    shifts = np.zeros((FRAMES, 2)) if shifts is None else np.asarray(shifts, float)
    ones = np.ones((FRAMES, channels))
    reference = np.zeros((HEIGHT, WIDTH, channels), np.float32)
    return Registration(shifts, ones, 0 * ones, not shifts.any(), reference, "made by hand")


def draw(channels=1, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, 200, (FRAMES, HEIGHT, WIDTH, channels)).astype(dtype)


def exposed(planes, known=None, seed=0):
    rng = np.random.default_rng(seed)
    shape = planes.frames, planes.channels
    return ExposedBlocks(planes, rng.uniform(0.8, 1.2, shape), rng.normal(0, 5, shape), known)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_still_frames_keep_their_type_and_their_values(dtype, channels):
    frames = draw(channels, dtype)
    planes = planes_of(frames, registration(), ignore=None, engine=Serial())
    assert planes.pixels.dtype == dtype
    assert (planes.seen, planes.margins) == (None, (0, 0))
    assert (planes.frames, planes.channels, planes.size) == (FRAMES, channels, (HEIGHT, WIDTH))
    assert planes.columns == channels * PIXELS
    np.testing.assert_array_equal(np.stack(planes.pictures()), frames)


def test_grey_frames_need_no_channel():
    frames = draw()
    without = planes_of(frames[..., 0], registration(), ignore=None, engine=Serial())
    np.testing.assert_array_equal(
        without.pixels, planes_of(frames, registration(), ignore=None, engine=Serial()).pixels
    )


def test_what_is_ignored_or_not_a_number_in_any_channel_is_not_seen():
    frames = draw(3, np.float32)
    frames[2, 3, 4, 1] = np.nan
    ignore = np.zeros((HEIGHT, WIDTH), bool)
    ignore[0, :2] = True
    expected = np.broadcast_to(~ignore, (FRAMES, HEIGHT, WIDTH)).copy()
    np.testing.assert_array_equal(planes_of(draw(3), registration(), ignore=ignore, engine=Serial()).seen, expected)
    expected[2, 3, 4] = False
    np.testing.assert_array_equal(planes_of(frames, registration(), ignore=ignore, engine=Serial()).seen, expected)
    expected[:, 0, :2] = True
    np.testing.assert_array_equal(planes_of(frames, registration(), ignore=None, engine=Serial()).seen, expected)


@pytest.mark.parametrize(("dtype", "exact"), [(np.uint8, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("span", [(0, 3 * PIXELS), (5, 6), (PIXELS - 3, PIXELS + 4), (PIXELS, 2 * PIXELS), (10, 150)])
def test_exposure_is_divided_out_of_any_run_of_columns(dtype, exact, span):
    frames = draw(3, dtype)
    data = exposed(planes_of(frames, registration(), ignore=None, engine=Serial()))
    dense = (frames - data.biases[:, None, None]) / data.gains[:, None, None]
    dense = dense.transpose(0, 3, 1, 2).reshape(FRAMES, -1)
    assert data.shape == dense.shape
    block = data.read(*span)
    assert (block.start, block.stop, block.known, block.values.dtype) == (*span, None, data.dtype)
    np.testing.assert_allclose(block.values, dense[:, slice(*span)], atol=exact)


@pytest.mark.parametrize("span", [(0, 2 * PIXELS), (PIXELS - 3, PIXELS + 4), (3, 9)])
@pytest.mark.parametrize("hidden", [np.nan, 1e6])
def test_missing_entries_are_zero_and_not_known_in_every_channel(span, hidden):
    known = np.random.default_rng(1).random((FRAMES, HEIGHT, WIDTH)) < 0.7
    frames = np.where(known[..., None], draw(2, np.float32), hidden).astype(np.float32)
    block = exposed(planes_of(frames, registration(), ignore=None, engine=Serial()), known).read(*span)
    wide = np.tile(known.reshape(FRAMES, -1), 2)[:, slice(*span)]
    np.testing.assert_array_equal(block.known, wide)
    np.testing.assert_array_equal(block.values[~wide], 0)
    full = exposed(Planes(draw(2, np.float32).transpose(0, 3, 1, 2).copy(), None, (0, 0))).read(*span)
    np.testing.assert_array_equal(block.values[wide], full.values[wide])


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shifts", [None, [[0, t % 2] for t in range(FRAMES)]])
def test_pixels_are_finite_even_where_nobody_looks(junk, shifts):
    frames, ignore = draw(2, np.float32), np.zeros((HEIGHT, WIDTH), bool)
    ignore[2, 3] = True
    frames[:, 2, 3, 1] = junk
    planes = planes_of(frames, registration(shifts), ignore=ignore, engine=Serial())
    assert np.isfinite(planes.pixels).all()


def test_blocks_side_by_side_are_the_whole():
    data = exposed(planes_of(draw(2), registration(), ignore=None, engine=Serial()))
    cuts = [0, 1, 60, 70, 2 * PIXELS]
    parts = [data.read(a, b) for a, b in pairwise(cuts)]
    whole = data.read(0, 2 * PIXELS).values
    np.testing.assert_array_equal(np.concatenate([part.values for part in parts], axis=1), whole)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_moving_frames_land_where_they_look(jobs, channels):
    shifts = np.random.default_rng(0).integers(-1, 2, (FRAMES, 2))
    shifts[0] = 1, -1
    frames = draw(channels)
    planes = planes_of(frames, registration(shifts), ignore=None, engine=Threads(jobs))
    assert planes.margins == (1, 1)
    assert planes.size == (HEIGHT + 2, WIDTH + 2)
    assert planes.pixels.dtype == np.float32
    places = np.zeros((FRAMES, *planes.size), bool)
    for t, (down, right) in enumerate(shifts):
        where = slice(1 - down, 1 - down + HEIGHT), slice(1 - right, 1 - right + WIDTH)
        places[t][where] = True
        expected = np.where(planes.seen[t][where][..., None], frames[t], planes.pixels[t].transpose(1, 2, 0)[where])
        np.testing.assert_array_equal(planes.pixels[t].transpose(1, 2, 0)[where], expected)
    often = places.sum(axis=0) >= fewest_frames(FRAMES)
    assert not often.all()
    np.testing.assert_array_equal(planes.seen, places & often)


def test_a_place_that_one_frame_alone_sees_is_unknown():
    shifts = np.zeros((FRAMES, 2))
    shifts[3] = 2, 0
    planes = planes_of(draw(), registration(shifts), ignore=None, engine=Serial())
    assert planes.margins == (2, 0)
    rows = planes.seen.any(axis=(0, 2))
    np.testing.assert_array_equal(rows, [False] * 2 + [True] * HEIGHT + [False] * 2)


def test_ignored_pixels_move_with_their_frame():
    shifts = np.zeros((FRAMES, 2))
    shifts[::2] = 0, 1
    ignore = np.zeros((HEIGHT, WIDTH), bool)
    ignore[3, 4] = True
    planes = planes_of(draw(), registration(shifts), ignore=ignore, engine=Serial())
    for t in range(FRAMES):
        assert not planes.seen[t, 3, 4 + 1 - int(shifts[t, 1])]
        assert planes.seen[t, 3, 4 + int(shifts[t, 1])]
    np.testing.assert_array_equal(planes.pixels[:, 0][~planes.seen & (planes.seen.sum(axis=0) > 0)], 0)


@pytest.mark.parametrize(("count", "least"), [(1, 1), (2, 1), (3, 1), (12, 6), (30, 10), (100, 10), (1000, 100)])
def test_a_place_needs_some_frames_of_few_and_a_tenth_of_many(count, least):
    assert fewest_frames(count) == least
