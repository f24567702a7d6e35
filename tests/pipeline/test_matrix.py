"""The road of a matrix: which rows, which columns, how sure."""

import csv
import inspect as signatures
import json

import numpy as np
import pytest

from kizu.cli import run
from kizu.errors import ResourceError, UsageError
from kizu.files import load_model
from kizu.io.results import read_results
from kizu.pipeline.matrix import IMAGES_ONLY
from kizu.pipeline.road import inspect

PLANTED = [(7, 3), (20, 11)]


def sensors(dtype=float):
    """60 rows of 25 sensors, rank 3, noise 0.1; one sensor too high in row 7, one too low in row 20; two gaps."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 25)) + 0.1 * rng.standard_normal((60, 25))
    values[7, 3] += 5
    values[20, 11] -= 4
    if dtype is float:
        values[3, 3] = values[40, 20] = np.nan
        return values
    return np.rint(100 * values).astype(dtype)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    np.save(folder / "m.npy", sensors())
    return inspect([str(folder / "m.npy")], folder / "out")


def test_flagged_entries_are_rows_of_regions(done):
    rows = json.loads((done.folder / "regions.json").read_text())["regions"]
    assert [(row["y"], row["x"], row["sign"]) for row in rows] == [(7, 3, "high"), (20, 11, "low")]
    for row in rows:
        assert row["index"] == row["y"]
        assert row["value"] == sensors()[row["y"], row["x"]]
        assert abs(row["value"] - row["background"]) > 3
        assert row["score"] > 20
        assert row["expected_false_alarms"] < 1e-6
        assert (row["source"], row["region"], row["area"]) == ("m.npy", 1, 1)


def test_rows_of_the_matrix_are_rows_of_results(done):
    with (done.folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == list(range(60))
    assert [int(row["index"]) for row in rows if row["anomalous"] == "true"] == [7, 20]
    worst = sorted(rows, key=lambda row: -float(row["score"]))
    assert [int(row["index"]) for row in worst[:2]] == [7, 20]
    assert float(rows[7]["area_fraction"]) == 1 / 25


def test_pictures_are_of_the_whole_matrix(done):
    saved = read_results(done.folder)
    assert [tuple(place) for place in np.argwhere(saved.mask("m"))] == PLANTED
    score = saved.score_map("m")
    assert score.shape == (60, 25)
    assert np.array_equal(np.isnan(score), np.isnan(sensors()))
    assert score[7, 3] > 0 > score[20, 11]


def test_the_model_is_the_background(done):
    card, weights = load_model(done.folder / "model")
    assert card["kind"] == "robust-pca-matrix"
    rows = json.loads((done.folder / "regions.json").read_text())["regions"]
    for row in rows:
        background = weights["left"] @ weights["right"]
        assert background[row["y"], row["x"]] == pytest.approx(row["background"], rel=1e-9)


def test_the_run_says_how_sure_it_is(done):
    run_of = done.run
    assert run_of["kind"] == "matrix"
    assert run_of["converged"]
    assert run_of["certificate"]["relative_gap"] <= run_of["certificate"]["tol"]
    assert run_of["parameters"]["fdr"]["value"] == 0.02
    assert run_of["matrix"] == {"rows": 60, "columns": 25, "dtype": "float64", "known": 1498 / 1500}
    assert run_of["summary"] == {"anomalous": 2, "regions": 2}


def test_the_page_speaks_of_rows(done):
    page = done.report.read_text("utf-8")
    assert "2 of 60 rows have anomalies" in page
    assert "A matrix of 60 rows and 25 columns, float64; 0.13 % of the entries are unknown." in page
    assert 'href="../overlay/m.png"' in page
    assert "image" not in page.split("<main>")[1]


def test_the_same_matrix_is_the_same_bytes(done, tmp_path):
    np.save(tmp_path / "m.npy", sensors())
    again = inspect([str(tmp_path / "m.npy")], tmp_path / "out")
    for path in (p for p in done.folder.rglob("*") if p.is_file() and p.name != "log.json"):
        assert (again.folder / path.relative_to(done.folder)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("transposed", [False, True])
def test_integers_and_wide_matrices(tmp_path, transposed):
    values = sensors(np.int16)
    np.savez(tmp_path / "m.npz", values=values.T if transposed else values)
    outcome = inspect([str(tmp_path / "m.npz")], tmp_path / "out")
    rows = json.loads((tmp_path / "out" / "regions.json").read_text())["regions"]
    found = {(row["x"], row["y"]) if transposed else (row["y"], row["x"]) for row in rows}
    assert set(PLANTED) <= found
    assert outcome.run["converged"]
    left, right = (load_model(tmp_path / "out" / "model")[1][name] for name in ("left", "right"))
    assert (left @ right).shape == (values.T if transposed else values).shape


def test_no_noise_and_no_anomaly(tmp_path):
    clean = np.outer(np.arange(1.0, 21), np.linspace(1, 2, 12))
    np.save(tmp_path / "clean.npy", clean)
    assert inspect([str(tmp_path / "clean.npy")], tmp_path / "out", noise=None).run["summary"]["regions"] == 0
    np.save(tmp_path / "zero.npy", np.zeros((5, 4)))
    assert inspect([str(tmp_path / "zero.npy")], tmp_path / "zero").run["summary"]["regions"] == 0


def test_keywords_for_images_are_refused_by_name(tmp_path):
    np.save(tmp_path / "m.npy", sensors())
    mask = str(tmp_path / "mask.png")
    given = {"false_alarms": 0.1, "z": 3.0, "background": mask, "ignore": mask, "align": "none", "recursive": True,
             "resize": (4, 4), "skip_odd": True, "min_area": 3, "sign": "dark", "seed": 1}  # fmt: skip
    assert set(given) == set(IMAGES_ONLY)
    for name, value in given.items():
        with pytest.raises(UsageError, match=f"m.npy: is a matrix, and --{name.replace('_', '-')} is for images"):
            inspect([str(tmp_path / "m.npy")], tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()


def test_their_defaults_are_those_of_inspect():
    parameters = signatures.signature(inspect).parameters
    assert {name: parameters[name].default for name in IMAGES_ONLY} == IMAGES_ONLY


def test_axes_make_a_picture_of_it(tmp_path):
    np.save(tmp_path / "m.npy", sensors())
    with pytest.raises(UsageError, match="one image and nothing to compare it with"):
        inspect([str(tmp_path / "m.npy")], tmp_path / "out", axes="YX")


def test_too_small_and_too_large(tmp_path):
    np.save(tmp_path / "row.npy", np.ones((1, 30)))
    np.save(tmp_path / "m.npy", sensors())
    with pytest.raises(UsageError, match="a matrix of 1x30"):
        inspect([str(tmp_path / "row.npy")], tmp_path / "out")
    with pytest.raises(ResourceError, match=r"60 rows of 25 need about .* 1 MB allowed by --memory"):
        inspect([str(tmp_path / "m.npy")], tmp_path / "out", memory="1M")


def test_the_command_line_takes_it(tmp_path, capsys):
    np.save(tmp_path / "m.npy", sensors())
    out = str(tmp_path / "out")
    assert run(["detect", str(tmp_path / "m.npy"), "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["kind"], planned["rows"], planned["columns"]) == ("matrix", 60, 25)
    assert run(["detect", str(tmp_path / "m.npy"), "-o", out, "--fail-on-defect"]) == 10
    assert capsys.readouterr().err == (
        "kizu: 2 of 60 rows have anomalies: 2 flags. Expected share of false ones among the flagged entries: 0.02.\n"
    )
    assert run(["detect", str(tmp_path / "m.npy"), "-o", out, "--overwrite", "--sign", "dark"]) == 2
    assert run(["eval", out, "--truth", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 2
