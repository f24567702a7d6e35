"""`kizu explain`: what it writes, what it prints, and how it refuses."""

import subprocess
import sys

import pytest

from kizu.cli import run
from kizu.cli.explain import preferred
from runs import environment, process


def test_a_topic_is_written_in_both_languages_and_the_page_of_the_locale_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert run(["explain", "shrink", "-o", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"{tmp_path / 'out' / 'shrink.ja.html'}\n", "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"shrink.en.html", "shrink.ja.html"}


def test_one_language_only(tmp_path, capsys):
    assert run(["explain", "shrink", "--lang", "ja", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'shrink.ja.html'}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"shrink.ja.html"}


def test_without_a_topic_the_gallery(tmp_path, capsys):
    assert run(["explain", "--lang", "en", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'index.en.html'}\n"
    assert (tmp_path / "svt.en.html").is_file()


def test_static_figures_are_named_one_by_one(tmp_path, capsys):
    assert run(["explain", "shrink", "--static", "--lang", "en", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'shrink.en.svg'}\n{tmp_path / 'shrink.en.png'}\n"


def test_static_without_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["explain", "shrink", "--static", "-o", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "kizu: explain: matplotlib is not installed. Run: pip install 'kizu[plot]'.\n")


def test_an_unknown_topic_is_answered_with_those_that_there_are(tmp_path):
    done = process("explain", "nope", "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kizu: explain: no lesson is called 'nope'. Choose one of shrink, pull, corner")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["shrink"], ["shrink", "--static"]])
@pytest.mark.parametrize("below", ["", "out"])
def test_a_file_in_place_of_a_folder_is_refused_before_anything_is_computed(
    tmp_path, capsys, monkeypatch, arguments, below
):
    monkeypatch.setattr("kizu.explain.write.built", lambda topic: pytest.fail("computed"))
    (tmp_path / "file").write_text("")
    assert run(["explain", *arguments, "-o", str(tmp_path / "file" / below)]) == 2
    said = f"kizu: {tmp_path / 'file'}: is a file, not a folder. Choose another -o.\n"
    assert capsys.readouterr() == ("", said)


def test_a_folder_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kizu.explain.write.os.access", lambda *_: False)
    assert run(["explain", "shrink", "-o", str(tmp_path / "out")]) == 5
    assert capsys.readouterr() == ("", f"kizu: {tmp_path}: cannot write (Permission denied). Choose another -o.\n")


@pytest.mark.parametrize(
    ("variables", "lang"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "", "LC_MESSAGES": ""}, "ja"),
    ],
)
def test_the_language_of_the_locale(variables, lang):
    assert preferred(variables) == lang


def test_help_loads_nothing_but_click():
    code = (
        "import sys; from kizu.cli import run\n"
        "try: run(['explain', '--help'])\n"
        "finally: print({'numpy', 'matplotlib', 'PIL', 'jinja2'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"
