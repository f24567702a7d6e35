"""The patch image as layers: a picture cut into overlapping patches, split by robust PCA, and joined again.

Backgrounds of far scenes look alike from patch to patch, small targets do not (Gao, Meng, Yang, Wang, Zhou & Hauptmann
2013). The matrix of patches is split by layers of IALM in factors, :mod:`kizu.solvers.factored_pcp`: products alone.
What a pixel is left with is the median over the patches that cover it, in one of which a target may have been taken for
background. :mod:`kizu.models.patch_image` is the same model, solved.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kizu.networks.unfolded import Unfolded
from kizu.solvers.factored_pcp import FactoredLagrangian
from kizu.solvers.pcp_steps import anomaly_limit

STEP, TIMES = 10, 3
"""Pixels between two patches, and patches that a pixel is in, each way: a patch is 30 pixels wide."""
PATCH = STEP * TIMES
RANK = 12
"""Of the background of all patches, at most: cloud and ground need several, noise has no place in it."""


class Patches(NamedTuple):
    """Patches as rows (batch, down·across, PATCH²), and how many there are each way."""

    rows: Tensor
    down: int
    across: int


class Layer(NamedTuple):
    """What a layer leaves of pictures (batch, 1, height, width), and what an anomaly in it exceeds (batch, 1, 1, 1)."""

    residual: Tensor
    limit: Tensor


class LowRank(nn.Module):
    """What `layers` of robust PCA leave of pictures: picture − background, layer by layer.

    Its numbers are the classical ones and are not trained.
    """

    def __init__(self, layers: int, *, rank: int = RANK, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.layers = Unfolded(FactoredLagrangian(rank), layers, learn=(), dtype=dtype)

    def forward(self, pictures: Tensor) -> list[Layer]:
        """What is left after every layer, of pictures whose level is about 0."""
        cut, found = patches(pictures), []
        for k, state in enumerate(self.layers.states(cut.rows)):
            limit = anomaly_limit(cut.rows, state.textbook, self.layers.numbers(k))
            residual = joined(cut._replace(rows=cut.rows - state.background), pictures)
            found.append(Layer(residual, limit.reshape(-1, 1, 1, 1)))
        return found

    def last(self, pictures: Tensor) -> Tensor:
        """The residual after the last layer."""
        cut = patches(pictures)
        return joined(cut._replace(rows=cut.rows - self.layers(cut.rows).background), pictures)


def patches(pictures: Tensor) -> Patches:
    """All patches of pictures (batch, 1, height, width); the border repeats, so that every pixel is in equally many."""
    margin, (height, width) = PATCH - STEP, pictures.shape[-2:]
    edges = (margin, margin + -width % STEP, margin, margin + -height % STEP)
    whole = functional.pad(pictures, edges, mode="replicate")
    batch, down, across = whole.shape[0], whole.shape[-2] // STEP, whole.shape[-1] // STEP
    cells = whole.reshape(batch, down, STEP, across, STEP).transpose(2, 3).reshape(batch, down, across, STEP * STEP)
    down, across = down - TIMES + 1, across - TIMES + 1
    parts = [cells[:, y : y + down, x : x + across] for y in range(TIMES) for x in range(TIMES)]
    return Patches(torch.cat(parts, dim=-1).reshape(batch, down * across, PATCH * PATCH), down, across)


def joined(cut: Patches, like: Tensor) -> Tensor:
    """Pictures like `like`, each pixel the median of what its patches say."""
    batch, down, across = cut.rows.shape[0], cut.down - TIMES + 1, cut.across - TIMES + 1
    cells = cut.rows.reshape(batch, cut.down, cut.across, TIMES * TIMES, STEP, STEP)
    said = [
        cells[:, TIMES - 1 - y : TIMES - 1 - y + down, TIMES - 1 - x : TIMES - 1 - x + across, y * TIMES + x]
        for y in range(TIMES)
        for x in range(TIMES)
    ]
    whole = median(said).transpose(2, 3).reshape(batch, 1, down * STEP, across * STEP)
    return cropped(whole, like)


def median(layers: list[Tensor]) -> Tensor:
    """The median of an odd number of arrays, entry by entry: odd-even transposition, minima and maxima alone."""
    layers = list(layers)
    for turn in range(len(layers)):
        for k in range(turn % 2, len(layers) - 1, 2):
            one, other = layers[k], layers[k + 1]
            layers[k], layers[k + 1] = torch.minimum(one, other), torch.maximum(one, other)
    return layers[len(layers) // 2]


def cropped(large: Tensor, like: Tensor) -> Tensor:
    """The top left of `large`, as high and wide as `like`.

    A slice asks an exporter to prove that `large` is large enough; an index does not, but its gradient is slow.
    """
    height, width = like.shape[-2:]
    if not torch.compiler.is_exporting():
        return large[..., :height, :width]
    rows, columns = (torch.arange(n, device=large.device) for n in (height, width))
    return large.index_select(-2, rows).index_select(-1, columns)
