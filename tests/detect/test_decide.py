import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, stats

from kizu.detect.calibrate import Null
from kizu.detect.decide import Rule, decide, filled, lows_for
from kizu.detect.maps import Scale
from kizu.detect.null import Tail

SHAPE = (40, 50)
LEVELS = np.linspace(0.0, 60.0, 200)
RATE = Tail(math.log(50.0), -1.5, -0.1, 0.5, 50.0)
RULES = [Rule("false_alarms", 0.1), Rule("fdr", 0.05), Rule("z", 3.0)]


def null(size=1, min_area=1, rate=RATE):
    """A null whose maps are z itself: a level is its own score."""
    return Null(Scale(size, min_area, 0.0, 1.0), rate, np.array([1, 1, 2, 5]), LEVELS, LEVELS)


NULLS = (null(1), null(3, 5), null(7, 10))


def scene(seed=0, size=10, height=12.0):
    """Noise, with a square of height `height` whose upper left corner is at (15, 20), and a halo of a third of that."""
    z = np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32)
    z[13 : 17 + size, 18 : 22 + size] += height / 3
    z[15 : 15 + size, 20 : 20 + size] += 2 * height / 3
    return z


def square(size=10):
    mask = np.zeros(SHAPE, bool)
    mask[15 : 15 + size, 20 : 20 + size] = True
    return mask


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sign", ["both", "dark", "bright"])
def test_a_square_is_found_by_every_rule_that_looks_its_way(rule, sign):
    found = decide(scene(), None, NULLS, rule, sign)
    assert found.mask.any() == (sign != "dark")
    if sign != "dark":
        assert (found.mask & square()).sum() > 0.95 * square().sum()
        assert not (found.mask & ~ndimage.binary_dilation(square(), iterations=4)).any()
        assert (found.expected[found.mask & square()] < 0.1).any()


@pytest.mark.parametrize("rule", RULES)
def test_noise_alone_may_have_an_empty_mask(rule):
    found = decide(scene(height=0.0) / 10, None, NULLS, rule, "both")
    assert not found.mask.any()
    assert np.isinf(found.expected).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(5))
def test_unknown_pixels_are_never_flagged_whatever_they_hold(rule, seed):
    seen = np.random.default_rng(seed).random(SHAPE) < 0.8
    quiet = decide(scene(seed), seen, NULLS, rule, "both")
    loud = decide(np.where(seen, scene(seed), np.float32(1e4)), seen, NULLS, rule, "both")
    assert quiet.mask.any()
    assert not (quiet.mask & ~seen).any()
    assert (quiet.score[~seen] == 0).all()
    for one, other in zip(quiet, loud, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_frame_that_nobody_sees_is_empty():
    found = decide(scene(), np.zeros(SHAPE, bool), NULLS, Rule("fdr", 0.1), "both")
    assert not found.mask.any()
    assert (found.score == 0).all()


@pytest.mark.parametrize("value", [0.01, 0.1, 1.0])
def test_the_scales_share_the_false_alarms_that_are_asked_for(value):
    nulls = null(rate=RATE), null(3, rate=RATE._replace(slope=-2.0)), null(7, rate=RATE._replace(curve=0.0))
    lows = lows_for(Rule("false_alarms", value), nulls)
    rates = [math.exp(n.rate.log_rate(low)) for n, low in zip(nulls, lows, strict=True)]
    np.testing.assert_allclose(rates, value / 3)


def test_a_level_is_taken_as_it_is():
    assert lows_for(Rule("z", 3.5), NULLS) == (3.5, 3.5, 3.5)


@pytest.mark.parametrize("fdr", [0.01, 0.1, 0.5])
def test_the_family_of_the_fdr_is_one_image(fdr):
    score = np.abs(scene(size=4, height=5.0))
    low = lows_for(Rule("fdr", fdr), NULLS, score)
    rejected = stats.false_discovery_control(2 * stats.norm.sf(score.astype(float)).ravel())
    rejected = rejected.reshape(SHAPE) <= fdr
    assert low[0] == low[1] == low[2]
    assert score[~rejected].max() < low[0] <= score[rejected].min() * (1 + 1e-6)
    assert lows_for(Rule("fdr", fdr), NULLS, np.zeros(SHAPE)) == (math.inf,) * 3


@pytest.mark.parametrize("noise", [0.1, 1.0])
@pytest.mark.parametrize("seed", range(10))
def test_a_strong_square_is_found_by_its_fdr_even_if_nothing_comes_between_it_and_the_noise(noise, seed):
    z = noise * np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32) + np.float32(12) * square(3)
    found = decide(z, None, NULLS, Rule("fdr", 0.05), "both")
    assert found.mask[square(3)].all()


def test_the_fdr_rule_needs_an_image():
    with pytest.raises(TypeError, match="score map"):
        lows_for(Rule("fdr", 0.1), NULLS)


def test_a_small_region_is_no_region_at_a_coarse_scale():
    z = scene(size=2, height=0.0) / 10
    z[15, 20] = 12.0
    assert decide(z, None, (null(1, 1),), Rule("z", 3.0), "both").mask.sum() == 1
    assert not decide(z, None, (null(1, 2),), Rule("z", 3.0), "both").mask.any()


def test_holes_are_filled_but_not_with_unknown_pixels():
    ring = square()
    ring[17:22, 22:27] = False
    np.testing.assert_array_equal(filled(ring, None), square())
    seen = np.ones(SHAPE, bool)
    seen[18, 23] = False
    np.testing.assert_array_equal(filled(ring, seen), square() & seen)
    z = np.where(ring, np.float32(9), np.float32(0.1))
    np.testing.assert_array_equal(decide(z, seen, (null(),), Rule("z", 3.0), "both").mask, square() & seen)
    open_ring = ring & (np.arange(SHAPE[1]) != 22)
    np.testing.assert_array_equal(filled(open_ring, None), open_ring)


def test_what_a_region_is_expected_to_be_falls_with_its_peak_and_area():
    def least(size, height):
        z = np.where(square(size), np.float32(height), np.float32(0))
        return decide(z, None, (null(),), Rule("z", 2.0), "bright").expected.min()

    assert least(1, 6.0) > least(1, 8.0)
    assert least(1, 6.0) > least(2, 6.0)
    assert least(1, 6.0) == pytest.approx(math.exp(RATE.log_rate(3.0)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30), st.floats(0, 1))
def test_holes_are_what_scipy_takes_for_them(seed, height, width, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    np.testing.assert_array_equal(filled(mask, None), ndimage.binary_fill_holes(mask))
