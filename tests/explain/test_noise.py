"""What the lesson on noise claims, measured again."""

import numpy as np
import pytest

from kizu.explain.lessons.noise import RATES, SIGMAS, case, judged, numbers


@pytest.mark.parametrize("sigma", SIGMAS)
def test_s_marks_as_much_noise_as_its_threshold_lets_through(sigma):
    made = case(sigma)
    shares = judged(made.nonzero, made.defect)
    rng = np.random.default_rng(0)
    assert shares["share"] == pytest.approx(np.mean(np.abs(rng.standard_normal(100_000)) > made.level), abs=0.02)
    assert shares["wrong"] > 0.95


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_rate_is_kept_at_every_level_of_noise(sigma):
    made = case(sigma)
    for rate, flags in zip(RATES, made.flags, strict=True):
        marked = np.count_nonzero(flags.mask)
        assert judged(flags.mask, made.defect)["wrong"] <= rate + 3 * np.sqrt(rate / max(marked, 1))


def test_noise_hides_weak_dots_and_a_larger_rate_finds_more():
    found = np.array([[judged(flags.mask, case(s).defect)["found"] for flags in case(s).flags] for s in SIGMAS])
    assert (np.diff(found, axis=0) < 0).all()
    assert (np.diff(found, axis=1) >= 0).all()
    assert numbers()["theory"] == pytest.approx(numbers()["share"], abs=0.02)


def test_the_bins_count_every_pixel():
    for sigma in SIGMAS:
        made = case(sigma)
        assert made.good.sum() == np.count_nonzero(~made.defect)
        assert made.bad.sum() == np.count_nonzero(made.defect)
        assert made.null.sum() == pytest.approx(made.good.sum())


def test_the_rate_is_kept_on_average(monkeypatch):
    seeded, wrong = np.random.default_rng, []
    for seed in range(6):
        monkeypatch.setattr(np.random, "default_rng", lambda _, seed=seed: seeded(seed))
        cases = [case.__wrapped__(sigma) for sigma in SIGMAS]
        wrong += [[judged(flags.mask, one.defect)["wrong"] for flags in one.flags] for one in cases]
    error = np.std(wrong, axis=0, ddof=1) / np.sqrt(len(wrong))
    assert (np.mean(wrong, axis=0) <= RATES + 2 * error).all()
