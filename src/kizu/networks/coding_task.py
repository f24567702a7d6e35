"""What networks that code sparsely are taught: true codes, a solver's codes, or an objective; and how long.

True codes and those of a solver that converged (distillation) are learned in one way: the loss is the logarithm of the
relative squared error of the last layer in training, so that late layers, whose errors are small, have a gradient that
counts. Layers are added one at a time, each starting from the numbers of the one before: trained jointly from the
start, the last layers collapse. At last all are trained, and all layers' losses count a little.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kizu.networks.coding import CodingNetwork
from kizu.typing import Floats

LOWER = -0.35
"""How much lower the logarithm of a new layer's threshold starts than that of the layer before."""
EVERY_LAYER = 0.3
"""Weight of the mean loss of all layers in the last stage, beside that of the last layer."""


class Batch(NamedTuple):
    """Samples as a network reads them, and the codes to be found (atoms, samples)."""

    data: Any
    codes: Tensor


Measure = Callable[[Tensor, Batch], Tensor]


def log_error(x: Tensor, batch: Batch) -> Tensor:
    """ln(‖x − codes‖² / ‖codes‖²) of all samples together; 0 where there is nothing to find, and nothing is found."""
    tiny = torch.finfo(x.dtype).tiny
    return torch.log((torch.sum((x - batch.codes) ** 2) + tiny) / (torch.sum(batch.codes**2) + tiny))


@dataclass(frozen=True)
class Objective:
    """The lasso's objective of unit samples, on average; A (features, atoms), lam relative to a sample's length."""

    A: Tensor
    lam: float

    def __call__(self, x: Tensor, batch: Batch) -> Tensor:
        y, scale = batch.data.y, batch.data.scale
        loss = 0.5 * torch.sum((self.A @ x - y) ** 2, dim=0) + self.lam * scale[0] * torch.sum(torch.abs(x), dim=0)
        return torch.mean(loss / torch.where(scale[0] > 0, scale[0], 1.0) ** 2)


@dataclass(frozen=True)
class CodingTask:
    """Lower `measure` on batches, of which `batch` gives one per step, and on `validation`."""

    batch: Callable[[int], Batch]
    validation: Batch
    measure: Measure = log_error
    shift: Mapping[str, float] = field(default_factory=lambda: {"lam": LOWER})

    def loss(self, network: nn.Module, step: int, depth: int | None) -> Tensor:
        """Of layer `depth` alone; where None, of the last and, with less weight, of all."""
        batch = self.batch(step)
        if depth is not None:
            return self.measure(network(batch.data, depth), batch)
        losses = torch.stack([self.measure(x, batch) for x in _states(network, batch.data)])
        return losses[-1] + EVERY_LAYER * torch.mean(losses)

    @torch.no_grad()
    def validate(self, network: nn.Module, depth: int | None) -> float:
        return float(self.measure(network(self.validation.data, depth), self.validation))

    def begin(self, network: nn.Module, depth: int | None) -> None:
        """A new layer starts from the one before, with a lower threshold."""
        if depth is not None and isinstance(network, CodingNetwork):
            network.continue_from(depth - 1, dict(self.shift))


def _states(network: nn.Module, data: Any) -> list[Any]:
    if not isinstance(network, CodingNetwork):
        raise TypeError(f"{type(network).__name__} is no network of sparse codes")
    return list(network.states(data))


def pairs(network: CodingNetwork, Y: Floats, codes: Floats) -> Batch:
    """Rows of Y (samples, features) and of codes (samples, atoms) as a batch."""
    like = network.dictionary
    return Batch(network.read(Y), torch.as_tensor(codes, dtype=like.dtype, device=like.device).T)


def drawn(network: CodingNetwork, Y: Floats, codes: Floats, *, size: int, seed: int) -> Callable[[int], Batch]:
    """Batches of `size` rows out of Y and codes, which depend on (seed, step) only."""

    def batch(step: int) -> Batch:
        chosen = np.random.default_rng((seed, step)).integers(len(Y), size=size)
        return pairs(network, Y[chosen], codes[chosen])

    return batch


def planted(D: Floats, size: int, draw: np.random.Generator, share: float = 0.1) -> tuple[Floats, Floats]:
    """Y (size, features) and its codes: entries are normal with probability `share`, 0 otherwise; no noise.

    Chen, Liu, Wang & Yin 2018.
    """
    shape = size, len(D)
    codes = np.where(draw.random(shape) < share, draw.standard_normal(shape), 0.0).astype(D.dtype)
    return codes @ D, codes
