import numpy as np
import pytest

from kizu.detect.decide import Rule, decide
from kizu.detect.maps import smoothed
from kizu.engines.serial import Serial
from kizu.engines.threads import Threads
from kizu.pipeline.nulls import field_of, nulls_of, without_defects

FRAMES, HEIGHT, WIDTH = 40, 64, 72
RULE = Rule("false_alarms", 0.1)


SERIAL = Serial()


def noise(seed=0, frames=FRAMES):
    return np.random.default_rng(seed).standard_normal((frames, HEIGHT, WIDTH)).astype(np.float32)


def defects(z, contrast, *, height, width, share=0.3, seed=9):
    """z with a rectangle somewhere in a share of the frames, and the truth."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(z.shape, bool)
    for t in rng.choice(len(z), round(share * len(z)), replace=False):
        y, x = rng.integers(0, (HEIGHT - height, WIDTH - width))
        truth[t, y : y + height, x : x + width] = True
    return z + np.float32(contrast) * truth, truth


def nulls(z, seen=None, sign="both", seed=0, engine=SERIAL):
    return nulls_of(field_of(z, seen, sign, engine), sign=sign, min_area=None, seed=seed, engine=engine)


def masks(z, found, seen=None, sign="both"):
    one = [decide(f, None if seen is None else seen[t], found, RULE, sign).mask for t, f in enumerate(z)]
    return np.stack(one)


@pytest.mark.parametrize(
    ("height", "width", "contrast"), [(1, 2, 9.0), (2, 30, 4.0), (12, 12, 2.5), (28, 28, 2.0)], ids=str
)
def test_what_is_clear_is_found_though_a_third_of_the_frames_has_it(height, width, contrast):
    z, truth = defects(noise(), contrast, height=height, width=width)
    found = masks(z, nulls(z))
    spoilt = truth.any(axis=(1, 2))
    hits = (found & truth).any(axis=(1, 2))[spoilt]
    assert hits.mean() >= 0.9
    assert found[~spoilt].any(axis=(1, 2)).mean() <= 0.2


def test_hardly_any_noise_is_kept_out_of_its_own_null():
    for seed in range(3):
        _, excluded = without_defects(field_of(noise(seed), None, "both", Serial()), min_area=None, engine=Serial())
        assert excluded.any(axis=(1, 2)).mean() <= 0.1


def test_clear_defects_are_kept_out_of_the_null_with_a_margin():
    z, truth = defects(noise(), 8.0, height=10, width=10)
    _, excluded = without_defects(field_of(z, None, "both", Serial()), min_area=None, engine=Serial())
    assert (excluded[truth]).mean() > 0.99
    assert excluded.sum() > 1.3 * truth.sum()


def test_unseen_pixels_do_not_enter_the_null_whatever_they_hold():
    seen = np.random.default_rng(3).random((FRAMES, HEIGHT, WIDTH)) > 0.001
    seen[:, :8] = False
    z = noise()
    first = nulls(np.where(seen, z, 0), seen)
    again = nulls(np.where(seen, z, 1e6).astype(np.float32), seen)
    for one, other in zip(first, again, strict=True):
        assert one.scale == other.scale
        assert other.rate.level(0.1) < 2 * one.rate.level(0.1)


@pytest.mark.parametrize("sign", ["dark", "bright"])
def test_a_sign_sees_its_own_side_alone(sign):
    side = 1 if sign == "bright" else -1
    z, truth = defects(noise(), 8.0 * side, height=8, width=8)
    spoilt = truth.any(axis=(1, 2))
    assert (masks(z, nulls(z, sign=sign), sign=sign) & truth).any(axis=(1, 2))[spoilt].all()
    assert (masks(-z, nulls(-z, sign=sign), sign=sign) & truth).any(axis=(1, 2)).mean() < 0.05


def test_the_null_depends_on_data_and_seed_and_on_nothing_else():
    z = noise(frames=12)
    first, again, other = nulls(z), nulls(z, engine=Threads(2)), nulls(z, seed=1)
    for a, b in zip(first, again, strict=True):
        assert (a.scale, a.rate) == (b.scale, b.rate)
        np.testing.assert_array_equal(a.scores, b.scores)
    assert any(a.rate != c.rate for a, c in zip(first, other, strict=True))


def test_frames_without_noise_have_no_regions():
    z = np.zeros((20, HEIGHT, WIDTH), np.float32)
    assert not masks(z, nulls(z)).any()
    z[3, 20:30, 20:30] = 40.0
    found = masks(z, nulls(z))
    assert found[3, 22:28, 22:28].all()
    assert not np.delete(found, 3, axis=0).any()


@pytest.mark.parametrize("frames", [2, 5])
def test_few_frames_have_a_null_too(frames):
    for null in nulls(noise(frames=frames)):
        assert 0 < null.rate.level(0.1) < 100
        assert np.isfinite(null.scores).all()


def test_maps_are_kept_as_the_decision_would_make_them():
    z = noise(frames=3)
    seen = np.random.default_rng(1).random(z.shape) > 0.1
    field = field_of(z, seen, "both", Serial())
    for size in (1, 3, 7):
        np.testing.assert_array_equal(field.maps(2, size), smoothed(z[2], size, "both", seen[2]))
