"""How many false regions a network's logits have, counted where nothing is marked."""

import numpy as np
import pytest
from scipy import ndimage

from kizu.detect.decide import Rule
from kizu.detect.peaks import Law, decide, false_peaks, law_of
from kizu.errors import UsageError


def logits(seed, shape=(64, 64)):
    """Smooth noise around −2 with a spread of about 1.5."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return (-2 + 1.5 * noise / noise.std()).astype(np.float32)


@pytest.mark.parametrize("rate", [1.0, 0.3, 0.1])
def test_the_stated_rate_is_seen_on_other_pictures(rate):
    law = law_of([false_peaks(logits(seed)) for seed in range(60)])
    regions = sum(
        ndimage.label(decide(logits(1000 + seed), law, Rule("false_alarms", rate)).mask, np.ones((3, 3)))[1]
        for seed in range(400)
    )
    assert 0.4 * rate < regions / 400 < 1.8 * rate


def test_a_plateau_is_one_peak():
    logit = np.full((40, 40), -5, np.float32)
    logit[10:14, 10:20], logit[30, 30] = 4, 3
    assert sorted(false_peaks(logit))[-2:] == [3.0, 4.0]
    assert len(false_peaks(np.zeros((50, 50), np.float32))) == 1


def test_equal_peaks_and_a_single_one_promise_little_of_higher_ones():
    law = law_of([np.full(2, 2.0)] * 30)
    assert law.expected(2.05) > 0.5
    assert law_of([np.array([8.0])]).expected(8.0) == 1.0


def test_expected_and_level_are_each_other_s_inverse():
    law = Law(start=-1.0, rate=2.0, fall=0.8, pictures=50, peaks=40)
    for rate in (1.0, 0.1, 1e-3):
        assert law.expected(law.level(rate)) == pytest.approx(rate)
    assert law.expected(-5.0) == 2.0


def test_regions_end_where_the_anomaly_does_and_weak_ones_are_left_out():
    logit = np.full((20, 20), -3, np.float32)
    logit[2:5, 2:5], logit[3, 3] = 0.5, 6.0
    logit[10:12, 10:12] = 0.8
    law = Law(start=0.0, rate=1.0, fall=1.0, pictures=50, peaks=40)
    found = decide(logit, law, Rule("false_alarms", 0.1))
    assert found.mask.sum() == 9 and found.mask[2, 2] and not found.mask[10, 10]
    assert found.expected[3, 3] == pytest.approx(np.exp(-6.0)) and np.isinf(found.expected[10, 10])
    assert decide(logit, law, Rule("z", 0.7)).mask.sum() == 13
    assert decide(logit, law, Rule("z", 0.7), min_area=5).mask.sum() == 9


def test_more_false_alarms_than_the_support_has_reach_below_it():
    logit = np.full((20, 20), -3, np.float32)
    logit[5, 5] = -0.5
    law = Law(start=-2.0, rate=1.0, fall=1.0, pictures=50, peaks=40)
    assert not decide(logit, law, Rule("false_alarms", 0.1)).mask.any()
    assert decide(logit, law, Rule("false_alarms", 0.9)).mask[5, 5]


def test_a_map_without_peaks_has_a_law_too():
    law = law_of([np.empty(0)] * 3)
    assert law.expected(3.0) < law.expected(0.5) <= 1 / 3


def test_scores_grow_with_the_logit():
    logit = np.linspace(-20, 20, 41, dtype=np.float32)[None]
    score = decide(logit, Law(0.0, 1.0, 1.0, 50, 40), Rule("z", 1.0)).score
    assert (np.diff(score[0]) > 0).all() and (score >= 0).all()


def test_p_values_are_refused():
    with pytest.raises(UsageError, match="no p-values"):
        decide(np.zeros((4, 4), np.float32), Law(0.0, 1.0, 1.0, 50, 40), Rule("fdr", 0.05))
