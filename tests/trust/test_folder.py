"""The results folder: the same bytes every time, one writer, nobody else's files, no half result."""

import os
import subprocess

import pytest

from kizu.cli import run
from kizu.io.lock import locked
from runs import QUIET, command, environment, save, tree, walls


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return save(walls()[0], tmp_path_factory.mktemp("in") / "parts")


@pytest.fixture(scope="module")
def whole(parts, tmp_path_factory):
    """Every byte of an undisturbed run."""
    out = tmp_path_factory.mktemp("out") / "whole"
    assert run(["detect", str(parts), "-o", str(out), *QUIET]) == 0
    return tree(out)


@pytest.mark.parametrize("more", [["--jobs", "1"], ["--jobs", "3"], ["--memory", "2G"]])
def test_the_same_question_gives_the_same_bytes(parts, whole, tmp_path, more):
    assert run(["detect", str(parts), "-o", str(tmp_path / "out"), *QUIET, *more]) == 0
    assert tree(tmp_path / "out") == whole


def test_bytes_speak_of_no_place(parts, whole):
    for name, content in whole.items():
        if not name.endswith((".tif", ".png", ".webp", ".safetensors")):
            assert os.fsencode(parts.parent) not in content, name


def test_a_finished_run_resumes_to_itself(parts, whole, tmp_path):
    out = str(tmp_path / "out")
    assert run(["detect", str(parts), "-o", out, *QUIET]) == 0
    assert run(["detect", str(parts), "-o", out, *QUIET, "--resume"]) == 0
    assert tree(tmp_path / "out") == whole
    assert run(["detect", str(parts), "-o", out, *QUIET, "--overwrite"]) == 0
    assert tree(tmp_path / "out") == whole


def test_another_question_is_not_resumed(parts, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["detect", str(parts), "-o", str(out), *QUIET]) == 0
    before = tree(out)
    assert run(["detect", str(parts), "-o", str(out), *QUIET, "--resume", "--sign", "dark"]) == 2
    assert run(["detect", str(parts), "-o", str(out), *QUIET]) == 2
    assert tree(out) == before
    said = capsys.readouterr().err.splitlines()
    assert "other inputs, parameters or code" in said[0]
    assert "holds results already" in said[1]


def test_two_runs_do_not_share_a_folder(parts, tmp_path, capsys):
    out = tmp_path / "out"
    with locked(out / ".lock"):
        assert run(["detect", str(parts), "-o", str(out), *QUIET]) == 2
    assert capsys.readouterr().err == (
        f"kizu: {out}: another kizu is writing to this folder. Wait until it has ended or choose another -o.\n"
    )


@pytest.mark.parametrize("more", [[], ["--overwrite"], ["--resume"]])
def test_a_folder_of_somebody_else_is_left_alone(parts, tmp_path, capsys, more):
    (tmp_path / "thesis.txt").write_text("mine")
    assert run(["detect", str(parts), "-o", str(tmp_path), *QUIET, *more]) == 2
    assert tree(tmp_path) == {"thesis.txt": b"mine"}
    assert "thesis.txt" in capsys.readouterr().err


@pytest.mark.parametrize("room", [100, 2_000, 20_000])
def test_a_full_disk_is_five_and_leaves_no_result(parts, whole, tmp_path, room):
    resource = pytest.importorskip("resource")

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    out = tmp_path / "out"
    asked = command("detect", parts, "-o", out, *QUIET)
    full = subprocess.run(
        asked, env=environment(), preexec_fn=no_room, capture_output=True, text=True, check=False, timeout=300
    )
    assert (full.returncode, full.stdout, full.stderr.count("\n")) == (5, "", 1)
    assert "Free some space or choose another -o" in full.stderr
    assert not (out / "run.json").exists()
    assert not list(out.rglob("*.part"))
    assert run(["detect", str(parts), "-o", str(out), *QUIET, "--resume"]) == 0
    assert tree(out) == whole
