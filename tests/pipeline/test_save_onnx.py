"""A trained network as ONNX: the same numbers at any size, used where it is tied to the weights, without torch."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import kizu
from kizu.cli import run
from kizu.errors import ReadError, UsageError
from kizu.files import load_model, save_model
from kizu.networks import catalogue
from kizu.networks.exact_rpcanet import ExactRPCANet
from kizu.networks.runtime import session
from kizu.networks.saved import restore
from kizu.networks.training import arrays
from kizu.pipeline.save_onnx import save_onnx
from runs import write_targets

CARD = {
    "kind": "pictures-network", "schema": 1, "network": "exact-rpcanet", "config": {"layers": 1, "channels": 2},
    "key": "", "parameters": 1, "pixels": {"channels": 1, "dtype": "uint8"}, "white": 255.0, "exact": True,
    "training": {"learn": "labels", "what": "", "examples": {"train": 1}, "split": "", "steps": 1, "stopped": "steps"},
    "law": {"loudest": [0.0], "fall": 1.0}, "warnings": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model folder, saved as ONNX too."""
    folder = tmp_path_factory.mktemp("model") / "m"
    torch.manual_seed(0)
    save_model(folder, CARD, arrays(ExactRPCANet(**CARD["config"])))
    saved = save_onnx(folder)
    assert saved.file == folder / "model.onnx" and saved.network == "exact-rpcanet"
    assert saved.difference is not None and saved.difference <= 1e-5
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_targets(tmp_path_factory.mktemp("data"), 3) / "images"


@pytest.mark.parametrize("shape", [(20, 20), (33, 50), (64, 131)])
def test_any_size_gives_what_torch_gives(shape, exported):
    made = session((exported / "model.onnx").read_bytes())
    picture = np.random.default_rng(0).normal(0.4, 0.1, (1, 1, *shape)).astype(np.float32)
    background, logit = made.run(picture)
    with torch.inference_mode():
        split = restore(*load_model(exported))(torch.from_numpy(picture))
    np.testing.assert_allclose(background, split.background, atol=1e-5)
    np.testing.assert_allclose(logit, split.logit, atol=1e-5 * float(split.logit.abs().max()))


def test_detect_uses_it_and_needs_no_torch(exported, data, tmp_path, monkeypatch):
    plain = shutil.copytree(exported, tmp_path / "plain")
    (plain / "model.onnx").unlink()
    ours = kizu.inspect(data, tmp_path / "torch", model=plain, z=0.5)
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)
    theirs = kizu.inspect(data, tmp_path / "onnx", model=exported, z=0.5)
    assert ours.run["summary"] == theirs.run["summary"]
    for name in ("00", "02"):
        one, other = ((out.folder / "masks" / f"{name}.png").read_bytes() for out in (ours, theirs))
        assert one == other


def test_a_file_of_other_weights_is_not_used(exported, data, tmp_path, monkeypatch):
    stale = shutil.copytree(exported, tmp_path / "stale")
    torch.manual_seed(1)
    save_model(stale, CARD, arrays(ExactRPCANet(**CARD["config"])))
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs torch"):
        kizu.inspect(data, tmp_path / "out", model=stale)


def test_a_file_that_is_cut_off_is_named_in_one_line(exported, data, tmp_path, capsys):
    cut = shutil.copytree(exported, tmp_path / "cut")
    file = cut / "model.onnx"
    file.write_bytes(file.read_bytes()[:-100])
    assert run(["detect", str(data), "-o", str(tmp_path / "out"), "--model", str(cut)]) == ReadError.exit_code
    error = capsys.readouterr().err
    assert error.startswith(f"kizu: {file}: not a readable ONNX file") and error.count("\n") == 1


def test_the_file_does_not_say_where_it_was_made(exported):
    written = (exported / "model.onnx").read_bytes()
    assert str(Path(kizu.__file__).parent).encode() not in written and b"stack_trace" not in written


def test_what_is_no_network_is_refused(tmp_path, capsys):
    save_model(tmp_path / "m", {"kind": "surface"}, {"a": np.zeros(1)})
    assert run(["save-onnx", str(tmp_path / "m")]) == 2
    assert "not a network that kizu train made" in capsys.readouterr().err
    assert run(["save-onnx", str(tmp_path / "nothing")]) == 2


def test_the_command_says_how_near_it_is(exported, tmp_path, capsys, monkeypatch):
    from kizu.networks import export

    data = (exported / "model.onnx").read_bytes()
    monkeypatch.setattr(export, "to_onnx", lambda *arguments: data)  # written once is enough
    assert run(["save-onnx", str(exported), "-o", str(tmp_path / "x.onnx")]) == 0
    assert (tmp_path / "x.onnx").read_bytes() == data
    assert "of the largest number, at two sizes" in capsys.readouterr().err
