"""Training end to end on small pictures: what it reads, keeps apart, goes on from, refuses, and is good for."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kizu
from kizu.errors import KizuError, NothingUsableError, ParameterError, ReadError, UsageError
from kizu.files import load_model
from kizu.pipeline.train import train
from runs import write_grey as write
from runs import write_targets as targets

STEPS = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return targets(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train("exact-rpcanet", data, tmp_path_factory.mktemp("model") / "m", layers=1, steps=STEPS, jobs=1)


def weights(folder):
    return load_model(Path(folder))[1]


def equal(one, other):
    return all(np.array_equal(a, other[name]) for name, a in one.items())


def test_the_card_says_how_it_was_made(trained):
    card, arrays = load_model(trained.folder)
    assert card["kind"] == "pictures-network" and card["network"] == "exact-rpcanet" and card["config"] == {"layers": 1}
    assert card["training"]["examples"] == {"train": 10, "val": 2, "test": 0, "marked": 10}
    assert card["training"]["learn"] == "labels" and card["training"]["steps"] == STEPS
    assert card["metrics"]["protocol"] == "kizu" and card["metrics"]["validation"]["iou"] > 0.5
    learned = sum(a.size for name, a in arrays.items() if name.startswith("judge."))
    assert card["parameters"] == learned == trained.parameters
    assert "best: " in (trained.folder / "curve.svg").read_text()
    rows = list(csv.DictReader((trained.folder / "training.csv").read_text().splitlines()))
    assert int(rows[-1]["step"]) == STEPS
    assert not (trained.folder / "checkpoint.safetensors").exists()


def test_a_trained_network_judges_pictures(trained, data, tmp_path):
    outcome = kizu.inspect(data / "images", tmp_path / "out", model=trained.folder)
    assert outcome.run["frames"]["used"] == 12
    assert "trained network" in outcome.run["proof"] and not outcome.run["converged"]
    assert outcome.run["parameters"]["network"]["value"] == "exact-rpcanet"
    assert (outcome.folder / "report" / "index.html").is_file()
    again = kizu.inspect(data / "images", tmp_path / "again", model=outcome.folder)
    assert (again.folder / "regions.csv").read_bytes() == (outcome.folder / "regions.csv").read_bytes()


def test_the_same_seed_trains_the_same_weights(trained, data, tmp_path):
    again = train("exact-rpcanet", data, tmp_path / "m", layers=1, steps=STEPS, jobs=1)
    assert equal(weights(again.folder), weights(trained.folder))
    other = train("exact-rpcanet", data, tmp_path / "o", layers=1, steps=STEPS, jobs=1, seed=1)
    assert not equal(weights(other.folder), weights(trained.folder))


class Killed(Exception):
    pass


def test_a_killed_training_goes_on_to_the_same_weights(data, tmp_path, monkeypatch):
    from kizu.networks import picture_task

    monkeypatch.setattr(picture_task, "EVERY", 5)
    whole = train("exact-rpcanet", data, tmp_path / "whole", layers=1, steps=STEPS, jobs=1)

    def kill(stage, done, total):
        if stage.startswith("train") and done >= 10:
            raise Killed

    with pytest.raises(Killed):
        train("exact-rpcanet", data, tmp_path / "half", layers=1, steps=STEPS, jobs=1, progress=kill)
    with pytest.raises(UsageError, match="Add --resume"):
        train("exact-rpcanet", data, tmp_path / "half", layers=1, steps=STEPS, jobs=1)
    with pytest.raises(UsageError, match="other data, parameters"):
        train("exact-rpcanet", data, tmp_path / "half", layers=1, steps=STEPS + 1, jobs=1, resume=True)
    resumed = train("exact-rpcanet", data, tmp_path / "half", layers=1, steps=STEPS, jobs=1, resume=True)
    assert equal(weights(resumed.folder), weights(whole.folder))


def test_a_checkpoint_that_is_cut_off_is_named(data, tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "checkpoint.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(ReadError, match="not a whole checkpoint"):
        train("exact-rpcanet", data, folder, layers=1, steps=STEPS, resume=True)


def test_training_never_looks_at_the_test_part(data, tmp_path):
    split = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    found = []
    for name, spoil in (("one", 0), ("two", 90)):
        folder = shutil.copytree(data, tmp_path / name)
        lines = [f"{n:02},{part}" for n, part in enumerate(split)]
        (folder / "index.csv").write_text("\n".join(["name,split", *lines]))
        for number in (10, 11):
            image = np.asarray(Image.open(folder / "images" / f"{number}.png"))
            write(folder / "images" / f"{number}.png", 255.0 - image if spoil else image)
        found.append(train("exact-rpcanet", folder, tmp_path / f"m{name}", layers=1, steps=STEPS, jobs=1))
    assert found[0].examples == {"train": 8, "val": 2, "test": 2, "marked": 8}
    assert equal(weights(found[0].folder), weights(found[1].folder))
    assert found[0].metrics["test"]["pictures"] == 2


def test_equal_pictures_in_two_parts_are_refused(data, tmp_path):
    folder = shutil.copytree(data, tmp_path / "d")
    shutil.copy(folder / "images" / "00.png", folder / "images" / "11.png")  # its mask is another
    lines = [f"{n:02},{'test' if n == 11 else 'train'}" for n in range(12)]
    (folder / "index.csv").write_text("\n".join(["name,split", *lines]))
    with pytest.raises(UsageError, match="same picture as 00"):
        train("exact-rpcanet", folder, tmp_path / "m", steps=STEPS)


@pytest.mark.parametrize("learn", ["planted", "distil"])
def test_it_learns_without_masks(learn, data, tmp_path):
    result = train("exact-rpcanet", data / "images", tmp_path / "m", learn=learn, layers=1, steps=STEPS, jobs=1)
    assert result.learn == learn and result.metrics["validation"]["pictures"] == 2
    assert json.loads((result.folder / "model.json").read_text())["training"]["learn"] == learn


def test_masks_that_do_not_match_are_named_and_left_out(data, tmp_path):
    folder = shutil.copytree(data, tmp_path / "d")
    write(folder / "masks" / "03.png", np.zeros((8, 8)))
    (folder / "masks" / "04.png").unlink()
    result = train("exact-rpcanet", folder, tmp_path / "m", layers=1, steps=STEPS, jobs=1)
    assert sum(result.examples[part] for part in ("train", "val")) == 10
    assert sorted(one.source for one in result.skipped) == ["03", "04"]
    whats = " ".join(one.what for one in result.skipped)
    assert "8x8" in whats and "no mask" in whats


def test_unknown_pixels_are_named_and_left_out(tmp_path):
    import tifffile

    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(10):
        values = rng.normal(size=(32, 32)).astype(np.float32)
        if number == 4:
            values[3, 3] = np.nan
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", values)
    result = train("exact-rpcanet", tmp_path / "images", tmp_path / "m", layers=1, steps=STEPS, jobs=1)
    assert [one.source for one in result.skipped] == ["4"]
    assert "not numbers" in result.skipped[0].what


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda d: shutil.rmtree(d / "masks"), UsageError, "no masks/"),
        (lambda d: [p.unlink() for p in list((d / "images").iterdir())[3:]], NothingUsableError, "at least"),
        (lambda d: [write(p, np.zeros((40, 56))) for p in (d / "masks").iterdir()], UsageError, "marks anything"),
        (lambda d: [p.rename(p.with_suffix(".txt")) for p in (d / "masks").iterdir()], NothingUsableError, "no mask"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_learned_from_say_so(change, error, says, data, tmp_path):
    folder = shutil.copytree(data, tmp_path / "d")
    change(folder)
    with pytest.raises(error, match=says):
        train("exact-rpcanet", folder, tmp_path / "m", learn="labels", layers=1, steps=STEPS)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"network": "resnet"}, ParameterError, "exact-rpcanet"),
        ({"learn": "self"}, ParameterError, "labels or planted"),
        ({"steps": 3}, ParameterError, "at least 10"),
        ({"layers": 0}, ParameterError, "layers"),
        ({"validation": 1.5}, ParameterError, "share"),
        ({"resume": True, "overwrite": True}, UsageError, "exclude"),
        ({"device": "tpu"}, UsageError, "no device"),
        ({"rank": 3}, UsageError, "no meaning"),
        ({"masks": "masks", "learn": "planted"}, UsageError, "means labels"),
    ],
)
def test_bad_arguments_are_named(options, error, says, data, tmp_path):
    network = options.pop("network", "exact-rpcanet")
    with pytest.raises(error, match=says):
        train(network, data, tmp_path / "m", **options)


def test_a_finished_training_is_neither_continued_nor_lost(trained, data, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "m")
    with pytest.raises(UsageError, match="finished training"):
        train("exact-rpcanet", data, folder, layers=1, steps=STEPS, resume=True)
    with pytest.raises(UsageError, match="holds a training already"):
        train("exact-rpcanet", data, folder, layers=1, steps=STEPS)
    with pytest.raises(KizuError):
        train("exact-rpcanet", tmp_path / "typo", folder, layers=1, steps=STEPS, overwrite=True)
    assert equal(weights(folder), weights(trained.folder))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("split,name\ntrain", "for the name ''"),
        ("name,part\n00,train", "no columns name and split"),
        ("name,split\n00,practice", "practice"),
    ],
)
def test_an_index_that_cannot_be_followed_is_named(text, says, data, tmp_path):
    folder = shutil.copytree(data, tmp_path / "d")
    (folder / "index.csv").write_text(text)
    with pytest.raises(ReadError, match=says):
        train("exact-rpcanet", folder, tmp_path / "m", layers=1, steps=STEPS)


def test_an_index_may_have_capitals_semicolons_and_suffixes_and_names_what_it_lacks(data, tmp_path):
    folder = shutil.copytree(data, tmp_path / "d")
    lines = [f"{n:02}.png; {'Val' if n > 7 else 'train'}" for n in range(11)]
    (folder / "index.csv").write_text("\n".join(["Name;Split", *lines]))
    result = train("exact-rpcanet", folder, tmp_path / "m", layers=1, steps=STEPS, jobs=1)
    assert result.examples == {"train": 8, "val": 3, "test": 0, "marked": 8}
    assert [(one.source, one.what) for one in result.skipped] == [("11", "is not in index.csv")]


def test_another_folder_is_not_written_into(data, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"letter\.txt"):
        train("exact-rpcanet", data, tmp_path, overwrite=True)
    assert (tmp_path / "letter.txt").read_text() == "mine"


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained.folder, tmp_path / "model")


def cut(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def alter(folder):
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))


def edit(**changes):
    def change(folder):
        card = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**card, **changes}))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cut, "weights"),
        (alter, "not the weights that its card was written for"),
        (edit(network="resnet"), "not a network of this version"),
        (edit(config={"channels": 4}), "has no weights"),
        (edit(law=None), "not a whole model"),
        (edit(pixels={"channels": 3, "dtype": "uint8"}), "3 channel"),
    ],
)
def test_a_model_that_is_not_whole_is_named(change, says, copy, data, tmp_path):
    change(copy)
    with pytest.raises(KizuError, match=says):
        kizu.inspect(data / "images", tmp_path / "out", model=copy)


@pytest.mark.parametrize("option", [{"noise": 2.0}, {"rank": 2}, {"fdr": 0.1}, {"sign": "dark"}])
def test_options_without_a_meaning_are_refused(option, trained, data, tmp_path):
    with pytest.raises(UsageError, match=next(iter(option))):
        kizu.inspect(data / "images", tmp_path / "out", model=trained.folder, **option)


def test_a_network_is_not_a_word(data, tmp_path):
    with pytest.raises(ParameterError, match="a folder that kizu fit or train made"):
        kizu.inspect(data / "images", tmp_path / "out", model="network")


def test_without_torch_one_line_says_what_to_install(trained, data, tmp_path, monkeypatch):
    from kizu.networks import catalogue

    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)
    for call in (
        lambda: train("exact-rpcanet", data, tmp_path / "m"),
        lambda: kizu.inspect(data / "images", tmp_path / "out", model=trained.folder),
    ):
        with pytest.raises(UsageError, match=r"pip install 'kizu\[deep\]'"):
            call()
