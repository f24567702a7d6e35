"""`kizu detect`: its options, its two streams and its exit codes."""

import inspect as signatures
import json
import os
import subprocess
import sys
from dataclasses import fields

import click
import numpy as np
import pytest
from PIL import Image

from kizu.cli import run
from kizu.cli.detect import command as detect
from kizu.cli.summary import exit_code
from kizu.pipeline.options import Options
from kizu.pipeline.road import inspect
from runs import QUIET, command, environment, process, save, tree, walls

OWN = {
    "inputs", "output", "dry_run", "truth", "protocol", "as_json", "quiet", "strict", "fail_on_defect", "debug"
}  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return save(walls()[0], tmp_path_factory.mktemp("in") / "parts")


def keywords():
    parameters = signatures.signature(inspect).parameters.values()
    return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}


def test_options_and_defaults_are_those_of_the_function():
    asked = {p.name: p.default for p in detect.params if p.name not in OWN and isinstance(p, click.Option)}
    asked = {name: None if default is click.core.UNSET else default for name, default in asked.items()}
    assert asked == {name: default for name, default in keywords().items() if name != "progress"}
    chosen = {"room", "network"}  # not asked for: where it runs, and what the folder of a model is
    assert asked.keys() | chosen == {field.name for field in fields(Options)}


def test_help_loads_nothing_but_click():
    code = (
        "import sys; from kizu.cli import run\n"
        "try: run(['detect', '--help'])\n"
        "finally: print({'numpy', 'scipy', 'rich', 'PIL', 'jinja2'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"


def test_stdout_is_the_page_and_stderr_a_summary(parts, tmp_path):
    done = process("detect", parts, "-o", tmp_path / "out", "--false-alarms", "0.001")
    page = tmp_path / "out" / "report" / "index.html"
    assert (done.returncode, done.stdout) == (0, f"{page}\n")
    assert page.is_file()
    assert done.stderr.splitlines()[-1] == (
        "kizu: 1 of 24 images has a defect: 1 region. Expected false regions per defect-free image: 0.001."
        " In 24 such images: about 0.024."
    )
    assert all(line.startswith("kizu: ") for line in done.stderr.splitlines())


def test_json_is_one_document(parts, tmp_path, capsys):
    assert run(["detect", str(parts), "-o", str(tmp_path / "out"), "--json", *QUIET]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["summary"] == {"anomalous": 1, "regions": 1}
    assert document["frames"] == {"declared": 24, "decoded": 24, "used": 24}
    assert document["folder"] == str(tmp_path / "out")
    assert {"certificate", "converged", "warnings", "skipped"} < set(document)
    assert "metrics" not in document


def test_a_truth_adds_metrics(parts, tmp_path, capsys):
    truth = tmp_path / "truth"
    save(walls()[1].astype(np.uint8) * 255, truth)
    asked = [
        "detect",
        str(parts),
        "-o",
        str(tmp_path / "out"),
        "--truth",
        str(truth),
        "--json",
        "--false-alarms",
        "0.001",
    ]
    assert run(asked) == 0
    out, err = capsys.readouterr()
    metrics = json.loads(out)["metrics"]
    assert metrics["frames"] == 24
    assert metrics["region_recall"] == 1
    assert f"f1 {metrics['f1']:.3f}" in err


def test_a_truth_that_is_no_folder_is_refused_before_the_run(parts, tmp_path, capsys):
    assert run(["detect", str(parts), "-o", str(tmp_path / "out"), "--truth", str(tmp_path / "nope")]) == 2
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_dry_run_writes_nothing(parts, tmp_path, capsys):
    (parts / "notes.txt").write_text("no picture")
    try:
        assert run(["detect", str(parts), "-o", str(tmp_path / "out"), "--dry-run", "--json"]) == 4
    finally:
        (parts / "notes.txt").unlink()
    out, err = capsys.readouterr()
    planned = json.loads(out)
    assert not (tmp_path / "out").exists()
    assert (planned["frames"], planned["width"], planned["height"], planned["dtype"]) == (24, 48, 40, "uint8")
    assert planned["memory"] > 0 and planned["seconds"] > 0
    assert err == (
        "kizu: notes.txt: not a file that kizu reads (.txt)."
        " Give PNG, JPEG, TIFF, BMP, WebP, GIF, .npy or .npz files.\n"
    )


def test_a_dry_run_in_words(parts, capsys):
    assert run(["detect", str(parts), "--dry-run"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (lines["frames"], lines["dtype"]) == ("24", "uint8")
    assert lines["memory"].endswith("MB")


def test_a_dry_run_refuses_what_the_run_would(parts, tmp_path, capsys):
    assert run(["detect", str(parts), "--dry-run", "--memory", "1M"]) == 5
    assert run(["detect", str(parts / "part000.png"), "--dry-run"]) == 2
    assert run(["detect", str(parts), "--dry-run", "--jobs", "0"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert ["1 MB allowed by --memory" in said[0], "part000.png" in said[1], "jobs" in said[2]] == [True] * 3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--resize", "0x40"], "not a size"),
        (["--noise", "loud"], "not auto, none or a number"),
        (["--noise", "-1"], "noise"),
        (["--noise", "nan"], "noise"),
        (["--lam", "inf"], "lam"),
        (["--fdr", "1"], "fdr"),
        (["--fdr", "0.1", "--z", "3"], "one rule only"),
        (["--rank", "0"], "rank"),
        (["--seed", "-1"], "seed"),
        (["--min-area", "0"], "min_area"),
        (["--memory", "much"], "memory"),
        (["--axes", "ABC"], "axes"),
        (["--sign", "up"], "--sign"),
        (["--model", "cnn"], "model"),
        (["--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_a_wrong_option_is_one_line_and_two(parts, tmp_path, capsys, arguments, word):
    assert run(["detect", str(parts), "-o", str(tmp_path / "out"), *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert word in err


def test_no_output_is_wrong_usage(parts, capsys):
    assert run(["detect", str(parts)]) == 2
    assert capsys.readouterr().err == "kizu: Missing option '-o'. Try 'kizu detect --help'.\n"


def test_defects_can_fail_a_build(parts, tmp_path):
    out = str(tmp_path / "out")
    assert run(["detect", str(parts), "-o", out, "--fail-on-defect", *QUIET]) == 10
    assert (
        run(["detect", str(parts), "-o", out, "--fail-on-defect", "--overwrite", "--sign", "bright", "--z", "1e6"]) == 0
    )


def test_strict_wants_a_proof(parts, tmp_path, capsys):
    asked = ["detect", str(parts), "-o", str(tmp_path / "out"), "--noise", "1e-6", "--quiet"]
    assert run([*asked, "--strict"]) == 6
    said = capsys.readouterr().err
    assert said.startswith("kizu: Not proven: ") and said.count("\n") == 1
    assert run([*asked, "--overwrite"]) == 0
    assert capsys.readouterr().err == ""


def test_the_first_code_that_applies_wins():
    run_of = {"converged": False, "summary": {"anomalous": 1}, "skipped": [{"source": "a.txt"}]}
    assert exit_code(run_of, strict=True, fail_on_defect=True) == 6
    assert exit_code(run_of, strict=False, fail_on_defect=True) == 10
    assert exit_code(run_of, strict=False, fail_on_defect=False) == 4
    assert exit_code(run_of | {"skipped": []}, strict=False, fail_on_defect=False) == 0
    assert exit_code(run_of | {"converged": True, "skipped": []}, strict=True, fail_on_defect=False) == 0


def test_a_person_sees_a_bar(parts, tmp_path):
    ours, theirs = pytest.importorskip("pty").openpty()
    with subprocess.Popen(
        command("detect", parts, "-o", tmp_path / "out"), env=environment() | {"TERM": "xterm"}, stderr=theirs,
        stdout=subprocess.DEVNULL,
    ) as child:  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # the other end is closed
            os.close(ours)
    assert child.returncode == 0
    assert b"Writing" in shown and b"\x1b[" in shown


def test_a_name_that_is_no_text(tmp_path):
    folder = tmp_path / os.fsdecode(b"b\xffd\n")
    save(walls()[0], folder)
    done = subprocess.run(
        command("detect", folder, "-o", folder / "out", "--json", *QUIET),
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["folder"] == str(folder / "out")
    assert tree(folder / "out")


def test_an_image_alone_needs_a_background(parts, tmp_path, capsys):
    Image.open(parts / "part005.png").save(tmp_path / "one.png")
    assert run(["detect", str(parts), "-o", str(tmp_path / "out0"), *QUIET]) == 0
    assert run(["detect", str(tmp_path / "one.png"), "-o", str(tmp_path / "out")]) == 2
    assert "--background OUT0" in capsys.readouterr().err
    asked = ["detect", str(tmp_path / "one.png"), "-o", str(tmp_path / "out"), "--background", str(tmp_path / "out0")]
    assert run([*asked, "--fail-on-defect", *QUIET]) == 10
