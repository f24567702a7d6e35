"""Metrics on masks small enough to count by eye, and on the traps: nothing predicted, nothing true, ties, unknown."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from kizu.detect.metrics import Confusion, aupro, auroc, average_precision, confusion, region_hits

TRUTH = np.array([[[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]], bool)
MASK = np.array([[[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]], bool)
NOTHING = np.zeros_like(TRUTH)
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)


@st.composite
def maps_and_truths(draw):
    """A score map of few levels (ties are the rule), a truth and a valid mask, of one shape."""
    shape = draw(SHAPES)
    score = draw(hnp.arrays(np.float64, shape, elements=st.integers(0, 4).map(float)))
    return score, draw(hnp.arrays(bool, shape)), draw(hnp.arrays(bool, shape))


def test_counts_by_eye():
    found = confusion(MASK, TRUTH)
    assert found == Confusion(1, 1, 2, 8)
    assert (found.precision, found.recall, found.f1, found.iou) == (1 / 2, 1 / 3, 2 / 5, 1 / 4)


def test_nothing_predicted_has_no_precision():
    found = confusion(NOTHING, TRUTH)
    assert math.isnan(found.precision)
    assert (found.recall, found.f1, found.iou) == (0, 0, 0)


def test_nothing_true_has_no_recall():
    found = confusion(MASK, NOTHING)
    assert math.isnan(found.recall)
    assert (found.precision, found.f1, found.iou) == (0, 0, 0)


def test_nothing_at_all_is_no_number():
    found = confusion(NOTHING, NOTHING)
    assert all(math.isnan(x) for x in (found.precision, found.recall, found.f1, found.iou))


def test_invalid_pixels_do_not_count():
    valid = np.ones_like(TRUTH)
    valid[0, 1, 2] = valid[0, 2, 3] = False
    assert confusion(MASK, TRUTH, valid) == Confusion(1, 0, 1, 8)


@given(maps_and_truths())
def test_frames_pool(drawn):
    score, truth, valid = drawn
    parts = [confusion(s > 2, t, v) for s, t, v in zip(score, truth, valid, strict=True)]
    assert sum(parts, Confusion()) == confusion(score > 2, truth, valid)


def test_regions_touch_at_corners_and_end_with_their_frame():
    diagonal = np.array([[[1, 0], [0, 1]], [[1, 0], [0, 0]]], bool)
    assert region_hits(NOTHING[:, :2, :2], diagonal[:1]) == (0, 1)
    assert region_hits(diagonal, diagonal) == (2, 2)


def test_one_pixel_is_a_hit():
    assert region_hits(MASK, TRUTH) == (1, 2)


def test_invalid_regions_are_no_regions():
    valid = np.ones_like(TRUTH)
    valid[0, 2, 3] = False
    assert region_hits(MASK, TRUTH, valid) == (1, 1)
    assert region_hits(MASK, TRUTH, ~valid) == (0, 1)


@pytest.mark.parametrize("metric", [auroc, average_precision, aupro])
def test_ranking_needs_a_truth(metric):
    assert math.isnan(metric(np.ones(TRUTH.shape), NOTHING))


@pytest.mark.parametrize("metric", [auroc, aupro])
def test_ranking_needs_something_clean(metric):
    assert math.isnan(metric(np.ones(TRUTH.shape), ~NOTHING))


@pytest.mark.parametrize("metric", [auroc, average_precision, aupro])
def test_the_truth_itself_ranks_best(metric):
    assert metric(TRUTH.astype(float), TRUTH) == pytest.approx(1, abs=1e-12)


def test_a_constant_map_knows_nothing():
    flat = np.ones(TRUTH.shape)
    assert auroc(flat, TRUTH) == 0.5
    assert average_precision(flat, TRUTH) == 3 / 12
    # One threshold for all: overlap and false-positive rate rise together along the diagonal.
    assert aupro(flat, TRUTH) == pytest.approx(0.15)


def test_the_reverse_ranks_last():
    assert auroc(-TRUTH.astype(float), TRUTH) == 0
    assert aupro(-TRUTH.astype(float), TRUTH) == 0


def test_each_region_weighs_the_same():
    """The one-pixel region is found first, the two-pixel one after every clean pixel."""
    score = np.array([[[0, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 2]]], float)
    assert aupro(score, TRUTH) == pytest.approx(0.5)


def test_overlap_by_hand():
    """Scores 3 (region A), 2 (a quarter of the clean pixels), 1 (region B), 0 (the rest)."""
    truth = np.array([[[1, 0, 0, 1, 0, 0]]], bool)
    score = np.array([[[3, 2, 0, 1, 0, 0]]], float)
    # Clean: columns 1, 2, 4, 5. Overlap is 1/2 up to a rate of 1/4, then jumps to 1.
    assert aupro(score, truth, limit=0.25) == pytest.approx(0.5)
    assert aupro(score, truth, limit=0.3) == pytest.approx((0.5 * 0.25 + 1 * 0.05) / 0.3)
    assert aupro(score, truth, limit=1.0) == pytest.approx(0.5 * 0.25 + 0.75)


def brute_force_aupro(score, truth, valid, limit):
    """The curve, one threshold after the other, integrated between its corners."""
    labels = [ndimage.label(frame, np.ones((3, 3)))[0] for frame in truth & valid]
    regions = [(k, found == n) for k, found in enumerate(labels) for n in range(1, found.max() + 1)]
    clean = valid & ~truth
    if not regions or not clean.any():
        return math.nan
    corners = [(0.0, 0.0)]
    for threshold in sorted(set(score[valid]), reverse=True):
        flagged = score >= threshold
        overlap = np.mean([flagged[k][region].mean() for k, region in regions])
        corners.append((flagged[clean].mean(), overlap))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(corners):
        if x0 >= limit or x1 == x0:
            continue
        end = min(x1, limit)
        area += (end - x0) * (y0 + y0 + (y1 - y0) * (end - x0) / (x1 - x0)) / 2
    return area / limit


@given(maps_and_truths(), st.sampled_from([0.05, 0.3, 1.0]))
def test_overlap_is_its_definition(drawn, limit):
    score, truth, valid = drawn
    expected = brute_force_aupro(score, truth, valid, limit)
    np.testing.assert_allclose(aupro(score, truth, valid, limit=limit), expected, rtol=0, atol=1e-12)


@given(maps_and_truths())
def test_ranking_ignores_the_scale_of_the_map(drawn):
    score, truth, _ = drawn
    for metric in (auroc, average_precision, aupro):
        np.testing.assert_equal(metric(score, truth), metric(np.exp(score) * 7, truth))
