"""`kizu.inspect`, from files to a decision, as a library calls it."""

import json

import numpy as np
import pytest

import kizu
from kizu.errors import KizuError, ParameterError, UsageError
from kizu.files import to_json
from kizu.io.results import read_results
from kizu.io.tables import finite
from runs import save, tree, walls

SEEN = ("read", "register", "refit", "certify", "calibrate", "write")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return save(walls()[0], tmp_path_factory.mktemp("in") / "parts")


@pytest.fixture(scope="module")
def done(parts, tmp_path_factory):
    stages = []
    out = tmp_path_factory.mktemp("out") / "out"
    outcome = kizu.inspect(
        [str(parts)], out, false_alarms=0.001, progress=lambda stage, done, total: stages.append((stage, done, total))
    )
    return outcome, stages


def test_the_defect_is_found_where_it_is(done):
    saved = read_results(done[0].folder)
    truth = walls()[1]
    masks = np.stack([saved.mask(row["name"]) for row in saved.results])
    assert np.array_equal(masks.any(axis=(1, 2)), truth.any(axis=(1, 2)))
    both, either = (masks & truth).sum(), (masks | truth).sum()
    assert both / either > 0.7


def test_tables_map_and_masks_agree(done):
    saved = read_results(done[0].folder)
    assert [row["name"] for row in saved.results] == [f"part{n:03d}" for n in range(24)]
    for row in saved.results:
        mask, score = saved.mask(row["name"]), saved.score_map(row["name"])
        own = [region for region in saved.regions if region["name"] == row["name"]]
        assert row["regions"] == len(own)
        assert row["anomalous"] == bool(own) == bool(mask.any())
        assert row["area_fraction"] == pytest.approx(mask.mean(), abs=1e-8)
        assert row["score"] == pytest.approx(np.sort(score, axis=None)[-20:].mean(), rel=1e-3)
        assert sum(region["area"] for region in own) == mask.sum()


def test_a_region_is_what_its_row_says(done):
    saved = read_results(done[0].folder)
    (row,) = saved.regions
    box = saved.mask(row["name"])[row["y"] : row["y"] + row["height"], row["x"] : row["x"] + row["width"]]
    assert box.sum() == row["area"]
    assert (row["sign"], row["index"], row["source"]) == ("dark", 0, "part005.png")
    assert 0 < row["expected_false_alarms"] < 0.001
    assert (done[0].folder / row["crop"]).is_file()


def test_the_background_is_the_wall(done):
    saved, frames = read_results(done[0].folder), walls()[0]
    truth = walls()[1]
    for number in (0, 5, 23):
        rest = saved.background(f"part{number:03d}").astype(float) - frames[number]
        assert np.std(rest[~truth[number]]) < 3
    assert rest.shape == frames[0].shape


def test_the_run_has_reasons_and_no_place(done):
    run = json.loads((done[0].folder / "run.json").read_text())
    assert run == json.loads(to_json(finite(done[0].run)))
    assert all(parameter["why"] for parameter in run["parameters"].values())
    assert run["frames"] == {"declared": 24, "decoded": 24, "used": 24}
    assert run["parameters"]["false_alarms"]["value"] == 0.001
    assert str(done[0].folder.parent) not in json.dumps(run)


def test_progress_passes_every_stage_in_order(done):
    stages = [stage for stage, _, _ in done[1]]
    assert list(dict.fromkeys(stages)) == list(SEEN)
    assert all(0 <= count <= total for _, count, total in done[1])


def test_input_files_are_not_touched(parts, tmp_path):
    before = tree(parts)
    kizu.inspect([str(parts)], tmp_path / "out", z=30.0)
    assert tree(parts) == before


@pytest.mark.parametrize("rule", [{"fdr": 0.02}, {"z": 30.0}, {"false_alarms": 0.01}])
def test_every_rule_finds_the_defect(parts, tmp_path, rule):
    outcome = kizu.inspect([str(parts)], tmp_path / "out", **rule)
    saved = read_results(outcome.folder)
    assert (saved.mask("part005") & walls()[1][5]).any()
    (name,) = rule
    assert outcome.run["decision"]["rule"] == name


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"noise": "loud"}, ParameterError),
        ({"noise": float("nan")}, ParameterError),
        ({"lam": -1.0}, ParameterError),
        ({"rank": 0}, ParameterError),
        ({"rank": 1.5}, ParameterError),
        ({"jobs": 0}, ParameterError),
        ({"align": "rotation"}, ParameterError),
        ({"sign": "up"}, ParameterError),
        ({"fdr": 0.0}, ParameterError),
        ({"fdr": 0.1, "z": 3.0}, ParameterError),
        ({"resize": (0, 4)}, ParameterError),
        ({"axes": "XYZ"}, UsageError),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(parts, tmp_path, given, error):
    with pytest.raises(error) as raised:
        kizu.inspect([str(parts)], tmp_path / "out", **given)
    assert isinstance(raised.value, KizuError)
    assert next(iter(given)) in str(raised.value)
    assert not (tmp_path / "out").exists()
