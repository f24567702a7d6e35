"""The demo's own judgement: it must be able to fail."""

from pathlib import Path

import numpy as np
import pytest

from kizu.errors import UsageError
from kizu.io.results import read_results
from kizu.pipeline.demo import compare, render
from kizu.pipeline.road import inspect
from kizu.stack import stack_of
from runs import save, tree, walls


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    outcome = inspect([str(save(walls()[0], folder / "in"))], folder / "out", false_alarms=0.001)
    return outcome, read_results(outcome.folder)


def held_against(done, masks, truth):
    outcome, saved = done
    return compare(outcome, Path("frames"), saved, masks, truth)


def test_what_was_planted_and_found_matches(done):
    truth = walls()[1]
    masks = np.stack([done[1].mask(row["name"]) for row in done[1].results])
    found = held_against(done, masks, truth)
    assert found.matches
    assert (found.planted, found.found) == (("part005",), {"part005": 1})


def test_a_miss_is_a_mismatch(done):
    truth = walls()[1]
    found = held_against(done, np.zeros_like(truth), truth)
    assert (found.matches, found.missed, found.elsewhere) == (False, ("part005",), 0)


def test_a_region_elsewhere_is_a_mismatch(done):
    truth = walls()[1]
    masks = truth.copy()
    masks[9, :2, :2] = masks[5, -2:, -2:] = True
    found = held_against(done, masks, truth)
    assert (found.matches, found.missed, found.elsewhere) == (False, (), 2)


def test_frames_are_rendered_beside_nothing_else(tmp_path):
    stack = stack_of(walls(3, dots=())[0])
    render(stack, tmp_path / "frames")
    before = tree(tmp_path / "frames")
    assert sorted(before) == ["wall-000.png", "wall-001.png", "wall-002.png"]
    render(stack, tmp_path / "frames")
    assert tree(tmp_path / "frames") == before
    (tmp_path / "frames" / "mine.png").write_bytes(b"")
    with pytest.raises(UsageError, match=r"not the demo's \(1, such as mine.png\)"):
        render(stack, tmp_path / "frames")
