"""The page on extending kizu: what it quotes is the source, and its examples have joined the shared tests."""

import ast

import numpy as np
import pytest

import test_penalties
from pages import EXTEND, EXTEND_JA, ROOT, quoted, run, written
from solvers import test_composite

LONGEST = {"L0": 25, "inertial": 45}


@pytest.mark.parametrize("page", [EXTEND, EXTEND_JA], ids=["en", "ja"])
def test_quotations_are_the_source(page):
    assert len(quoted(page)) == 2
    for file, name, code in quoted(page):
        text = (ROOT / file).read_text("utf-8")
        node = next(node for node in ast.parse(text).body if getattr(node, "name", "") == name)
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        assert code.splitlines() == text.splitlines()[first - 1 : node.end_lineno]


def test_both_languages_show_the_same_code():
    assert written(EXTEND) == written(EXTEND_JA)
    assert len(written(EXTEND)) == 4


def test_the_penalty_works_at_once(capsys):
    penalty, use, _, _ = written(EXTEND)
    run("page_use", penalty, use)
    stopped, support = capsys.readouterr().out.split(maxsplit=1)
    assert stopped == "stationary"
    assert support.strip() == str(np.array([3, 30, 57]))


def test_they_are_as_short_as_the_page_promises():
    penalty, _, _, solver = written(EXTEND)
    assert len([line for line in penalty.splitlines() if line]) <= LONGEST["L0"]
    assert len([line for line in solver.splitlines() if line]) <= LONGEST["inertial"]


def test_they_have_joined_the_shared_tests():
    assert "L0" in {type(penalty).__name__ for penalty in test_penalties.PENALTIES}
    assert test_composite.SOLVERS["inertial"].State._fields == ("x", "before", "slope", "seen")
