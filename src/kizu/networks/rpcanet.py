"""RPCANet as its authors define it (Wu, Zhang, Li & Huang, WACV 2024), for comparison: a network per proximal operator.

    q = D − T,  B = q + F(q);    x = T + D − B,  T⁺ = x − ε·G(x);    D⁺ = H(B + T⁺)

F, G and H are networks of 3×3 convolutions, other ones at each stage; T is 0 at first. T is the logit of a target, not
its brightness, and D is replaced at every stage: B and T do not add up to the picture (see :mod:`exact_rpcanet`).
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from kizu.errors import ParameterError, ReadError, ShapeError

MIDDLE_BACKGROUND, MIDDLE_TARGET = 3, 6
"""Convolutions between the first and the last of F and H, and of G."""
STEP_SIZE = 0.01
"""ε before training."""


class RPCANet(nn.Module):
    """Find small infrared targets in pictures (batch, 1, height, width) with grey values in [0, 1]."""

    def __init__(self, *, stages: int = 6, channels: int = 32) -> None:
        super().__init__()
        if stages < 1 or channels < 1:
            raise ParameterError("stages, channels", (stages, channels), "whole numbers from 1 on")
        self.decos = nn.ModuleList(Stage(channels) for _ in range(stages))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    @classmethod
    def from_reference(cls, path: str | Path) -> "RPCANet":
        """The network with its authors' weights (safetensors, six stages of 32 channels), to be used, not trained.

        ReadError where the file is not that.
        """
        network = cls()
        weights = _read(Path(path))
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ReadError(path, "not the weights of RPCANet", "Give six stages of 32 channels") from error
        if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
            raise ReadError(path, "weights that are not finite", "Get the file again")
        return network.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The last stage's D (reconstruction) and T (target logit), each like `images`."""
        if images.ndim != 4 or images.shape[1] != 1:
            raise ShapeError(f"got shape {tuple(images.shape)}", "Give (batch, 1, height, width)", where="images")
        data, target = images, torch.zeros_like(images)
        for stage in self.decos:
            data, target = stage(data, target)
        return data, target


class Stage(nn.Module):
    """One stage: background, target, reconstruction. The names of the parts are those of the authors' weights."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lowrank = Lowrank(channels)
        self.sparse = Sparse(channels)
        self.merge = Merge(channels)

    def forward(self, data: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        background = self.lowrank(data - target)
        target = self.sparse(target + data - background)
        return self.merge(background + target), target


class Lowrank(nn.Module):
    """q + F(q)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = chain(channels, MIDDLE_BACKGROUND, normalised=True)

    def forward(self, q: Tensor) -> Tensor:
        background: Tensor = q + self.convs(q)
        return background


class Sparse(nn.Module):
    """x − ε·G(x)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = chain(channels, MIDDLE_TARGET, normalised=False)
        self.epsilon = nn.Parameter(torch.tensor([STEP_SIZE]))

    def forward(self, x: Tensor) -> Tensor:
        target: Tensor = x - self.epsilon * self.convs(x)
        return target


class Merge(nn.Module):
    """H(x)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mapping = chain(channels, MIDDLE_BACKGROUND, normalised=True)

    def forward(self, x: Tensor) -> Tensor:
        mapped: Tensor = self.mapping(x)
        return mapped


def chain(channels: int, middle: int, *, normalised: bool) -> nn.Sequential:
    """3×3 convolutions from one channel to one, `middle` of them between first and last; all but the last rectified."""
    layers: list[nn.Module] = []
    for before in (1, *(channels,) * middle):
        layers.append(nn.Conv2d(before, channels, 3, padding=1))
        layers += [nn.BatchNorm2d(channels)] if normalised else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 3, padding=1))


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ReadError(path, f"not readable weights ({error})", "Give the safetensors file of the weights") from error
