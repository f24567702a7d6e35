"""`kizu info` says what is installed, in words and as JSON."""

import json
from importlib.metadata import version

import kizu.native as native
from kizu.cli import run
from kizu.cli.info import LIBRARIES, gather


def test_json_is_one_document_with_all_facts(capsys):
    assert run(["info", "--json"]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == (gather(), "")


def test_facts_are_those_of_this_machine():
    facts = gather()
    assert facts["kizu"] == version("kizu")
    assert facts["libraries"] == {name: version(name) for name in LIBRARIES}
    assert all(count >= 1 for count in facts["threads"].values())


def test_text_has_a_line_for_each_fact(capsys):
    assert run(["info"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(gather())


def test_it_says_which_kernels_run_and_what_keeps_faster_ones(monkeypatch):
    assert gather()["kernels"].startswith(native.instructions())
    monkeypatch.setattr(native, "_loaded", lambda: native.load(None, ""))
    assert (
        gather()["kernels"] == "NumPy (none were built: no C compiler was found, or it failed, when kizu was installed)"
    )
