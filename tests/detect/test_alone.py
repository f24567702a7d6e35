"""The null of a single picture."""

import numpy as np
import pytest
from scipy import ndimage

from kizu.detect.alone import noise_like, null_alone
from kizu.detect.decide import Rule, decide
from kizu.engines.threads import DEFAULT


def correlated(seed, shape=(96, 96), blur=1.0):
    z = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), blur, mode="wrap")
    return (z / z.std()).astype(np.float32)


def found(z, rate):
    nulls = null_alone(z, sign="both", min_area=None, seed=0, engine=DEFAULT)
    return decide(z, None, nulls, Rule("false_alarms", rate), "both")


def test_a_flaw_that_is_much_of_the_picture_is_found():
    z = correlated(0)
    flaw = np.zeros(z.shape, bool)
    flaw[40:44, 10:80] = True
    z[flaw] += 5
    mask = found(z, 0.1).mask
    assert (mask & flaw).sum() > 0.8 * flaw.sum()


def test_the_stated_rate_holds_on_clean_pictures():
    regions = [ndimage.label(found(correlated(seed), 3.0).mask, np.ones((3, 3)))[1] for seed in range(8)]
    assert 1.2 < np.mean(regions) < 6.0  # 24 are stated in all


def test_a_picture_without_noise_has_no_flaw():
    assert not found(np.zeros((40, 40), np.float32), 1.0).mask.any()


def test_made_noise_has_the_spectrum_and_the_law_of_the_body():
    z = correlated(3, (128, 128), 2.0)
    made = noise_like(z, 12, 0)
    assert made.shape == (12, *z.shape)
    beside = [np.mean(p[:, 1:] * p[:, :-1]) / np.mean(p * p) for p in (z, made.reshape(-1, 128))]
    assert beside[1] == pytest.approx(beside[0], abs=0.05)
    assert np.median(np.abs(made)) == pytest.approx(np.median(np.abs(z)), rel=0.08)


def test_a_flaw_does_not_widen_the_made_noise():
    z = correlated(4)
    spoiled = z.copy()
    spoiled[20:30, 20:30] += 8
    one, two = (np.quantile(np.abs(noise_like(p, 8, 0)), 0.999) for p in (z, spoiled))
    assert two < 1.25 * one
