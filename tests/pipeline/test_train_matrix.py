"""Networks trained on matrices and scenes, and what detect makes of them."""

import json

import numpy as np
import pytest

import kizu
from kizu.errors import KizuError, NothingUsableError, ShapeError, UsageError
from kizu.pipeline.train import train
from runs import save, walls


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """samples.npy over dictionary.npy, and low.npy: low rank and outliers."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    D = rng.normal(size=(24, 16))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    codes = np.where(rng.random((160, 24)) < 0.1, rng.normal(size=(160, 24)), 0)
    low = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 60)) + 0.1 * rng.normal(size=(40, 60))
    outliers = np.where(rng.random(low.shape) < 0.03, 8.0, 0.0)
    for name, array in (("samples", codes @ D), ("dictionary", D), ("low", low + outliers), ("outliers", outliers)):
        np.save(folder / f"{name}.npy", array.astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def coder(folder):
    data, atoms = folder / "samples.npy", folder / "dictionary.npy"
    return train("alista", data, folder / "coder", dictionary=atoms, layers=4, steps=40, jobs=1)


@pytest.fixture(scope="module")
def splitter(folder):
    return train("learned-rpca", folder / "low.npy", folder / "splitter", layers=6, steps=20, jobs=1)


def test_a_coder_says_how_near_the_lasso_it_is(coder):
    found = coder.metrics["validation"]
    assert sum(coder.examples.values()) == 160 and coder.examples["val"] >= 20 and coder.parameters == 8
    assert found["median_nmse_db"] < -3 and 0 <= found["network_wins"] <= 1


def test_a_coder_judges_rows_with_a_proof_of_each(coder, folder, tmp_path):
    run = kizu.inspect(folder / "samples.npy", tmp_path / "out", model=coder.folder).run
    assert run["parameters"]["network"]["value"] == "alista"
    assert 0 <= run["certificate"]["relative_gap"] < 1
    assert "FISTA" in run["parameters"]["network_wins"]["why"]


def test_a_learned_splitter_is_never_worse_than_the_textbook(splitter, folder, tmp_path):
    outcome = kizu.inspect(folder / "low.npy", tmp_path / "out", model=splitter.folder)
    assert outcome.run["parameters"]["winner"]["value"] in ("network", "textbook")
    assert outcome.run["certificate"]["relative_gap"] < 0.1
    found = {(row["index"], row["x"]) for row in json.loads((outcome.folder / "regions.json").read_text())["regions"]}
    planted = set(zip(*(part.tolist() for part in np.nonzero(np.load(folder / "outliers.npy"))), strict=True))
    assert len(found & planted) >= 0.9 * len(planted) and len(found - planted) <= 0.1 * len(planted)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    return save(walls(12)[0], folder / "walls")


def test_a_scene_starts_from_the_network_and_ends_at_the_same_optimum(scene, tmp_path):
    made = train("learned-rpca", scene, tmp_path / "m", layers=4, steps=10, jobs=1)
    ours = kizu.inspect(scene, tmp_path / "ours", model=made.folder)
    plain = kizu.inspect(scene, tmp_path / "plain")
    start = ours.run["parameters"]["start"]
    assert start["value"] in ("network", "median picture") and "solved on" in start["why"]
    assert ours.run["converged"]
    assert ours.run["certificate"]["primal"] == pytest.approx(plain.run["certificate"]["primal"], rel=1e-2)
    assert ours.run["summary"]["anomalous"] >= 1


@pytest.mark.parametrize(
    ("network", "data", "options", "error", "says"),
    [
        ("alista", "scene", {}, UsageError, "not a matrix"),
        ("alista", np.eye(5), {}, NothingUsableError, "at least 20"),
        ("alista", np.ones((30, 7)) * np.arange(30)[:, None], {"dictionary": np.eye(5)}, UsageError, "5 columns"),
        ("alista", np.arange(210.0).reshape(30, 7), {"dictionary": np.zeros((3, 7))}, UsageError, "zero"),
        ("learned-rpca", np.full((30, 30), np.nan), {}, ShapeError, "not numbers"),
        ("learned-rpca", np.ones((2, 30)), {}, NothingUsableError, "too few"),
    ],
)
def test_data_that_a_network_is_not_for_say_so(network, data, options, error, says, scene, tmp_path):
    def path(name, value):
        np.save(tmp_path / f"{name}.npy", value)
        return tmp_path / f"{name}.npy"

    options = {name: path(name, value) for name, value in options.items()}
    given = scene if isinstance(data, str) else path("data", data)
    with pytest.raises(error, match=says):
        train(network, given, tmp_path / "m", **options)


def test_samples_of_another_length_or_with_holes_are_refused(coder, splitter, tmp_path):
    np.save(tmp_path / "wide.npy", np.ones((20, 9), np.float32))
    holes = np.ones((20, 16), np.float32)
    holes[3, 3] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    for name, model, says in (("wide", coder, "16 numbers"), ("holes", splitter, "unknown entries")):
        with pytest.raises(KizuError, match=says):
            kizu.inspect(tmp_path / f"{name}.npy", tmp_path / "out", model=model.folder)
    with pytest.raises(UsageError, match="settled when the network was trained"):
        kizu.inspect(tmp_path / "wide.npy", tmp_path / "out", model=coder.folder, lam=0.1)


def test_rows_that_are_not_whole_are_named_and_left_out(folder, tmp_path):
    values = np.load(folder / "samples.npy")
    values[7, 2] = np.nan
    np.save(tmp_path / "data.npy", values)
    made = train("slista", tmp_path / "data.npy", tmp_path / "m", dictionary=folder / "dictionary.npy", steps=10)
    assert [one.source for one in made.skipped] == [f"{tmp_path / 'data.npy'} row 7"]
    assert sum(made.examples.values()) == 159
