"""A trained network as one ONNX file that needs no torch, and the proof that it computes the same.

Pictures may have any height and width, samples any number; nothing else of the input varies.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kizu.errors import UsageError
from kizu.networks.catalogue import Kind
from kizu.networks.opinion import opinion
from kizu.networks.runtime import WEIGHTS, session

TOLERANCE = 1e-5
"""Largest difference from torch, relative to the largest number there is."""


class Signature(NamedTuple):
    """What goes in and comes out (the last of `outputs`), which axes vary, and examples of two sizes to compare."""

    run: Callable[[Any, Tensor], tuple[Tensor, ...]]
    outputs: tuple[str, ...]
    varying: Mapping[int, str]
    shapes: Callable[[Any], Sequence[tuple[int, ...]]]


def _opinion(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    return tuple(part for part in opinion(network, images) if part is not None)


SIGNATURES: Mapping[Kind, Signature] = {
    "scene": Signature(
        lambda network, data: tuple(network.split(data)),
        ("background", "anomaly"),
        {0: "samples", 1: "features"},
        lambda network: ((48, 40), (31, 67)),
    ),
    "codes": Signature(
        lambda network, data: (network.codes(data),),
        ("codes",),
        {0: "samples"},
        lambda network: tuple((count, network.constants.A.shape[0]) for count in (8, 13)),
    ),
    "pictures": Signature(
        _opinion, ("background", "logit"), {2: "height", 3: "width"}, lambda network: ((1, 1, 96, 64), (1, 1, 45, 71))
    ),
}


class Exported(nn.Module):
    """A network as a function of one tensor."""

    def __init__(self, network: nn.Module, run: Callable[[Any, Tensor], tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.network, self.run = network, run

    def forward(self, data: Tensor) -> tuple[Tensor, ...]:
        return self.run(self.network, data)


def to_onnx(network: nn.Module, kind: Kind, weights_sha256: str) -> bytes:
    """The file's bytes; UsageError where the libraries that write ONNX are not installed."""
    signature, example = SIGNATURES[kind], _example(network, kind, 0)
    module = Exported(network, signature.run).eval()
    names = signature.outputs[-len(signature.run(network, example)) :]
    dimensions = {axis: torch.export.Dim(name, min=4) for axis, name in signature.varying.items()}
    try:
        with _quiet(), torch.inference_mode():
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                verbose=False,
                input_names=["data"],
                output_names=list(names),
                dynamic_shapes={"data": dimensions},
            )
    except ImportError as error:
        raise UsageError(f"writing ONNX needs {error.name}", "Install it: pip install 'kizu[onnx]'") from error
    assert program is not None
    proto = program.model_proto
    entry = proto.metadata_props.add()
    entry.key, entry.value = WEIGHTS, weights_sha256
    return bytes(proto.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about libraries that it could use."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _example(network: nn.Module, kind: Kind, number: int) -> Tensor:
    shape = SIGNATURES[kind].shapes(network)[number]
    like = next(network.parameters())
    return torch.randn(shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64).to(like.dtype)


def difference(network: nn.Module, kind: Kind, data: bytes) -> float:
    """The largest difference between ONNX Runtime and torch, of two sizes, relative to each output's largest number."""
    made, found = session(data, threads=1), [0.0]
    for number in range(2):
        example = _example(network, kind, number)
        with torch.inference_mode():
            ours = SIGNATURES[kind].run(network, example)
        for one, other in zip(ours, made.run(example.numpy()), strict=True):
            scale = float(one.abs().max()) or 1.0
            found.append(float(np.abs(one.numpy() - other).max()) / scale)
    return float(np.max(found))  # NaN stays
