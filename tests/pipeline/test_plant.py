"""Planting: the recommendation follows from the numbers, and the numbers from what was planted."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kizu.defects import Planted
from kizu.errors import ParameterError, UsageError
from kizu.pipeline import plant_score, plant_trial
from kizu.pipeline.plant import PlantReport, plant
from kizu.pipeline.plant_outputs import FOUND, MISSED, write_planting
from kizu.pipeline.plant_score import BUDGET, Candidate, Judged, Scored, chance, difference, ranked, reasons, scored
from runs import save, walls

INSIDE = np.ones((3, 3), bool)
SHAPE = (30, 40)


def weave(size=56, seed=0):
    """Threads over and under each other, with noise, in 8 bits."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((size, size)) / 5.3
    over = (np.floor(y) + np.floor(x)) % 2 == 0
    cloth = np.where(over, np.cos(np.pi * (x % 1 - 0.5)), 0.8 * np.cos(np.pi * (y % 1 - 0.5)))
    return np.clip(np.rint(60 + 120 * cloth + 8 * rng.standard_normal((size, size))), 0, 255).astype(np.uint8)


def cloth_in(folder: Path) -> Path:
    Image.fromarray(weave()).save(folder / "cloth.png")
    return folder / "cloth.png"


def defect(frame, y, x, kind="spot", size=3.0, contrast=2.0):
    return Planted(frame, kind, size, contrast, contrast, x, y, INSIDE)


def row(name, found, elsewhere=0.0, lam=None):
    return Scored(Candidate(name, lam, 1.0), tuple(found), elsewhere, tuple(found), 1.0)


# --- what a candidate is worth


def judged(*spots, pictures=2, score=5.0):
    """Masks and scores with `score` in 3 × 3 pixels at every (picture, y, x)."""
    scores = np.zeros((pictures, *SHAPE), np.float32)
    for frame, y, x, *own in spots:
        scores[frame, y : y + 3, x : x + 3] = own[0] if own else score
    return Judged(list(scores > 4), list(scores))


def score_of(planted, said):
    near = plant_score.close_to(planted, [SHAPE] * len(said.masks))
    return scored(Candidate("rdl", None, 1.0), planted, said, near, 1.0)


def test_one_pixel_in_common_is_found_and_the_surroundings_are_not_elsewhere():
    planted = [defect(0, 5, 5), defect(1, 10, 10)]
    found = score_of(planted, judged((0, 7, 7), (1, 10, 14), (1, 20, 30)))
    assert found.found == (True, False)
    assert found.elsewhere == 0.5  # of two pictures; the region beside the second defect is its halo
    assert found.recall == 0.5


def test_the_budget_sets_the_level_not_the_mask():
    planted = [defect(0, 5, 5), defect(1, 10, 10)]
    louder = [(0, 20, 30, 3.0), (1, 20, 30, 3.0)]
    assert score_of(planted, judged((0, 5, 5, 3.5), (1, 10, 10, 3.2), *louder)).at_budget == (True, True)
    assert score_of(planted, judged((0, 5, 5, 3.5), (1, 10, 10, 2.0), *louder)).at_budget == (True, False)
    assert score_of(planted, judged((0, 5, 5, 2.5), (1, 10, 10, 2.0), *louder)).at_budget == (False, False)
    assert score_of(planted, judged()).at_budget == (False, False)


def test_a_map_that_is_loud_everywhere_finds_nothing():
    planted = [defect(0, 5, 5)]
    scores = [np.full(SHAPE, 9.0, np.float32)]
    assert score_of(planted, Judged([np.zeros(SHAPE, bool)], scores)).at_budget == (False,)


def test_where_most_models_agree_there_was_a_flaw_before():
    near = plant_score.close_to([defect(0, 5, 5)], [SHAPE] * 2)
    one, two, other = judged((0, 20, 30), (0, 5, 5)), judged((0, 20, 30), (1, 3, 3)), judged((1, 20, 20))
    before, regions = plant_score.there_before([one.masks, two.masks, other.masks], near)
    assert regions == 1 and before[0][21, 31] and not before[1].any()
    assert plant_score.there_before([one.masks], near)[1] == 0  # one alone is no majority


def test_recall_by_group_has_the_counts():
    planted = [defect(0, 5, 5), defect(0, 9, 9, "step", 6.0, -4.0), defect(1, 2, 2, "spot", 6.0, 4.0)]
    planted.append(Planted(1, "swap", 6.0, None, None, 20, 20, INSIDE))
    hits = [True, False, False, True]
    by = plant_score.recalls
    assert by(planted, hits, "kind") == [
        {"kind": "spot", "recall": 0.5, "planted": 2},
        {"kind": "step", "recall": 0.0, "planted": 1},
        {"kind": "swap", "recall": 1.0, "planted": 1},
    ]
    assert [(part["contrast"], part["planted"]) for part in by(planted, hits, "contrast")] == [(2.0, 1), (4.0, 2)]
    assert [part["recall"] for part in by(planted, hits, "size")] == [1.0, 1 / 3]


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        ([row("a", [1, 0, 0, 0, 0]), row("b", [1, 1, 1, 0, 0])], "ba"),  # recall
        ([row("a", [1, 1, 0, 0, 0], 0.3), row("b", [1, 0, 0, 0, 0], 0.1)], "ba"),  # one defect is a tie
        ([row("a", [1, 1, 0, 0, 0]), row("b", [1, 1, 1, 0, 0])], "ab"),  # the first of equals
        ([row("a", [1] * 98 + [0] * 2), row("b", [1] * 100, 0.1)], "ab"),  # within 2 %
        ([row("a", [1] * 97 + [0] * 3), row("b", [1] * 100, 0.1)], "ba"),
    ],
)
def test_best_first(rows, order):
    assert "".join(one.candidate.model for one in ranked(rows)) == order


def test_the_sign_test():
    assert chance([1, 1, 0], [1, 1, 0]) == 1.0
    assert chance([1] * 6, [0] * 6) == 2 / 2**6
    assert chance([1, 0], [0, 1]) == 1.0


def test_reasons_say_the_numbers_and_whether_they_can_be_chance():
    best, other = row("rdl", [1] * 8), row("patch-pcp", [1] * 5 + [0] * 3, lam=0.5)
    why, others = reasons([best, row("rdl", [1] * 7 + [0], lam=6.0), other])
    assert why == f"it found 8 of 8 planted defects at {BUDGET:g} regions elsewhere per picture"
    assert others == (
        {
            "name": "patch-pcp",
            "why": "with lam 0.5 it found 5 of 8 planted defects; 3 fewer than rdl, which may be chance"
            " (sign test: p = 0.25)",
        },
    )
    assert "more than chance" in difference(row("a", [1] * 8), row("b", [0] * 8))
    assert difference(best, row("b", [1] * 8, 0.2)).endswith("0.2 regions elsewhere per picture instead of 0")
    assert difference(best, row("b", [1] * 8)).startswith("nothing tells them apart")
    assert reasons([row("rdl", [0] * 8)])[0].startswith("no model finds any")


# --- on pictures


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = save(walls(20, dots=())[0], tmp_path_factory.mktemp("scene") / "walls")
    return folder, plant(folder, models=["rpca"], jobs=1)


@pytest.fixture(scope="module")
def cloth(tmp_path_factory):
    path = cloth_in(tmp_path_factory.mktemp("cloth"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plant_trial, "COPIES", 3)
        return path, plant(path, models=["patch-pcp", "rdl"], jobs=2)


def test_a_scene_is_planted_into_sparsely(scene):
    _, report = scene
    trial = report.tried.trial
    assert trial.scene and (trial.rounds, len(trial.pictures), len(trial.planted)) == (2, 40, 40)
    assert [one.candidate.model for one in report.rows] == ["rpca"] * 3
    assert sorted(one.candidate.multiple for one in report.rows) == [0.5, 1.0, 2.0]
    strong = [hit for one, hit in zip(trial.planted, report.rows[0].found, strict=True) if abs(one.contrast or 0) == 4]
    assert np.mean(strong) > 0.9
    assert report.rows[0].elsewhere < 0.3
    assert "rpca" in report.command and report.command.endswith("-o OUT")


def test_a_single_picture_is_planted_into_copies(cloth):
    path, report = cloth
    trial = report.tried.trial
    assert (trial.alone, trial.rounds, len(trial.pictures)) == (True, 3, 3)
    assert report.why == "there is one picture"
    assert report.rows[0].recall_at_budget > 0.4
    strong = [part["recall"] for part in report.recalls(report.rows[0], "contrast")]
    assert strong[0] < strong[-1]
    assert np.array_equal(np.asarray(Image.open(path)), weave())


def test_the_recommendation_follows_from_the_numbers(cloth):
    _, report = cloth
    document = report.document
    best, *rest = document["candidates"]
    planted = len(document["planted"])
    for other in rest:
        assert best["recall_at_budget"] >= other["recall_at_budget"] - max(0.02, 1.01 / planted)
    said = document["recommendation"]
    assert (said["model"], said["lam"]) == (best["model"], best["lam"]) == (report.model, report.lam)
    assert f"--model {best['model']}" in said["command"]
    assert f"{sum(best['found_at_budget'])} of {planted}" in said["why"]
    assert [one["name"] for one in said["others"]] == [{"rdl": "patch-pcp", "patch-pcp": "rdl"}[best["model"]]]
    runner_up = report.sentences[-1]
    assert runner_up.startswith(f"runner-up: {report.rows[1].candidate.words}: ")


def test_a_planting_is_kept_in_a_folder(cloth, tmp_path):
    _, report = cloth
    write_planting(report, tmp_path / "out")
    write_planting(report, tmp_path / "out")  # an earlier one is replaced
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"plant.json", "plant.csv", "pictures"}
    assert json.loads((tmp_path / "out" / "plant.json").read_text())["recommendation"]["model"] == report.model
    table = (tmp_path / "out" / "plant.csv").read_text().splitlines()
    assert table[0].startswith("model,lam,multiple,recall_at_budget,recall,elsewhere,seconds,blob,")
    assert len(table) == 1 + len(report.rows)
    for number, picture in enumerate(report.tried.trial.pictures):
        shown = np.asarray(Image.open(tmp_path / "out" / "pictures" / f"{number:03d}.png"))
        marked = {tuple(colour) for colour in (FOUND, MISSED)}
        hits = {
            tuple(FOUND if hit else MISSED)
            for one, hit in zip(report.tried.trial.planted, report.rows[0].found, strict=True)
            if one.frame == number
        }
        assert {tuple(pixel) for pixel in shown.reshape(-1, 3)} & marked == hits
        unmarked = ~(np.any([(shown == colour).all(axis=2) for colour in (FOUND, MISSED)], axis=0))
        assert np.array_equal(shown[unmarked][:, 0], picture[unmarked])


@pytest.mark.parametrize("name", ["notes.txt", "pictures/mine.png"])
def test_a_strangers_folder_is_refused(cloth, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="not a planting's"):
        write_planting(cloth[1], tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_large_picture_is_tried_on_pieces(tmp_path):
    Image.fromarray(np.tile(weave(96), (2, 3))[:190, :260]).save(tmp_path / "large.png")
    trial = plant(tmp_path / "large.png", models=["ipi"], jobs=1).tried.trial
    assert {picture.shape for picture in trial.pictures} == {(190, 192)}
    assert trial.notes[-1].startswith("pieces of at most 192x192")


def test_tables_and_matrices_need_no_planting(tmp_path):
    np.save(tmp_path / "m.npy", np.random.default_rng(0).standard_normal((30, 8)))
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    for name, model in (("m.npy", "rpca"), ("t.csv", "rows")):
        report = plant(tmp_path / name)
        assert isinstance(report, PlantReport) and report.rows == ()
        assert report.model == report.document["recommendation"]["model"] == model
        assert "nothing was planted" in report.sentences[0]


def test_wrong_words_are_one_line(tmp_path):
    path = cloth_in(tmp_path)
    with pytest.raises(ParameterError, match=r"models: got 'rpc'\. Use rpca, rdl, patch-pcp, ipi"):
        plant(path, models=["rpc"])
    with pytest.raises(UsageError, match="rpca is for pictures of one scene"):
        plant(path, models=["rpca"])
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "tiny.png")
    with pytest.raises(UsageError, match="no room for a defect"):
        plant(tmp_path / "tiny.png")
