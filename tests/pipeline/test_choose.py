"""`--model auto`: what the inputs are decides, and where that is open, planted defects do."""

import json

import numpy as np
import pytest
from PIL import Image

from kizu.errors import KizuError, UsageError
from kizu.pipeline import choose, plant_trial
from kizu.pipeline.options import Options
from kizu.pipeline.plant_score import Candidate, Scored
from kizu.pipeline.plant_trial import Trial, Tried
from kizu.pipeline.road import inspect, quiet
from kizu.report.words import choice
from runs import save, walls


def options(**given):
    unset = dict.fromkeys(Options.__dataclass_fields__)
    del unset["room"]
    usual = {"model": "auto", "noise": "auto", "align": "auto", "recursive": False, "skip_odd": False, "sign": "both"}
    usual |= {"jobs": 2, "seed": 0, "resume": False, "overwrite": False}
    return Options(**{**unset, **usual, **given})


def texture(size=56, seed=0):
    """A cloth of two thread systems with noise, in 8 bits."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((size, size)) / 4.7
    over = (np.floor(y) + np.floor(x)) % 2 == 0
    cloth = np.where(over, np.cos(np.pi * (x % 1 - 0.5)), 0.8 * np.cos(np.pi * (y % 1 - 0.5)))
    return np.clip(np.rint(60 + 120 * cloth + 8 * rng.standard_normal((size, size))), 0, 255).astype(np.uint8)


def test_frames_of_one_scene_take_rpca(tmp_path):
    folder = save(walls(12)[0], tmp_path / "in")
    outcome = inspect(folder, tmp_path / "out", model="auto", jobs=1)
    model = json.loads((outcome.folder / "run.json").read_text())["model"]
    assert model["name"] == "rpca"
    assert "show one scene" in model["why"] and "correlate" in model["why"]
    assert model["others"][0]["name"] == "rdl"
    assert "The runner-up would have been rdl: " in choice(model)


def test_two_pictures_are_compared(tmp_path):
    taken = choose.choose_model(options(), [str(save(walls(2, dots=())[0], tmp_path / "in"))], "images", quiet)
    assert (taken.name, taken.lam) == ("rpca", None)
    assert "two pictures" in taken.why


def test_a_texture_is_planted_into(tmp_path, monkeypatch):
    monkeypatch.setattr(plant_trial, "COPIES", 2)
    Image.fromarray(texture()).save(tmp_path / "cloth.png")
    outcome = inspect(tmp_path / "cloth.png", tmp_path / "out", model="auto")
    run = json.loads((outcome.folder / "run.json").read_text())
    model = run["model"]
    assert model["name"] in {"rdl", "patch-pcp"}
    assert "planted defects" in model["why"] and "there is one picture" in model["why"]
    assert {model["name"], model["others"][0]["name"]} == {"rdl", "patch-pcp"}
    assert "The runner-up would have been" in (outcome.folder / "report" / "index.html").read_text()


def test_the_weight_that_wins_is_applied(tmp_path, monkeypatch):
    """By a planting that says so: patch-pcp at half its weight."""
    rows = tuple(Scored(Candidate(*words), (hit,) * 9, 0.0, (hit,) * 9, 1.0) for words, hit in RANKED)
    monkeypatch.setattr(choose, "tried", lambda *_, **__: Tried(Trial([], (), (), False, 1, True, ()), rows))
    Image.fromarray(texture()).save(tmp_path / "cloth.png")
    outcome = inspect(tmp_path / "cloth.png", tmp_path / "out", model="auto", jobs=1)
    assert outcome.run["model"]["name"] == "patch-pcp"
    assert "with lam 0.5 it found 9 of 9" in outcome.run["model"]["why"]
    assert outcome.run["model"]["others"] == [{"name": "rdl", "why": UNABLE}]
    asked = inspect(tmp_path / "cloth.png", tmp_path / "asked", model="patch-pcp", lam=0.5, jobs=1)
    assert outcome.run["parameters"]["lam"] == asked.run["parameters"]["lam"]
    first, second = ((folder / "masks" / "cloth.png").read_bytes() for folder in (outcome.folder, asked.folder))
    assert first == second


RANKED = ((("patch-pcp", 0.5, 0.5), True), (("patch-pcp", None, 1.0), True), (("rdl", None, 1.0), False))
UNABLE = "it found 0 of 9 planted defects; 9 fewer than patch-pcp --lam 0.5, more than chance (sign test: p = 0.0039)"


def test_a_matrix_and_a_table_need_no_planting():
    matrix = choose.choose_model(options(), ["m.npy"], "matrix", quiet)
    assert (matrix.name, matrix.others[0]["name"]) == ("rpca", "rows")
    table = choose.choose_model(options(), ["t.csv"], "table", quiet)
    assert (table.name, table.others) == ("rows", ())


def test_auto_chooses_the_weight_itself(tmp_path):
    Image.fromarray(texture()).save(tmp_path / "cloth.png")
    with pytest.raises(UsageError, match="--lam: --model auto chooses lam itself"):
        inspect(tmp_path / "cloth.png", tmp_path / "out", model="auto", lam=2.0)
    assert not (tmp_path / "out").exists()


def test_a_wrong_word_is_one_line(tmp_path):
    folder = save(walls(3, dots=())[0], tmp_path / "in")
    with pytest.raises(KizuError, match="model: got 'atuo'") as error:
        inspect(folder, tmp_path / "out", model="atuo")
    assert "\n" not in str(error.value) and "auto" in str(error.value)
