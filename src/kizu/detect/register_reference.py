"""The reference picture: the median of a few aligned frames, each in the same light."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.detect.register_canvas import overlap
from kizu.detect.register_exposure import exposures
from kizu.detect.register_read import Reader
from kizu.detect.register_robust import Picture, median_over_frames
from kizu.engines.protocol import Engine

STRIP = 1 << 25  # entries of all chosen frames' rows held at once


class Aligned(NamedTuple):
    """Frames, where each looks (frames, 2), and the few that the reference is made of."""

    source: Reader
    shifts: NDArray[np.float64]
    chosen: Sequence[int]
    engine: Engine


class Light(NamedTuple):
    """Gains and biases (chosen, channels)."""

    gains: NDArray[np.float64]
    biases: NDArray[np.float64]


def median_picture(aligned: Aligned) -> Picture:
    """Take the median of the chosen frames: corrected first to the middle one, then to their own median.

    Shape (height, width, channels), in the units of the source; NaN where none of them sees anything.
    """
    middle = aligned.chosen[len(aligned.chosen) // 2]
    picture = _median(aligned._replace(chosen=[middle]), Light(np.ones((1, 1)), np.zeros((1, 1))))
    for averaged in (1, len(aligned.chosen)):
        picture = _median(aligned, _light(aligned, picture, averaged))
    return picture


def _light(aligned: Aligned, picture: Picture, averaged: int) -> Light:
    source, shifts, chosen, engine = aligned
    return Light(*exposures(source, picture, shifts, averaged=averaged, chosen=chosen, engine=engine))


def _median(aligned: Aligned, light: Light) -> Picture:
    """Take the median in strips of rows, so that memory stays bounded."""
    height, width, channels = aligned.source.read(aligned.chosen[0]).shape
    strip = max(1, STRIP // (len(aligned.chosen) * width * channels))
    strips = [_corrected(aligned, light, slice(top, top + strip)) for top in range(0, height, strip)]
    return np.concatenate([median_over_frames(pictures) for pictures in strips])


def _corrected(aligned: Aligned, light: Light, rows: slice) -> Picture:
    """Align and correct some rows of the chosen frames, shape (chosen, rows, width, channels)."""

    def one(k: int) -> Picture:
        picture = aligned.source.read(aligned.chosen[k])
        seen, window = overlap(picture, aligned.shifts[aligned.chosen[k]])
        whole = np.full_like(picture, np.nan)
        whole[window] = (seen - light.biases[k].astype(np.float32)) / light.gains[k].astype(np.float32)
        return whole[rows]

    return np.stack(aligned.engine.map(one, range(len(aligned.chosen))))
