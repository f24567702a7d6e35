"""Infrared pictures with small targets, and how masks and maps agree with the truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from kizu.detect.metrics import auroc, average_precision

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]
EIGHT = np.ones((3, 3))
NEAR = 3.0
"""A component is a target's where their centroids are less than so many pixels apart."""


class Scene(NamedTuple):
    """A grey picture and its targets (height, width)."""

    name: str
    file: Path
    grey: NDArray[np.uint8]
    targets: Bools


class Match(NamedTuple):
    """Targets of a picture, those found, and the components and pixels that are nobody's."""

    targets: int
    found: int
    false: int
    false_pixels: int


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
    both, either = (
        np.array([np.count_nonzero(of(m, t)) for m, t in zip(masks, truths, strict=True)])
        for of in (np.logical_and, np.logical_or)
    )
    per_image = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    matches = np.array([matched(m, t) for m, t in zip(masks, truths, strict=True)])
    targets, found, false, pixels = matches.sum(axis=0)
    return Scores(
        iou=float(both.sum() / either.sum()),
        niou=float(per_image.mean()),
        pd=float(found / targets),
        fa=float(pixels / sum(truth.size for truth in truths)),
        false_per_image=float(false / len(masks)),
    )


def matched(mask: Bools, truth: Bools) -> Match:
    """Components and targets one to one: as many pairs as there can be, of those the nearest."""
    (ours, count), (theirs, targets) = ndimage.label(mask, EIGHT), ndimage.label(truth, EIGHT)
    taken = np.zeros(count + 1, bool)
    if count and targets:
        places = [
            np.array(ndimage.center_of_mass(m, m, np.arange(1, n + 1))) for m, n in ((ours, count), (theirs, targets))
        ]
        distance = np.linalg.norm(places[0][:, None] - places[1][None], axis=2)
        far = NEAR * (1 + min(count, targets))  # dearer than all pairs together: the number of pairs comes first
        rows, columns = linear_sum_assignment(np.where(distance < NEAR, distance, far))
        taken[rows[distance[rows, columns] < NEAR] + 1] = True
    sizes = np.bincount(ours.ravel(), minlength=count + 1)
    found = int(taken.sum())
    return Match(targets, found, count - found, int(sizes[1:][~taken[1:]].sum()))


def ranked(maps: Sequence[Floats], truths: Sequence[Bools]) -> tuple[float, float]:
    """AUROC and average precision of the pixels of all pictures."""
    score, truth = np.concatenate([m.ravel() for m in maps]), np.concatenate([t.ravel() for t in truths])
    return auroc(score, truth), average_precision(score, truth)
