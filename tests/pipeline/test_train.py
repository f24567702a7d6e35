"""Training end to end on small pictures: what it makes of them, what it refuses, and what the model is good for."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import kizu
from kizu.errors import KizuError, ParameterError, ResourceError, UsageError
from kizu.files import load_model
from kizu.pipeline.train import train
from runs import write_grey, write_targets

SIZE = {"layers": 8, "steps": 20, "jobs": 1}


pytestmark = pytest.mark.usefixtures("short_training")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_targets(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train("exact-rpcanet", data, tmp_path_factory.mktemp("model") / "m", **SIZE)


def weights(folder):
    return load_model(Path(folder))[1]


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(a, other[name]) for name, a in one.items())


def test_the_card_says_how_it_was_made(trained):
    card, arrays = load_model(trained.folder)
    assert card["kind"] == "pictures-network" and card["network"] == "exact-rpcanet" and card["config"] == {"layers": 8}
    assert card["training"]["examples"] == {"train": 10, "val": 2, "test": 0, "marked": 10}
    assert card["training"]["learn"] == "labels" and card["training"]["steps"] == SIZE["steps"]
    found = card["metrics"]["validation"]
    assert card["metrics"]["protocol"] == "kizu" and found["iou"] > 0.25
    assert (found["pictures"], found["pd"]) == (2, 1.0)
    learned = sum(a.size for name, a in arrays.items() if name.startswith("judge."))
    assert card["parameters"] == learned == trained.parameters
    assert "best: " in (trained.folder / "curve.svg").read_text()
    rows = list(csv.DictReader((trained.folder / "training.csv").read_text().splitlines()))
    assert int(rows[-1]["step"]) == SIZE["steps"]
    assert not (trained.folder / "checkpoint.safetensors").exists()


def test_a_trained_network_judges_pictures(trained, data, tmp_path):
    outcome = kizu.inspect(data / "images", tmp_path / "out", model=trained.folder)
    assert outcome.run["frames"]["used"] == 12
    assert "trained network" in outcome.run["proof"] and not outcome.run["converged"]
    assert outcome.run["parameters"]["network"]["value"] == "exact-rpcanet"
    assert (outcome.folder / "report" / "index.html").is_file()
    again = kizu.inspect(data / "images", tmp_path / "again", model=outcome.folder)
    assert (again.folder / "regions.csv").read_bytes() == (outcome.folder / "regions.csv").read_bytes()


def test_another_seed_trains_other_weights(trained, data, tmp_path):
    other = train("exact-rpcanet", data, tmp_path / "m", **SIZE, seed=1)
    assert not equal(weights(other.folder), weights(trained.folder))


@pytest.mark.parametrize(("learn", "asked"), [("labels", None), ("planted", None), ("distil", "distil")])
def test_the_test_part_is_measured_and_never_trained_on(learn, asked, data, tmp_path):
    split = [*["test"] * 2, *["train"] * 7, *["val"] * 2]
    found = []
    for name in ("one", "two"):
        folder = shutil.copytree(data, tmp_path / name)
        lines = [f"{n:02},{part}" for n, part in enumerate(split)]
        (folder / "index.csv").write_text("\n".join(["name,split", *lines]))
        if learn == "planted":
            shutil.rmtree(folder / "masks")
        if name == "two":
            for number in range(2):
                write_grey(
                    folder / "images" / f"{number:02}.png", np.random.default_rng(number).integers(0, 256, (40, 56))
                )
        found.append(train("exact-rpcanet", folder, tmp_path / f"m{name}", learn=asked, layers=8, steps=10, jobs=1))
    one, two = found
    assert one.learn == two.learn == load_model(one.folder)[0]["training"]["learn"] == learn
    assert one.examples == {"train": 7, "val": 2, "test": 2, "marked": 7 if learn == "labels" else 0}
    assert [(lost.source, lost.what) for lost in one.skipped] == [("11", "is not in index.csv")]
    assert equal(weights(one.folder), weights(two.folder))
    assert one.metrics["validation"] == two.metrics["validation"] and one.metrics["validation"]["pictures"] == 2
    assert one.metrics["test"]["pictures"] == two.metrics["test"]["pictures"] == 2
    if learn != "planted":  # a dozen steps are too few for what is planted: nothing is found in either
        assert one.metrics["test"] != two.metrics["test"]


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


def test_another_folder_is_not_written_into(data, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"letter\.txt"):
        train("exact-rpcanet", data, tmp_path, overwrite=True)
    assert (tmp_path / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "error", "says"),
    [
        ("letter", UsageError, "is a file, not a folder"),
        ("letter/deep/m", UsageError, "letter is a file, not a folder"),
        ("deep/" + 300 * "n", ResourceError, "cannot write"),
    ],
)
def test_a_folder_that_cannot_be_made_is_noticed_before_anything_is_read(out, error, says, tmp_path):
    (tmp_path / "letter").write_text("mine")
    with pytest.raises(error, match=says) as refused:
        train("exact-rpcanet", tmp_path / "no data", tmp_path / out)
    assert refused.value.where == str(tmp_path / out) and "Choose another -o" in str(refused.value)
    assert list(tmp_path.iterdir()) == [tmp_path / "letter"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("out", ["", "deep/m"])
def test_a_folder_that_nobody_may_write_to_is_noticed_before_anything_is_read(out, tmp_path):
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o500)
    with pytest.raises(ResourceError, match="Permission denied"):
        train("exact-rpcanet", tmp_path / "no data", shut / out)


def test_a_training_that_cannot_begin_leaves_nothing(tmp_path):
    with pytest.raises(KizuError, match="no data"):
        train("exact-rpcanet", tmp_path / "no data", tmp_path / "deep" / "m")
    assert not list(tmp_path.iterdir())


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
