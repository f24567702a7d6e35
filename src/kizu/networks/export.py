"""A trained network as one ONNX file that needs no torch, and the proof that it computes the same.

Pictures may have any height and width, samples any number; nothing else of the input varies.

An export takes its time by the operation, and a network repeats a few: what every layer does is traced once, as a
function that the graph calls, and written out where it is called in the end.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kizu.errors import UsageError
from kizu.networks.catalogue import Kind
from kizu.networks.opinion import opinion
from kizu.networks.runtime import WEIGHTS, session
from kizu.networks.unfolded import Unfolded
from kizu.solvers.iteration import Iteration, Numbers

if TYPE_CHECKING:
    import onnx_ir as ir

TOLERANCE = 1e-5
"""Largest difference from torch, relative to the largest number there is."""
NOISE = 0.1
"""Of the examples, beside waves of height 1."""
FEWEST = 4
"""Height, width or samples that a graph is made for, at least: sizes of 1 would be taken for ones that stay."""
DOMAIN = "kizu"
"""That of the functions, as long as they are called."""


class Signature(NamedTuple):
    """What goes in and comes out (the last of `outputs`), which axes vary, and examples of two sizes to compare.

    `waves` is how many components an example has above its noise.
    """

    run: Callable[[Any, Tensor], tuple[Tensor, ...]]
    outputs: tuple[str, ...]
    varying: Mapping[int, str]
    shapes: Callable[[Any], Sequence[tuple[int, ...]]]
    waves: Callable[[Any], int]


def _opinion(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    return tuple(part for part in opinion(network, images) if part is not None)


def _rank(network: Any) -> int:
    return int(network.iteration.rank)


SIGNATURES: Mapping[Kind, Signature] = {
    "scene": Signature(
        lambda network, data: tuple(network.split(data)),
        ("background", "anomaly"),
        {0: "samples", 1: "features"},
        lambda network: tuple((_rank(network) + m, _rank(network) + n) for m, n in ((44, 38), (29, 65))),
        _rank,
    ),
    "codes": Signature(
        lambda network, data: (network.codes(data),),
        ("codes",),
        {0: "samples"},
        lambda network: tuple((count, len(network.dictionary)) for count in (8, 13)),
        lambda network: 0,
    ),
    "pictures": Signature(
        _opinion,
        ("background", "logit"),
        {2: "height", 3: "width"},
        lambda network: ((1, 1, 96, 64), (1, 1, 45, 71)),
        lambda network: 1,
    ),
}


def applied(network: nn.Module, kind: Kind) -> Callable[[NDArray[Any]], list[NDArray[Any]]]:
    """By torch what :class:`kizu.networks.runtime.Session` runs."""
    like = next(network.parameters())

    def run(array: NDArray[Any]) -> list[NDArray[Any]]:
        with torch.inference_mode():
            found = SIGNATURES[kind].run(network, torch.tensor(array, dtype=like.dtype))
        return [np.asarray(one.numpy()) for one in found]

    return run


def to_onnx(network: nn.Module, kind: Kind, weights_sha256: str) -> bytes:
    """The file's bytes; UsageError where the libraries that write ONNX are not installed."""
    signature, example = SIGNATURES[kind], _example(network, kind, 0)
    names = signature.outputs[-len(signature.run(network, example)) :]
    dimensions = {axis: torch.export.Dim(name, min=FEWEST) for axis, name in signature.varying.items()}
    twin, iterations = _calling(network)
    try:
        import onnx_ir as ir

        model = _model(lambda data: signature.run(twin, data), (example,), (dimensions,), twin)
        for iteration in iterations:
            function = iteration.function()
            model.functions[function.identifier()] = function
        _write_out(model)
    except ImportError as error:
        raise UsageError(f"writing ONNX needs {error.name}", "Install it: pip install 'kizu[onnx]'") from error
    for value, name in zip((*model.graph.inputs, *model.graph.outputs), ("data", *names), strict=True):
        value.name = name
    model.metadata_props[WEIGHTS] = weights_sha256
    return bytes(ir.to_proto(model).SerializeToString())


def difference(network: nn.Module, kind: Kind, data: bytes) -> float:
    """The largest difference between ONNX Runtime and torch, of two sizes, relative to each output's largest number."""
    made, ours, found = session(data), applied(network, kind), [0.0]
    for number in range(2):
        example = _example(network, kind, number).numpy()
        for one, other in zip(ours(example), made.run(example), strict=True):
            scale = float(np.abs(one).max()) or 1.0
            with np.errstate(invalid="ignore"):  # ∞ − ∞
                found.append(float(np.abs(one - other).max()) / scale)
    return float(np.max(found))  # NaN stays


def _example(network: nn.Module, kind: Kind, number: int) -> Tensor:
    """Waves and a little noise. In noise alone no direction leads, and rounding would decide what is background."""
    signature, like = SIGNATURES[kind], next(network.parameters())
    shape = signature.shapes(network)[number]
    found = NOISE * torch.randn(shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
    down, across = (torch.pi * (torch.arange(n, dtype=torch.float64) + 0.5) / n for n in shape[-2:])
    for k in range(1, signature.waves(network) + 1):
        found += torch.outer(torch.cos(k * down), torch.cos(k * across))
    return found.to(like.dtype)


class Calling:
    """An iteration whose step is a call of the graph's function `name`; its data and states are tensors, or tuples."""

    def __init__(self, iteration: Iteration[Any, Any], name: str) -> None:
        self.iteration, self.name = iteration, name
        self.constants, self.numbers, self.init = iteration.constants, iteration.numbers, iteration.init

    def step(self, data: Any, state: Any, numbers: Numbers) -> Any:
        self.names, self.called = tuple(numbers), (data, state, tuple(numbers.values()))
        before = list(_leaves(state))
        after = torch.onnx.ops.symbolic_multi_out(
            f"{DOMAIN}::{self.name}",
            list(_leaves(self.called)),
            shapes=[one.shape for one in before],
            dtypes=[one.dtype for one in before],
            version=1,
        )
        return _like(state, iter(after))

    def function(self) -> "ir.Function":
        """The step itself; sizes that vary where it was called do so in it."""
        import onnx_ir as ir

        graph = _model(self._computed, *self._inputs()).graph
        for value in list(graph.initializers.values()):  # a function has none
            node = ir.node("Constant", [], {"value": value.const_value})
            ir.convenience.replace_all_uses_with(value, node.outputs[0])
            graph.insert_before(graph[0], node)
        graph.initializers.clear()
        for value in (value for node in graph for value in node.outputs):
            value.shape = None  # its names of sizes would mean others where it is written out
        return ir.Function(DOMAIN, self.name, graph=graph, attributes=())

    def _inputs(self) -> tuple[list[Tensor], list[dict[int, Any]]]:
        """Tensors like those of the call, and the axes of each that vary."""
        shapes = [[n if isinstance(n, int) else str(n) for n in one.shape] for one in _leaves(self.called)]
        names = list(dict.fromkeys(n for shape in shapes for n in shape if isinstance(n, str)))
        sizes = {name: 41 + 7 * k for k, name in enumerate(names)}  # all different: equal ones would be taken for one
        dims = {name: torch.export.Dim(f"n{k}") for k, name in enumerate(names)}
        inputs = [
            torch.ones([sizes[n] if isinstance(n, str) else n for n in shape], dtype=one.dtype)
            for shape, one in zip(shapes, _leaves(self.called), strict=True)
        ]
        return inputs, [{axis: dims[n] for axis, n in enumerate(shape) if isinstance(n, str)} for shape in shapes]

    def _computed(self, *inputs: Tensor) -> Sequence[Tensor]:
        data, state, values = _like(self.called, iter(inputs))
        return list(_leaves(self.iteration.step(data, state, dict(zip(self.names, values, strict=True)))))


def _leaves(tree: Any) -> Iterator[Tensor]:
    """The tensors in a tensor, or in tuples of them to any depth."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from _leaves(part)
    else:
        yield tree


def _like(tree: Any, leaves: Iterator[Tensor]) -> Any:
    """`leaves` in the tuples of `tree`."""
    make = getattr(tree, "_make", tuple)
    return make([_like(part, leaves) for part in tree]) if isinstance(tree, tuple) else next(leaves)


def _calling(network: nn.Module) -> tuple[nn.Module, list[Calling]]:
    """A copy of the network that calls what all layers do, and what that is."""
    twin, found = deepcopy(network), list[Calling]()
    for part in twin.modules():
        if isinstance(part, Unfolded) and part.layers > 1:
            part.iteration = Calling(part.iteration, f"step{len(found)}")
            found.append(part.iteration)
    return twin, found


class Exported(nn.Module):
    """A function of tensors; `network` has the weights that are in it."""

    def __init__(self, compute: Callable[..., Sequence[Tensor]], network: nn.Module | None) -> None:
        super().__init__()
        self.compute, self.network = compute, network

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.compute(*inputs))


def _model(
    compute: Callable[..., Sequence[Tensor]],
    inputs: Sequence[Tensor],
    varying: Sequence[Mapping[int, Any]],
    network: nn.Module | None = None,
) -> "ir.Model":
    """The graph of a function of tensors, of each of which some axes vary."""
    from onnxscript.optimizer import fold_constants

    with _quiet(), torch.inference_mode():
        program = torch.onnx.export(
            Exported(compute, network).eval(),
            tuple(inputs),
            dynamo=True,
            verbose=False,
            optimize=False,  # it tries every rewriting at every operation, for longer than the rest takes
            dynamic_shapes={"inputs": tuple(varying)},
            custom_translation_table={torch.ops.aten.sort.stable: _sort},
        )
        assert program is not None
        model: ir.Model = program.model
        fold_constants(model)
    return model


def _write_out(model: "ir.Model") -> None:
    """Replace calls by what they call, and drop what is double, unused, or says in whose folder the source lies."""
    from onnx_ir import passes
    from onnx_ir.passes import common

    model.opset_imports[DOMAIN] = 1
    passes.Sequential(
        common.InlinePass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedOpsetsPass(),
        common.ClearMetadataAndDocStringPass(),
    )(model)


def _sort(x: Any, stable: bool = False, dim: int = -1, descending: bool = False) -> Any:
    """torch.sort, which ONNX has as the K largest or smallest."""
    from onnxscript import opset18

    op: Any = opset18
    count = op.Gather(op.Shape(x), op.Constant(value_ints=[dim]))
    return op.TopK(x, count, axis=dim, largest=int(descending))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about libraries that it could use, and numbers that it could not work out."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
