"""Training pictures varied: where and how large they are cut, what is planted in them, and how the camera sees them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

from kizu.networks.pictures import Cutout, Grey, Scene, spot
from kizu.typing import Bools, Integers

SIDES = (-0.6, 0.3)
"""Range of logarithms of a crop's side in a picture, relative to its side in a batch: more are made larger."""
FAINTEST, BRIGHTEST, GLARING = 5.0, 12.0, 24.0
"""Peaks of planted targets, in standard deviations around them: made up to the second, moved to the third."""
AROUND = 8
"""Pixels around a planted target whose standard deviation counts."""
AIMED, ANYWHERE, PLANTED = 0.4, 0.3, 0.1
"""Shares of samples that are cut from scenes around a target, and anywhere, and that are ground with planted targets;
the rest is ground without any: most of a scene is."""
MADE_UP, MOST_PLANTED = 0.3, 3
"""Share of planted samples whose targets are made up though others could be moved; most targets in one."""


def sample(
    scenes: Sequence[Scene], targets: Sequence[Cutout], size: int, rng: np.random.Generator
) -> tuple[Grey, Bools, Grey]:
    """One training picture of `size` pixels a side, its mask and its ground."""
    one, kind = scenes[int(rng.integers(len(scenes)))], rng.random()
    side = max(8, round(size * float(np.exp(rng.uniform(*SIDES)))))
    if kind < AIMED + ANYWHERE and one.mask.any():
        one = cut(one, side, rng, aimed=kind < AIMED)
    else:
        one = cut(one, side, rng, aimed=False)
        one = Scene(one.ground, np.zeros_like(one.mask), one.ground)
        if kind < AIMED + ANYWHERE + PLANTED:
            one = _planted(one, targets, rng)
    made = seen(turned(scaled(one, size), rng), rng)
    return made.picture, made.mask, made.ground


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


def cut(one: Scene, side: int, rng: np.random.Generator, *, aimed: bool) -> Scene:
    """A square of `side` pixels at random; where `aimed`, with a target in it."""
    targets = np.argwhere(one.mask) if aimed else np.empty((0, 2), int)
    centre = targets[rng.integers(len(targets))] if len(targets) else rng.integers(one.mask.shape)
    corner = centre - rng.integers(side // 8, side - side // 8, 2)
    corner = np.clip(corner, 0, np.maximum(0, np.subtract(one.mask.shape, side)))
    picture, mask, ground = (_square(part, corner, side) for part in one)
    return Scene(picture, mask, ground)


def _square(part: NDArray[Any], corner: Integers, side: int) -> NDArray[Any]:
    """The square at `corner`, mirrored beyond the border."""
    y, x = corner
    inside = part[y : y + side, x : x + side]
    return np.pad(inside, [(0, side - n) for n in inside.shape], mode="symmetric")


def scaled(one: Scene, size: int) -> Scene:
    """The scene at `size` pixels a side."""
    parts = np.stack([np.asarray(part, np.float32) for part in one])
    made = functional.interpolate(torch.from_numpy(parts)[None], (size, size), mode="bilinear", align_corners=False)
    picture, mask, ground = made[0].numpy()
    return Scene(picture, mask > 0.5, ground)


def turned(one: Scene, rng: np.random.Generator) -> Scene:
    """One of the eight ways to hold a picture."""
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    picture, mask, ground = (_held(part, turns, flip=flip) for part in one)
    return Scene(picture, mask, ground)


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
        stripes = rng.normal(0.0, rough * rng.uniform(0.2, 1.0), (shape[0], 1))
        added += stripes if rng.random() < 0.5 else stripes.T
    if rng.random() < 0.5:
        added += rng.normal(0.0, rough * rng.uniform(0.0, 1.0), shape)
    return added
