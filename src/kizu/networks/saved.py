"""A trained network from its card and weights, which are checked before a number is used."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kizu.networks.catalogue import NETWORKS


def restore(card: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> nn.Module:
    """The network in evaluation mode; ValueError where card and weights are not one network's."""
    word = card["network"]
    if word not in NETWORKS:
        raise ValueError(f"{word!r} is not a network of this version")
    network: nn.Module = NETWORKS[word].type(**card["config"])
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: array.shape for name, array in weights.items()}
    if wanted != found:
        odd = sorted(wanted.items() ^ found.items())[0]
        raise ValueError(f"{word} has no weights {odd[0]} of shape {odd[1]}, or lacks them")
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise ValueError(f"weights {name} are not finite")
    network.load_state_dict({name: torch.as_tensor(array) for name, array in weights.items()})
    return network.eval()
