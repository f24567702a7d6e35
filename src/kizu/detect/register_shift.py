"""Where a frame looks: the shift against a target picture, with gain and bias, robustly.

    H      = gauss(G, 1) - gauss(G, 4)     texture: neither the noise of a pixel nor slow light
    search   s = argmin over whole shifts of mean_p min(|H_t(p+s) - H_R(p)|, sigma_H), coarse to fine
    refine   min over (s, a, b) of sum_p tukey(H_t(p+s) - a H_R(p) - b) + (|s - s_0| / half a pixel)^2

The search truncates early, so that objects, which match nothing or each other, cost all shifts the
same. The refinement linearises the target, not the frame (Baker & Matthews 2004, inverse
compositional); the blur keeps interpolation from preferring half pixels in noise.
"""

from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from kizu.detect.register_canvas import overlap
from kizu.detect.register_robust import GAIN_RANGE, Picture, block_means, robust_scale, tukey_weights

REACH = 3.0  # sigmas, where Gaussians are cut
HIGH_PASS = 4.0  # pixels: slower changes are light, not texture
BLUR = 1.0  # pixels
LEVELS = 3
FINER_RADIUS = 1  # pixels of each finer level around twice the best of the coarser
COARSEST_SIDE = 16  # pixels: smaller pictures have no texture left to match
TRUNCATE = 1.0  # robust sigmas, beyond which a difference costs no more: what moves must not steer
LEAST_SAVING = 0.02  # share of the cost that a shift must save against none
LEAST_ERRORS = 5.0  # ... and standard errors over blocks of pixels, for one of some 300 candidates
LARGEST_BLOCK = 16
PRIOR_SHIFT = 0.5  # pixels around the whole shift: only a prior where the texture says nothing
BLUR_COVERS = 4 * np.pi * BLUR**2  # pixels that share one value of blurred white noise
FARTHEST, FARTHEST_STEP = 2.0, 1.0  # pixels from the whole shift, in all and in one step
ITERATIONS = 8
SETTLED = 0.01  # pixels
ENOUGH_PIXELS = 20_000  # for the four numbers that Gauss-Newton is after


Pyramid = tuple[Picture, ...]
"""A high-passed grey frame, finest level first. Unknown pixels are NaN."""


class Target(NamedTuple):
    """What frames are compared with: pictures, and the columns R, 1, dR/dy, dR/dx of the linearised model."""

    levels: Pyramid
    caps: tuple[float, ...]
    columns: NDArray[np.float32]


class Place(NamedTuple):
    """H_t(p + shift) = gain R(p) + bias; `shift` is NaN where the frame does not follow the target.

    `saving` is the share of the truncated cost that the shift saves against none.
    """

    shift: NDArray[np.float64]
    gain: float
    bias: float
    saving: float


NOWHERE = Place(np.full(2, np.nan), 1.0, 0.0, 0.0)


def prepare(grey: Picture) -> Pyramid:
    """Keep of a grey picture (height, width) what is neither noise of a pixel nor slow light."""
    return pyramid(_blurred(grey, BLUR) - _blurred(grey, HIGH_PASS))


def pyramid(texture: Picture) -> Pyramid:
    """Halve a high-passed picture as long as enough of it is left."""
    levels = [texture]
    while len(levels) < LEVELS and min(levels[-1].shape) >= 2 * COARSEST_SIDE:
        levels.append(halved(levels[-1]))
    return tuple(levels)


def halved(picture: Picture) -> Picture:
    return block_means(picture, 2).astype(np.float32)


def _blurred(picture: Picture, sigma: float) -> Picture:
    """Blur over known pixels only (normalised convolution)."""
    unknown = np.isnan(picture)
    if not unknown.any():
        return np.asarray(gaussian_filter(picture, sigma, truncate=REACH))
    total = gaussian_filter(np.where(unknown, np.float32(0), picture), sigma, truncate=REACH)
    weight = gaussian_filter((~unknown).astype(np.float32), sigma, truncate=REACH)
    return np.where(unknown, np.float32(np.nan), total / np.where(unknown, np.float32(1), weight))


def target(levels: Pyramid) -> Target:
    """Fix what is needed of the reference: cost caps and the columns of the linear model."""
    columns = np.stack([levels[0], np.ones_like(levels[0]), *np.gradient(levels[0])])
    caps = tuple(TRUNCATE * robust_scale(level[~np.isnan(level)]) for level in levels)
    return Target(levels, caps, np.nan_to_num(columns, copy=False))


def locate(frame: Pyramid, reference: Target, reach: int) -> Place:
    """Find shift, gain and bias of `frame` against `reference`; shifts go up to `reach` pixels."""
    if np.isnan(frame[0]).all():
        return NOWHERE
    return refine(frame, reference, search(frame, reference, reach))


def search(frame: Pyramid, reference: Target, reach: int) -> NDArray[np.int_]:
    """Find the whole shift (dy, dx) of least cost; (0, 0) unless another is clearly better."""
    best = np.zeros(2, dtype=np.int_)
    radius = ceil(reach / 2 ** (len(frame) - 1))
    for moving, fixed, cap in reversed(list(zip(frame, reference.levels, reference.caps, strict=True))):
        best = _best_near(moving, fixed, cap, 2 * best, radius)
        radius = FINER_RADIUS
    best = np.clip(best, -reach, reach)
    worth = _worthwhile(frame[0], reference.levels[0], reference.caps[0], best)
    return best if worth else np.zeros_like(best)


def _best_near(moving: Picture, fixed: Picture, cap: float, centre: NDArray[np.int_], radius: int) -> NDArray[np.int_]:
    """Compare all whole shifts within `radius` of `centre`, each on the pixels that both pictures see."""
    height, width = fixed.shape
    margin = radius + int(np.max(np.abs(centre)))
    padded = np.pad(moving, margin, constant_values=np.nan)
    top, left = margin + centre - radius
    windows = sliding_window_view(padded[:, left : left + width + 2 * radius], width, axis=1)
    step = ceil(fixed.size / ENOUGH_PIXELS)  # every row, or every second, ...
    costs = [_costs(windows[top + k :][:height:step], fixed[::step], cap) for k in range(2 * radius + 1)]
    row, column = np.unravel_index(np.argmin(costs), np.shape(costs))
    return np.array([centre[0] + row - radius, centre[1] + column - radius])


def _costs(windows: Picture, core: Picture, cap: float) -> NDArray[np.float64]:
    """Average min(|difference|, cap) over known pixels for each horizontal position."""
    difference = np.abs(windows.swapaxes(0, 1) - core[None])
    total = np.fmin(difference, np.float32(cap)).sum(axis=(1, 2))
    unknown = np.count_nonzero(np.isnan(difference), axis=(1, 2))
    known = core.size - unknown
    return np.where(known > 0, (total - cap * unknown) / np.maximum(known, 1), np.inf)


def _worthwhile(moving: Picture, fixed: Picture, cap: float, shift: NDArray[np.int_]) -> bool:
    """Ask whether `shift` beats no shift by more than chance, counted over blocks since pixels are correlated."""
    there, window = overlap(moving, shift)
    staying, moved = (np.minimum(np.abs(x - fixed[window]), np.float32(cap)) for x in (moving[window], there))
    block = max(1, min(LARGEST_BLOCK, min(there.shape) // 8))
    saved = block_means(np.nan_to_num(staying - moved), block)
    error = float(saved.std()) / max(saved.size - 1, 1) ** 0.5
    saving = float(saved.mean())
    return bool(saving > max(LEAST_SAVING * float(np.mean(np.nan_to_num(staying))), LEAST_ERRORS * error))


def refine(frame: Pyramid, reference: Target, start: NDArray[np.int_]) -> Place:
    """Improve a whole shift by Gauss-Newton on (s, a, b) with Tukey weights (inverse compositional)."""
    place = Place(start.astype(np.float64), 1.0, 0.0, 0.0)
    for _ in range(ITERATIONS):
        change = _newton_step(frame[0], reference, place, start)
        step = np.clip(change[2:], -FARTHEST_STEP, FARTHEST_STEP)
        shift = np.clip(place.shift + step, start - FARTHEST, start + FARTHEST)
        place = Place(shift, place.gain + float(change[0]), place.bias + float(change[1]), 0.0)
        if not (GAIN_RANGE[0] <= place.gain <= GAIN_RANGE[1]):
            return NOWHERE
        if np.max(np.abs(step)) < SETTLED:
            break
    return place._replace(saving=_saving(frame[0], reference, place))


def _saving(moving: Picture, reference: Target, place: Place) -> float:
    there, window = overlap(moving, place.shift)
    expected = np.float32(place.gain) * reference.levels[0][window] + np.float32(place.bias)
    staying, moved = (_cost(x - expected, reference.caps[0]) for x in (moving[window], there))
    return 1 - moved / staying if staying > 0 else 0.0


def _cost(difference: Picture, cap: float) -> float:
    known = np.abs(difference[~np.isnan(difference)])
    return float(np.minimum(known, np.float32(cap)).mean()) if known.size else 0.0


def _newton_step(moving: Picture, reference: Target, place: Place, start: NDArray[np.int_]) -> NDArray[np.float64]:
    """Solve the linearised, weighted and regularised least squares; returns changes of (a, b, s_y, s_x)."""
    seen, window = overlap(moving, place.shift)
    step = max(1, ceil(sqrt(seen.size / ENOUGH_PIXELS)))
    seen, fixed = seen[::step, ::step], reference.levels[0][window][::step, ::step]
    signs = np.array([1, 1, -place.gain, -place.gain], dtype=np.float32)
    columns = reference.columns[(slice(None), *window)][:, ::step, ::step] * signs[:, None, None]
    residual = seen - np.float32(place.gain) * fixed - np.float32(place.bias)
    scale = robust_scale(residual[~np.isnan(residual)])
    weight = tukey_weights(residual, scale)
    flat = columns.reshape(4, -1)
    weighted = flat * weight.ravel()
    normal = (weighted @ flat.T).astype(np.float64)
    right = (weighted @ np.where(weight > 0, residual, np.float32(0)).ravel()).astype(np.float64)
    prior = BLUR_COVERS * (scale / PRIOR_SHIFT) ** 2
    normal[[2, 3], [2, 3]] += prior
    right[2:] -= prior * (place.shift - start)
    return _solved(normal, right)


def _solved(normal: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve with unit diagonal; directions that the picture does not determine get no change."""
    size = np.sqrt(np.where(np.diag(normal) > 0, np.diag(normal), 1))
    solution: NDArray[np.float64] = np.linalg.lstsq(normal / np.outer(size, size), right / size, rcond=1e-6)[0] / size
    return solution
