"""How often a network's logits are a false alarm, counted where nothing is marked."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from kizu.detect.decide import Rule
from kizu.detect.peaks import Law, decide, law_of
from kizu.errors import UsageError


@cache
def logits(seed, shape=(24, 24)):
    """Smooth noise around 2 with a spread of about 1.5."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return (2 + 1.5 * noise / noise.std()).astype(np.float32)


@pytest.mark.parametrize("rate", [0.5, 0.2, 0.1, 0.02])
def test_the_stated_rate_is_seen_on_other_pictures(rate):
    """Over many draws of the pictures that it is measured on: of the share's own mean, a few hundredths are chance."""
    shares = []
    for draw in range(20):
        law = law_of(logits(1000 * draw + seed) for seed in range(32))
        fresh = (logits(1000 * draw + 100 + seed) for seed in range(60))
        shares.append(np.mean([decide(one, law, Rule("false_alarms", rate)).mask.any() for one in fresh]))
    assert 0.5 * rate < np.mean(shares) < 1.25 * rate + 0.01


def test_a_crowd_of_peaks_in_one_picture_is_one_alarm():
    quiet, crowd = [np.full((8, 8), -4.0 - k) for k in range(19)], np.zeros((40, 40))
    alone = crowd.copy()
    crowd[::8, ::8], alone[8, 8] = 7.0, 7.0
    assert law_of([*quiet, crowd]) == law_of([*quiet, alone])


def test_the_law_of_exponential_excesses_is_found():
    """Its level has less scatter than the picture in whose place it stands, which is as near on average."""
    rng = np.random.default_rng(0)
    draws = rng.exponential(1.5, (400, 32))
    levels = [law_of(draw[:, None, None]).level(0.1) for draw in draws]
    exact = 1.5 * np.log(10)
    assert abs(np.mean(levels) - exact) < 0.1
    assert np.std(levels) < 0.85 * np.std(np.sort(draws, axis=1)[:, -3])


@settings(max_examples=200)
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=40), st.floats(1e-5, 1.0))
def test_the_level_is_the_lowest_peak_that_is_rare_enough(loudest, rate):
    law = law_of(np.full((2, 2), one) for one in loudest)
    level = law._rare(rate)
    assert law.expected(level) <= rate * (1 + 1e-9) or level == min(loudest)
    lower = np.nextafter(level, -np.inf)
    assert law.expected(lower) >= rate * (1 - 1e-9) or lower <= min(loudest)


def test_equal_pictures_promise_little_of_louder_ones():
    law = law_of([np.full((3, 3), 2.0)] * 30)
    assert law.expected(2.0) == 0.5 and law.expected(2.05) > 0.4 and law.expected(1.9) == 1.0


def test_regions_end_where_the_anomaly_does_and_weak_ones_are_left_out():
    logit = np.full((20, 20), -3, np.float32)
    logit[2:5, 2:5], logit[3, 3] = 0.5, 6.0
    logit[10:12, 10:12] = 0.8
    law = Law((0.0,), 1.0)
    found = decide(logit, law, Rule("false_alarms", 0.1))
    assert found.mask.sum() == 9 and found.mask[2, 2] and not found.mask[10, 10]
    assert found.expected[3, 3] == pytest.approx(np.exp(-6.0)) and np.isinf(found.expected[10, 10])
    assert decide(logit, law, Rule("z", 0.7)).mask.sum() == 13
    assert decide(logit, law, Rule("z", 0.7), min_area=5).mask.sum() == 9


def test_a_rate_asks_for_a_sure_peak_and_a_level_does_not():
    logit = np.full((20, 20), -3, np.float32)
    logit[5, 5], logit[12:15, 12:15] = -0.5, 1.5
    law = Law((-1.0, -2.0), 1.0)
    assert decide(logit, law, Rule("false_alarms", 0.9)).mask.sum() == 9
    assert decide(logit, law, Rule("z", -1.0)).mask.sum() == 10
    assert not decide(np.minimum(logit, 0.9), law, Rule("false_alarms", 0.9)).mask.any()


def test_scores_grow_with_the_logit():
    logit = np.linspace(-20, 20, 41, dtype=np.float32)[None]
    score = decide(logit, Law((0.0,), 1.0), Rule("z", 1.0)).score
    assert (np.diff(score[0]) > 0).all() and (score >= 0).all()


def test_p_values_are_refused():
    with pytest.raises(UsageError, match="no p-values"):
        decide(np.zeros((4, 4), np.float32), Law((0.0,), 1.0), Rule("fdr", 0.05))
