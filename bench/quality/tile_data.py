"""Magnetic tiles: the pictures with their truth, and how well maps agree with it."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from kizu.detect.metrics import aupro_of, auroc
from kizu.pipeline.surface import MOST_SHRINK, WORKING

Floats = NDArray[np.floating]
CLASSES = ("Blowhole", "Crack", "Break")
FALSE_POSITIVES = 0.3
"""Rate up to which regions' overlap is integrated."""
NEAR = 5
"""Pixels that a map's maximum may lie beside the defect."""
HEAD = "AUPRO Blowhole | Crack | Break | image AUROC (maximum) | maximum on the defect (within 5 px) | exactly"


class Tile(NamedTuple):
    """A grey picture and its defect (height, width); `group` counts neighbouring shots of the same tiles."""

    name: str
    file: Path
    kind: str
    group: int
    train: bool
    grey: NDArray[np.uint8]
    defect: NDArray[np.bool_]


class Scores(NamedTuple):
    """`aupro` per class, each beside the good pictures; `image` AUROC; the shares whose maximum is near and on."""

    aupro: dict[str, float]
    image: float
    near: float
    on: float

    @property
    def cells(self) -> list[float]:
        return [*self.aupro.values(), self.image, self.near, self.on]


def read_tiles(folder: Path) -> list[Tile]:
    with (folder / "index.csv").open(newline="") as file:
        return [_tile(folder, row) for row in sorted(csv.DictReader(file), key=lambda row: row["name"])]


def _tile(folder: Path, row: Mapping[str, str]) -> Tile:
    file, mask = folder / "images" / f"{row['name']}.jpg", folder / "masks" / f"{row['name']}.png"
    grey, defect = (np.asarray(Image.open(path).convert("L")) for path in (file, mask))
    return Tile(row["name"], file, row["class"], int(row["tile_group"]), row["split"] == "train", grey, defect > 127)


def shrink_of(tiles: Sequence[Tile]) -> int:
    """By how much `kizu fit` reduces pictures of this size."""
    side = float(np.median([np.sqrt(tile.grey.size) for tile in tiles]))
    return int(np.clip(round(side / WORKING), 1, MOST_SHRINK))


def score(tiles: Sequence[Tile], maps: Mapping[str, Floats]) -> Scores:
    """Of maps as large as the pictures, by name."""
    overlap = {}
    for kind in CLASSES:
        own = [tile for tile in tiles if tile.kind == kind or not tile.defect.any()]
        overlap[kind] = aupro_of(
            [maps[tile.name] for tile in own],
            [tile.defect for tile in own],
            [np.ones(tile.defect.shape, bool) for tile in own],
            limit=FALSE_POSITIVES,
        )
    defective = np.array([tile.defect.any() for tile in tiles])
    peaks = [_distance(tile.defect, maps[tile.name]) for tile in tiles if tile.defect.any()]
    image = auroc(np.array([maps[tile.name].max() for tile in tiles]), defective)
    return Scores(overlap, image, float(np.mean(np.array(peaks) <= NEAR)), float(np.mean(np.array(peaks) == 0)))


def _distance(defect: NDArray[np.bool_], unusual: Floats) -> float:
    """Pixels from the map's maximum to the defect."""
    return float(ndimage.distance_transform_edt(~defect)[np.unravel_index(int(unusual.argmax()), defect.shape)])
