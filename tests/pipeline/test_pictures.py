"""Pictures that are judged one at a time, from files to a decision."""

import json

import numpy as np
import pytest
from PIL import Image

import kizu
from kizu.errors import KizuError, UsageError
from kizu.io.results import read_results
from kizu.pipeline.evaluate import evaluate
from runs import tree

SIZES = {"a": (64, 72), "b": (80, 56)}


def cloth(shape, seed):
    """An 8-bit weave with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    weave = np.cos(2 * np.pi * y / 6.3) * np.cos(2 * np.pi * x / 5.7 + np.sin(y / 11))
    return 120 + 40 * weave + 6 * rng.standard_normal(shape)


def scratched(shape, seed):
    """The same with a dark scratch, and its mask."""
    mask = np.zeros(shape, bool)
    mask[20:23, 12:48] = True
    return cloth(shape, seed) - 45 * mask, mask


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two pictures of different sizes and their truth, as folders."""
    folder, truth = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("truth")
    for seed, (name, shape) in enumerate(SIZES.items()):
        picture, mask = scratched(shape, seed)
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / f"{name}.png")
        Image.fromarray(mask).save(truth / f"{name}.png")
    return folder, truth


@pytest.fixture(scope="module")
def done(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "out"
    return kizu.inspect(photos[0], out, model="rdl")


def test_the_scratch_is_found_in_both_sizes(done, photos):
    saved = read_results(done.folder)
    for row in saved.results:
        shape = SIZES[row["name"]]
        mask, score = saved.mask(row["name"]), saved.score_map(row["name"])
        assert mask.shape == score.shape == saved.background(row["name"]).shape == shape
        assert row["anomalous"] and row["regions"] == sum(r["name"] == row["name"] for r in saved.regions)
    metrics = evaluate(done.folder, photos[1])
    assert metrics["region_recall"] == 1 and metrics["auroc"] > 0.99 and metrics["aupro"] > 0.95


def test_run_json_says_what_was_done_and_why(done):
    run = done.run
    assert run["kind"] == "pictures" and run["model"]["name"] == "rdl" and run["model"]["why"] == "asked for"
    assert [tuple(size.values()) for size in run["stack"]["sizes"]] == [(64, 72, 1), (80, 56, 1)]
    assert run["frames"] == {"declared": 2, "decoded": 2, "used": 2}
    assert run["decision"]["rule"] == "false_alarms" and run["decision"]["approximate"]
    assert all(parameter["why"] for parameter in run["parameters"].values())
    assert run["dictionary"][0]["atoms"] == len(run["dictionary"][0]["usage"])
    assert json.loads((done.folder / "run.json").read_text()) == json.loads(json.dumps(run))


def test_a_region_names_its_nearest_atoms(done):
    for row in read_results(done.folder).regions:
        assert 1 <= len(row["atoms"]) <= 4
        shares = [share for _, share in row["atoms"]]
        assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1.001
        for number, _ in row["atoms"]:
            assert (done.folder / "report" / "assets" / f"atom-{number:03d}.png").is_file()


def test_one_photo_is_enough(photos, tmp_path):
    done = kizu.inspect(photos[0] / "a.png", tmp_path / "out", model="rdl")
    assert done.run["summary"]["anomalous"] == 1 and done.report.is_file()


def test_one_photo_without_a_model_says_what_would_help(photos, tmp_path):
    with pytest.raises(UsageError, match="--model rdl for a texture"):
        kizu.inspect(photos[0] / "a.png", tmp_path / "out")


def test_resuming_gives_the_same_bytes(done, photos, tmp_path):
    out = tmp_path / "out"
    kizu.inspect(photos[0], out, model="rdl")
    whole = tree(out)
    (out / "run.json").unlink()
    (out / "masks" / "b.png").unlink()
    kizu.inspect(photos[0], out, model="rdl", resume=True)
    assert tree(out) == whole == tree(done.folder)


def test_a_learned_model_judges_other_pictures(done, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    picture, mask = scratched((70, 70), 9)
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(new / "c.png")
    again = kizu.inspect(new, tmp_path / "out", model=done.folder)
    assert "fitted before" in again.run["model"]["why"]
    assert (read_results(again.folder).mask("c") & mask).any()


def test_other_pixels_than_the_models_are_refused_by_name(done, tmp_path):
    Image.fromarray(cloth((64, 64), 1).astype(np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UsageError, match=r"fitted on uint8 pixels with 1 channel\(s\), deep\.png has uint16 with 1"):
        kizu.inspect(tmp_path / "deep.png", tmp_path / "out", model=done.folder)


def test_what_is_ignored_is_not_judged(photos, tmp_path):
    mask = np.zeros(SIZES["a"], np.uint8)
    mask[15:30] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    done = kizu.inspect(photos[0] / "a.png", tmp_path / "out", model="rdl", ignore=str(tmp_path / "mask.png"))
    saved = read_results(done.folder)
    assert not saved.mask("a")[15:30].any() and not saved.score_map("a")[15:30].any()


@pytest.mark.parametrize(
    ("option", "value"),
    [("background", "x"), ("align", "none"), ("resize", (32, 32)), ("skip_odd", True), ("memory", "1G")],
)
def test_options_of_one_scene_are_refused_by_name(photos, tmp_path, option, value):
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')}: is for pictures of one scene"):
        kizu.inspect(photos[0], tmp_path / "out", model="rdl", **{option: value})
    assert not (tmp_path / "out").exists()


def test_too_small_pictures_are_one_line_and_leave_nothing(tmp_path):
    Image.fromarray(np.zeros((6, 9), np.uint8)).save(tmp_path / "tiny.png")
    with pytest.raises(KizuError, match=r"tiny\.png: pictures of .* too few patches of 8x8\. Use "):
        kizu.inspect(tmp_path / "tiny.png", tmp_path / "out", model="rdl")


def test_a_constant_picture_has_no_defect(tmp_path):
    Image.fromarray(np.full((48, 48), 90, np.uint8)).save(tmp_path / "flat.png")
    done = kizu.inspect(tmp_path / "flat.png", tmp_path / "out", model="rdl")
    assert done.run["summary"] == {"anomalous": 0, "regions": 0}


def test_a_picture_smaller_than_every_patch_is_skipped_by_name(done, photos, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(np.full((5, 5), 90, np.uint8)).save(folder / "tiny.png")
    Image.open(photos[0] / "a.png").save(folder / "a.png")
    again = kizu.inspect(folder, tmp_path / "out", model=done.folder)
    assert again.run["frames"]["used"] == 1
    assert [(row["source"], row["what"]) for row in again.run["skipped"]] == [
        ("tiny.png", "5x5 pixels, the model's patches have 8x8")
    ]


@pytest.mark.parametrize("option", [{"rank": 3}, {"noise": 4.0}])
def test_options_without_meaning_are_refused_by_name(photos, tmp_path, option):
    (name,) = option
    with pytest.raises(UsageError, match=f"--{name}: has no meaning for a texture"):
        kizu.inspect(photos[0], tmp_path / "out", model="rdl", **option)


def test_the_proof_is_of_the_pictures_that_were_judged(done, tmp_path):
    Image.fromarray(np.clip(cloth((64, 64), 3), 0, 255).astype(np.uint8)).save(tmp_path / "new.png")
    again = kizu.inspect(tmp_path / "new.png", tmp_path / "out", model=done.folder)
    assert again.run["certificate"]["relative_gap"] != done.run["certificate"]["relative_gap"]
    assert again.run["proof"].startswith("Proven: given the atoms, no patch of these pictures")


@pytest.mark.parametrize(
    "damage", [{"schema": 99}, {"scales": []}, {"scales": None}, {"pixels": {}}, {"pictures": None, "scales": [{}]}]
)
def test_an_edited_model_folder_is_one_line(done, photos, tmp_path, damage):
    card = json.loads((done.folder / "model" / "model.json").read_text())
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.json").write_text(json.dumps(card | damage))
    weights = (done.folder / "model" / "weights.safetensors").read_bytes()
    (tmp_path / "m" / "weights.safetensors").write_bytes(weights)
    with pytest.raises(KizuError, match=r"model\.json: .*\. .*\.$") as caught:
        kizu.inspect(photos[0], tmp_path / "out", model=tmp_path / "m")
    assert caught.value.exit_code in (2, 3)
