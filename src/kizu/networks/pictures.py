"""Pictures to learn from: crops of scenes, with targets taken out, put elsewhere or made up, and the camera varied.

A scene is a picture, the mask of its targets, and its ground: the picture with the targets smoothed over (Laplace's
equation) and the noise of their surroundings. What a target adds to its ground can be pasted into any other. A batch
depends on the seed and the step alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from kizu.errors import ShapeError
from kizu.typing import Bools

Grey = NDArray[np.float32]
HOLE, RING, EDGE = 5, 8, 3
"""Pixels around a target that are smoothed over, width of the ring beyond whose noise is put there, and pixels around
a target that move with it."""
BLUR, CLIPPED = 1.0, 3.0
"""Noise is what a blur of so many pixels takes away, up to so many typical ones: an edge's is none."""


class Scene(NamedTuple):
    """A picture, the mask of its targets and its ground, each (height, width)."""

    picture: Grey
    mask: Bools
    ground: Grey


class Cutout(NamedTuple):
    """What one target adds to its ground, and its mask, each (height, width)."""

    light: Grey
    mask: Bools


def scene(picture: NDArray[np.number], mask: Bools | None, *, seed: int = 0) -> Scene:
    """A picture as a scene; ShapeError where its mask has another shape."""
    grey = np.asarray(picture, np.float32)
    targets = np.zeros(grey.shape, bool) if mask is None else np.asarray(mask, bool)
    if grey.ndim != 2 or targets.shape != grey.shape:
        raise ShapeError(f"a picture of shape {grey.shape} and a mask of {targets.shape}", "Give one grey picture each")
    return Scene(grey, targets, emptied(grey, targets, seed))


def emptied(grey: Grey, targets: Bools, seed: int) -> Grey:
    """The picture with smooth ground where the targets were, and noise as there is around."""
    if not targets.any() or targets.all():
        return grey
    far = ndimage.distance_transform_edt(~targets)
    hole, ring = far <= HOLE, (far > HOLE) & (far <= HOLE + RING)
    if hole.all():
        return grey
    noise = (grey - ndimage.gaussian_filter(grey, BLUR))[ring]
    noise = noise[np.abs(noise) <= CLIPPED * 1.4826 * np.median(np.abs(noise))]
    filled = smoothed_over(grey, hole)
    filled[hole] += np.random.default_rng(seed).choice(noise, int(hole.sum()))
    return filled


def smoothed_over(values: Grey, hole: Bools) -> Grey:
    """Laplace's equation in the hole: every pixel is the mean of its neighbours, those outside given."""
    size = int(hole.sum())
    number = np.full(np.add(hole.shape, 2), -2)  # −2: beyond the border, −1: given, else in the hole
    inner = number[1:-1, 1:-1]
    inner[...] = -1
    inner[hole] = np.arange(size)
    padded = np.pad(np.asarray(values, np.float64), 1)
    y, x = np.nonzero(np.pad(hole, 1))
    count, given, pairs = np.zeros(size), np.zeros(size), []
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        other = number[y + down, x + right]
        count += other >= -1
        given += np.where(other == -1, padded[y + down, x + right], 0.0)
        pairs.append(np.stack([np.flatnonzero(other >= 0), other[other >= 0]]))
    rows, columns = np.concatenate(pairs, axis=1)
    matrix = sparse.diags(count) - sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    found = np.array(values, np.float32)
    found[hole] = spsolve(matrix.tocsc(), given)
    return found


def cutouts(scenes: Sequence[Scene]) -> list[Cutout]:
    """Every target of the scenes that is not cut by the border."""
    found = []
    for one in scenes:
        labels, _ = ndimage.label(one.mask, np.ones((3, 3)))
        for index, box in enumerate(ndimage.find_objects(labels), 1):
            wide = tuple(slice(side.start - EDGE, side.stop + EDGE) for side in box)
            inside = all(side.start >= 0 and side.stop <= n for side, n in zip(wide, one.mask.shape, strict=True))
            if inside:
                mask = labels[wide] == index
                near = ndimage.binary_dilation(mask, iterations=EDGE)
                light = np.where(near, one.picture[wide] - smoothed_over(one.picture, _hole(labels, index))[wide], 0.0)
                found.append(Cutout(light.astype(np.float32), mask))
    return found


def _hole(labels: NDArray[np.integer], index: int) -> Bools:
    return np.asarray(ndimage.binary_dilation(labels == index, iterations=HOLE))


def spot(rng: np.random.Generator) -> Cutout:
    """A made-up target: a bell of 1 to 15 pixels, longer than wide, whose mask is where it is above 0.4 of its peak."""
    long = np.exp(rng.uniform(np.log(0.6), np.log(3.0)))
    wide = long * rng.uniform(0.5, 1.0)
    turn, half = rng.uniform(0, np.pi), 10
    y, x = np.mgrid[-half : half + 1, -half : half + 1] - rng.uniform(-0.5, 0.5, (2, 1, 1))
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    bell = np.exp(-0.5 * ((along / long) ** 2 + (across / wide) ** 2))
    if rng.random() < 0.3:  # glaring: its top is flat
        bell = np.minimum(1.0, 2.0 * bell)
    return Cutout(np.asarray(bell / bell.max(), np.float32), np.asarray(bell >= 0.4 * bell.max()))
