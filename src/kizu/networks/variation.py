"""Training pictures varied: what is planted in them, how large they are, and how the camera sees them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

from kizu.networks.pictures import Cutout, Grey, Scene, spot

ZOOM = 0.3
"""Pictures are made larger or smaller by up to e to this, every other one."""
FAINTEST, BRIGHTEST, GLARING = 5.0, 12.0, 24.0
"""Peaks of planted targets, in standard deviations around them: made up to the second, moved to the third."""
AROUND = 8
"""Pixels around a planted target whose standard deviation counts."""
EMPTIED, PLANTED, CAMERA = 0.15, 0.25, 0.5
"""Shares of pictures whose targets are taken out, that get more of them, and that another camera sees."""
MADE_UP, MOST_PLANTED = 0.3, 3
"""Share of planted samples whose targets are made up though others could be moved; most targets in one."""


def varied(one: Scene, targets: Sequence[Cutout], rng: np.random.Generator) -> Scene:
    """A whole scene as it may look another time: targets taken out or added, larger or smaller, another camera."""
    kind = rng.random()
    if kind < EMPTIED:
        one = Scene(one.ground, np.zeros_like(one.mask), one.ground)
    elif kind < EMPTIED + PLANTED or not (targets or one.mask.any()):
        one = _planted(one, targets, rng)
    if rng.random() < 0.5:
        one = zoomed(one, float(np.exp(rng.uniform(-ZOOM, ZOOM))))
    return seen(one, rng) if rng.random() < CAMERA else one


def _planted(one: Scene, targets: Sequence[Cutout], rng: np.random.Generator) -> Scene:
    count = int(rng.integers(1, MOST_PLANTED + 1))
    if not targets or rng.random() < MADE_UP:
        return plant_spots(one, count, rng)
    for _ in range(count):
        one = plant(one, targets[int(rng.integers(len(targets)))], rng)
    return one


def plant_spots(one: Scene, count: int, rng: np.random.Generator) -> Scene:
    """The scene with made-up targets."""
    for _ in range(count):
        bell = spot(rng)
        strength = np.float32(rng.uniform(FAINTEST, BRIGHTEST) * (float(one.picture.std()) or 1.0))
        one = plant(one, Cutout(bell.light * strength, bell.mask), rng)
    return one


def plant(one: Scene, cutout: Cutout, rng: np.random.Generator) -> Scene:
    """The scene with one more target, turned at random; the same where there is no room for it."""
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    light, mask = _held(cutout.light, turns, flip=flip), _held(cutout.mask, turns, flip=flip)
    height, width = light.shape
    if height > one.mask.shape[0] or width > one.mask.shape[1]:
        return one
    top, left = (int(rng.integers(n - side + 1)) for n, side in zip(one.mask.shape, light.shape, strict=True))
    place = (slice(top, top + height), slice(left, left + width))
    if one.mask[place].any():
        return one
    near = one.picture[max(0, top - AROUND) : top + height + AROUND, max(0, left - AROUND) : left + width + AROUND]
    sigma, peak = float(near.std()) or 1.0, float(np.abs(light).max()) or 1.0
    strength = float(np.clip(peak / sigma * np.exp(rng.normal(0.0, 0.3)), FAINTEST, GLARING))
    picture, truth = one.picture.copy(), one.mask.copy()
    picture[place] += light * np.float32(strength * sigma / peak)
    truth[place] |= mask
    return Scene(picture, truth, one.ground)


def zoomed(one: Scene, factor: float) -> Scene:
    """The scene with `factor` times as many pixels a side."""
    parts = np.stack([np.asarray(part, np.float32) for part in one])
    size = [max(8, round(factor * side)) for side in one.mask.shape]
    made = functional.interpolate(torch.from_numpy(parts)[None], size, mode="bilinear", align_corners=False)
    picture, mask, ground = made[0].numpy()
    return Scene(picture, mask > 0.5, ground)


def _held(part: NDArray[Any], turns: int, *, flip: bool) -> NDArray[Any]:
    return np.ascontiguousarray(np.rot90(part[:, ::-1] if flip else part, turns))


def seen(one: Scene, rng: np.random.Generator) -> Scene:
    """The scene as another camera sees it: curve, blur, slope of light, stripes, noise, each now and then."""
    low, high = float(one.picture.min()), float(one.picture.max())
    span = (high - low) or 1.0
    picture, ground = ((part - low) / span for part in (one.picture, one.ground))
    if rng.random() < 0.4:
        power = float(np.exp(rng.uniform(-0.5, 0.5)))
        picture, ground = (np.clip(part, 0.0, None) ** power for part in (picture, ground))
    if rng.random() < 0.2:
        sigma = rng.uniform(0.3, 0.9)
        picture, ground = (ndimage.gaussian_filter(part, sigma) for part in (picture, ground))
    added = _disturbance(picture, rng)
    picture, ground = (low + span * np.asarray(part + added, np.float32) for part in (picture, ground))
    return Scene(picture, one.mask, ground)


def _disturbance(picture: Grey, rng: np.random.Generator) -> NDArray[np.floating]:
    sigma, shape = float(picture.std()), picture.shape
    rough = float(np.abs(np.diff(picture, axis=0)).mean())
    added = np.zeros(shape)
    if rng.random() < 0.3:
        y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
        added += 0.5 * sigma * (rng.normal() * x + rng.normal() * y)
    if rng.random() < 0.15:
        lines = (shape[0], 1) if rng.random() < 0.5 else (1, shape[1])
        added += rng.normal(0.0, rough * rng.uniform(0.2, 1.0), lines)
    if rng.random() < 0.5:
        added += rng.normal(0.0, rough * rng.uniform(0.0, 1.0), shape)
    return added
