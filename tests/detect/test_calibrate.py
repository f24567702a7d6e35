import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, stats

from kizu.detect.calibrate import (
    LEAST,
    Null,
    count_regions,
    first_look,
    joined_score,
    measure,
    pixel_law,
    score_map,
)
from kizu.detect.hysteresis import HIGH, candidates
from kizu.detect.maps import SIZES, Scale, measure_scales, smoothed, standardised
from kizu.detect.null import Tail
from kizu.engines.serial import Serial

SHAPE = (60, 40, 50)
MANY = (240, 40, 50)  # one pixel in a thousand above a level comes in clusters of 7 × 7: ten of them are no measurement


def normal(rng, shape):
    return rng.standard_normal(shape)


def laplace(rng, shape):
    return rng.laplace(size=shape)


def blurred(rng, shape):
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), (0, 1, 1))
    return noise / noise.std()


LAWS = [normal, laplace, blurred]


def drawn(law, seed, shape=SHAPE):
    return law(np.random.default_rng(seed), shape).astype(np.float32)


def scales_of(z):
    return measure_scales(lambda t, size: smoothed(z[t], size, "both", None), z.shape, min_area=None)


def nulls_of(z):
    return measure(z, np.zeros(z.shape, bool), scales_of(z), sign="both", seed=0, engine=Serial())


def maps(z, scale):
    return np.stack([standardised(smoothed(frame, scale.size, "both", None), scale) for frame in z])


@pytest.mark.parametrize("law", LAWS)
def test_new_noise_has_the_rate_of_regions_that_its_null_foretells(law):
    nulls, fresh = nulls_of(drawn(law, 0)), drawn(law, 1, (300, 40, 50))
    for null in nulls:
        w = maps(fresh, null.scale)
        low = null.rate.level(0.5)
        seen = sum(len(candidates(one, low, null.scale.min_area)[1]) for one in w) / len(w)
        assert 0.25 < seen < 1.0


@pytest.mark.parametrize("law", LAWS)
def test_scores_of_new_noise_are_those_of_its_p_values(law):
    nulls, fresh = nulls_of(drawn(law, 0, MANY)), drawn(law, 1, MANY)
    for null in nulls:
        score = np.interp(maps(fresh, null.scale), null.levels, null.scores)
        for share in (0.1, 0.01, 0.001):
            level = joined_score(np.array([math.log(share)]), len(SIZES))[0]
            assert level == pytest.approx(stats.norm.isf((1 - (1 - share) ** len(SIZES)) / 2), rel=1e-6)
            assert (score > level).mean() == pytest.approx(share, rel=0.35)


@pytest.mark.parametrize("law", LAWS)
def test_the_joined_score_of_new_noise_is_its_p_value_or_a_little_less(law):
    nulls, fresh = nulls_of(drawn(law, 0)), drawn(law, 1)
    score = np.stack(
        [
            score_map([standardised(smoothed(f, n.scale.size, "both", None), n.scale) for n in nulls], nulls)
            for f in fresh
        ]
    )
    for level in (2.0, 3.0):
        stated = 2 * stats.norm.sf(level)
        assert stated / 3 < (score > level).mean() < 1.5 * stated


@given(st.integers(1, 5))
def test_joined_scores_grow_as_the_chance_falls_and_are_never_negative(scales):
    scores = joined_score(np.linspace(-0.001, -600, 300), scales)
    assert (np.diff(scores) >= 0).all()
    assert scores.min() >= 0
    assert np.isfinite(scores).all()
    assert (joined_score(np.array([-8.0]), scales + 1) < joined_score(np.array([-8.0]), scales)).all()


def test_a_score_is_tabulated_far_beyond_anything_seen_and_never_falls():
    for null in nulls_of(drawn(normal, 0)):
        assert (np.diff(null.levels) > 0).all()
        assert (np.diff(null.scores) >= 0).all()
        assert null.levels[-1] >= 1e4
        assert null.scores[-1] > 30


def test_unknown_pixels_score_nothing():
    nulls = nulls_of(drawn(normal, 0))
    w = np.full((4, 5), -np.inf, np.float32)
    assert not score_map([w] * len(nulls), nulls).any()


@given(st.integers(0, 2**32 - 1), st.integers(2, 300))
def test_the_kernel_scores_as_its_twin_does(seed, count):
    rng = np.random.default_rng(seed)
    levels = np.unique(np.concatenate([rng.normal(0, 2, count), np.geomspace(9, 1e5, 2 + count // 2)]))
    null = Null(Scale(1, 1, 0.0, 1.0), Tail(3.0, -2.0, -0.1, 0.5, 50.0), np.zeros(0), levels, np.arange(len(levels)))
    odd = np.concatenate([levels, np.nextafter(levels, -np.inf), [-np.inf, np.inf, 0.0]])
    maps = [np.concatenate([rng.normal(0, 3, odd.size), odd]).astype(np.float32).reshape(2, -1) for _ in range(2)]
    expected = score_map(maps, (null, null), level=0)
    np.testing.assert_allclose(score_map(maps, (null, null)), expected, rtol=1e-6)


def test_expected_false_alarms_fall_with_peak_and_area_and_have_a_floor():
    tail, nothing = Tail(3.0, -2.0, -0.1, 0.5, 50.0), np.zeros(2)
    null = Null(Scale(1, 1, 0.0, 1.0), tail, np.array([1, 1, 2, 4]), nothing, nothing)
    peaks = [null.expected(p, 1, 3) for p in (2.0, 4.0, 8.0)]
    areas = [null.expected(4.0, a, 3) for a in (1, 2, 4, 9)]
    assert peaks == sorted(peaks, reverse=True)
    assert areas == sorted(areas, reverse=True)
    assert null.expected(4.0, 1, 3) == pytest.approx(3 * math.exp(null.rate.log_rate(4.0 / HIGH)))
    assert null.expected(1e6, 1, 3) == LEAST


@pytest.mark.parametrize("law", LAWS)
def test_a_first_look_sees_the_noise_behind_defects_in_a_third_of_the_frames(law):
    z = drawn(law, 0)
    clean = scales_of(z)
    levels = [first_look(maps(z, s), s, Serial()).level(0.001) for s in clean]
    z[::3, 10:20, 10:20] += 6
    spoilt = [first_look(maps(z, s), s, Serial()).level(0.001) for s in clean]
    assert (np.array(spoilt) < 1.5 * np.array(levels)).all()  # 6 sigma are 15 and more of such levels


def test_a_first_look_counts_per_area_that_is_left():
    z = drawn(normal, 0, (60, 60, 60))
    scale = scales_of(z)[0]
    whole = maps(z, scale)
    half = whole.copy()
    half[:, :30] = -np.inf
    seen = first_look(half, scale, Serial()).level(0.1)
    assert seen == pytest.approx(first_look(whole, scale, Serial()).level(0.1), rel=0.1)


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_maps_without_noise_promise_no_region_above_what_was_seen(value):
    w = np.full((40, 20, 20), value, np.float32)
    scale = Scale(1, 1, 0.0, 1.0)
    rate, areas = count_regions(w, scale, 1.0, Serial())
    assert len(areas) == 0
    assert HIGH * rate.level(0.05) > value
    levels, survival = pixel_law(w, 1.0)
    assert (np.diff(levels) > 0).all()
    assert (np.diff(survival) <= 0).all()
    assert HIGH * first_look(w, scale, Serial()).level(0.05) > value
