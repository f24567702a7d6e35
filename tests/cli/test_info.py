"""`kizu info` says what is installed, in words and as JSON."""

import json
from importlib.metadata import version

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
