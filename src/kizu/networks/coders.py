"""The networks that code sparsely, by their words, and how each is trained. A new one is a file and a row."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from kizu.networks.ada_lista import AdaLista
from kizu.networks.alista import Alista
from kizu.networks.coding import CodingNetwork
from kizu.networks.coding_task import CodingTask, drawn, pairs
from kizu.networks.lista import Lista
from kizu.networks.lista_cp import ListaCP
from kizu.networks.lista_cpss import ListaCPSS
from kizu.networks.slista import Slista
from kizu.networks.tilista import TiLista
from kizu.networks.training import Recipe, Stage, train
from kizu.solvers.analytic_weight import analytic_weight
from kizu.typing import Floats

ADDED = 0.7
"""Share of the steps that are taken while layers are added."""
BATCH = 64
JUDGES = 1000
"""Samples that are validated on, at most."""


class Coder(NamedTuple):
    """A network, whether it can start from the analytic weight, its steps, and rates of numbers and of matrices.

    With as many steps it is trained within two minutes on one core, with 250 features, 500 atoms and 16 layers.
    """

    network: Any
    weighed: bool
    steps: int
    rate: float = 3e-2
    array_rate: float = 3e-4

    def make(self, D: Floats, layers: int, *, lam: float) -> CodingNetwork:
        """The network before training, over D (atoms, features)."""
        weight = {"weight": analytic_weight(D.T).T} if self.weighed else {}
        made: CodingNetwork = self.network(D, layers, lam=lam, **weight)
        return made

    def recipe(self, layers: int, steps: int | None = None) -> Recipe:
        """One stage for every layer that is added, and one of all layers, of `steps` in all."""
        steps = self.steps if steps is None else steps
        each = max(1, round(ADDED * steps / layers))
        added = [Stage(each, self.rate, self.array_rate, depth=k + 1) for k in range(layers)]
        last = Stage(max(1, steps - layers * each), self.rate, self.array_rate)
        return Recipe((*added, last), validate_every=50, average=0.95)


CODERS: Mapping[str, Coder] = {
    "lista": Coder(Lista, True, 500, array_rate=1e-4),
    "lista-cp": Coder(ListaCP, True, 700, array_rate=1e-4),
    "lista-cpss": Coder(ListaCPSS, True, 700),
    "tilista": Coder(TiLista, True, 700),
    "alista": Coder(Alista, False, 1000),
    "ada-lista": Coder(AdaLista, False, 700),
    "slista": Coder(Slista, False, 400),
}


def fit(
    word: str,
    D: Floats,
    training: tuple[Floats, Floats],
    judging: tuple[Floats, Floats],
    *,
    layers: int,
    lam: float,
    steps: int,
    seed: int,
) -> tuple[CodingNetwork, float]:
    """The network trained on samples (samples, features) and codes (samples, atoms); its error on others in decibels.

    It is trained in single precision, and then has the type of D (atoms, features).
    """
    coder = CODERS[word]
    network = coder.make(D, layers, lam=lam)
    Y, codes = training
    batch = drawn(network, Y, codes, size=min(BATCH, len(Y)), seed=seed)
    task = CodingTask(batch, pairs(network, *(part[:JUDGES] for part in judging)))
    done = train(network, task, coder.recipe(layers, steps))
    return network.to(torch.as_tensor(D[:0]).dtype), float(10.0 / np.log(10.0) * done.log[-1].best)


@torch.no_grad()
def propose(network: CodingNetwork, Y: Floats) -> Floats:
    """The network's codes (samples, atoms) of the rows of Y."""
    return np.asarray(network.codes(Y).numpy())
