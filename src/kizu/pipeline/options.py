"""What the user may ask of `inspect`, checked once, and the key that names a run."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from kizu.detect.decide import Rule
from kizu.detect.maps import Sign
from kizu.engines.disk import WINDOW_MEMORY, Disk
from kizu.engines.protocol import Engine
from kizu.engines.threads import Threads
from kizu.errors import ParameterError, UsageError
from kizu.files import MODEL_WEIGHTS
from kizu.stack import Source

Align = Literal["auto", "none", "translation"]

FALSE_ALARMS = 0.1
TOL = 1e-4
"""Relative duality gap that the background is certified to."""

WORDS = {"align": get_args(Align), "sign": get_args(Sign)}
_NOT_IN_KEY = {"resume", "overwrite", "jobs", "memory", "room", "network"}


class Room(NamedTuple):
    """Where a run keeps what is as large as its images: in memory, or in a folder for scratch.

    `windows`: bytes of memory that may be read ahead of the work on them.
    """

    folder: Path | None = None
    windows: int = WINDOW_MEMORY


IN_MEMORY = Room()


@dataclass(frozen=True)
class Options:
    """The keywords of :func:`kizu.inspect`, which documents them; `network` is the folder of `model` if it is one."""

    model: str | None
    noise: float | Literal["auto"] | None
    lam: float | None
    rank: int | None
    false_alarms: float | None
    fdr: float | None
    z: float | None
    background: str | None
    ignore: str | None
    align: Align
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
    room: Room = IN_MEMORY
    network: str | None = None

    def __post_init__(self) -> None:
        if self.noise not in ("auto", None) and not _positive(self.noise):
            raise ParameterError("noise", self.noise, '"auto", None for none, or a positive number')
        for name in ("lam", "false_alarms", "z"):
            _check(name, getattr(self, name), "a positive number", _positive)
        _check("fdr", self.fdr, "a share between 0 and 1", lambda v: _positive(v) and v < 1)
        for name in ("rank", "min_area", "jobs"):
            _check(name, getattr(self, name), "a whole number of at least 1", lambda v: isinstance(v, int) and v >= 1)
        _check("seed", self.seed, "a whole number of at least 0", lambda v: isinstance(v, int) and v >= 0)
        for name, words in WORDS.items():
            _check(name, getattr(self, name), " or ".join(words), words.__contains__)
        if sum(v is not None for v in (self.false_alarms, self.fdr, self.z)) > 1:
            raise ParameterError("false_alarms, fdr, z", "more than one", "one rule only")
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite exclude each other", "Give one of them")

    @cached_property
    def engine(self) -> Engine:
        """Where the blocks of this run are worked on: in memory, or on disk where :mod:`kizu.pipeline.room` says so."""
        if self.room.folder is None:
            return Threads(self.jobs)
        return Disk(self.jobs, folder=self.room.folder, window_memory=self.room.windows)

    @property
    def rule(self) -> Rule:
        """The one rule asked for; false regions per defect-free image by default."""
        if self.fdr is not None:
            return Rule("fdr", self.fdr)
        if self.z is not None:
            return Rule("z", self.z)
        return Rule("false_alarms", FALSE_ALARMS if self.false_alarms is None else self.false_alarms)

    def key(self, sources: Sequence[Source], used: int) -> str:
        """Hash of inputs, parameters and code version: what makes two runs the same run."""
        asked = {name: value for name, value in asdict(self).items() if name not in _NOT_IN_KEY}
        inputs = [[s.path, s.sha256, s.decoded] for s in sources]
        files = {name: fingerprint(asked[name]) for name in ("model", "background", "ignore") if asked[name]}
        document = {"kizu": version("kizu"), "options": asked, "inputs": inputs, "frames": used, "files": files}
        return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _positive(value: Any) -> bool:
    return isinstance(value, float | int) and 0 < value < math.inf


def _check(name: str, value: Any, allowed: str, holds: Callable[[Any], bool]) -> None:
    if value is not None and not holds(value):
        raise ParameterError(name, value, allowed)


def first_set(options: Options, unset: Mapping[str, Any]) -> str | None:
    """The first of the options named in `unset` that has another value, as it is written on the command line."""
    found = (name for name, value in unset.items() if getattr(options, name) != value)
    return next((f"--{name.replace('_', '-')}" for name in found), None)


def fingerprint(path: str) -> str:
    """sha256 of a file, or of the weights in a model folder or a results folder; "" if there is none."""
    file = Path(path)
    candidates = (file / MODEL_WEIGHTS, file / "model" / MODEL_WEIGHTS) if file.is_dir() else (file,)
    target = next((candidate for candidate in candidates if candidate.is_file()), None)
    return "" if target is None else hashlib.sha256(target.read_bytes()).hexdigest()
