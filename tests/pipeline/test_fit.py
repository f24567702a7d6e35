"""Learn once, judge later."""

import numpy as np
import pytest
from PIL import Image

import kizu
from kizu.errors import ParameterError, UsageError
from kizu.io.results import read_results
from kizu.pipeline.choose import one_scene
from kizu.pipeline.fit import fit
from kizu.pipeline.options import Options
from runs import cloth, save, walls


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return save(walls(dots=())[0], tmp_path_factory.mktemp("in") / "good")


@pytest.fixture(scope="module")
def model(good, tmp_path_factory):
    return fit(good, tmp_path_factory.mktemp("model") / "m")


def options(**changes):
    usual = dict.fromkeys(Options.__dataclass_fields__) | {
        "noise": "auto", "align": "auto", "recursive": False, "skip_odd": False, "sign": "both", "jobs": 2, "seed": 0,
        "resume": False, "overwrite": False,
    }  # fmt: skip
    usual.pop("room")
    return Options(**{**usual, **changes})


def test_pictures_of_one_scene_are_fitted_by_rpca(model):
    assert model.model["name"] == "rpca" and "correlate by" in model.model["why"]
    assert model.inputs == 24 and model.expected == pytest.approx(2.4)
    assert {path.name for path in model.folder.iterdir()} == {"model.json", "weights.safetensors"}


def test_the_model_finds_a_defect_in_new_pictures(model, tmp_path):
    frames, truth = walls(6, dots=(2,), seed=5)
    done = kizu.inspect(save(frames, tmp_path / "new"), tmp_path / "out", model=model.folder, false_alarms=0.001)
    saved = read_results(done.folder)
    masks = np.stack([saved.mask(row["name"]) for row in saved.results])
    assert np.array_equal(masks.any(axis=(1, 2)), truth.any(axis=(1, 2)))
    assert done.run["model"]["why"].startswith("fitted before")


def test_a_folder_with_defects_says_which_look_wrong(tmp_path):
    frames, _ = walls(dots=(3, 11))
    found = fit(save(frames, tmp_path / "mixed"), tmp_path / "m")
    assert {"part003", "part011"} <= set(found.suspicious)


def test_another_size_is_refused(model, tmp_path):
    new = save([np.zeros((20, 20), np.uint8)] * 3, tmp_path / "new")
    with pytest.raises(UsageError, match="was made from frames 48x40 with 1 channel"):
        kizu.inspect(new, tmp_path / "out", model=model.folder)


def test_a_model_is_not_replaced_unasked(good, model):
    with pytest.raises(UsageError, match="holds a model already"):
        fit(good, model.folder)


def test_a_folder_of_something_else_is_left_alone(good, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"not a model's \(1, such as notes\.txt\)"):
        fit(good, tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_auto_is_what_the_inputs_look_like(good, tmp_path):
    assert fit(good, tmp_path / "m", model="auto").model["name"] == "rpca"


def test_an_unknown_model_is_one_line(good, tmp_path):
    with pytest.raises(ParameterError, match=r"model: got 'cnn'\. Use rpca, "):
        fit(good, tmp_path / "m", model="cnn")


def test_a_model_and_a_background_exclude_each_other(good, model, tmp_path):
    with pytest.raises(UsageError, match="both --model and --background"):
        kizu.inspect(good, tmp_path / "out", model=model.folder, background=str(model.folder))


def test_one_scene_is_told_from_many(good, tmp_path):
    assert one_scene([str(good)], options())[0]
    rng = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(rng.integers(0, 255, (40, 48), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    assert not one_scene([str(tmp_path)], options())[0]
    Image.fromarray(rng.integers(0, 255, (44, 48), dtype=np.uint8)).save(tmp_path / "9.png")
    assert one_scene([str(tmp_path)], options()) == (False, "the pictures have 2 sizes")


def test_another_bit_depth_is_refused_by_name(model, tmp_path):
    deep = save([frame.astype(np.uint16) for frame in walls(3, dots=())[0]], tmp_path / "deep")
    with pytest.raises(UsageError, match=r"was made from uint8 pixels, these are uint16\. Convert the frames\."):
        kizu.inspect(deep, tmp_path / "out", model=model.folder)


def test_a_texture_is_learned_once_and_judged_later(tmp_path):
    good = tmp_path / "good"
    good.mkdir()
    for seed in range(3):
        Image.fromarray(cloth((64, 64 + 4 * seed), seed)).save(good / f"c{seed}.png")
    fitted = fit(good, tmp_path / "m", model="rdl")
    assert fitted.inputs == 3 and fitted.model["name"] == "rdl"
    Image.fromarray(cloth((96, 96), 7, scratched=True)).save(tmp_path / "new.png")
    done = kizu.inspect(tmp_path / "new.png", tmp_path / "out", model=fitted.folder)
    assert read_results(done.folder).mask("new")[40:43, 12:72].mean() > 0.5


def test_what_learns_nothing_says_so(good, tmp_path):
    with pytest.raises(UsageError, match="ipi learns nothing"):
        fit(good, tmp_path / "m", model="ipi")


def test_a_mask_that_would_have_no_effect_is_refused(good, tmp_path):
    with pytest.raises(UsageError, match="--ignore: has no meaning for pictures of any size"):
        fit(good, tmp_path / "m", model="surface", ignore="mask.png")
