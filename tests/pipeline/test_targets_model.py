"""Small targets from files to a decision, with nothing learned."""

import json

import numpy as np
import pytest
from PIL import Image

import kizu
from kizu.errors import NothingUsableError, UsageError
from kizu.io.results import read_results
from kizu.pipeline.fit import fit
from runs import tree

SIZES = {"a": (64, 90), "b": (80, 70), "empty": (72, 72)}
PLACE = (30, 40)


def sky(shape, seed, *, target=True):
    """An 8-bit sky with noise, and a small bright target in it."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    spot = np.exp(-((y - PLACE[0]) ** 2 + (x - PLACE[1]) ** 2) / 4.5)
    picture = 80 + 0.3 * x + 10 * np.sin(y / 15) + 2 * rng.standard_normal(shape) + 70 * target * spot
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three pictures of different sizes, one without a target."""
    folder = tmp_path_factory.mktemp("photos")
    for seed, (name, shape) in enumerate(SIZES.items()):
        Image.fromarray(sky(shape, seed, target=name != "empty")).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def done(photos, tmp_path_factory):
    return kizu.inspect(photos, tmp_path_factory.mktemp("out") / "out", model="ipi")


def test_targets_are_found_in_pictures_of_any_size(done):
    saved = read_results(done.folder)
    for row in saved.results:
        mask = saved.mask(row["name"])
        assert mask.shape == SIZES[row["name"]]
        assert row["regions"] == (row["name"] != "empty") == mask.any() == mask[PLACE]
        assert mask.sum() < 40


def test_map_and_background_are_written(done):
    saved = read_results(done.folder)
    for name, shape in SIZES.items():
        score, background = saved.score_map(name), saved.background(name)
        assert score.shape == background.shape == shape and (score >= 0).all()
        assert np.abs(background - sky(shape, 0, target=False).astype(float)).mean() < 4
    score = saved.score_map("a")
    assert np.hypot(*np.subtract(np.unravel_index(score.argmax(), score.shape), PLACE)) < 2


def test_regions_are_bright_and_say_how_many_are_expected(done):
    regions = read_results(done.folder).regions
    assert {row["name"] for row in regions} == {"a", "b"}
    assert all(row["sign"] == "bright" and 0 < row["expected_false_alarms"] < 0.1 for row in regions)


def test_run_json_says_what_is_not_proven(done):
    run = done.run
    assert (
        run["model"]["name"] == "ipi"
        and run["certificate"]["relative_gap"] > 0.01
        and run["proof"].startswith("Not proven")
    )
    assert not run["converged"] and run["decision"]["approximate"] and len(run["warnings"]) == 1
    assert all(parameter["why"] for parameter in run["parameters"].values())
    assert json.loads((done.folder / "run.json").read_text()) == json.loads(json.dumps(run))
    assert done.report.is_file()


def test_any_number_of_threads_gives_the_same_bytes(done, photos, tmp_path):
    again = kizu.inspect(photos, tmp_path / "out", model="ipi", jobs=1)
    assert tree(again.folder) == tree(done.folder)


def test_what_a_run_leaves_judges_again(done, photos, tmp_path):
    again = kizu.inspect(photos, tmp_path / "out", model=done.folder)
    assert again.run["model"]["why"].startswith("fitted before")
    for kind in ("maps", "masks", "background"):
        assert tree(again.folder / kind) == tree(done.folder / kind)


def test_a_colour_picture_keeps_its_colours(tmp_path):
    picture = (sky((64, 90), 0)[..., None] * np.array([1.0, 0.7, 0.5])).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "c.png")
    saved = read_results(kizu.inspect(tmp_path / "c.png", tmp_path / "out", model="ipi").folder)
    background = saved.background("c")
    assert saved.mask("c")[PLACE] and background.shape == picture.shape
    np.testing.assert_allclose(background.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), atol=2)


def test_deep_pictures_are_judged_alike(tmp_path):
    Image.fromarray(sky((64, 90), 0).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    saved = read_results(kizu.inspect(tmp_path / "deep.png", tmp_path / "out", model="ipi").folder)
    assert saved.mask("deep")[PLACE] and saved.background("deep").dtype == np.uint16


@pytest.mark.parametrize(
    ("option", "value"),
    [("noise", 1.0), ("lam", 0.1), ("rank", 3), ("fdr", 0.02), ("z", 5.0), ("min_area", 4), ("sign", "dark")],
)
def test_options_without_meaning_are_refused_by_name(photos, tmp_path, option, value):
    with pytest.raises(UsageError, match=f"^--{option.replace('_', '-')}: "):
        kizu.inspect(photos, tmp_path / "out", model="ipi", **{option: value})


def test_fewer_false_alarms_mean_fewer_targets(photos, tmp_path):
    done = kizu.inspect(photos / "a.png", tmp_path / "out", model="ipi", false_alarms=1e-6)
    assert done.run["summary"] == {"anomalous": 0, "regions": 0}


@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (16, 60)])
def test_a_picture_that_no_outline_closes_in_is_refused_by_name(tmp_path, shape):
    Image.fromarray(np.full(shape, 90, np.uint8)).save(tmp_path / "tiny.png")
    with pytest.raises(NothingUsableError, match=rf"tiny\.png: {shape[1]}x{shape[0]} pixels, targets are sought in 17"):
        kizu.inspect(tmp_path / "tiny.png", tmp_path / "out", model="ipi")


def test_an_even_picture_has_no_target(tmp_path):
    Image.fromarray(np.full((48, 48), 90, np.uint8)).save(tmp_path / "even.png")
    done = kizu.inspect(tmp_path / "even.png", tmp_path / "out", model="ipi")
    assert done.run["summary"] == {"anomalous": 0, "regions": 0}


def test_there_is_nothing_to_fit(photos, tmp_path):
    with pytest.raises(UsageError, match="ipi learns nothing"):
        fit(photos, tmp_path / "m", model="ipi")
    assert not (tmp_path / "m").exists()
