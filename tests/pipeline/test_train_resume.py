"""A training that was killed, cut off or finished: what `--resume` and `--overwrite` do with it, for every kind."""

import shutil

import numpy as np
import pytest

from kizu.errors import KizuError, ReadError, UsageError
from kizu.files import load_model
from kizu.pipeline.train import train
from runs import write_targets

KINDS = {
    "pictures": ("exact-rpcanet", {"layers": 1, "steps": 12}, 10),
    "codes": ("lista", {"layers": 2, "steps": 12}, 8),
    "scene": ("learned-rpca", {"layers": 2, "rank": 1, "steps": 50}, 50),
}
"""A network, its size, and the step of the second validation: what is killed there goes on from the first."""


class Killed(Exception):
    pass


pytestmark = pytest.mark.usefixtures("short_training")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """What each kind of network learns from."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    low = rng.normal(size=(20, 1)) @ rng.normal(size=(1, 30)) + np.where(rng.random((20, 30)) < 0.03, 8.0, 0.0)
    for name, array in (("scene", low), ("codes", rng.normal(size=(60, 8)))):
        np.save(folder / f"{name}.npy", array)
    files = {name: folder / f"{name}.npy" for name in ("codes", "scene")}
    return files | {"pictures": write_targets(folder / "pictures", size=(32, 32))}


@pytest.fixture(scope="module", params=list(KINDS))
def killed(request, data, tmp_path_factory):
    """A training that went from beginning to end, the same one killed at its second validation, and how to ask."""
    network, options, second = KINDS[request.param]
    folder = tmp_path_factory.mktemp("models")

    def ask(out, progress=lambda stage, done, total: None, **more):
        return train(network, data[request.param], out, **{**options, "jobs": 1, **more}, progress=progress)

    def kill(stage, done, total):
        if stage.startswith("train") and done >= second:
            raise Killed

    ask(folder / "whole")
    with pytest.raises(Killed):
        ask(folder / "half", kill)
    return folder, ask


def test_it_goes_on_to_the_same_weights(killed, tmp_path):
    folder, ask = killed
    whole, half = folder / "whole", shutil.copytree(folder / "half", tmp_path / "half")
    ask(half, resume=True)
    (card, weights), (other, expected) = load_model(half), load_model(whole)
    assert card == other and weights.keys() == expected.keys()
    assert all(np.array_equal(array, expected[name]) for name, array in weights.items())
    # losses and measures of all steps, if a validation before the kill should have been the best
    assert (half / "training.csv").read_bytes() == (whole / "training.csv").read_bytes()


def test_only_the_same_training_goes_on(killed):
    folder, ask = killed
    with pytest.raises(UsageError, match="Add --resume"):
        ask(folder / "half")
    with pytest.raises(UsageError, match="other data, parameters"):
        ask(folder / "half", seed=1, resume=True)


def test_a_finished_training_is_neither_continued_nor_lost(killed, tmp_path):
    folder, ask = killed
    before = load_model(folder / "whole")[1]
    with pytest.raises(UsageError, match="finished training"):
        ask(folder / "whole", resume=True)
    with pytest.raises(UsageError, match="holds a training already"):
        ask(folder / "whole")
    with pytest.raises(KizuError):
        train("lista", tmp_path / "typo", folder / "whole", overwrite=True)
    after = load_model(folder / "whole")[1]
    assert all(np.array_equal(array, after[name]) for name, array in before.items())


def test_a_checkpoint_that_is_cut_off_is_named(data, tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(ReadError, match="not a whole checkpoint"):
        train("exact-rpcanet", data["pictures"], tmp_path, layers=1, steps=12, resume=True)
