"""Scenes without their targets: whatever is found there is false."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.networks.pictures import smoothed_over

Bools = NDArray[np.bool_]
HOLE, RING = 15, 15
"""Pixels around a target that go with it, and width of the ring beyond whose noise is put there."""
BLUR, CLIPPED = 2.0, 3.0
"""Noise is what a blur of so many pixels takes away, up to so many typical ones: an edge's is none."""


def emptied(grey: NDArray[np.uint8], targets: Bools, seed: int) -> NDArray[np.uint8]:
    """The picture with smooth ground where the targets were, and noise as there is around."""
    if not targets.any():
        return grey
    far = ndimage.distance_transform_edt(~targets)
    hole, ring = far <= HOLE, (far > HOLE) & (far <= HOLE + RING)
    values = grey.astype(np.float32)
    noise = (values - ndimage.gaussian_filter(values, BLUR))[ring]
    noise = noise[np.abs(noise) <= CLIPPED * 1.4826 * np.median(np.abs(noise))]
    filled = smoothed_over(values, hole)
    filled[hole] += np.random.default_rng(seed).choice(noise, int(hole.sum()))
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)
