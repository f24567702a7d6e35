"""Where the part is in a picture that may show dark surroundings at its edges."""

import numpy as np
from scipy import ndimage

from kizu.typing import Bools, Floats

DARK = 0.35
"""Surroundings are darker than this share of the level further in."""
DEPTH = 0.15
"""They reach this share of a side into the picture, at most: what is deeper is a part of the part."""
SIDES = 0.25
"""Share of an edge that must be dark for it to be surroundings, and of the picture that the part must keep."""
ROUNDS = 20
"""Of the reweighted fit of an edge, which stands still by then."""


def outline(picture: Floats) -> Bools:
    """True on the part, in a grey `picture` (height, width) of at least 16 × 16 pixels.

    From each side the run of pixels is found that are dark beside the level further in, and its depth is smoothed by
    a robust parabola: a bent or slanted edge is followed, a piece broken out of it is not, and stays to be judged.
    """
    lowest = min(float(picture.min()), 0.0)  # dark is near the lowest level there can be
    smooth = ndimage.gaussian_filter(picture - lowest, 1.0)
    inside = np.ones(picture.shape, np.bool_)
    for side in range(4):
        turned = np.rot90(smooth, side)
        height, width = turned.shape
        deep = max(4, int(DEPTH * height))
        level = np.median(turned[deep : 2 * deep + 1], axis=0)
        level = ndimage.median_filter(level, size=max(3, width // 10 | 1), mode="nearest")
        dark = turned[:deep] < DARK * level
        depth = np.where(dark.all(axis=0), deep, np.argmin(dark, axis=0)).astype(float)
        if np.mean(depth > 0) < SIDES:
            continue
        edge = _parabola(depth, np.where(depth < deep, 1.0, 1e-3))
        edge = np.ceil(np.clip(edge, 0, deep) - 0.5)
        inside &= ~np.rot90(np.arange(height)[:, None] < edge, -side)
    return inside if inside.mean() > SIDES else np.ones_like(inside)


def _parabola(depth: Floats, weight: Floats) -> Floats:
    """The parabola through `depth` by reweighted least squares with Cauchy's weights."""
    place = np.linspace(-1, 1, depth.size)
    design = np.vander(place, 3)
    weights, fitted = weight, depth
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        fitted = design @ np.linalg.lstsq(design * root[:, None], depth * root, rcond=None)[0]
        rest = depth - fitted
        scale = max(1.0, 1.4826 * float(np.median(np.abs(rest))))
        weights = weight / (1 + (rest / scale) ** 2)
    return np.asarray(fitted)


def continued(picture: Floats, inside: Bools) -> Floats:
    """`picture` with the nearest pixel of the part in place of its surroundings."""
    if inside.all():
        return picture
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return np.asarray(picture[tuple(nearest)])
