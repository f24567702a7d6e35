"""What the user may ask of `inspect`, checked once, and the key that names a run."""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from kizu.detect.decide import Rule
from kizu.detect.maps import Sign
from kizu.errors import ParameterError
from kizu.stack import Stack

FALSE_ALARMS = 0.1
TOL = 1e-4
"""Relative duality gap that the background is certified to."""

_NOT_IN_KEY = {"resume", "overwrite", "jobs", "memory"}


@dataclass(frozen=True)
class Options:
    """The keywords of :func:`kizu.inspect`, which documents them."""

    noise: float | Literal["auto"]
    lam: float | None
    rank: int | None
    false_alarms: float | None
    fdr: float | None
    z: float | None
    background: str | None
    ignore: str | None
    align: Literal["auto", "none", "translation"]
    recursive: bool
    axes: str | None
    resize: tuple[int, int] | None
    skip_odd: bool
    min_area: int | None
    sign: Sign
    memory: str | None
    jobs: int
    seed: int
    resume: bool
    overwrite: bool

    def __post_init__(self) -> None:
        if self.noise != "auto" and not self.noise > 0:
            raise ParameterError("noise", self.noise, '"auto" or a positive number')
        for name in ("lam", "false_alarms", "z"):
            _check(name, getattr(self, name), "a positive number", lambda v: v > 0)
        _check("fdr", self.fdr, "a share between 0 and 1", lambda v: 0 < v < 1)
        for name in ("rank", "min_area", "jobs"):
            _check(name, getattr(self, name), "a whole number of at least 1", lambda v: v >= 1)
        if sum(v is not None for v in (self.false_alarms, self.fdr, self.z)) > 1:
            raise ParameterError("false_alarms, fdr, z", "more than one", "one rule only")

    @property
    def rule(self) -> Rule:
        """The one rule asked for; false regions per defect-free image by default."""
        if self.fdr is not None:
            return Rule("fdr", self.fdr)
        if self.z is not None:
            return Rule("z", self.z)
        return Rule("false_alarms", FALSE_ALARMS if self.false_alarms is None else self.false_alarms)

    def key(self, stack: Stack) -> str:
        """Hash of inputs, parameters and code version: what makes two runs the same run."""
        asked = {name: value for name, value in asdict(self).items() if name not in _NOT_IN_KEY}
        inputs = [[s.path, s.sha256, s.decoded] for s in stack.sources]
        files = {name: _fingerprint(asked[name]) for name in ("background", "ignore") if asked[name]}
        document = {"kizu": version("kizu"), "options": asked, "inputs": inputs, "frames": stack.used, "files": files}
        return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _check(name: str, value: Any, allowed: str, holds: Any) -> None:
    if value is not None and not holds(value):
        raise ParameterError(name, value, allowed)


def _fingerprint(path: str) -> str:
    """sha256 of a file, or of the model inside a results folder."""
    file = Path(path)
    model = file / "model" / "weights.safetensors"
    target = model if file.is_dir() else file
    return hashlib.sha256(target.read_bytes()).hexdigest() if target.is_file() else ""
