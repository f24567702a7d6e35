"""The task of finding small targets, learned from pictures with masks, or from clean ones with spots planted."""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kizu.networks.exact_rpcanet import ExactRPCANet, level_and_scale
from kizu.networks.losses import logit_loss, split_loss
from kizu.networks.opinion import opinion
from kizu.networks.pictures import cutouts, scene
from kizu.networks.rpcanet import RPCANet
from kizu.networks.variation import sample
from kizu.typing import Bools

Pictures = Sequence[NDArray[np.number]]
SHIFT, STRETCH = 0.5, (-0.5, 1.5)
"""How level and scale of a whole picture differ from those of a crop, which sees less of it: a standard deviation in
units of the scale, and a range of logarithms (measured on infrared pictures: −0.2 to 1.3)."""


class PictureTask:
    """Batches of crops that depend on (seed, step) alone, and the validation on whole pictures.

    `masks` of the training pictures; None where these are clean: then targets are made up. Validation pictures are
    scored by what is missing of the mean of IoU (pooled), IoU per picture, and the share of pictures that stay empty
    when their targets are smoothed over. Every batch has `batch` crops of `size` pixels a side.
    """

    def __init__(
        self,
        pictures: Pictures,
        masks: Sequence[Bools] | None,
        validation: Pictures,
        validation_masks: Sequence[Bools],
        *,
        batch: int = 8,
        size: int = 128,
        seed: int = 0,
    ) -> None:
        given = [None] * len(pictures) if masks is None else masks
        self.scenes = [scene(p, m, seed=k) for k, (p, m) in enumerate(zip(pictures, given, strict=True))]
        self.targets = cutouts(self.scenes)
        pairs = zip(validation, validation_masks, strict=True)
        self.validation = [scene(p, m, seed=k) for k, (p, m) in enumerate(pairs)]
        self.batch, self.size, self.seed = batch, size, seed

    def begin(self, network: nn.Module, depth: int | None) -> None:
        """Nothing has to be prepared."""

    def loss(self, network: nn.Module, step: int, depth: int | None) -> Tensor:
        """The loss of batch `step`."""
        rng = np.random.default_rng((self.seed, step))
        drawn = [sample(self.scenes, self.targets, self.size, rng) for _ in range(self.batch)]
        device = next(network.parameters()).device
        pictures, masks, ground = (
            torch.from_numpy(np.stack(part).astype(np.float32))[:, None].to(device) for part in zip(*drawn, strict=True)
        )
        return learned(network.train(), pictures, masks, ground, depth, rng)

    def validate(self, network: nn.Module, depth: int | None) -> float:
        """What is missing of the mean of the three scores, of the whole network."""
        network.eval()
        both, either, each, silent = 0, 0, [], []
        for one in self.validation:
            found = flagged(network, one.picture)
            inside, union = int((found & one.mask).sum()), int((found | one.mask).sum())
            both, either = both + inside, either + union
            each.append(inside / union if union else 1.0)
            silent.append(not flagged(network, one.ground).any())
        pooled = both / either if either else 1.0
        return 1.0 - (pooled + float(np.mean(each)) + float(np.mean(silent))) / 3


@singledispatch
def learned(
    network: nn.Module, pictures: Tensor, masks: Tensor, ground: Tensor, depth: int | None, rng: np.random.Generator
) -> Tensor:
    """The loss of a batch (batch, 1, height, width), whose level and scale may vary by `rng`."""
    raise TypeError(f"{type(network).__name__} does not learn from pictures")


@learned.register
def _(
    network: ExactRPCANet, pictures: Tensor, masks: Tensor, ground: Tensor, depth: int | None, rng: np.random.Generator
) -> Tensor:
    level, scale = level_and_scale(pictures)
    shift, stretch = rng.normal(0.0, SHIFT, len(scale)), np.exp(rng.uniform(*STRETCH, len(scale)))
    level, scale = level + scale * _numbers(shift, scale), scale * _numbers(stretch, scale)
    pictures, ground = (pictures - level) / scale, (ground - level) / scale
    stages = network.unfold(pictures, depth)
    return split_loss([s.logit for s in stages], [s.background for s in stages], masks, pictures, ground)


@learned.register
def _(
    network: RPCANet, pictures: Tensor, masks: Tensor, ground: Tensor, depth: int | None, rng: np.random.Generator
) -> Tensor:
    data, logit = network(pictures)
    return logit_loss(logit, masks, data, pictures)


def _numbers(values: NDArray[np.floating], like: Tensor) -> Tensor:
    """One number per picture as (batch, 1, 1, 1)."""
    return torch.from_numpy(values).to(like)[:, None, None, None]


@torch.no_grad()
def flagged(network: nn.Module, picture: NDArray[np.floating]) -> Bools:
    """Where the logit of one picture (height, width) is above 0."""
    like = next(network.parameters())
    images = torch.from_numpy(np.asarray(picture)).to(like)[None, None]
    return np.asarray(opinion(network, images)[1][0, 0].cpu().numpy() > 0)
