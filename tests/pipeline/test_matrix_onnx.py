"""Networks of matrices and scenes as ONNX: the same numbers, and what detect makes of them, without torch."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

import kizu
from kizu.cli import run
from kizu.engines.serial import Serial
from kizu.errors import KizuError, ReadError, UsageError
from kizu.files import read_json, save_model, write_json
from kizu.lowrank.blocks import MatrixBlocks
from kizu.networks import catalogue
from kizu.networks.catalogue import NETWORKS
from kizu.networks.coders import CODERS
from kizu.networks.export import applied
from kizu.networks.learned_rpca import LearnedRPCA
from kizu.networks.runtime import session
from kizu.networks.training import arrays
from kizu.pipeline import proposal
from kizu.pipeline.matrix_networks import load, trained
from kizu.pipeline.save_onnx import save_onnx
from runs import environment, save, walls

LAYERS, LAM, ATOMS, FEATURES, RANK = 2, 0.1, 24, 16, 2
WORDS = [word for word, network in NETWORKS.items() if network.kind != "pictures"]


def dictionary():
    D = np.random.default_rng(0).normal(size=(ATOMS, FEATURES))
    return (D / np.linalg.norm(D, axis=1, keepdims=True)).astype(np.float32)


def write_model(folder, word, *, shift=0.05):
    """The model folder of a network whose numbers are all moved a little, as training would."""
    kind, config = NETWORKS[word].kind, {"layers": LAYERS}
    config |= {"rank": RANK, "form": "per layer", "schedule": {}} if kind == "scene" else {"lam": LAM}
    made = LearnedRPCA.untrained(**config) if kind == "scene" else CODERS[word].make(dictionary(), **config)
    torch.manual_seed(0)
    with torch.no_grad():
        for offsets in made.parameters():
            offsets += shift * torch.rand_like(offsets)
    save_model(folder, {"kind": f"{kind}-network", "schema": 1, "network": word, "config": config}, arrays(made))
    return folder


def write_matrix(file):
    """Rank 2, noise, and 3 % outliers."""
    rng = np.random.default_rng(2)
    low = rng.normal(size=(40, RANK)) @ rng.normal(size=(RANK, 60)) + 0.1 * rng.normal(size=(40, 60))
    np.save(file, low + np.where(rng.random(low.shape) < 0.03, 8.0, 0.0))
    return file


def write_samples(file):
    """Sums of few atoms."""
    rng = np.random.default_rng(1)
    codes = np.where(rng.random((60, ATOMS)) < 0.1, rng.normal(size=(60, ATOMS)), 0)
    np.save(file, (codes @ dictionary()).astype(np.float32))
    return file


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model folder of every such network, saved as ONNX too."""
    folder = tmp_path_factory.mktemp("models")
    for word in WORDS:
        assert save_onnx(write_model(folder / word, word)).difference <= 1e-5
    return folder


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)


def without_onnx(folder, copy):
    shutil.copytree(folder, copy)
    (copy / "model.onnx").unlink()
    return copy


@pytest.mark.parametrize("word", WORDS)
def test_any_size_gives_what_torch_gives(word, exported):
    made = session((exported / word / "model.onnx").read_bytes())
    ours, rng = applied(load(exported / word).network, NETWORKS[word].kind), np.random.default_rng(0)
    for count in (1, 2, 50):
        data = rng.normal(size=(count, FEATURES))
        if NETWORKS[word].kind == "scene":
            data = rng.normal(size=(count + 5, RANK)) @ rng.normal(size=(RANK, 3 * count + 4))
            data += 0.01 * rng.normal(size=data.shape)
        for one, other in zip(ours(data), made.run(data), strict=True):
            np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize(("word", "write"), [("alista", write_samples), ("learned-rpca", write_matrix)])
def test_a_matrix_is_split_alike_with_and_without_torch(word, write, exported, tmp_path):
    data, model = write(tmp_path / "data.npy"), exported / word
    ours = kizu.inspect(data, tmp_path / "torch", model=without_onnx(model, tmp_path / "plain"))
    program = "import sys, kizu; kizu.inspect(*sys.argv[1:3], model=sys.argv[3]); sys.exit('torch' in sys.modules)"
    call = [sys.executable, "-c", program, str(data), str(tmp_path / "onnx"), str(model)]
    subprocess.run(call, env=environment(), check=True, timeout=300)
    theirs = read_json(tmp_path / "onnx" / "run.json")
    assert theirs["summary"] == ours.run["summary"]
    for name in ("primal", "dual"):
        assert theirs["certificate"][name] == pytest.approx(ours.run["certificate"][name], rel=1e-5)


def test_a_scene_needs_torch_without_its_file_and_at_another_rank(exported, tmp_path, no_torch):
    scene, model = save(walls(8)[0], tmp_path / "walls"), exported / "learned-rpca"
    with pytest.raises(UsageError, match="needs torch"):
        kizu.inspect(scene, tmp_path / "out", model=without_onnx(model, tmp_path / "plain"))
    with pytest.raises(UsageError, match="needs torch"):  # its file is for the rank that it was trained with
        kizu.inspect(scene, tmp_path / "out", model=model, rank=RANK + 1)
    found = kizu.inspect(scene, tmp_path / "out", model=model)
    assert "objective at the start: network" in found.run["parameters"]["start"]["why"] and found.run["converged"]


@pytest.mark.parametrize("rank", [None, RANK, RANK + 1])
def test_torch_is_used_for_another_rank_alone(rank, exported):
    rng, goal = np.random.default_rng(3), rank or RANK
    data = rng.normal(size=(30, goal)) @ rng.normal(size=(goal, 80)) + 0.01 * rng.normal(size=(30, 80))
    found = trained(exported / "learned-rpca", rank).run(data)[0]
    ours = applied(load(exported / "learned-rpca").network.at_rank(goal), "scene")(data)[0]
    np.testing.assert_allclose(found, ours, atol=1e-8 * np.abs(ours).max())
    assert np.array_equal(found, ours) == (goal != RANK) and np.linalg.matrix_rank(found) == goal


def test_the_network_sees_the_same_columns_however_they_are_read(monkeypatch):
    monkeypatch.setattr(proposal, "COLUMNS", 7)
    rng, seen = np.random.default_rng(4), []
    values, known = rng.normal(size=(900, 100)), rng.random((900, 100)) < 0.8
    known[:, 15] = False

    def look(X):
        seen.append(X)
        return np.full(X.shape, np.nan)

    for entries in (1, 37 * 900, values.size):
        start = proposal.better(MatrixBlocks(values, known), None, None, look, Serial(entries))
        assert start.winner.why == "the network's proposal is not finite"
    chosen = np.ma.masked_array(values, ~known)[:, ::15]
    filled = chosen.filled(np.ma.median(chosen, axis=0).filled(0.0))
    for X in seen:
        np.testing.assert_array_equal(X, filled)


def test_a_file_that_is_cut_off_is_named_in_one_line(exported, tmp_path, capsys):
    data, model = write_samples(tmp_path / "data.npy"), shutil.copytree(exported / "alista", tmp_path / "m")
    file = model / "model.onnx"
    file.write_bytes(file.read_bytes()[:-100])
    assert run(["detect", str(data), "-o", str(tmp_path / "out"), "--model", str(model)]) == ReadError.exit_code
    error = capsys.readouterr().err
    assert error.startswith(f"kizu: {file}: not a readable ONNX file") and error.count("\n") == 1
    assert "save-onnx" in error


def test_a_network_that_ends_in_no_number_is_not_saved(tmp_path):
    model = write_model(tmp_path / "m", "slista", shift=88.0)
    with pytest.raises(KizuError, match="differs from torch by nan"):
        save_onnx(model)
    assert not (model / "model.onnx").exists()


def test_what_writing_needs_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx_ir", None)
    with pytest.raises(UsageError, match=r"writing ONNX needs onnx_ir.*pip install 'kizu\[onnx\]'"):
        save_onnx(write_model(tmp_path / "m", "slista"))


@pytest.mark.parametrize("config", [{}, {"layers": "many", "lam": LAM}, None])
def test_a_card_that_is_not_whole_is_named(config, exported, tmp_path, no_torch):
    data, model = write_samples(tmp_path / "data.npy"), shutil.copytree(exported / "alista", tmp_path / "m")
    write_json(model / "model.json", read_json(model / "model.json") | {"config": config})
    with pytest.raises(ReadError, match="not a whole model"):
        kizu.inspect(data, tmp_path / "out", model=model)
