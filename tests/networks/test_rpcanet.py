from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402

from kizu.errors import ParameterError, ReadError, ShapeError  # noqa: E402
from kizu.networks.rpcanet import RPCANet  # noqa: E402

SETS = ["sirst", "nudt"]


@pytest.fixture
def folder(data: Path) -> Path:
    return data / "reference_networks"


@pytest.mark.parametrize("name", SETS)
def test_the_authors_weights_give_the_authors_numbers(folder: Path, name: str) -> None:
    network = RPCANet.from_reference(folder / f"rpcanet_{name}.safetensors")
    expected = np.load(folder / f"rpcanet_{name}_outputs.npz")
    with torch.no_grad():
        found = network(torch.from_numpy(expected["images"])[:, None])
    for key, value in zip(("D", "T"), found, strict=True):
        difference = np.linalg.norm(value[:, 0].numpy() - expected[key])
        assert difference <= 1e-3 * np.linalg.norm(expected[key])


def test_number_of_weights() -> None:
    assert sum(one.numel() for one in RPCANet().parameters()) == 679_896


def test_a_part_of_the_file_is_refused(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "rpcanet_sirst.safetensors").read_bytes()
    (tmp_path / "part.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"part\.safetensors: not readable"):
        RPCANet.from_reference(tmp_path / "part.safetensors")


def test_other_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    with pytest.raises(ReadError, match="not readable"):
        RPCANet.from_reference(other)
    other.write_bytes(b"PK\x03\x04 a pickle in a zip")
    with pytest.raises(ReadError, match="not readable"):
        RPCANet.from_reference(other)
    save_file({"weight": torch.zeros(3)}, other)
    with pytest.raises(ReadError, match="not the weights"):
        RPCANet.from_reference(other)


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    good = {name: value.clone() for name, value in RPCANet().state_dict().items()}
    save_file(good, path)
    RPCANet.from_reference(path)
    save_file({**good, "decos.0.sparse.convs.0.weight": torch.zeros(32, 2, 3, 3)}, path)
    with pytest.raises(ReadError, match="not the weights"):
        RPCANet.from_reference(path)
    save_file({**good, "decos.3.sparse.epsilon": torch.tensor([torch.nan])}, path)
    with pytest.raises(ReadError, match="not finite"):
        RPCANet.from_reference(path)
    assert set(load_file(path)) == set(good)


def test_shapes_and_numbers_are_checked() -> None:
    with pytest.raises(ShapeError):
        RPCANet(stages=1, channels=2)(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ParameterError):
        RPCANet(stages=0)
    data, target = RPCANet(stages=2, channels=2)(torch.rand(2, 1, 9, 7))
    assert data.shape == target.shape == (2, 1, 9, 7)
