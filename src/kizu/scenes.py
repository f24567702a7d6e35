"""Rendered walls and planted defects: pictures whose truth is known.

A frame is gain·(wall + defect) + bias + noise, rounded to 8 bits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from kizu.errors import ParameterError
from kizu.stack import Stack, stack_of
from kizu.typing import Bools, Floats

HEIGHT, WIDTH, FRAMES = 120, 160, 100
BRIGHTNESS, TEXTURE, GRAIN, NOISE = 140.0, 6.0, 2.0, 2.0  # grey levels: a mean and three standard deviations
GAIN, BIAS = (0.85, 1.15), (-10.0, 10.0)
COARSENESS = (1.5, 3.0, 6.0, 12.0, 24.0)  # px: from trowel marks to unevenness of the whole wall
SCRATCHED, SCRATCH_LENGTH, SCRATCH_WIDTH, SCRATCH_DEPTH = 37, 40.0, 2.0, -25.0
DOTTED, DOT_RADIUS, DOT_DEPTH = 71, 3.0, -40.0
SLANT = (np.pi / 8, 3 * np.pi / 8)  # radians: a scratch that lies in no row or column of pixels
MARGIN = 26  # px: keeps half a scratch inside the picture


@dataclass(frozen=True)
class Defect:
    """A change of `depth` grey levels of the wall where `mask` (height, width) is set, in one frame."""

    frame: int
    mask: Bools
    depth: float


def walls(seed: int = 0) -> tuple[Stack, Bools]:
    """Render a hundred photographs of one plaster wall, two of them with a defect.

    Returns 8-bit grey frames (100, 120, 160) and the truth, boolean and of the same shape. Frame 37
    has a scratch of 40 × 2 px that is 25 grey levels darker than the wall, frame 71 a dot of radius
    3 px that is 40 darker. Gain (0.85 to 1.15) and bias (±10) differ in every frame; the noise has a
    standard deviation of 2.
    """
    rng = np.random.default_rng(seed)
    wall = plaster(HEIGHT, WIDTH, rng)
    y, x = rng.uniform(MARGIN, (HEIGHT - MARGIN, WIDTH - MARGIN), (2, 2)).T
    angle = rng.uniform(*SLANT)
    defects = (
        Defect(SCRATCHED, scratch((HEIGHT, WIDTH), (y[0], x[0]), angle, SCRATCH_LENGTH, SCRATCH_WIDTH), SCRATCH_DEPTH),
        Defect(DOTTED, dot((HEIGHT, WIDTH), (y[1], x[1]), DOT_RADIUS), DOT_DEPTH),
    )
    frames = photographs(wall, FRAMES, defects, rng)
    return stack_of(frames, name="wall"), truth(defects, frames.shape)


def plaster(height: int, width: int, rng: np.random.Generator) -> Floats:
    """A wall (height, width) in grey levels: smooth noise at several scales plus fine grain."""
    layers = [_standard(gaussian_filter(rng.standard_normal((height, width)), scale)) for scale in COARSENESS]
    grain = rng.standard_normal((height, width))
    return np.asarray(BRIGHTNESS + TEXTURE * _standard(np.sum(layers, axis=0)) + GRAIN * grain)


def photographs(wall: Floats, count: int, defects: tuple[Defect, ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    """`count` noisy 8-bit frames (count, height, width) of `wall`, each with its own gain and bias."""
    scene = np.repeat(wall[None], count, axis=0)
    for defect in defects:
        if not 0 <= defect.frame < count:
            raise ParameterError("frame", defect.frame, f"a frame from 0 to {count - 1}")
        scene[defect.frame] += defect.depth * defect.mask
    gain, bias = (rng.uniform(*limits, (count, 1, 1)) for limits in (GAIN, BIAS))
    grey = gain * scene + bias + NOISE * rng.standard_normal(scene.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def truth(defects: tuple[Defect, ...], shape: tuple[int, ...]) -> Bools:
    """Where the defects are, boolean and of `shape` (frames, height, width)."""
    masks = np.zeros(shape, dtype=bool)
    for defect in defects:
        masks[defect.frame] |= defect.mask
    return masks


def scratch(
    shape: tuple[int, int], centre: tuple[float, float], angle: float, length: float, thickness: float
) -> Bools:
    """A straight line of `length` × `thickness` px through `centre` (y, x), `angle` radians from the x axis."""
    y, x = _offsets(shape, centre)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((np.abs(along) <= length / 2) & (np.abs(across) <= thickness / 2))


def dot(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> Bools:
    """A filled circle of `radius` px around `centre` (y, x)."""
    y, x = _offsets(shape, centre)
    return np.asarray(x**2 + y**2 <= radius**2)


def _offsets(shape: tuple[int, int], centre: tuple[float, float]) -> tuple[Floats, Floats]:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return y - centre[0], x - centre[1]


def _standard(x: Floats) -> Floats:
    return np.asarray((x - x.mean()) / x.std())
