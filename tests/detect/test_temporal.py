import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kizu.native as native
from kizu.calibration import MAD_TO_SIGMA
from kizu.detect.temporal import pixel_statistics


def draw(seed, frames, pixels=60, share=0.7):
    """Random values and known entries; the first pixel has none, the second one, the third all."""
    rng = np.random.default_rng(seed)
    known = rng.random((frames, pixels)) < share
    known[:, 0] = known[1:, 1] = False
    known[0, 1] = known[:, 2] = True
    return rng.normal(5.0, 3.0, (frames, pixels)), known


@pytest.mark.parametrize("frames", [1, 2, 3, 10, 31])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_center_and_scale_are_those_of_the_known_entries(frames, dtype):
    values, known = draw(frames, frames)
    values = values.astype(dtype)
    found = pixel_statistics(values, known)
    assert found.center.dtype == found.scale.dtype == dtype
    np.testing.assert_array_equal(found.entries, known.sum(axis=0))
    some = found.entries > 0
    assert not some[0]
    assert np.isnan(found.center[~some]).all()
    assert np.isnan(found.scale[~some]).all()
    lines = [values[known[:, p], p] for p in np.flatnonzero(some)]
    center = np.array([np.median(line) for line in lines])
    np.testing.assert_allclose(found.center[some], center, rtol=1e-6)
    scale = [MAD_TO_SIGMA * np.median(np.abs(line - c)) for line, c in zip(lines, center, strict=True)]
    np.testing.assert_allclose(found.scale[some], scale, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 5, 8, 40])
@pytest.mark.parametrize("step", [0.0, 1.0, 5.0])
def test_ties_and_lopsided_lines_have_their_own_scale(frames, step):
    rng = np.random.default_rng(frames)
    values = 100 + rng.exponential(4.0, (frames, 50)) ** 2
    values = np.rint(values / step) * step if step else values
    known = rng.random(values.shape) < 0.8
    known[0] = True
    found = pixel_statistics(values, known)
    for p in range(50):
        line = values[known[:, p], p]
        assert found.scale[p] == pytest.approx(MAD_TO_SIGMA * np.median(np.abs(line - np.median(line))), abs=1e-9)


def test_no_mask_is_a_mask_of_ones():
    values, known = draw(0, 20)
    for without, full in zip(pixel_statistics(values), pixel_statistics(values, np.ones_like(known)), strict=True):
        np.testing.assert_array_equal(without, full)


@pytest.mark.parametrize("frames", [1, 20])
def test_what_an_unknown_entry_holds_changes_nothing_and_no_entry_is_written(frames):
    values, known = draw(1, frames)
    loud = np.where(known, values, np.nan)
    before = loud.copy()
    for quiet, other in zip(pixel_statistics(values, known), pixel_statistics(loud, known), strict=True):
        np.testing.assert_array_equal(quiet, other)
    np.testing.assert_array_equal(loud, before)


def test_rare_flips_of_a_rounded_pixel_are_farther_away_than_frequent_ones():
    flips = np.array([1, 10, 30])
    values = (np.arange(100)[:, None] < flips).astype(float)
    found = pixel_statistics(values, quantum=1.0)
    np.testing.assert_allclose(found.center, flips / 100)
    np.testing.assert_array_equal(found.scale, 0)


def test_one_far_entry_moves_a_rounded_pixels_center_by_no_more_than_a_step():
    values = np.zeros((20, 1))
    values[3] = 1000.0
    assert pixel_statistics(values, quantum=1.0).center[0] == pytest.approx(1 / 20)
    known = values < 500
    assert pixel_statistics(values, known, quantum=1.0).center[0] == 0


def test_scales_above_a_step_keep_the_median():
    values, known = draw(2, 40)
    fine = pixel_statistics(values, known, quantum=1e-3)
    wide = fine.scale > 1e-3
    np.testing.assert_array_equal(fine.center[wide], pixel_statistics(values, known).center[wide])


@pytest.mark.parametrize("level", range(1, native.level() + 1))
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(1, 300),
    width=st.integers(1, 40),
    share=st.sampled_from([None, 0.05, 0.6, 1.0]),
    step=st.sampled_from([0.0, 0.5, 20.0]),
    quantum=st.sampled_from([None, 0.5, 3.0]),
)
def test_the_kernel_counts_what_its_twin_sorts(level, seed, frames, width, share, step, quantum):
    rng = np.random.default_rng(seed)
    values = (rng.standard_normal((frames, width + 3)) ** 3 * 10.0 ** rng.integers(-30, 30)).astype(np.float32)
    if step:
        values = (np.rint(rng.standard_normal((frames, width + 3)) * 9 / step) * step).astype(np.float32)
    values = values[:, 1 : 1 + width]
    known = None if share is None else (rng.random((frames, 2 * width)) < share)[:, ::2]
    if known is not None:
        values[~known] = np.nan
    found, expected = (pixel_statistics(values, known, quantum=quantum, level=n) for n in (level, 0))
    np.testing.assert_array_equal(found.entries, expected.entries)
    np.testing.assert_array_equal(found.scale, expected.scale)
    if quantum is None:
        np.testing.assert_array_equal(found.center, expected.center)
    else:
        np.testing.assert_allclose(found.center, expected.center, rtol=1e-6, atol=1e-5 * quantum)
