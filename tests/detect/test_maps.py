import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.detect.maps import (
    SIZES,
    Scale,
    magnitude,
    measure_scales,
    smallest_area,
    smoothed,
    spread,
    standardised,
)


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def maps_of(z):
    return lambda t, size: smoothed(z[t], size, "both", None)


@given(st.integers(0, 10**6))
def test_the_two_signs_share_the_magnitude(seed):
    z = noise(seed, 6, 7)
    dark, bright, both = (magnitude(z, sign) for sign in ("dark", "bright", "both"))
    np.testing.assert_array_equal(dark + bright, both)
    np.testing.assert_array_equal(both, np.abs(z))
    assert (dark[z > 0] == 0).all()
    assert (bright[z < 0] == 0).all()


@pytest.mark.parametrize("size", SIZES)
def test_unknown_pixels_never_exceed_anything(size):
    seen = np.random.default_rng(0).random((20, 30)) > 0.2
    raw = smoothed(noise(0, 20, 30), size, "both", seen)
    np.testing.assert_array_equal(np.isnan(raw), ~seen)
    w = standardised(raw, Scale(size, 1, 0.0, 1.0))
    assert (w[~seen] == -np.inf).all()
    assert np.isfinite(w[seen]).all()


@given(st.integers(1, 300), st.integers(1, 60))
def test_a_sample_of_frames_is_spread_over_all(frames, most):
    sample = spread(frames, most)
    assert len(sample) == min(frames, most) == len(set(sample))
    assert sample[0] == 0
    assert sample[-1] == (frames - 1 if most > 1 else 0)
    gaps = np.diff(sample)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


def test_every_scale_stands_on_its_own_footing():
    z = noise(0, 30, 40, 50)
    for scale in measure_scales(maps_of(z), z.shape, min_area=None):
        w = np.stack([standardised(maps_of(z)(t, scale.size), scale) for t in range(len(z))])
        assert np.median(w) == pytest.approx(0, abs=1e-3)
        rel = 1e-3 if scale.size == 1 else 0.06  # windows cut by the border count for less
        assert np.median(np.abs(w)) * 1.4826 == pytest.approx(1, rel=rel)


def test_units_and_a_tenth_of_flaws_do_not_move_the_scales_much():
    z = noise(0, 30, 40, 50)
    clean = measure_scales(maps_of(z), z.shape, min_area=None)
    for one, four in zip(clean, measure_scales(maps_of(4 * z), z.shape, min_area=None), strict=True):
        np.testing.assert_allclose((four.center, four.spread), (4 * one.center, 4 * one.spread), rtol=2e-3)
    z[:, :4] += 20
    for before, after in zip(clean, measure_scales(maps_of(z), z.shape, min_area=None), strict=True):
        assert after.center < before.center + before.spread
        assert after.spread < 1.5 * before.spread


def test_maps_of_equal_values_have_a_scale_of_their_positive_part_or_one():
    zero = np.zeros((5, 20, 20), np.float32)
    assert {s.spread for s in measure_scales(maps_of(zero), zero.shape, min_area=None)} == {1.0}
    some = zero.copy()
    some[:, :6] = 3.0
    first = measure_scales(maps_of(some), some.shape, min_area=None)[0]
    assert first.center == 0
    assert first.spread == pytest.approx(1.4826 * 3, rel=1e-4)


def test_the_smallest_region_grows_with_the_window_and_the_frame():
    assert smallest_area(1, 240, 320) == 1
    assert smallest_area(3, 240, 320) == 5
    assert smallest_area(7, 240, 320) == round(4e-4 * 240 * 320)
    assert smallest_area(7, 5, 5) == 1
    z = noise(0, 3, 20, 20)
    assert {s.min_area for s in measure_scales(maps_of(z), z.shape, min_area=17)} == {17}
