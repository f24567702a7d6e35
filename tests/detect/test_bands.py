"""How unusual a view's value is, by the good pixels at the same distance from the outline."""

import numpy as np
import pytest
from scipy import ndimage

from kizu.detect.bands import CARRIED, CUTS, FEW, Tails, bands_of, map_of, null_of, surprise_of, tails_of
from kizu.detect.decide import Rule, decide_on
from kizu.engines.threads import DEFAULT

SHAPE = (64, 80)
WHOLE = np.ones(SHAPE, bool)


def good(count=4, views=2, *, seed=0, shape=SHAPE):
    return list(np.abs(np.random.default_rng(seed).standard_normal((count, views, *shape))))


def learned(maps, part=WHOLE):
    return tails_of(maps, [bands_of(part)] * len(maps))


def noise(count, blur, seed):
    """Maps of |z|, smoothed by `blur` pixels."""
    z = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((count, *SHAPE)), (0, blur, blur))
    return list(np.abs(z / z.std()).astype(np.float32))


def regions(maps, null, rate):
    rule = Rule("false_alarms", rate)
    masks = [decide_on(lambda size, one=one: one, None, (null,), rule).mask for one in maps]
    return np.mean([ndimage.label(mask, np.ones((3, 3)))[1] for mask in masks])


# --- bands


def test_bands_partition_the_part():
    part = WHOLE.copy()
    part[:, :7] = part[:3] = False
    bands = bands_of(part)
    assert ((bands >= 0) == part).all() and bands.max() == len(CUTS)
    assert set(np.unique(bands)) == {-1, *range(len(CUTS) + 1)}


def test_bands_grow_with_the_distance_from_the_outline():
    line = bands_of(WHOLE)[32, :40]
    assert (np.diff(line) >= 0).all()
    assert np.flatnonzero(np.diff(line)).tolist() == [cut - 2 for cut in CUTS]


def test_a_thin_part_has_no_inner_band():
    part = np.zeros(SHAPE, bool)
    part[30:33] = True
    assert bands_of(part).max() <= 1


# --- tails


@pytest.mark.parametrize("law", ["normal", "exponential", "uniform"])
def test_surprise_is_the_share_of_good_pixels_above(law):
    values = getattr(np.random.default_rng(0), f"standard_{law}" if law != "uniform" else law)(size=(1, 1, 200, 200))
    values = np.abs(values)
    tails = tails_of(list(values), [np.zeros((200, 200), int)])
    probes = np.quantile(values, [0.1, 0.5, 0.9, 0.99, 0.999])
    expected = [-np.log10((values >= probe).mean()) for probe in probes]
    np.testing.assert_allclose(surprise_of(probes, tails.values[0, 0], tails.surprise[0, 0]), expected, atol=0.03)


def test_surprise_goes_on_beyond_what_good_parts_showed():
    values = np.random.default_rng(0).pareto(3, (1, 1, 300, 300)) + 1
    tails = tails_of(list(values), [np.zeros((300, 300), int)])
    probes = np.geomspace(1, 1e6, 200)
    found = surprise_of(probes, tails.values[0, 0], tails.surprise[0, 0])
    assert np.isfinite(found).all() and (np.diff(found) >= 0).all() and (np.diff(found)[-100:] > 0).all()
    np.testing.assert_allclose(found[probes > 100], 3 * np.log10(probes[probes > 100]), rtol=0.25)


def test_surprise_has_no_step_at_the_last_knot():
    tails = learned(good())
    knots, surprise = tails.values[0, -1], tails.surprise[0, -1]
    below, above = surprise_of(knots[-1] * np.array([1 - 1e-9, 1 + 1e-9]), knots, surprise)
    assert above == pytest.approx(below, abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 3.0, 1e-30])
def test_what_good_parts_always_show_is_not_unusual(level):
    tails = learned([np.full((1, *SHAPE), level)] * 3)
    found = surprise_of(np.array([level, 2 * level + 1]), tails.values[0, -1], tails.surprise[0, -1])
    assert found[0] == 0 and 2 < found[1] < np.inf


def test_a_view_that_is_mostly_nothing_is_surprised_by_something():
    values = np.zeros((1, 1, 200, 200))
    values[..., :8] = 1 + np.random.default_rng(0).random((200, 8))
    tails = tails_of(list(values), [np.zeros((200, 200), int)])
    found = surprise_of(np.array([0.0, 1.5, 3.0]), tails.values[0, 0], tails.surprise[0, 0])
    assert found[0] == 0 and found[1] == pytest.approx(-np.log10(0.02), abs=0.05) and found[2] > 3


def test_a_band_of_few_good_pixels_says_nothing():
    bands = np.full(SHAPE, -1)
    bands.flat[: FEW - 1] = 0
    tails = tails_of(good(1), [bands])
    assert not surprise_of(np.array([0.0, 5.0, 1e9]), tails.values[0, 0], tails.surprise[0, 0]).any()


@pytest.mark.parametrize("count", [20, 21, 50, 150])
def test_few_good_pixels_give_finite_surprises(count):
    bands = np.full(SHAPE, -1)
    bands.flat[:count] = 0
    tails = tails_of(good(1), [bands])
    found = surprise_of(np.array([0.0, 1.0, 5.0, 1e9]), tails.values[0, 0], tails.surprise[0, 0])
    assert np.isfinite(found).all() and (np.diff(found) >= 0).all()
    assert found[2] <= found[3] < 60


def test_tails_are_sorted_and_finite():
    tails = learned(good())
    assert isinstance(tails, Tails) and tails.values.shape == tails.surprise.shape
    assert all(np.isfinite(array).all() and (np.diff(array, axis=2) >= 0).all() for array in tails)


# --- maps


@pytest.mark.parametrize("view", [0, 1])
def test_the_map_grows_with_every_view(view):
    tails, views = learned(good()), good(1, seed=5)[0]
    more = views.copy()
    more[view] *= 1.5
    one, two = (map_of(tails, v, WHOLE, (1.0, 0.5)) for v in (views, more))
    assert (two >= one).all() and (two > one).mean() > 0.9
    assert one.dtype == np.float32 and (one >= 0).all()


def test_a_weight_of_nothing_silences_a_view():
    tails, views = learned(good()), good(1, seed=5)[0]
    spoiled = views.copy()
    spoiled[1] = 99
    assert np.array_equal(map_of(tails, views, WHOLE, (1.0, 0.0)), map_of(tails, spoiled, WHOLE, (1.0, 0.0)))


def test_the_edge_of_a_part_is_compared_with_edges():
    depth = ndimage.distance_transform_edt(np.pad(WHOLE, 1))[1:-1, 1:-1]
    maps = [one * np.where(depth < 4, 6, 1) for one in good()]
    found = map_of(learned(maps[1:]), maps[0], WHOLE, (1.0, 1.0))
    assert found[depth < 4].mean() == pytest.approx(found[depth > 20].mean(), rel=0.15)


def test_what_is_at_the_outline_is_carried_outwards_and_fades():
    part = WHOLE.copy()
    part[:, :30] = False
    views = good(1, seed=5)[0]
    views[:, 32, 30] = 50
    found = map_of(learned(good(), part), views, part, (1.0, 1.0))
    line = found[32, :31]
    assert (np.diff(line[-int(CARRIED) :]) > 0).all()
    assert not line[: 30 - int(CARRIED)].any()
    assert line[30 - 8] == pytest.approx(0.5 * line[30], rel=0.01)


# --- the null


@pytest.mark.parametrize("blur", [0.0, 1.5])
def test_the_stated_number_of_regions_is_seen_on_other_good_parts(blur):
    null = null_of(noise(30, blur, 0), 1, DEFAULT)
    fresh = noise(100, blur, 1)
    assert 0.7 < regions(fresh, null, 1.0) < 1.5
    assert 0.1 < regions(fresh, null, 0.3) < 0.6


def test_a_null_of_several_sizes_holds_for_each_picture():
    sizes = [(64, 80), (50, 90), (70, 60)]
    maps = [one[: sizes[n % 3][0], : sizes[n % 3][1]] for n, one in enumerate(noise(30, 1.0, 0))]
    assert 0.6 < regions(noise(100, 1.0, 1), null_of(maps, 1, DEFAULT), 1.0) < 1.9


@pytest.mark.parametrize("strength", [2.0, 30.0])
def test_a_defective_part_among_good_ones_does_not_own_the_null(strength):
    maps = noise(20, 1.0, 0)
    spoiled = [one.copy() for one in maps]
    for one in spoiled[3:5]:
        one[20:26, 10:50] = strength * np.max(maps)
    clean, found = (null_of(some, 1, DEFAULT).rate.level(0.1) for some in (maps, spoiled))
    assert found == pytest.approx(clean, rel=0.2)


def test_small_regions_can_be_left_out():
    maps = noise(12, 1.5, 0)
    one, many = (null_of(maps, area, DEFAULT) for area in (1, 9))
    assert many.scale.min_area == 9 and many.areas.min() >= 9
    assert many.rate.level(0.5) < one.rate.level(0.5)


def test_maps_of_nothing_have_a_null():
    null = null_of([np.zeros(SHAPE, np.float32)] * 4, 1, DEFAULT)
    assert all(np.isfinite(value).all() for value in (null.levels, null.scores))
    assert regions([np.zeros(SHAPE, np.float32)], null, 0.1) == 0
