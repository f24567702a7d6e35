"""What any network of pictures says of them: its background, if it has one, and the logit that a pixel is anomalous."""

from functools import singledispatch

import torch
from torch import Tensor, nn

from kizu.networks.exact_rpcanet import ExactRPCANet
from kizu.networks.rpcanet import RPCANet


@singledispatch
def opinion(network: nn.Module, images: Tensor) -> tuple[Tensor | None, Tensor]:
    """(background, logit) of images (batch, 1, height, width), of the same shape.

    The logit is the network's at every pixel: what may count as a region is for those to say who know how often it is
    wrong (:mod:`kizu.detect.peaks`).
    """
    raise TypeError(f"{type(network).__name__} judges no pictures")


@opinion.register
def _(network: ExactRPCANet, images: Tensor) -> tuple[Tensor | None, Tensor]:
    residual, logit = network.opinion(images)
    return images - residual, logit


@opinion.register
def _(network: RPCANet, images: Tensor) -> tuple[Tensor | None, Tensor]:
    return None, network(images)[1]  # its D is no background: it is a reconstruction of the picture


def has_background(network: nn.Module) -> bool:
    """Whether the network splits a picture, or only judges it."""
    with torch.inference_mode():
        return opinion(network, torch.zeros(1, 1, 32, 32))[0] is not None
