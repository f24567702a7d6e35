"""Pairs of components and targets on masks small enough to count by eye, and on the traps of published codes."""

import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from kizu.detect.metrics import auroc
from kizu.detect.target_metrics import (
    NO_SWEEP,
    STEPS,
    Match,
    greedy,
    greedy_by_area,
    optimal,
    pixel_roc,
    swept,
    touched,
)

SHAPE = (12, 16)
PIXELS = 12 * 16
RULES = [optimal, greedy, greedy_by_area, touched]
ONE_TO_ONE = [optimal, greedy]


def picture(*boxes, shape=SHAPE):
    """A mask of boxes (first row, first column, height, width)."""
    mask = np.zeros(shape, bool)
    for row, column, height, width in boxes:
        mask[row : row + height, column : column + width] = True
    return mask


NOTHING = picture()


@st.composite
def masks_and_truths(draw):
    """A few spots each, so that trying every pairing is quick."""
    spots = st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 9), st.integers(1, 2), st.integers(1, 3)), max_size=5
    ).map(lambda boxes: picture(*boxes, shape=(10, 12)))
    return draw(spots), draw(spots), draw(hnp.arrays(bool, (10, 12), fill=st.just(True)))


# --- by eye


@pytest.mark.parametrize("rule", RULES)
def test_the_truth_itself_finds_everything(rule):
    truth = picture((1, 1, 2, 2), (8, 10, 1, 3))
    match = rule(truth, truth)
    assert (match.targets, match.found, match.false, match.false_pixels) == (2, 2, 0, 0)
    assert (match.pd, match.fa) == (1, 0)


@pytest.mark.parametrize("rule", RULES)
def test_an_empty_mask_finds_nothing(rule):
    match = rule(NOTHING, picture((1, 1, 2, 2)))
    assert (match.targets, match.found, match.false, match.false_pixels) == (1, 0, 0, 0)


@pytest.mark.parametrize("rule", [optimal, greedy, greedy_by_area])
def test_a_frame_without_a_target_has_no_pd_but_a_fa(rule):
    match = rule(picture((3, 3, 2, 2)), NOTHING)
    assert match == Match(0, 0, 1, 4, PIXELS)
    assert math.isnan(match.pd)
    assert match.fa == 4 / PIXELS


def test_a_frame_without_a_target_counts_nowhere_where_touching_counts():
    assert touched(~NOTHING, NOTHING) == Match()
    assert math.isnan(touched(~NOTHING, NOTHING).fa)


@pytest.mark.parametrize("rule", RULES)
def test_pixels_that_touch_at_corners_are_one_component(rule):
    diagonal = picture((4, 4, 1, 1), (5, 5, 1, 1))
    assert rule(diagonal, diagonal).targets == 1


@pytest.mark.parametrize("rule", [optimal, greedy, greedy_by_area])
def test_three_pixels_away_is_too_far(rule):
    truth = picture((5, 5, 1, 1))
    assert rule(picture((5, 8, 1, 1)), truth).found == 0
    assert rule(picture((5, 7, 1, 2)), truth).found == 1  # 2.5


@pytest.mark.parametrize("rule", RULES)
def test_invalid_pixels_do_not_count(rule):
    truth, mask = picture((1, 1, 1, 1), (9, 9, 1, 1)), picture((1, 1, 1, 1), (9, 9, 1, 1), (6, 2, 2, 2))
    valid = ~picture((5, 0, 7, 16))
    match = rule(mask, truth, valid)
    assert (match.targets, match.found, match.false, match.false_pixels) == (1, 1, 0, 0)
    assert match.pixels == 5 * 16 - (rule is touched)


def test_frames_pool():
    assert Match(1, 1, 0, 0, 10) + Match(3, 1, 2, 5, 40) == Match(4, 2, 2, 5, 50)


# --- the traps


def test_a_false_blob_as_large_as_a_hit_is_free_where_areas_are_compared():
    truth, mask = picture((1, 1, 2, 2)), picture((1, 1, 2, 2), (8, 10, 2, 2), (8, 2, 1, 3))
    assert greedy_by_area(mask, truth) == Match(1, 1, 1, 3, PIXELS)
    for rule in ONE_TO_ONE:
        assert rule(mask, truth) == Match(1, 1, 2, 7, PIXELS)


def test_two_definitions_of_one_family():
    """A streak over the target: it touches, but its centroid is far; its pixels are false in both, of other wholes."""
    truth, mask = picture((5, 2, 1, 2)), picture((5, 3, 1, 12))
    assert touched(mask, truth) == Match(1, 1, 0, 11, PIXELS - 2)
    assert greedy_by_area(mask, truth) == Match(1, 0, 1, 12, PIXELS)
    beside = picture((5, 5, 1, 2))  # near, without a common pixel
    assert touched(beside, picture((5, 3, 1, 2))).found == 0
    assert greedy_by_area(beside, picture((5, 3, 1, 2))).found == 1


def test_spill_around_a_hit_is_false_only_where_touching_counts():
    truth, mask = picture((5, 5, 2, 2)), picture((4, 4, 4, 4))
    assert touched(mask, truth) == Match(1, 1, 0, 12, PIXELS - 4)
    for rule in ONE_TO_ONE:
        assert rule(mask, truth) == Match(1, 1, 0, 0, PIXELS)


def test_one_blob_over_two_targets_finds_one_of_them():
    truth, mask = picture((5, 4, 1, 1), (5, 8, 1, 1)), picture((5, 4, 1, 5))
    assert touched(mask, truth).found == 2
    for rule in ONE_TO_ONE:
        assert rule(mask, truth) == Match(2, 1, 0, 0, PIXELS)


def test_two_components_on_one_target_find_it_once():
    truth, mask = picture((5, 4, 1, 3)), picture((5, 4, 1, 1), (5, 6, 1, 1))
    for rule in ONE_TO_ONE:
        assert rule(mask, truth) == Match(1, 1, 1, 1, PIXELS)


def test_order_decides_only_where_it_is_greedy():
    """The first target takes the only component that the second could have had; upside down it takes the other."""
    truth = picture((4, 4, 1, 1), (5, 8, 1, 1))
    mask = picture((3, 6, 1, 1), (6, 3, 1, 1))
    assert greedy(mask, truth) == Match(2, 1, 1, 1, PIXELS)
    assert greedy(mask[::-1], truth[::-1]).found == 2
    assert optimal(mask, truth) == optimal(mask[::-1], truth[::-1]) == Match(2, 2, 0, 0, PIXELS)


def test_of_equally_many_pairs_the_nearest_are_taken():
    truth, mask = picture((5, 5, 1, 1)), picture((3, 5, 1, 1), (6, 4, 1, 3))
    assert greedy(mask, truth).false_pixels == 3  # it took the first that it met
    assert optimal(mask, truth).false_pixels == 1


# --- the definitions


def brute_force(mask, truth):
    """(targets, most pairs, false pixels of every pairing that has as many and is nearest)."""
    places = []
    for picture_ in (mask, truth):
        labels, count = ndimage.label(picture_, np.ones((3, 3)))
        places.append([np.argwhere(labels == k) for k in range(1, count + 1)])
    ours, theirs = places
    slots = [*range(len(ours)), *[None] * len(theirs)]
    options = set()
    for chosen in set(permutations(slots, len(theirs))):
        pairs = [(k, t) for t, k in enumerate(chosen) if k is not None]
        distances = [np.linalg.norm(ours[k].mean(axis=0) - theirs[t].mean(axis=0)) for k, t in pairs]
        if all(d < 3 for d in distances):
            left = sum(len(piece) for k, piece in enumerate(ours) if k not in chosen)
            options.add((-len(pairs), round(sum(distances), 9), left))
    best = min(options)[:2]
    return len(theirs), -best[0], {left for *rest, left in options if tuple(rest) == best}


@given(masks_and_truths().filter(lambda drawn: all(ndimage.label(m, np.ones((3, 3)))[1] < 5 for m in drawn[:2])))
def test_the_best_pairing_is_the_best_of_all(drawn):
    mask, truth, valid = drawn
    targets, found, left = brute_force(mask & valid, truth & valid)
    match = optimal(mask, truth, valid)
    assert (match.targets, match.found, match.pixels) == (targets, found, np.count_nonzero(valid))
    assert match.false_pixels in left


def in_label_order(mask, truth, *, by_area):
    """What BasicIRSTD (until 2024-01: `by_area`) does, one loop in the other."""
    pieces = []
    for picture_ in (mask, truth):
        labels, count = ndimage.label(picture_, np.ones((3, 3)))
        pieces.append([np.argwhere(labels == k) for k in range(1, count + 1)])
    left, hits = list(pieces[0]), []
    for target in pieces[1]:
        near = [k for k, one in enumerate(left) if np.linalg.norm(one.mean(axis=0) - target.mean(axis=0)) < 3]
        hits += [left.pop(near[0])] if near else []
    areas = [len(piece) for piece in hits]
    false = [piece for piece in pieces[0] if len(piece) not in areas] if by_area else left
    return Match(len(pieces[1]), len(hits), len(false), sum(map(len, false)), mask.size)


@given(masks_and_truths())
def test_greedy_pairs_are_those_of_the_loop(drawn):
    mask, truth, _ = drawn
    assert greedy(mask, truth) == in_label_order(mask, truth, by_area=False)
    assert greedy_by_area(mask, truth) == in_label_order(mask, truth, by_area=True)


@given(masks_and_truths())
def test_the_best_pairing_finds_at_least_as_much(drawn):
    found = [rule(*drawn).found for rule in (greedy, optimal)]
    assert found == sorted(found)
    assert greedy_by_area(*drawn).false_pixels <= greedy(*drawn).false_pixels


@given(masks_and_truths())
def test_nothing_changes_in_a_mirror(drawn):
    mirrored = [part[::-1, ::-1] for part in drawn]
    assert optimal(*drawn).found == optimal(*mirrored).found
    assert touched(*drawn) == touched(*mirrored)


def test_components_are_ordered_by_their_first_pixel():
    """A hook that begins right of a dot and ends left of it: joined late, it is still the first."""
    mask = picture((2, 8, 1, 1), (3, 4, 1, 1), (3, 7, 1, 1), (4, 6, 1, 1), (5, 2, 1, 4))
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    firsts = [int(np.flatnonzero(labels.ravel() == k)[0]) for k in range(1, count + 1)]
    assert all(a < b for a, b in pairwise(firsts))


# --- every threshold


@st.composite
def maps_and_targets(draw):
    score = draw(hnp.arrays(np.float32, (5, 6), elements=st.sampled_from([-1, 0, 0.1, 0.5, 0.995, 1, np.nan])))
    return score, draw(hnp.arrays(bool, (5, 6)))


@given(maps_and_targets())
def test_a_sweep_is_its_definition(drawn):
    score, truth = drawn
    labels, targets = ndimage.label(truth, np.ones((3, 3)))
    found = swept(score, truth)
    if not targets:
        assert found is NO_SWEEP
        return
    for k in range(STEPS + 1):
        flagged = score >= np.float32(k / STEPS)
        assert found.flagged[k] == np.count_nonzero(flagged & ~truth)
        assert found.touched[k] == sum(flagged[labels == t].any() for t in range(1, targets + 1))
    assert (found.clean, found.targets) == (np.count_nonzero(~truth), targets)


def test_a_sweep_by_hand():
    """Target at 1, a clean pixel in four at 0.5, the others at 0: three corners, none added."""
    score, truth = np.array([[1, 0.5, 0, 0, 0]]), np.array([[1, 0, 0, 0, 0]], bool)
    roc = swept(score, truth).roc
    assert sorted(set(zip(roc.false_rate, roc.hit_rate, strict=True))) == [(0, 1), (0.25, 1), (1, 1)]
    assert roc.area == 1
    roc = swept(np.array([[0.25, 0.5, -1, -1, -1]]), truth).roc
    assert (roc.false_rate.max(), roc.area) == (0.25, 0)  # what is below 0 is never reached: the curve ends early
    both = swept(score, truth) + swept(score[:, ::-1], truth)
    assert both.roc.hit_rate.tolist() == [0.5] * STEPS + [1]


def test_a_sweep_over_nothing_is_no_number():
    assert math.isnan(NO_SWEEP.roc.area)
    assert math.isnan(swept(np.ones((2, 2)), np.ones((2, 2), bool)).roc.area)


@given(maps_and_targets())
def test_the_curve_of_pixels_lies_over_the_auroc(drawn):
    score, truth = drawn
    score = np.nan_to_num(score)
    np.testing.assert_allclose(pixel_roc(score, truth).area, auroc(score, truth), rtol=0, atol=1e-12)
