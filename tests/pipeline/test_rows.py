"""The road of a table: which rows, which columns, against whom, and what a file of it may look like."""

import csv
import inspect as signatures
import json

import numpy as np
import pytest

from kizu.cli import run
from kizu.errors import ReadError, ResourceError, UsageError
from kizu.io.results import read_results
from kizu.pipeline.fit import fit
from kizu.pipeline.road import inspect
from kizu.pipeline.rows import NOT_FOR_ROWS, load
from kizu.pipeline.rows_decide import leading_of

NAMES = ("temperature", "pressure", "flow", "current")
PLANTED = {40: ("pressure", "high"), 123: ("flow", "low")}


def rows_of(seed=0, *, planted=True, count=300):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((count, 1)) + 0.5 * rng.standard_normal((count, 4))
    if planted:
        for row, (name, sign) in PLANTED.items():
            values[row, NAMES.index(name)] += 15 if sign == "high" else -15
    return values * [1, 100, 1e-3, 7] + [20, 1000, 0, 3]


def write(path, values, *, names=NAMES, extra=True):
    """A CSV with a serial number, a date and a constant beside the columns of numbers."""
    lines = [",".join(["serial", "day", *names, "site"] if extra else names)]
    for number, row in enumerate(values):
        cells = [f"{value:.9g}" for value in row]
        lines.append(",".join([f"S{number:04d}", f"2024-01-{1 + number % 28:02d}", *cells, "7"] if extra else cells))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    return inspect(write(folder / "pumps.csv", rows_of()), folder / "out")


def rows(folder, name):
    return json.loads((folder / f"{name}.json").read_text())[name]


def test_flagged_rows_and_their_columns(done):
    found = rows(done.folder, "regions")
    first = {row["index"]: (row["column"], row["sign"]) for row in found if row["region"] == 1}
    assert first == PLANTED
    for row in found:
        assert row["share"] > 0.3
        assert row["label"] == f"S{row['index']:04d}"
        assert row["line"] == row["index"] + 2
        assert row["value"] == pytest.approx(rows_of()[row["y"], row["x"]], rel=1e-8)
        assert not row["low"] <= row["value"] <= row["high"]
        assert row["expected_false_alarms"] < 0.1
        assert (row["width"], row["height"], row["area"]) == (1, 1, 1)


def test_every_row_of_the_table_is_a_row_of_results_in_its_order(done):
    with (done.folder / "results.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [int(row["index"]) for row in read] == list(range(300))
    assert [int(row["index"]) for row in read if row["anomalous"] == "true"] == sorted(PLANTED)
    assert {*sorted(range(300), key=lambda row: -float(read[row]["score"]))[:2]} == set(PLANTED)
    assert read[40]["regions"] == "1" and float(read[40]["area_fraction"]) == 0.25
    assert rows(done.folder, "results")[40]["columns"] == ["pressure"]


def test_the_map_holds_every_part_of_every_score(done):
    saved = read_results(done.folder)
    parts = saved.score_map("pumps")
    score = [row["score"] for row in saved.results]
    assert parts.shape == (300, 4)
    np.testing.assert_allclose(parts.sum(axis=1), score, rtol=1e-4)
    assert [tuple(place) for place in np.argwhere(saved.mask("pumps"))] == [(40, 1), (123, 2)]


def test_the_run_says_what_was_done(done):
    said = done.run
    assert (said["kind"], said["model"]["name"], said["frames"]["used"]) == ("table", "rows", 300)
    assert said["decision"]["rule"] == "fdr" and said["decision"]["value"] == 0.02
    assert not said["decision"]["approximate"]
    assert said["certificate"] is None and said["converged"]
    assert said["summary"] == {"anomalous": 2, "regions": 2}
    assert [column["name"] for column in said["table"]["columns"]] == list(NAMES)
    assert said["notes"] == [
        "column serial left out: text",
        "column day left out: a moment: every later table lies beyond the ones before",
        "column site left out: all its values are equal",
    ]
    flagged = [row["score"] for row in rows(done.folder, "results") if row["anomalous"]]
    assert min(flagged) >= said["decision"]["threshold"] * (1 - 1e-4)


def test_the_same_table_is_the_same_bytes(done, tmp_path):
    again = inspect(write(tmp_path / "pumps.csv", rows_of()), tmp_path / "out")
    for path in (p for p in done.folder.rglob("*") if p.is_file() and p.name != "log.json"):
        assert (again.folder / path.relative_to(done.folder)).read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize("rule", [{"false_alarms": 0.1}, {"z": 4.0}, {"fdr": 0.1}])
def test_every_rule_finds_them(tmp_path, rule):
    outcome = inspect(write(tmp_path / "pumps.csv", rows_of()), tmp_path / "out", **rule)
    ((name, value),) = rule.items()
    assert (outcome.run["decision"]["rule"], outcome.run["decision"]["value"]) == (name, value)
    assert outcome.run["parameters"][name]["value"] == value
    assert {row["index"] for row in rows(outcome.folder, "results") if row["anomalous"]} >= set(PLANTED)


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_table_has_about_no_flags(tmp_path, seed):
    outcome = inspect(write(tmp_path / "a.csv", rows_of(seed, planted=False)), tmp_path / "out")
    assert outcome.run["summary"]["anomalous"] <= 1


# --- against a good table


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    fitted = fit(write(folder / "good.csv", rows_of(5, planted=False)), folder / "model")
    assert (fitted.inputs, fitted.expected) == (300, 1.0)
    assert len(fitted.suspicious) <= 4
    return folder / "model"


def test_new_rows_are_held_against_a_good_table(good, tmp_path):
    outcome = inspect(write(tmp_path / "new.csv", rows_of(6)), tmp_path / "out", model=good)
    first = {r["index"]: (r["column"], r["sign"]) for r in rows(outcome.folder, "regions") if r["region"] == 1}
    assert {row: first[row] for row in PLANTED} == PLANTED
    assert len(first) <= 4
    assert "fitted before" in outcome.run["model"]["why"]
    assert outcome.run["table"]["fitted"] == 300


def test_one_row_can_be_judged(good, tmp_path):
    outcome = inspect(write(tmp_path / "new.csv", rows_of(6)[40:41]), tmp_path / "out", model=good)
    assert outcome.run["summary"]["anomalous"] == 1
    with pytest.raises(UsageError, match=r"new.csv: has 1 rows: too few .* or --model"):
        inspect(write(tmp_path / "new.csv", rows_of(6)[40:41], extra=False), tmp_path / "alone")


def test_the_order_of_columns_is_free_and_others_are_refused_by_name(good, tmp_path):
    turned = inspect(write(tmp_path / "a.csv", rows_of(6)[:, ::-1], names=NAMES[::-1]), tmp_path / "turned", model=good)
    plain = inspect(write(tmp_path / "a.csv", rows_of(6)), tmp_path / "plain", model=good)
    assert rows(turned.folder, "results") == rows(plain.folder, "results")
    other = write(tmp_path / "b.csv", rows_of(6), names=("temperature", "pressure", "depth", "current"))
    with pytest.raises(UsageError, match=r"b.csv: other columns .*: has no numbers in flow; has also depth"):
        inspect(other, tmp_path / "other", model=good)


def test_a_run_leaves_a_model_too(done, tmp_path):
    fitted = load(done.folder / "model")
    assert (fitted.names, fitted.left_out, fitted.rows) == (NAMES, ("serial", "day", "site"), 300)
    outcome = inspect(write(tmp_path / "new.csv", rows_of(6)), tmp_path / "out", model=done.folder)
    assert {row["index"] for row in rows(outcome.folder, "results") if row["anomalous"]} >= set(PLANTED)


def test_a_harmed_model_is_refused(good, tmp_path):
    for name in ("model.json", "weights.safetensors"):
        (tmp_path / name).write_bytes((good / name).read_bytes())
    card = json.loads((good / "model.json").read_text())
    for change in ({"schema": 9}, {"names": ["a"]}, {"rows": "many"}):
        (tmp_path / "model.json").write_text(json.dumps({**card, **change}))
        with pytest.raises(ReadError, match="not a model of a table of this version"):
            load(tmp_path)


# --- inputs


def test_a_matrix_can_be_taken_as_a_table(tmp_path):
    np.save(tmp_path / "m.npy", rows_of().astype(np.float32))
    outcome = inspect(str(tmp_path / "m.npy"), tmp_path / "out", model="rows")
    assert {row["column"] for row in rows(outcome.folder, "regions")} == {"column 2", "column 3"}
    assert outcome.run["model"]["why"] == "asked for"


def test_ragged_rows_keep_the_numbers_of_the_others(tmp_path):
    path = tmp_path / "pumps.csv"
    write(path, rows_of())
    lines = path.read_text().splitlines()
    lines[11] = "S0010,broken"
    path.write_text("\n".join(lines) + "\n")
    outcome = inspect(str(path), tmp_path / "out")
    assert outcome.run["frames"] == {"declared": 300, "decoded": 299, "used": 299}
    assert [one["what"] for one in outcome.run["skipped"]] == ["line 12: 2 cells, not 7"]
    found = rows(outcome.folder, "results")
    assert [row["index"] for row in found] == [index for index in range(300) if index != 10]
    assert {row["index"] for row in found if row["anomalous"]} >= set(PLANTED)


def test_missing_values_are_no_anomalies(tmp_path):
    values = rows_of()
    values[np.random.default_rng(1).random(values.shape) < 0.05] = np.nan
    values[40, 1], values[123, 2] = rows_of()[40, 1], rows_of()[123, 2]
    outcome = inspect(write(tmp_path / "pumps.csv", values), tmp_path / "out")
    assert {row["index"] for row in rows(outcome.folder, "regions")} == set(PLANTED)
    assert outcome.run["table"]["known"] < 0.97


def test_keywords_for_images_are_refused_by_name(tmp_path):
    path = write(tmp_path / "a.csv", rows_of())
    given = {"background": path, "ignore": path, "align": "none", "recursive": True, "resize": (4, 4),
             "skip_odd": True, "min_area": 3, "sign": "dark", "seed": 1, "noise": 2.0, "lam": 1, "rank": 3}  # fmt: skip
    assert set(given) == set(NOT_FOR_ROWS)
    for name, value in given.items():
        with pytest.raises(UsageError, match=f"a.csv: is a table, and --{name.replace('_', '-')} is for images"):
            inspect(path, tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()
    parameters = signatures.signature(inspect).parameters
    assert {name: parameters[name].default for name in NOT_FOR_ROWS} == NOT_FOR_ROWS


def test_few_rows_say_so_and_little_memory_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", rows_of(count=200)[:60])
    warnings = inspect(path, tmp_path / "out").run["warnings"]
    assert warnings == ["Only 60 rows: the stated rate is approximate below 100."]
    with pytest.raises(ResourceError, match="60 rows of 5 need about"):
        inspect(path, tmp_path / "small", memory="1M")


def test_leading_columns_are_the_fewest_that_carry_half():
    shares = np.array([[0.6, 0.3, 0.1, 0], [0.3, 0.3, 0.2, 0.2], [0, 0, 0, 0], [0.1, 0.45, 0.45, 0]])
    expected = [[True, False, False, False], [True, True, False, False], [False] * 4, [False, True, True, False]]
    assert leading_of(shares).tolist() == expected
    assert leading_of(np.full((1, 40), 1 / 40)).sum() == 5


def test_the_command_line_takes_it(tmp_path, capsys):
    path = tmp_path / "pumps.csv"
    write(path, rows_of())
    path.write_text(path.read_text() + "half a row\n")
    out, model = str(tmp_path / "out"), str(tmp_path / "model")
    assert run(["detect", str(path), "-o", out]) == 4
    said = capsys.readouterr().err.splitlines()
    assert "kizu: pumps.csv: line 302: 1 cell, not 7. Mend that line or leave it out." in said
    assert (
        "kizu: 2 of 300 rows have anomalies: 2 leading columns. Expected share of false ones among the flagged rows: "
        "0.02." in said
    )
    assert run(["fit", str(path), "-o", model, "--quiet"]) == 0
    capsys.readouterr()
    assert run(["detect", str(path), "-o", out, "--overwrite", "--model", model, "--fail-on-defect"]) == 10
    assert run(["detect", str(path), "-o", out, "--overwrite", "--model", "rpca"]) == 2
