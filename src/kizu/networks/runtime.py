"""An exported network in ONNX Runtime, on the CPU and without torch."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kizu.errors import ReadError

WEIGHTS = "weights_sha256"
"""What a file is tied to its model folder by."""
FILE = "model.onnx"
"""Its name in a model folder."""
TYPES: dict[str, DTypeLike] = {"tensor(float)": np.float32, "tensor(double)": np.float64}


class Session(NamedTuple):
    """`run` takes one array and gives the outputs in order; `weights` is the hash of those it was made from."""

    run: Callable[[NDArray[Any]], list[NDArray[Any]]]
    weights: str


def installed() -> bool:
    return find_spec("onnxruntime") is not None


def session(data: bytes) -> Session:
    """The network in the bytes of a file, on one thread: pictures are judged side by side, and a matrix is quick."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = 1, 1, 3
    made = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    dtype = TYPES[made.get_inputs()[0].type]

    def run(array: NDArray[Any]) -> list[NDArray[Any]]:
        found: list[NDArray[Any]] = made.run(None, {"data": np.asarray(array, dtype, order="C")})
        return found

    return Session(run, str(made.get_modelmeta().custom_metadata_map.get(WEIGHTS, "")))


def saved(folder: Path, weights_sha256: str) -> Session | None:
    """What `kizu save-onnx` left in a model folder; None without it or ONNX Runtime, or if it is of other weights."""
    file = folder / FILE
    if not (installed() and file.is_file()):
        return None
    try:
        made = session(file.read_bytes())
    except Exception as error:  # the library has an exception of its own for every way a file can be broken
        raise ReadError(file, f"not a readable ONNX file ({error})", "Make it again with kizu save-onnx") from error
    return made if made.weights == weights_sha256 else None
