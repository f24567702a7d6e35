"""Scenes without their targets: whatever is found there is false."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]
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
    values = grey.astype(np.float64)
    noise = (values - ndimage.gaussian_filter(values, BLUR))[ring]
    noise = noise[np.abs(noise) <= CLIPPED * 1.4826 * np.median(np.abs(noise))]
    filled = smoothed_over(values, hole)
    filled[hole] += np.random.default_rng(seed).choice(noise, int(hole.sum()))
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)


def smoothed_over(values: Floats, hole: Bools) -> Floats:
    """Laplace's equation in the hole: every pixel is the mean of its neighbours, those outside given."""
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    count = np.zeros(int(hole.sum()))
    given = np.zeros_like(count)
    pairs = []
    for shift in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        y, x = (place + step for place, step in zip(np.nonzero(hole), shift, strict=True))
        inside = (y >= 0) & (y < hole.shape[0]) & (x >= 0) & (x < hole.shape[1])
        own, other = np.flatnonzero(inside), (y[inside], x[inside])
        count[own] += 1
        unknown = hole[other]
        given[own[~unknown]] += values[other][~unknown]
        pairs.append(np.stack([own[unknown], number[other][unknown]]))
    rows, columns = np.concatenate(pairs, axis=1)
    matrix = sparse.diags(count) - sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(count),) * 2)
    found = values.copy()
    found[hole] = spsolve(matrix.tocsc(), given)
    return found
