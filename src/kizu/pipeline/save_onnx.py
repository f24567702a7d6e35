"""A trained model folder as one ONNX file, compared with torch before it is written."""

import os
from pathlib import Path
from typing import NamedTuple

from kizu.errors import KizuError, UsageError
from kizu.files import load_model, write_bytes
from kizu.networks.catalogue import NETWORKS, require_torch
from kizu.networks.runtime import FILE, installed
from kizu.pipeline.matrix_networks import load
from kizu.pipeline.models import model_folder
from kizu.pipeline.options import fingerprint


class Saved(NamedTuple):
    """The file, what network it is, its bytes, and its largest difference from torch (None: not compared)."""

    file: Path
    network: str
    size: int
    difference: float | None


def save_onnx(model: str | Path, out: str | Path | None = None) -> Saved:
    """Write the network in the folder `model` to `out`, by default model.onnx in that folder.

    There `kizu detect --model` uses it where ONNX Runtime is installed. Before anything is written, both are run on
    inputs of two sizes: KizuError where they differ by more than 1e-5 of the largest number.

    Raises
    ------
    UsageError, ReadError : one line that says what to do
    """
    require_torch("save-onnx")
    from kizu.networks.export import TOLERANCE, difference, to_onnx

    folder = model_folder(os.fspath(model))
    word = str(load_model(folder)[0].get("network"))
    if word not in NETWORKS:
        raise UsageError("is not a network that kizu train made", "Give the folder of one", where=str(folder))
    network = load(folder).network
    file = folder / FILE if out is None else Path(out)
    data = to_onnx(network, NETWORKS[word].kind, fingerprint(str(folder)))
    apart = difference(network, NETWORKS[word].kind, data) if installed() else None
    if apart is not None and not apart <= TOLERANCE:
        raise KizuError(f"differs from torch by {apart:.1e}", "Report it with the model folder", where=str(file))
    write_bytes(file, data)
    return Saved(file, word, len(data), apart)
