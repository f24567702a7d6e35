"""The networks by their words on the command line, without importing one of them.

Adding a network is one row here, and one file of the network itself.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

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
    """What a network is, the data it takes, how it can learn (the usual way first), and where its class is."""

    title: str
    kind: Kind
    learn: tuple[Learn, ...]
    home: str
    name: str

    @property
    def type(self) -> Any:
        return getattr(import_module(f"kizu.networks.{self.home}"), self.name)


NETWORKS: Mapping[str, Network] = {
    "exact-rpcanet": Network(
        "exact unfolded robust PCA of pictures: background + anomaly + noise is the picture",
        "pictures",
        ("labels", "planted", "distil"),
        "exact_rpcanet",
        "ExactRPCANet",
    ),
    "rpcanet": Network(
        "RPCANet as published (Wu et al. 2024)", "pictures", ("labels", "planted", "distil"), "rpcanet", "RPCANet"
    ),
}


def require_torch(what: str) -> None:
    """UsageError, in one line, where torch is not installed."""
    if find_spec("torch") is None:
        raise UsageError(f"{what} needs torch, which is not installed", "Install it: pip install 'kizu[deep]'")
