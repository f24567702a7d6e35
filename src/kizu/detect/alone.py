"""The null of a single picture: where there is no second one to tell its noise from its flaw.

A flaw of a single picture is a large part of it, and a null measured with it in would call it usual. So noise is made
first that has the picture's body: the spectrum of its clipped residual, and a Student law fitted to the small ones.
What such noise makes all but never is left out, and the null is measured on the rest, clusters and tails included.
"""

import numpy as np
from scipy import fft, ndimage, special

from kizu.calibration import fit_null
from kizu.detect.calibrate import Null, measure
from kizu.detect.decide import Rule, decide_on
from kizu.detect.maps import SIZES, Scale, Sign, measure_scales, smoothed
from kizu.detect.null import MAPS
from kizu.detect.smooth import dilate
from kizu.engines.protocol import Engine
from kizu.typing import Bools, Floats

MADE = 24
"""Pictures of noise that are made: enough for null maps that show the tail well below one region."""
CLIP = 3.0
"""Residuals count for the spectrum up to here: a flaw's are larger, and its shape would be in the spectrum."""
SMOOTH = 1.0
"""The power spectrum is smoothed over so many frequencies: one picture's own is as restless as noise itself."""
IMPROBABLE = 0.01
"""False regions per picture at which a region is left out of the null."""
PIXELS, FEWEST = 3_000_000, 40
"""Null maps are made of so many pixels in all, and at least so many: a large picture tells its tail in a few."""
MOST = 0.25
"""Share of the picture that may be left out: what is more than a quarter is the picture, not a flaw in it."""


def null_alone(z: Floats, *, sign: Sign, min_area: int | None, seed: int, engine: Engine) -> tuple[Null, ...]:
    """The null of every scale from one picture's signed z (height, width)."""

    def scales_of(frames: Floats) -> tuple[Scale, ...]:
        return measure_scales(lambda t, size: smoothed(frames[t], size, sign, None), frames.shape, min_area=min_area)

    count = int(np.clip(PIXELS // z.size, FEWEST, MAPS))
    made = noise_like(z, MADE, seed)
    none = np.zeros(made.shape, np.bool_)
    first = measure(made, none, scales_of(made), sign=sign, seed=seed, engine=engine, count=count)
    found = decide_on(lambda size: smoothed(z, size, sign, None), None, first, Rule("false_alarms", IMPROBABLE)).mask
    excluded: Bools = dilate(found, SIZES[-1])
    if excluded.mean() > MOST:
        excluded = np.zeros_like(excluded)
    return measure(z[None], excluded[None], scales_of(z[None]), sign=sign, seed=seed, engine=engine, count=count)


def noise_like(z: Floats, count: int, seed: int) -> Floats:
    """`count` pictures of noise with the spectrum of z (height, width) and the law of its body."""
    clipped = np.clip(z, -CLIP, CLIP).astype(np.float64)
    power = np.abs(fft.rfft2(clipped - clipped.mean())) ** 2
    power = ndimage.gaussian_filter(power, SMOOTH, mode=("wrap", "mirror"))
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((count, *z.shape))
    normal = fft.irfft2(fft.rfft2(white) * np.sqrt(power), s=z.shape)
    law, spread = fit_null(z), float(normal.std())
    if spread == 0:
        return np.zeros(white.shape, z.dtype)
    normal /= spread
    tail = special.stdtrit(law.dof, special.ndtr(-np.abs(normal)))
    return np.asarray(np.sign(normal) * -tail * law.scale, z.dtype)
