import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from kizu.detect.hysteresis import EIGHT, EXTENT, HIGH, candidates, extent, grown

SEEDS = st.integers(0, 10**6)
LOWS = st.sampled_from([0.3, 0.8, 1.5])


def draw(seed):
    """A smooth map with some places that nobody sees (−∞)."""
    rng = np.random.default_rng(seed)
    w = 4 * ndimage.gaussian_filter(rng.standard_normal((24, 30)), 1.0)
    return np.where(rng.random(w.shape) < 0.05, -np.inf, w).astype(np.float32)


def pieces(w, low):
    """Every connected piece of w > low as a mask."""
    labels, count = ndimage.label(w > low, EIGHT)
    return [labels == k for k in range(1, count + 1)]


@given(SEEDS, LOWS, st.sampled_from([1, 4, 20]))
def test_candidates_are_the_pieces_that_are_high_and_large_enough(seed, low, min_area):
    w = draw(seed)
    labels, found = candidates(w, low, min_area)
    right = [p for p in pieces(w, low) if w[p].max() > HIGH * low and p.sum() >= min_area]
    assert len(found) == len(right)
    for candidate, piece in zip(found, right, strict=True):
        np.testing.assert_array_equal(labels == candidate.label, piece)
        assert (candidate.peak, candidate.area) == (w[piece].max(), piece.sum())


@given(SEEDS, LOWS, st.sampled_from([1.0, 2.0, 3.0]))
def test_grown_is_every_piece_that_reaches_the_high_level(seed, low, ratio):
    w = draw(seed)
    expected = np.zeros(w.shape, bool)
    for piece in pieces(w, low):
        expected |= piece & (w[piece].max() > ratio * low)
    np.testing.assert_array_equal(grown(w, low, ratio * low), expected)


@given(SEEDS, LOWS)
def test_a_region_ends_at_a_share_of_its_strength(seed, low):
    w = draw(seed)
    labels, kept = candidates(w, low, 3)
    expected = np.zeros(w.shape, bool)
    for region in kept:
        inside = labels == region.label
        strength = np.median(w[inside & (w > HIGH * low)])
        expected |= inside & (w >= np.float32(max(EXTENT * strength, low)))
    np.testing.assert_array_equal(extent(w, labels, low, kept), expected)


def test_the_halo_of_a_strong_object_is_left_out_and_a_weak_one_beside_it_is_whole():
    w = np.zeros((20, 30), np.float32)
    w[2:12, 2:12], w[4:10, 4:10] = 1.5, 100.0
    w[15:18, 20:24] = 5.0
    labels, kept = candidates(w, 1.0, 1)
    np.testing.assert_array_equal(extent(w, labels, 1.0, kept), (w == 100) | (labels == labels[16, 21]))


def test_pixels_that_touch_at_a_corner_are_one_region():
    assert [c.area for c in candidates(5 * np.eye(6, dtype=np.float32), 1.0, 6)[1]] == [6]


@pytest.mark.parametrize("low", [1.0, np.inf])
def test_nothing_high_is_no_region(low):
    w = np.full((5, 6), 1.5, np.float32)
    labels, kept = candidates(w, low, 1)
    assert kept == []
    assert not extent(w, labels, low, kept).any()
    assert not grown(w, low, 2 * low).any()
