"""The networks by their words on the command line, without importing one of them.

Adding a network is one row here, and one file of the network itself.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal, NamedTuple

from kizu.errors import UsageError

Kind = Literal["pictures", "scene", "codes"]
Learn = Literal["labels", "planted", "distil", "self"]

LEARN: Mapping[Learn, str] = {
    "labels": "from what a person marked",
    "planted": "from defects planted into clean pictures",
    "distil": "from what kizu's own converged solver finds",
    "self": "from the objective alone",
}


class Network(NamedTuple):
    """What a network is, the data it takes, and how it can learn, the usual way first."""

    title: str
    kind: Kind
    learn: tuple[Learn, ...]


_MARKED: tuple[Learn, ...] = ("labels", "planted", "distil")
_CODES: tuple[Learn, ...] = ("distil", "self")

NETWORKS: Mapping[str, Network] = {
    "exact-rpcanet": Network(
        "small targets in pictures: unfolded robust PCA, background + anomaly + noise is the picture",
        "pictures",
        _MARKED,
    ),
    "rpcanet": Network("small targets in pictures: RPCANet as published (Wu et al. 2024)", "pictures", _MARKED),
    "learned-rpca": Network(
        "one scene, or a matrix: robust PCA by trained scaled gradients (Cai et al. 2021)", "scene", ("self", "distil")
    ),
    "alista": Network("sparse codes: two numbers per layer (Liu et al. 2019)", "codes", _CODES),
    "tilista": Network("sparse codes: one trained matrix, two numbers per layer (Liu et al. 2019)", "codes", _CODES),
    "lista": Network("sparse codes: matrices in every layer (Gregor & LeCun 2010)", "codes", _CODES),
    "lista-cp": Network("sparse codes: coupled matrices (Chen et al. 2018)", "codes", _CODES),
    "lista-cpss": Network("sparse codes: coupled matrices and support selection (Chen et al. 2018)", "codes", _CODES),
    "slista": Network("sparse codes: step sizes alone (Ablin et al. 2019)", "codes", ("self", "distil")),
}


def require_torch(what: str) -> None:
    """UsageError, in one line, where torch is not installed."""
    if find_spec("torch") is None:
        raise UsageError(f"{what} needs torch, which is not installed", "Install it: pip install 'kizu[deep]'")
