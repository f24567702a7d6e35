"""`kizu eval`: a results folder against masks."""

import json

import numpy as np
import pytest

from kizu.cli import run
from runs import QUIET, save, walls


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eval")
    assert run(["detect", str(save(walls()[0], folder / "in")), "-o", str(folder / "out"), *QUIET]) == 0
    return folder / "out"


@pytest.mark.parametrize("protocol", ["kizu", "cdnet"])
def test_numbers_come_as_json(out, tmp_path, capsys, protocol):
    truth = save(walls()[1].astype(np.uint8) * 255, tmp_path / "truth")
    assert run(["eval", str(out), "--truth", str(truth), "--protocol", protocol]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["protocol"] == protocol
    assert measured["frames"] == 24
    assert measured["recall"] == 1
    assert measured["precision"] > 0.8


def test_a_truth_without_partners_is_three(out, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(["eval", str(out), "--truth", str(tmp_path / "empty")]) == 3
    assert run(["eval", str(tmp_path), "--truth", str(tmp_path / "empty")]) == 3
    assert capsys.readouterr().err.count("\n") == 2
