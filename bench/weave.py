"""A woven cloth with two flaws, and how well patches tell them from it: what robust dictionaries are tuned on.

`weave(seed)` renders the cloth. `python bench/weave.py` prints the pixel AUROC of the residual of
:func:`kizu.robust_dictionary` over seeds, with and without trimming.
"""

import argparse

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

import kizu

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
Integers = NDArray[np.integer]
SIZE, THREAD = 128, 5.3
"""Pixels along a side; width of a thread in pixels, no whole number, so that patches see it at every phase."""
WAVE, REACH = 1.0, 12.0
"""Threads wander by about so many pixels, over about so many: no two places are the same."""
SMOOTH = 1.0
"""Pixels that a map is smoothed by: noise is one pixel wide, no flaw is."""
LENGTH, WIDTH, SPOT = 80, 3.0, 6
"""A scratch and a square spot: 1.7 % of the pixels."""


def weave(seed: int = 0, amplitude: float = 0.6, sigma: float = 0.1) -> tuple[Floats, Bools]:
    """A plain weave (128, 128) with noise, a scratch and a 6×6 spot, and the mask of both.

    The cloth spans 0 to 1. Flaws add `amplitude`, each of its own sign: six sigma as they stand.
    """
    rng = np.random.default_rng(seed)
    image = cloth(rng)
    mask = np.zeros(image.shape, np.bool_)
    for flaw in (_scratch(rng), _spot(rng)):
        image += np.where(flaw & ~mask, amplitude * rng.choice([-1.0, 1.0]), 0.0)
        mask |= flaw
    return image + sigma * rng.standard_normal(image.shape), mask


def cloth(rng: np.random.Generator) -> Floats:
    """Threads over and under each other: bright along their middle, dark where they dip; one system is darker."""
    grid = np.indices((SIZE, SIZE), dtype=np.float64)
    drift = np.stack([gaussian_filter(rng.standard_normal((SIZE, SIZE)), REACH, mode="wrap") for _ in range(2)])
    place = (grid + WAVE * drift / drift.std() + rng.uniform(0, 2 * THREAD, (2, 1, 1))) / THREAD
    thread = np.floor(place)
    down, right = place - thread - 0.5
    over = thread.sum(0) % 2 == 0
    across, along = np.where(over, right, down), np.where(over, down, right)
    tone = np.where(over, 1.0, 0.8)
    return np.asarray(tone * np.cos(np.pi * across) * (0.7 + 0.3 * np.cos(2 * np.pi * along)))


def _scratch(rng: np.random.Generator) -> Bools:
    """A straight line of `LENGTH` × `WIDTH` in any direction, inside the picture."""
    angle = rng.uniform(0, np.pi)
    half = LENGTH / 2 * np.abs([np.sin(angle), np.cos(angle)]) + WIDTH
    y, x = np.indices((SIZE, SIZE)) - rng.uniform(half, SIZE - half)[:, None, None]
    along, across = y * np.sin(angle) + x * np.cos(angle), y * np.cos(angle) - x * np.sin(angle)
    return (np.abs(along) <= LENGTH / 2) & (np.abs(across) <= WIDTH / 2)


def _spot(rng: np.random.Generator) -> Bools:
    top, left = rng.integers(8, SIZE - 8 - SPOT, 2)
    spot = np.zeros((SIZE, SIZE), np.bool_)
    spot[top : top + SPOT, left : left + SPOT] = True
    return spot


def patches(image: Floats, size: int = 8, stride: int = 2) -> tuple[Floats, Integers]:
    """Patches (samples, size²) of an image, and what they cover of it: their pixels' numbers (samples, size²)."""
    number = np.arange(image.size).reshape(image.shape)
    views = [sliding_window_view(array, (size, size))[::stride, ::stride] for array in (image, number)]
    return views[0].reshape(-1, size * size).copy(), views[1].reshape(-1, size * size)


def overlapped(values: Floats, places: Integers, shape: tuple[int, int]) -> Floats:
    """The mean over all patches that see a pixel (shape); 0 where none does."""
    count = np.bincount(places.ravel(), minlength=shape[0] * shape[1])
    total = np.bincount(places.ravel(), values.ravel(), minlength=shape[0] * shape[1])
    return np.asarray(total / np.maximum(count, 1)).reshape(shape)


def aurocs(seed: int, *, stride: int = 2, amplitude: float = 0.6, **options: object) -> tuple[float, float]:
    """Of the pixels, for the mean size of what a robust dictionary leaves, as it is and smoothed."""
    image, mask = weave(seed, amplitude)
    samples, places = patches(image, stride=stride)
    found = kizu.robust_dictionary(samples, **options)  # type: ignore[arg-type]
    size = overlapped(np.abs(found.residual), places, image.shape)
    raw, smoothed = (float(roc_auc_score(mask.ravel(), m.ravel())) for m in (size, gaussian_filter(size, SMOOTH)))
    return raw, smoothed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="0 to 9 were tuned on")
    parser.add_argument("--stride", type=int, default=2)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    for name, trim in (("trimmed, the default", 0.15), ("naive, trim=0", 0.0)):
        found = np.array([aurocs(seed, stride=given.stride, trim=trim) for seed in seeds])
        for column, smooth in enumerate((0.0, SMOOTH)):
            median, worst = np.median(found[:, column]), found[:, column].min()
            print(f"{name:20} smoothed by {smooth:g} px: median {median:.4f}, worst {worst:.4f}")


if __name__ == "__main__":
    main()
