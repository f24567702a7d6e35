"""What the user may ask of `train`, checked once, and the key that names a training."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from kizu.errors import ParameterError, UsageError
from kizu.networks.catalogue import NETWORKS, Kind, Learn, Network

_NOT_IN_KEY = {"resume", "overwrite", "jobs", "device", "masks", "dictionary"}
"""What changes nothing that is asked for, or is a path to data, whose hash is in the key."""
SETTLED: Mapping[Kind, Mapping[str, Any]] = {
    "pictures": {"rank": None, "dictionary": None},
    "scene": {"masks": None, "dictionary": None},
    "codes": {"masks": None, "rank": None, "axes": None, "recursive": False},
}
"""Keywords that mean nothing for a kind of network, with the value that says so."""
FEWEST_STEPS = 10


@dataclass(frozen=True)
class TrainOptions:
    """The keywords of :func:`kizu.train`, which documents them."""

    network: str
    learn: Learn | None
    masks: str | None
    dictionary: str | None
    layers: int | None
    rank: int | None
    steps: int | None
    validation: float
    recursive: bool
    axes: str | None
    seed: int
    device: str
    jobs: int
    resume: bool
    overwrite: bool

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise ParameterError("network", self.network, ", ".join(NETWORKS))
        if self.learn is not None and self.learn not in self.entry.learn:
            raise ParameterError("learn", self.learn, f"{' or '.join(self.entry.learn)} for {self.network}")
        for name, least in (("layers", 1), ("rank", 1), ("steps", FEWEST_STEPS), ("jobs", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= least):
                raise ParameterError(name, value, f"a whole number of at least {least}")
        if not (isinstance(self.validation, float) and 0 < self.validation < 0.9):
            raise ParameterError("validation", self.validation, "a share between 0 and 0.9")
        for name, unset in SETTLED[self.entry.kind].items():
            if getattr(self, name) != unset:
                raise UsageError(f"has no meaning for {self.network}", "Leave it out", where=f"--{name}")
        if self.masks is not None and self.learn not in (None, "labels"):
            raise UsageError(f"means labels, and --learn {self.learn} was asked for", "Give one", where="--masks")
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite exclude each other", "Give one of them")

    @property
    def entry(self) -> Network:
        return NETWORKS[self.network]

    def key(self, data: str, pixels: Mapping[str, Any]) -> str:
        """Hash of the parameters, the data's hash and type, and the code version: what makes two trainings the same."""
        asked = {name: value for name, value in asdict(self).items() if name not in _NOT_IN_KEY}
        document: Mapping[str, Any] = {"kizu": version("kizu"), "options": asked, "data": data, "pixels": dict(pixels)}
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
