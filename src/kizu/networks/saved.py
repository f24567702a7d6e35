"""A network from its card and weights, which are checked before a number is used."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kizu.networks.catalogue import NETWORKS, Kind
from kizu.networks.coders import CODERS
from kizu.networks.exact_rpcanet import ExactRPCANet
from kizu.networks.learned_rpca import LearnedRPCA
from kizu.networks.rpcanet import RPCANet

Arrays = Mapping[str, NDArray[Any]]

PICTURES: Mapping[str, Any] = {"exact-rpcanet": ExactRPCANet, "rpcanet": RPCANet}


def _pictures(word: str, config: Mapping[str, Any], weights: Arrays) -> nn.Module:
    made: nn.Module = PICTURES[word](**config)
    return made


def _scene(word: str, config: Mapping[str, Any], weights: Arrays) -> nn.Module:
    return LearnedRPCA.untrained(**config)


def _codes(word: str, config: Mapping[str, Any], weights: Arrays) -> nn.Module:
    return CODERS[word].make(weights["constants.A"].T, **config)


BUILDERS: Mapping[Kind, Callable[[str, Mapping[str, Any], Arrays], nn.Module]] = {
    "pictures": _pictures,
    "scene": _scene,
    "codes": _codes,
}


def restore(card: Mapping[str, Any], weights: Arrays) -> nn.Module:
    """The network in evaluation mode; ValueError where card and weights are not one network's."""
    word = card["network"]
    if word not in NETWORKS:
        raise ValueError(f"{word!r} is not a network of this version")
    network = BUILDERS[NETWORKS[word].kind](word, card["config"], weights)
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
