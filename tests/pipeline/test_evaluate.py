"""Evaluation: frames find their truth, numbers come from the pixels that count, and what is left out is named."""

import json

import numpy as np
import pytest
from PIL import Image

from kizu.detect.protocols import PROTOCOLS
from kizu.errors import NothingUsableError, ParameterError, ReadError
from kizu.io.results import open_results
from kizu.pipeline.evaluate import RANKED_FRAMES, evaluate
from kizu.pipeline.pairs import pair

SHAPE = (24, 32)


def write_results(folder, names, masks, score_maps):
    """A results folder as a run leaves it, with these masks and maps."""
    grey = np.zeros(SHAPE, np.uint8)
    with open_results(folder, resume=False, overwrite=False, key="k") as results:
        for name, mask, score_map in zip(names, masks, score_maps, strict=True):
            results.write_frame(name, score_map=score_map, mask=mask, background=grey, overlay=grey)
        rows = [
            {
                "source": name,
                "name": name,
                "index": 0,
                "score": 0.0,
                "anomalous": False,
                "regions": 0,
                "area_fraction": 0.0,
            }
            for name in names
        ]
        results.write_tables(rows, [])
        results.write_run({"schema": 1, "stack": {"height": SHAPE[0], "width": SHAPE[1]}})


def write_truth(path, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path)


@pytest.fixture
def one(tmp_path):
    """One frame: 4 × 4 true pixels, of which the mask has 8 and 8 others."""
    truth = np.zeros(SHAPE, np.uint8)
    truth[4:8, 4:8] = 255
    mask = np.zeros(SHAPE, bool)
    mask[6:10, 4:8] = True
    write_results(tmp_path / "out", ["in000601"], [mask], [mask.astype(np.float32)])
    write_truth(tmp_path / "truth" / "gt000601.png", truth)
    return tmp_path


def test_numbers_of_one_frame(one):
    found = evaluate(one / "out", one / "truth")
    assert (found["precision"], found["recall"], found["f1"], found["iou"]) == (0.5, 0.5, 0.5, 1 / 3)
    assert (found["region_recall"], found["frames"], found["ranked_frames"]) == (1, 1, 1)
    assert found["auroc"] == pytest.approx((0.5 + (1 - 8 / 752)) / 2)
    assert 0 < found["ap"] < 1
    assert 0 < found["aupro"] < 1
    assert found["unpaired"] == []
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_cdnet_ignores_what_is_outside_or_unclear(one):
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:8, 4:8] = 255
    labels[8:9, 4:8] = 85
    labels[9:10, 4:6] = 170
    labels[9:10, 6:8] = 50
    write_truth(one / "truth" / "gt000601.png", labels)
    found = evaluate(one / "out", one / "truth", protocol="cdnet")
    assert (found["precision"], found["recall"]) == (8 / 10, 0.5)
    plain = evaluate(one / "out", one / "truth")
    assert plain["precision"] == 1


def test_nothing_marked_and_nothing_found_are_no_numbers(tmp_path):
    clean = np.zeros(SHAPE, bool)
    write_results(tmp_path / "out", ["a"], [clean], [np.zeros(SHAPE)])
    write_truth(tmp_path / "truth" / "a.png", clean.astype(np.uint8))
    found = evaluate(tmp_path / "out", tmp_path / "truth")
    names = ("precision", "recall", "f1", "iou", "region_recall", "auroc", "ap", "aupro")
    assert [found[name] for name in names] == [None] * 8


def test_unknown_pixels_are_not_ranked(one):
    score = np.zeros(SHAPE, np.float32)
    score[4:8, 4:8] = 1
    score[0, 0] = np.nan
    mask = np.zeros(SHAPE, bool)
    write_results(one / "unknown", ["601"], [mask], [score])
    assert evaluate(one / "unknown", one / "truth")["auroc"] == 1


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "LA", "1", "I;16"])
def test_truth_in_any_kind_of_picture(one, mode):
    grey = Image.open(one / "truth" / "gt000601.png")
    picture = Image.fromarray(np.asarray(grey).astype(np.uint16)) if mode == "I;16" else grey.convert(mode)
    picture.save(one / "truth" / "gt000601.png")
    assert evaluate(one / "out", one / "truth")["f1"] == 0.5


def test_what_cannot_be_compared_is_named(one):
    write_truth(one / "truth" / "gt000777.png", np.zeros(SHAPE, np.uint8))
    write_results(
        one / "more", ["in000601", "in000602", "in000603"], np.zeros((3, *SHAPE), bool), np.zeros((3, *SHAPE))
    )
    write_truth(one / "truth" / "gt000602.png", np.zeros((5, 5), np.uint8))
    (one / "truth" / "gt000603.png").write_bytes(b"damaged")
    found = evaluate(one / "more", one / "truth")
    assert found["frames"] == 1
    assert {row["file"] for row in found["unpaired"]} == {"gt000777", "gt000602", "gt000603"}
    assert "is 5x5 pixels, its frame is 32x24" in str(found["unpaired"])


def test_nothing_pairs(one):
    write_truth(one / "other" / "gt9.png", np.zeros(SHAPE, np.uint8))
    with pytest.raises(NothingUsableError, match="no truth image goes with a frame") as caught:
        evaluate(one / "out", one / "other")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_number_comes_with_protocol_size_and_unit(one, protocol):
    found = evaluate(one / "out", one / "truth", protocol=protocol)
    assert (found["protocol"], found["frames"]) == (protocol, 1)
    assert found["size"] == ("256x256 pixels, resized" if protocol == "rpcanet" else "32x24 pixels, as they are")
    assert found["decision"] == ("maps, rescaled, above 0.5" if protocol == "rpcanet" else "masks")
    named = {name for name, value in found.items() if isinstance(value, float) or value is None}
    assert named <= found["units"].keys() <= found.keys()
    assert {"niou", "pd", "fa"} <= found["units"].keys()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_targets_of_one_frame(one):
    """The component is a target's, 2 pixels away; where touching counts, half of it is false."""
    found = {name: evaluate(one / "out", one / "truth", protocol=name) for name in PROTOCOLS}
    for name in ("kizu", "cdnet", "basicirstd"):
        assert (found[name]["niou"], found[name]["pd"], found[name]["fa"]) == (1 / 3, 1, 0)
        assert found[name]["auroc"] == found["kizu"]["auroc"]
    field = found["rpcanet"]
    assert (field["pd"], field["pd_3px"]) == (1, 0)  # 2 rows are 21 after resizing
    assert field["fa"] == pytest.approx(8 / 752, rel=0.1)
    assert field["fa_3px"] == pytest.approx(16 / 768, rel=0.1)
    assert 0.5 < field["roc_area"] < 1


def test_a_clean_frame_with_a_faint_map_is_flagged_where_maps_are_rescaled(one):
    clean = np.zeros(SHAPE, np.uint8)
    write_results(one / "faint", ["601"], [clean > 0], [np.full(SHAPE, 1e-3, np.float32)])
    write_truth(one / "clean" / "601.png", clean)
    kizu, field = (evaluate(one / "faint", one / "clean", protocol=name) for name in ("kizu", "rpcanet"))
    assert (kizu["niou"], kizu["fa"], kizu["pd"], kizu["iou"]) == (1, 0, None, None)
    assert (field["niou"], field["fa"], field["pd"], field["iou"], field["fa_3px"]) == (0, None, None, 0, 1)


def test_sizes_from_smallest_to_largest(tmp_path):
    masks = [np.zeros(shape, bool) for shape in (SHAPE, (5, 9), (20, 7))]
    write_results(tmp_path / "out", ["a", "b", "c"], masks, masks)
    for name, mask in zip("abc", masks, strict=True):
        write_truth(tmp_path / "truth" / f"{name}.png", mask.astype(np.uint8))
    assert evaluate(tmp_path / "out", tmp_path / "truth")["size"] == "9x5 to 32x24 pixels, as they are"


def test_unknown_protocol(one):
    with pytest.raises(ParameterError, match="kizu or cdnet"):
        evaluate(one / "out", one / "truth", protocol="coco")


def test_no_truth_folder(one):
    with pytest.raises(ReadError, match="is not a folder"):
        evaluate(one / "out", one / "nowhere")


def test_no_results(tmp_path):
    with pytest.raises(ReadError, match="no finished run"):
        evaluate(tmp_path, tmp_path)


def test_long_videos_are_ranked_at_even_spacing(tmp_path):
    count = RANKED_FRAMES + 9
    names = [f"{i:06d}" for i in range(count)]
    score = np.zeros((count, *SHAPE), np.float32)
    score[:, 2, 2] = 1
    write_results(tmp_path / "out", names, score > 0, score)
    for name in names:
        write_truth(tmp_path / "truth" / f"{name}.png", (score[0] * 255).astype(np.uint8))
    found = evaluate(tmp_path / "out", tmp_path / "truth")
    assert (found["frames"], found["ranked_frames"], found["auroc"], found["f1"]) == (count, RANKED_FRAMES, 1, 1)


def test_pairs_by_path_then_stem_then_number():
    frames = ["a/part", "b/part", "b/in0007", "c/0007", "x12y3", "alone"]
    truths = ["b/part", "a/part", "b/gt7", "elsewhere/x_3", "mask_0007_extra", "0099"]
    pairs, alone = pair(frames, truths)
    assert pairs == [
        ("a/part", "a/part"),
        ("b/part", "b/part"),
        ("b/in0007", "b/gt7"),
        ("c/0007", "mask_0007_extra"),
        ("x12y3", "elsewhere/x_3"),
    ]
    assert alone == ["alone", "0099"]


def test_a_number_that_two_frames_have_pairs_with_neither():
    assert pair(["a1", "b1"], ["gt1"]) == ([], ["a1", "b1", "gt1"])


def test_every_frame_of_a_real_video_finds_its_truth(data):
    folder = data / "video_highway"
    frames = sorted(path.stem for path in (folder / "frames").glob("*.jpg"))
    pairs, alone = pair(frames, sorted(path.stem for path in (folder / "gt").glob("*.png")))
    assert len(pairs) == 400
    assert not alone
    assert all(frame[2:] == truth[2:] for frame, truth in pairs)
