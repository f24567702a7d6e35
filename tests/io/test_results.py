"""The results folder: what it refuses, what it deletes, and that the same run is the same bytes."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.errors import KizuError, ReadError, UsageError
from kizu.io.results import LOCK, Results, frame_path, open_results, read_results
from kizu.io.tables import REGION_COLUMNS, RESULT_COLUMNS, csv_text, finite

NAMES = ("a", "deep/b.1", "deep/c d")
TREE = {
    "run.json",
    "log.json",
    *(f"{stem}.{kind}" for stem in ("results", "regions") for kind in ("csv", "json")),
    *(f"maps/{name}.tif" for name in NAMES),
    *(f"{folder}/{name}.png" for folder in ("masks", "background", "overlay") for name in NAMES),
    "defects/0001 b.1 1.png",
}


def write_everything(results: Results) -> None:
    rng = np.random.default_rng(0)
    for name in NAMES:
        picture = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        mask = rng.random((12, 16)) < 0.2
        score_map = rng.standard_normal((12, 16)).astype(np.float32)
        results.write_frame(name, score_map=score_map, mask=mask, background=picture, overlay=picture)
    region = dict.fromkeys(REGION_COLUMNS, 1) | {"name": "deep/b.1", "source": "b.png", "sign": "dark"}
    region["crop"] = results.write_crop(1, region, picture)
    rows = [dict.fromkeys(RESULT_COLUMNS, 0) | {"source": f"{name}.png", "name": name} for name in NAMES]
    results.write_tables(rows, [region])
    results.write_log({"seconds": 1.5})
    results.write_run({"schema": 1, "rank": np.int64(4), "gap": np.float64("nan")})


def run(folder: Path, *, resume: bool = False, overwrite: bool = False, key: str = "k") -> None:
    with open_results(folder, resume=resume, overwrite=overwrite, key=key) as results:
        write_everything(results)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_folder_holds_the_tree_and_nothing_else(tmp_path):
    run(tmp_path / "new" / "out")
    assert set(files(tmp_path / "new" / "out")) == TREE


def test_the_same_run_is_the_same_bytes(tmp_path):
    run(tmp_path / "one")
    run(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_log_carries_the_key_from_the_first_moment(tmp_path):
    out = tmp_path / "out"
    with open_results(out, resume=False, overwrite=False, key="k") as results:
        assert json.loads((out / "log.json").read_text()) == {"state": "running", "key": "k"}
        assert not (out / "run.json").exists()
        write_everything(results)
    assert json.loads((out / "log.json").read_text()) == {"state": "done", "key": "k", "seconds": 1.5}
    assert json.loads((out / "run.json").read_text()) == {"schema": 1, "rank": 4, "gap": None}


def test_results_are_not_overwritten_unasked(tmp_path):
    run(tmp_path)
    before = files(tmp_path)
    with pytest.raises(UsageError, match=r"--resume.*--overwrite"):
        run(tmp_path)
    assert files(tmp_path) == before


def test_overwrite_replaces_what_kizu_wrote(tmp_path):
    run(tmp_path)
    stale = tmp_path / "masks" / "gone" / "old.png"
    stale.parent.mkdir()
    stale.write_bytes(b"old")
    (tmp_path / "masks" / ".DS_Store").write_bytes(b"a file manager was here")
    run(tmp_path, overwrite=True, key="another")
    assert set(files(tmp_path)) == TREE | {"masks/.DS_Store"}
    assert not stale.parent.exists()


@pytest.mark.parametrize(
    "stranger", ["notes.txt", "maps/a.txt", "defects/sub/a.png", "masks/a.png.bak", "report/x.html"]
)
@pytest.mark.parametrize("option", ["resume", "overwrite"])
def test_a_strangers_file_is_never_touched(tmp_path, stranger, option):
    run(tmp_path)
    (tmp_path / stranger).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / stranger).write_text("mine")
    before = files(tmp_path)
    with pytest.raises(UsageError, match="did not write"):
        run(tmp_path, **{option: True})
    assert files(tmp_path) == before


def test_known_names_without_a_log_are_a_strangers(tmp_path):
    mine = tmp_path / "masks" / "mine.png"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"did not write \(1, such as masks"):
        run(tmp_path, overwrite=True)
    assert files(tmp_path) == {"masks/mine.png": b"mine"}


def test_links_are_strangers(tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(out)
    (out / "masks" / "link").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(UsageError, match="did not write"):
        run(out, overwrite=True)


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        run(tmp_path / "out")


def test_resume_goes_on_where_it_was_interrupted(tmp_path):
    out = tmp_path / "out"
    run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt), open_results(out, resume=False, overwrite=False, key="k") as results:
        results.write_log({"threads": 2})
        write_everything(results)
        (out / "masks" / "a.png").unlink()
        raise KeyboardInterrupt
    with open_results(out, resume=True, overwrite=False, key="k") as results:
        assert results.log["seconds"] == 1.5
        assert not (out / "run.json").exists()
        assert [results.has_frame(name) for name in NAMES] == [False, True, True]
        write_everything(results)
    assert files(out) == files(tmp_path / "whole")


def test_resume_of_another_key_is_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(UsageError, match="other inputs, parameters or code"):
        run(tmp_path, resume=True, key="another")


def test_resume_of_nothing_starts(tmp_path):
    run(tmp_path / "out", resume=True)
    assert set(files(tmp_path / "out")) == TREE


def test_half_files_are_swept(tmp_path):
    (tmp_path / "maps").mkdir()
    for half in ("log.json.part", "maps/a.tif.part"):
        (tmp_path / half).write_bytes(b"half")
    run(tmp_path)
    assert set(files(tmp_path)) == TREE


def test_two_runs_do_not_share_a_folder(tmp_path):
    with open_results(tmp_path, resume=False, overwrite=False, key="k"):
        for options in ({"overwrite": True}, {"resume": True}, {}):
            with pytest.raises(UsageError, match="another kizu"):
                run(tmp_path, **options)
    run(tmp_path, resume=True)


HOLD = """
import sys, time
from pathlib import Path
from kizu.io.results import open_results
with open_results(Path(sys.argv[1]), resume=False, overwrite=False, key="k"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_killed_run_leaves_no_lock(tmp_path):
    out = tmp_path / "out"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another kizu"):
            run(out, resume=True)
        holder.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    assert (out / LOCK).exists()
    run(out, resume=True)
    assert set(files(out)) == TREE


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "", "C:/a", "C:a"])
def test_no_name_leaves_the_folder(tmp_path, name):
    with pytest.raises(ReadError, match="not a name below"):
        frame_path(tmp_path, "masks", name)


def test_dots_in_names_stay(tmp_path):
    assert frame_path(tmp_path, "masks", "part.1/v2.0") == tmp_path / "masks" / "part.1" / "v2.0.png"


def test_what_is_written_is_read(tmp_path):
    run(tmp_path)
    saved = read_results(tmp_path)
    rng = np.random.default_rng(0)
    for row in saved.results:
        picture, mask = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), rng.random((12, 16)) < 0.2
        np.testing.assert_array_equal(saved.background(row["name"]), picture)
        np.testing.assert_array_equal(saved.mask(row["name"]), mask)
        np.testing.assert_array_equal(saved.score_map(row["name"]), rng.standard_normal((12, 16)).astype(np.float32))
    assert saved.run["rank"] == 4
    assert (tmp_path / saved.regions[0]["crop"]).is_file()


@pytest.mark.parametrize("kind", ["mask", "score_map", "background"])
def test_damaged_pictures_name_their_file(tmp_path, kind):
    run(tmp_path)
    folder = {"mask": "masks", "score_map": "maps"}.get(kind, kind)
    path = frame_path(tmp_path, folder, "a")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(KizuError, match=f"a{path.suffix}"):
        getattr(read_results(tmp_path), kind)("a")


def test_unfinished_runs_are_not_read(tmp_path):
    with open_results(tmp_path, resume=False, overwrite=False, key="k"):
        pass
    with pytest.raises(ReadError, match="no finished run"):
        read_results(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"schema": 2}', "nonsense"])
@pytest.mark.parametrize("name", ["run.json", "results.json", "regions.json"])
def test_foreign_documents_are_not_read(tmp_path, name, content):
    run(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ReadError, match=name):
        read_results(tmp_path)


@pytest.mark.parametrize("trigger", ["=", "+", "-", "@", "\t", "\r"])
def test_names_are_no_formulas(trigger):
    text = csv_text(("source", "score"), [{"source": f"{trigger}1+1", "score": -0.5}])
    cell, score = list(csv.reader(text.splitlines()))[1]
    assert cell.startswith("'")
    assert float(score) == -0.5


@given(st.text(), st.floats())
def test_every_name_is_one_cell_of_one_line(name, number):
    text = csv_text(("source", "score", "anomalous"), [{"source": name, "score": number, "anomalous": True}])
    rows = list(csv.reader(text.splitlines(), strict=True))
    assert len(rows) == 2
    assert len(rows[1]) == 3
    assert rows[1][1] == ("" if not np.isfinite(number) else repr(number))
    assert rows[1][2] == "true"
    assert not rows[1][0].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_missing_column_is_an_error():
    with pytest.raises(KeyError, match="score"):
        csv_text(("source", "score"), [{"source": "a"}])


def test_numbers_that_json_lacks_are_null():
    document = {"a": np.float32("nan"), "b": [np.inf, 1.5], "c": np.arange(2), "d": (True, None, "x")}
    assert finite(document) == {"a": None, "b": [None, 1.5], "c": [0, 1], "d": [True, None, "x"]}
