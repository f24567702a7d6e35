import numpy as np
import pytest

from kizu.detect.residuals import pixel_scale
from kizu.detect.temporal import PixelStatistics

FRAMES, RANK = 40, 3
FACTOR = np.sqrt(FRAMES / (FRAMES - RANK - 1)) * FRAMES / (FRAMES - 0.8)


def statistics(mad, entries=FRAMES, center=0.0, dtype=np.float64):
    mad = np.asarray(mad, dtype)
    return PixelStatistics(np.full(mad.shape, center, dtype), mad, np.broadcast_to(entries, mad.shape))


def scale_of(found, *, frames=FRAMES, rank=RANK, quantum=None, previous=None):
    return pixel_scale(found, frames=frames, rank=rank, quantum=quantum, previous=previous)


def test_scales_lean_on_the_channels_typical_one_and_never_fall_below_it():
    mad = np.random.default_rng(0).uniform(0.5, 2.0, (2, 31)) * [[1.0], [10.0]]
    found = scale_of(statistics(mad))
    g = np.median(mad, axis=1) * FACTOR
    np.testing.assert_allclose(found.overall, g)
    shrunken = np.sqrt((FRAMES * mad**2 + 10 * g[:, None] ** 2) / (FRAMES + 10))
    np.testing.assert_allclose(found.scale, np.maximum(shrunken, g[:, None]))
    assert (found.scale == g[:, None]).any()
    assert (found.scale > g[:, None]).any()


def test_no_scale_is_below_a_step_of_the_input():
    found = scale_of(statistics([[0.1, 0.1, 0.1, 7.0]]), quantum=1.0)
    np.testing.assert_array_equal(found.scale[0, :3], 1.0)
    assert found.scale[0, 3] > 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_scale_is_below_the_rounding_of_the_values_or_zero(dtype):
    found = scale_of(statistics([[0.0, 0.0]], center=1000.0, dtype=dtype))
    assert found.scale.dtype == dtype
    np.testing.assert_allclose(found.scale, 1000 * np.finfo(dtype).eps)
    assert (scale_of(statistics([[0.0, 0.0]], dtype=dtype)).scale > 0).all()


@pytest.mark.parametrize(("frames", "least"), [(4, 2), (20, 10), (40, 10), (400, 20)])
def test_a_pixel_of_few_entries_has_the_typical_scale_and_its_former_center(frames, least):
    entries = np.array([[frames, frames, frames, least, least - 1, 0]])
    center = np.array([[1.0, 1.0, 1.0, 5.0, 6.0, np.nan]])
    mad = np.array([[1.0, 1.0, 1.0, 9.0, 9.0, np.nan]])
    previous = np.full((1, 6), 2.0)
    found = scale_of(PixelStatistics(center, mad, entries), frames=frames, rank=0, previous=previous)
    np.testing.assert_array_equal(found.center, [[1, 1, 1, 5, 2, 2]])
    np.testing.assert_allclose(found.scale[0, 4:], found.overall[0])
    assert found.scale[0, 3] > 2 * found.overall[0]
    first = scale_of(PixelStatistics(center, mad, entries), frames=frames, rank=0)
    np.testing.assert_array_equal(first.center[0, 4:], 0)


@pytest.mark.parametrize("frames", [1, 2])
def test_one_or_two_frames_have_one_scale(frames):
    found = scale_of(statistics([[1.0, 2.0, 6.0]], entries=frames, center=3.0), frames=frames, rank=1)
    assert np.unique(found.scale).size == 1
    np.testing.assert_array_equal(found.center, 0.0 if frames == 1 else 3.0)


def test_a_channel_of_which_nothing_is_known_has_a_finite_scale():
    found = scale_of(statistics([[np.nan] * 3, [1.0] * 3], entries=[[0], [FRAMES]]))
    assert np.isfinite(found.scale).all()
    assert (found.scale > 0).all()
    assert found.overall[0] == 0
