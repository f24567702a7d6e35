"""What was measured of RPCANet and of the exact network, and that its parts are what the lesson says."""

import numpy as np
import pytest

from kizu.explain.lessons.rpcanet import SIGMA, numbers, seen, split, stages, told
from kizu.explain.lessons.rpcanet_parts import COUNT, MEASURED, SIZE, archive, courses, measured, signed
from kizu.parameters import default_lam, stable_thresholds
from kizu.prox import singular_value_threshold


def test_the_archive_is_small_and_fits_the_panels():
    assert MEASURED.stat().st_size + MEASURED.with_suffix(".npz").stat().st_size < 150_000
    kept = archive()
    assert kept["picture"].shape == kept["mask"].shape == (2, *SIZE)
    assert kept["background"].shape == kept["sparse"].shape == kept["logit"].shape == (2, COUNT, *SIZE)
    assert measured()["command"] == "python bench/networks/stages.py --write-lesson"


@pytest.mark.parametrize("method", ["rpca", "exact"])
def test_the_parts_add_up_at_every_stage(method):
    parts, pictures = split()[method], split()["scene"]["picture"]
    total = parts["background"] + parts["anomaly"] + parts["noise"]
    np.testing.assert_allclose(total, np.broadcast_to(pictures[:, None], total.shape), atol=1e-9)


def test_the_anomaly_is_not_0_only_where_the_logit_is_above_it():
    kept = archive()
    assert (kept["logit"][kept["sparse"] != 0] > 0).all()
    assert (kept["sparse"][kept["logit"] < 0] == 0).all()


def test_a_stage_of_robust_pca_leaves_what_its_thresholds_say():
    picture = archive()["picture"][0]
    tau, theta = (one.value for one in stable_thresholds(*SIZE, SIGMA, default_lam(*SIZE, 1.0).value))
    (first, _), (second, anomaly) = stages(picture, tau, theta, 2)
    np.testing.assert_allclose(first, singular_value_threshold(picture, tau), atol=1e-9)
    assert np.abs(picture - second - anomaly).max() <= theta + 1e-9


def test_what_is_said_is_counted_from_the_parts():
    truth = np.zeros(SIZE, bool)
    truth[3, 4:8] = True
    anomaly = np.where(truth, 5.0, 0.0)
    anomaly[3, 4] = 0.0
    found = seen(np.full(SIZE, 10.0), np.full(SIZE, 10.0) - anomaly, anomaly, truth)
    assert found == {"left": 0.0, "low": 0.0, "high": 5.0, "nonzero": 3, "iou": 0.75}
    assert {len(rows) for rows in told("exact")["nonzero"]} == {COUNT}


def test_what_the_words_claim():
    quoted, theirs, ours = numbers(), courses()["published"], courses()["exact"]
    assert quoted["their_left"] > 100 > 0.1 > quoted["our_left"]
    assert quoted["their_nonzero"] == 1 > 0.05 > quoted["our_nonzero"] > 0
    assert quoted["sum"] < 1e-6
    assert quoted["their_rank"] > 2 * quoted["rank"]
    assert (np.diff(theirs["left"]) > 0).all()
    assert (ours["left"][1:] < 0.1).all()  # the first layer's threshold takes most of the background too
    assert quoted["stages"] == len(theirs["left"]) >= COUNT
    assert quoted["classical"] > max(rows[-1] for rows in told("exact")["nonzero"])


def test_only_0_has_the_colour_of_0():
    values = np.array([-200.0, -60.0, -0.001, 0.0, 0.001, 60.0, 200.0])
    assert signed(values, 60.0).tolist() == [0, 0, 126, 127, 128, 254, 254]
