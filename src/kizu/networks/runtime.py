"""An exported network in ONNX Runtime, on the CPU and without torch."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

from numpy.typing import NDArray

WEIGHTS = "weights_sha256"
"""What a file is tied to its model folder by."""
FILE = "model.onnx"
"""Its name in a model folder."""


class Session(NamedTuple):
    """`run` takes one array and gives the outputs in order; `weights` is the hash of those it was made from."""

    run: Callable[[NDArray[Any]], list[NDArray[Any]]]
    weights: str


def installed() -> bool:
    return find_spec("onnxruntime") is not None


def session(data: bytes, *, threads: int) -> Session:
    """The network in the bytes of a file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    made = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def run(array: NDArray[Any]) -> list[NDArray[Any]]:
        found: list[NDArray[Any]] = made.run(None, {"data": array})
        return found

    return Session(run, str(made.get_modelmeta().custom_metadata_map.get(WEIGHTS, "")))
