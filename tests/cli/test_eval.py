"""`kizu eval`: a results folder against masks."""

import json

import numpy as np
import pytest

from kizu.cli import run
from kizu.cli.detect import command as detect
from kizu.cli.eval import command as evaluation
from kizu.detect.protocols import PROTOCOLS
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


@pytest.mark.parametrize("protocol", ["basicirstd", "rpcanet"])
def test_published_protocols_say_what_their_numbers_are(out, tmp_path, capsys, protocol):
    truth = save(walls()[1].astype(np.uint8) * 255, tmp_path / "truth")
    assert run(["eval", str(out), "--truth", str(truth), "--protocol", protocol]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert (measured["protocol"], measured["pd"]) == (protocol, 1)
    assert measured["units"].keys() <= measured.keys()


def test_the_choices_are_the_table():
    for command in (detect, evaluation):
        (option,) = (p for p in command.params if p.name == "protocol")
        assert list(option.type.choices) == list(PROTOCOLS)


def test_detect_measures_under_a_protocol(tmp_path, capsys):
    frames, truths = walls()
    inputs, truth = save(frames, tmp_path / "in"), save(truths.astype(np.uint8) * 255, tmp_path / "truth")
    asked = ["detect", str(inputs), "-o", str(tmp_path / "out"), *QUIET, "--json", "--truth", str(truth)]
    assert run([*asked, "--protocol", "basicirstd"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert (metrics["protocol"], metrics["pd"], metrics["size"]) == ("basicirstd", 1, "48x40 pixels, as they are")


def test_a_truth_without_partners_is_three(out, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(["eval", str(out), "--truth", str(tmp_path / "empty")]) == 3
    assert run(["eval", str(tmp_path), "--truth", str(tmp_path / "empty")]) == 3
    assert capsys.readouterr().err.count("\n") == 2
