"""Named protocols on frames small enough to count by eye: what each decides, counts and leaves out."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kizu.detect.protocols import PROTOCOLS, Judged, Tally, Truth, over_maximum
from kizu.detect.target_metrics import touched
from kizu.errors import ParameterError

SHAPE = (24, 32)
PIXELS = 24 * 32
WHOLE = replace(PROTOCOLS["rpcanet"], size=None)  # as it would be without resizing
FIELD = ["basicirstd", "rpcanet"]


def labels_of(*boxes, shape=SHAPE, value=255):
    """A truth picture of boxes (first row, first column, height, width)."""
    labels = np.zeros(shape, np.uint8)
    for row, column, height, width in boxes:
        labels[row : row + height, column : column + width] = value
    return labels


def numbers(protocol, *frames):
    """Numbers of frames given as (labels of the prediction, labels of the truth)."""
    rules = PROTOCOLS[protocol] if isinstance(protocol, str) else protocol
    tally = Tally(rules)
    for predicted, truth in frames:
        tally.add(rules.judge(predicted > 0, truth, predicted.astype(np.float32)))
    return tally.numbers()


NOTHING, DOT, BLOB = labels_of(), labels_of((4, 4, 2, 2)), labels_of((15, 20, 2, 2))


# --- the same masks, other numbers


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_truth_itself_is_perfect(protocol):
    found = numbers(protocol, (labels_of((4, 4, 6, 6)), labels_of((4, 4, 6, 6))))
    names = {"precision", "recall", "f1", "iou", "niou", "pd"}
    if PROTOCOLS[protocol].size is None:
        assert {name: found[name] for name in names} == dict.fromkeys(names, 1)
        assert found["fa"] == 0
    else:  # bilinear maps and nearest masks do not have the same edges
        assert (found["pd"], found["pd_3px"]) == (1, 1)
        assert 0.85 < found["iou"] < 1


def test_a_false_blob_as_large_as_the_hit():
    frame = (DOT | BLOB, DOT)
    assert numbers("kizu", frame)["fa"] == numbers("basicirstd", frame)["fa"] == 4 / PIXELS
    found = numbers(WHOLE, frame)
    assert (found["fa"], found["fa_3px"]) == (4 / (PIXELS - 4), 0)


def test_spill_around_a_hit():
    frame = (labels_of((3, 3, 4, 4)), DOT)
    assert [numbers(p, frame)["fa"] for p in ("kizu", "basicirstd")] == [0, 0]
    found = numbers(WHOLE, frame)
    assert (found["fa"], found["fa_3px"]) == (12 / (PIXELS - 4), 0)
    assert found["iou"] == numbers("kizu", frame)["iou"] == 4 / 16


def test_frames_without_targets():
    """One false blob in a clean frame, beside a frame that is right."""
    frames = (DOT, DOT), (BLOB, NOTHING)
    for protocol in ("kizu", "basicirstd"):
        assert numbers(protocol, *frames)["fa"] == 4 / (2 * PIXELS)
    found = numbers(WHOLE, *frames)
    assert (found["pd"], found["fa"], found["fa_3px"]) == (1, 0, 4 / (2 * PIXELS))
    assert found["iou"] == numbers("kizu", *frames)["iou"] == 0.5  # its pixels count all the same
    assert found["roc_area"] == numbers(WHOLE, frames[0])["roc_area"]


def test_a_clean_frame_left_clean():
    frames = (DOT, DOT), (NOTHING, NOTHING)
    assert numbers("kizu", *frames)["niou"] == 1
    assert [numbers(p, *frames)["niou"] for p in ("basicirstd", WHOLE)] == [0.5, 0.5]
    alone = {name: numbers(name, frames[1]) for name in PROTOCOLS}
    for name in ("precision", "recall", "f1", "iou"):
        assert math.isnan(alone["kizu"][name]) and math.isnan(alone["cdnet"][name])
        assert [alone[field][name] for field in FIELD] == [0, 0]
    assert [alone[name]["niou"] for name in PROTOCOLS] == [1, 1, 0, 0]
    assert all(math.isnan(found["pd"]) for found in alone.values())
    assert math.isnan(alone["rpcanet"]["fa"]) and math.isnan(alone["rpcanet"]["roc_area"])


def test_no_frame_is_no_number():
    assert math.isnan(Tally(PROTOCOLS["kizu"]).numbers()["niou"])


# --- maps over their maximum


def judged(score, protocol=WHOLE, labels=None):
    score = np.asarray(score, np.float32)
    return protocol.judge(np.zeros(score.shape, bool), np.zeros(score.shape) if labels is None else labels, score)


def test_an_empty_image_becomes_a_full_false_alarm():
    faint = np.full(SHAPE, 1e-6)
    assert judged(faint).mask.all()
    assert judged(-faint).mask.all()
    tally = Tally(WHOLE)
    tally.add(judged(faint))
    found = tally.numbers()
    assert (found["fa_3px"], found["iou"]) == (1, 0)
    assert math.isnan(found["fa"])  # where it is not even seen


def test_nothing_over_nothing_is_never_flagged():
    zeros = judged(np.zeros(SHAPE))
    assert np.isnan(zeros.score).all()
    assert not zeros.mask.any()
    assert not judged(np.full(SHAPE, np.nan)).mask.any()


def test_half_of_the_largest_is_not_above_it():
    assert judged([[4.0, 2.0, 2.1, -8.0]]).mask.tolist() == [[True, False, True, False]]


def test_unknown_pixels_are_not_flagged():
    assert judged([[np.nan, 5.0, 6.0, np.inf]]).mask.tolist() == [[False, True, True, False]]


def test_the_mask_is_not_asked_where_the_map_decides():
    mask, score = np.zeros(SHAPE, bool), DOT.astype(np.float32)
    assert WHOLE.by_map and not PROTOCOLS["kizu"].by_map
    assert (WHOLE.judge(mask, DOT, score).mask == (DOT > 0)).all()
    assert not PROTOCOLS["basicirstd"].judge(mask, DOT, score).mask.any()
    with pytest.raises(ParameterError, match="score"):
        WHOLE.judge(mask, DOT)


@given(hnp.arrays(np.float32, (3, 4), elements=st.integers(-8, 8).map(float)), st.integers(-3, 3))
def test_the_scale_of_a_map_does_not_matter(score, exponent):
    np.testing.assert_array_equal(over_maximum(score), over_maximum(score * np.float32(2.0**exponent)))


# --- at 256 × 256

LARGE = (512, 512)


def spots(*places):
    score = np.zeros(LARGE, np.float32)
    for row, column in places:
        score[row, column] = 1
    return score


def test_resized_targets_vanish():
    frame = spots((101, 101)), (spots((101, 101)) * 255).astype(np.uint8)
    seen = PROTOCOLS["rpcanet"].judge(frame[0] > 0, frame[1], frame[0])
    assert (seen.mask.shape, seen.mask.sum(), seen.truth.anomaly.sum()) == ((256, 256), 1, 0)
    assert [numbers(p, frame)["pd"] for p in ("kizu", "basicirstd")] == [1, 1]
    assert math.isnan(numbers("rpcanet", frame)["pd"])


def test_resized_gates_are_twice_as_wide():
    frame = spots((100, 105)), (spots((100, 100)) * 255).astype(np.uint8)
    assert numbers("basicirstd", frame)["pd"] == 0
    assert numbers("rpcanet", frame)["pd_3px"] == 1


def test_a_resized_false_pixel_is_four_times_as_many_per_pixel():
    frame = spots((300, 300)), np.zeros(LARGE, np.uint8)
    assert numbers("basicirstd", frame)["fa"] == 1 / 512**2
    assert numbers("rpcanet", frame)["fa_3px"] == 1 / 256**2


@pytest.mark.parametrize("shape", [(300, 411), (100, 333), (256, 256), (1, 1)])
def test_any_shape_is_resized(shape):
    score = np.linspace(1, 2, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    seen = PROTOCOLS["rpcanet"].judge(np.ones(shape, bool), np.full(shape, 255, np.uint8), score)
    assert seen.mask.shape == seen.score.shape == seen.truth.valid.shape == (256, 256)
    assert seen.truth.anomaly.all()
    assert (seen.score.max(), seen.score.dtype) == (1, np.float32)
    assert (np.diff(seen.score, axis=0) >= -1e-6).all()


# --- what labels mean


@pytest.mark.parametrize(("protocol", "marked"), [("kizu", 4), ("cdnet", 1), ("basicirstd", 3), ("rpcanet", 1)])
def test_grey_edges(protocol, marked):
    truth = PROTOCOLS[protocol].labels(np.array([[0, 100, 128, 200, 255]], np.uint8))
    assert truth.anomaly.sum() == marked
    assert not PROTOCOLS[protocol].labels(np.zeros((2, 2), np.uint8)).anomaly.any()


@pytest.mark.parametrize("protocol", FIELD)
@pytest.mark.parametrize("value", [True, np.uint8(1), np.uint16(65535)])
def test_masks_of_any_depth(protocol, value):
    assert PROTOCOLS[protocol].labels(np.array([[0, value]], np.asarray(value).dtype)).anomaly.tolist() == [
        [False, True]
    ]


def test_pixels_that_do_not_count_hold_no_target_and_no_false_pixel():
    truth = labels_of((4, 4, 2, 2), (15, 20, 2, 2)) & labels_of((0, 0, 24, 10))
    truth[14:18, 18:24] = 85
    found = numbers("cdnet", (labels_of((4, 4, 2, 2), (15, 20, 2, 2)), truth))
    assert (found["pd"], found["fa"], found["iou"], found["niou"]) == (1, 0, 1, 1)
    assert numbers("kizu", (labels_of((4, 4, 2, 2)), truth))["pd"] == 0.5


# --- identities


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(predicted=hnp.arrays(bool, (6, 7)), truth=hnp.arrays(bool, (6, 7)))
def test_iou_and_f1_say_the_same(protocol, predicted, truth):
    tally = Tally(PROTOCOLS[protocol])
    tally.add(Judged(predicted, predicted.astype(np.float32), Truth(truth, np.ones_like(truth))))
    found = tally.numbers()
    np.testing.assert_allclose(found["iou"], found["f1"] / (2 - found["f1"]), rtol=1e-12)
    for name, number in found.items():
        assert math.isnan(number) or 0 <= number <= 1, name


def test_niou_is_the_mean_of_frames():
    frames = (labels_of((4, 4, 2, 4)), DOT), (BLOB, BLOB)
    assert numbers("kizu", *frames)["niou"] == (0.5 + 1) / 2
    assert numbers("kizu", *frames)["iou"] == 8 / 12


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_number_has_a_unit(protocol):
    tally = Tally(PROTOCOLS[protocol])
    tally.add(PROTOCOLS[protocol].judge(DOT > 0, DOT, DOT.astype(np.float32)))
    assert tally.units().keys() == tally.numbers().keys()
    assert all(text and text.isascii() for text in tally.units().values())


def test_a_protocol_is_one_row():
    other = replace(PROTOCOLS["kizu"], rules={"": replace(WHOLE.rules[""], match=touched)}, nothing=0.0)
    found = numbers(other, (labels_of((3, 3, 4, 4)), DOT))
    assert (found["pd"], found["fa"]) == (1, 12 / (PIXELS - 4))
