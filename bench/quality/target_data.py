"""Infrared pictures with small targets, and how masks and maps agree with the truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kizu.detect.hysteresis import EIGHT
from kizu.detect.metrics import auroc, average_precision
from kizu.detect.protocols import PROTOCOLS, Judged, Tally, Truth
from kizu.detect.target_metrics import Match
from kizu.detect.target_metrics import optimal as matched

__all__ = ["EIGHT", "Bools", "Match", "Scene", "Scores", "matched", "ranked", "read_scenes", "score"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]


class Scene(NamedTuple):
    """A grey picture and its targets (height, width)."""

    name: str
    file: Path
    grey: NDArray[np.uint8]
    targets: Bools


class Scores(NamedTuple):
    """Of masks: pixels pooled (`iou`) and per picture (`niou`); targets found (`pd`); false pixels per pixel (`fa`)."""

    iou: float
    niou: float
    pd: float
    fa: float
    false_per_image: float


def read_scenes(folder: Path) -> list[Scene]:
    return [_scene(file, folder / "masks" / file.name) for file in sorted((folder / "images").glob("*.png"))]


def _scene(file: Path, mask: Path) -> Scene:
    grey, targets = (np.asarray(Image.open(path).convert("L")) for path in (file, mask))
    return Scene(file.stem, file, grey, targets > 127)


def score(masks: Sequence[Bools], truths: Sequence[Bools]) -> Scores:
    tally = Tally(PROTOCOLS["kizu"])
    for mask, truth in zip(masks, truths, strict=True):
        tally.add(Judged(mask, None, Truth(truth, np.ones(truth.shape, bool))))
    numbers = tally.numbers()
    return Scores(
        **{name: numbers[name] for name in ("iou", "niou", "pd", "fa")},
        false_per_image=tally.matches[""].false / len(masks),
    )


def ranked(maps: Sequence[Floats], truths: Sequence[Bools]) -> tuple[float, float]:
    """AUROC and average precision of the pixels of all pictures."""
    score, truth = np.concatenate([m.ravel() for m in maps]), np.concatenate([t.ravel() for t in truths])
    return auroc(score, truth), average_precision(score, truth)
