"""Small bright targets in the residual of a picture, and how many false ones to expect.

A target is brighter than what is around it on every side, and its outline closes within a few pixels: a roof's edge
and a cloud's rim are not, and theirs do not. A candidate's score is the least of three heights over the clutter's
level: its contrast, and how far its contour can be followed down before it opens, in the residual and in the picture.
Dark candidates are found in the same way in the negative: no target is dark, so their number says how rough a scene is.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.detect.hysteresis import EIGHT
from kizu.typing import Bools, Floats

REACH = 16
"""Half the window in which an outline must close, in pixels."""
LARGEST = 300
"""Pixels of a target, at most."""
INNER = 9
"""The level around a candidate is measured beyond so many pixels: outside the largest round target."""
SHAPE, SHAPE_STEP, SHAPE_MOST = 0.27, 0.05, 0.9
"""A target ends at this share of its peak, or the next higher at which its outline closes."""
LEVEL = 99.0
"""Percentile of the positive residual that is the picture's level of clutter."""
CANDIDATES = 40
"""Peaks that are looked at: of fewer than one in forty nothing could be said."""
CELLS = (3, 5, 7, 9)
"""Sides, in pixels, of the cells whose means are compared."""
CONTRAST = 1.5
"""A contrast of means is lower than the peak by about so much."""
REST, BLUR, NEAR = 4.0, 2.5, 12.0
"""Where there is no candidate: the highest score, and the blur of the residual and of its clutter in pixels."""
RATE, AT, POWER = 1.8, 4.0, 3.5
"""False candidates per picture and sign with at least a score s: RATE·(s/AT)^−POWER; measured on infrared scenes with
their targets taken out."""
MIDDLING, USUAL, WEIGHT = (3.0, 6.0), 4.1, 20.0
"""Scores of candidates that tell how rough a scene is; how many of one sign there are usually; and for how many the
usual counts beside them."""


class Candidate(NamedTuple):
    """A peak at (y, x) and its score."""

    y: int
    x: int
    score: float


class Found(NamedTuple):
    """`mask` and `expected` (height, width), the latter infinite outside; `score` grows with abnormality."""

    score: Floats
    mask: Bools
    expected: Floats


def decide(picture: Floats, residual: Floats, false_alarms: float, quantum: float = 0.0) -> Found:
    """Targets of which fewer than `false_alarms` are expected in a picture without any; both (height, width).

    `quantum` is the step of integer pictures: rounding alone leaves half of it.
    """
    picture = np.asarray(picture - np.median(picture.astype(np.float64)), np.float32)
    bright = candidates(picture, residual, quantum)
    rough = roughness([*bright, *candidates(-picture, -residual, quantum)])
    mask, expected = np.zeros(picture.shape, np.bool_), np.full(picture.shape, np.inf, np.float32)
    wide = np.pad(np.maximum(residual, 0), REACH, mode="symmetric")
    for one in sorted(bright, key=lambda c: -c.score):
        number = expected_number(one.score, rough)
        if number >= false_alarms:
            break
        if mask[one.y, one.x]:
            continue
        whole = np.zeros(wide.shape, np.bool_)
        _window(whole, one)[...] = outline(_window(wide, one))
        own = whole[REACH:-REACH, REACH:-REACH]
        mask |= own
        expected[own] = np.minimum(expected[own], number)
    return Found(score_map(residual, bright, quantum), mask, expected)


def score_map(residual: Floats, bright: list[Candidate], quantum: float = 0.0) -> Floats:
    """How unusual every pixel is: inside the outline of a candidate its score times the residual's share of its peak.

    Elsewhere the smoothed residual over the same level, up to `REST`: nothing there has the shape of a target.
    """
    level = _level(residual, quantum)
    near = ndimage.gaussian_filter(np.minimum(np.abs(residual), level), NEAR)
    rest = ndimage.gaussian_filter(residual, BLUR) / np.sqrt(level * np.maximum(near, _least(level, quantum)))
    score = np.pad(np.clip(rest, 0, REST), REACH)
    wide = np.pad(np.maximum(residual, 0), REACH, mode="symmetric")
    for one in sorted(bright, key=lambda c: c.score):
        if one.score > MIDDLING[0]:
            window, here = _window(wide, one), _window(score, one)
            piece = outline(window)
            here[piece] = np.maximum(here[piece], one.score * (window / window[REACH, REACH])[piece])
    return np.asarray(score[REACH:-REACH, REACH:-REACH], np.float32)


def roughness(both: list[Candidate]) -> float:
    """How many middling candidates of both signs there are beside the usual number; near 1 where few tell."""
    number = sum(MIDDLING[0] < one.score < MIDDLING[1] for one in both)
    return (number + WEIGHT) / (2 * USUAL + WEIGHT)


def expected_number(score: float, rough: float) -> float:
    """False targets with at least this score in a picture without any."""
    return float(min(rough * RATE * (max(score, 1e-3) / AT) ** -POWER, CANDIDATES))


def candidates(picture: Floats, residual: Floats, quantum: float) -> list[Candidate]:
    """Peaks of the positive residual with their scores, strongest residual first."""
    positive = np.maximum(residual, 0)
    smooth = ndimage.gaussian_filter(positive, 0.7)
    ys, xs = np.nonzero((ndimage.maximum_filter(smooth, 7) == smooth) & (smooth > 0))
    strongest = np.argsort(-smooth[ys, xs], kind="stable")[:CANDIDATES]
    level = _level(residual, quantum)
    fields = Fields(
        np.pad(positive, REACH, mode="symmetric"),
        np.pad(picture, REACH, mode="symmetric"),
        np.pad(np.abs(residual), REACH, mode="symmetric"),
        ndimage.maximum_filter(contrast(picture), 3),
    )
    peaks = (_climbed(positive, int(y), int(x)) for y, x in zip(ys[strongest], xs[strongest], strict=True))
    return [one._replace(score=_score(one, fields, level, quantum)) for one in peaks]


class Fields(NamedTuple):
    """What candidates are measured in; all but `contrast` padded by `REACH`."""

    positive: Floats
    picture: Floats
    size: Floats
    contrast: Floats


def _climbed(positive: Floats, y: int, x: int) -> Candidate:
    """The highest of the nine pixels around a smoothed peak."""
    top, left = max(y - 1, 0), max(x - 1, 0)
    near = positive[top : y + 2, left : x + 2]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    return Candidate(top + int(row), left + int(column), 0.0)


def _score(one: Candidate, fields: Fields, wide: float, quantum: float) -> float:
    """The least of contrast and both depths over the geometric mean of the picture's level and that around it."""
    near = float(np.median(_window(fields.size, one)[RING]))
    level = float(np.sqrt(wide * max(near, _least(wide, quantum))))
    residual, picture = _window(fields.positive, one), _window(fields.picture, one).copy()
    score = min(float(residual[REACH, REACH]), CONTRAST * float(fields.contrast[one.y, one.x])) / level
    if score > MIDDLING[0]:  # what is below is neither decided nor counted
        score = min(score, depth(residual, 0.0) / level)
    if score > MIDDLING[0]:
        picture[REACH, REACH] = picture[REACH - 1 : REACH + 2, REACH - 1 : REACH + 2].max()
        score = min(score, depth(picture, float(picture.min())) / level)
    return score


def contrast(picture: Floats) -> Floats:
    """How much brighter a cell's mean is than both opposite neighbours', in the worst of four directions.

    The geometric mean of both, and the best of several sizes of cells.
    """
    best = np.zeros(picture.shape, np.float32)
    height, width = picture.shape
    for side in CELLS:
        mean = ndimage.uniform_filter(picture, side, mode="nearest")
        padded = np.pad(mean, side, mode="edge")

        def above(dy: int, dx: int, mean: Floats = mean, padded: Floats = padded, side: int = side) -> Floats:
            y, x = side + dy * side, side + dx * side
            return np.asarray(np.maximum(mean - padded[y : y + height, x : x + width], 0))

        products = [above(dy, dx) * above(-dy, -dx) for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, 1))]
        best = np.maximum(best, np.minimum.reduce(products))
    return np.asarray(np.sqrt(best))


def depth(window: Floats, low: float, halvings: int = 6) -> float:
    """Height of the window's middle above the lowest level at which its contour still closes."""
    high = top = float(window[REACH, REACH])
    if _closed(_piece(window, low + 1e-6 * (top - low))):
        return top - low
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        if _closed(_piece(window, middle)):
            high = middle
        else:
            low = middle
    return top - high


def outline(window: Floats) -> Bools:
    """The piece around the window's middle above a share of its peak, the lowest at which it closes."""
    share = SHAPE
    while True:
        piece = _piece(window, share * float(window[REACH, REACH]))
        if _closed(piece) or share > SHAPE_MOST:
            return piece
        share += SHAPE_STEP


def _piece(window: Floats, level: float) -> Bools:
    labels, _ = ndimage.label(window >= level, EIGHT)
    return np.asarray(labels == labels[REACH, REACH])


def _closed(piece: Bools) -> bool:
    touches = piece[0].any() or piece[-1].any() or piece[:, 0].any() or piece[:, -1].any()
    return bool(np.count_nonzero(piece) <= LARGEST and not touches)


def _level(residual: Floats, quantum: float) -> float:
    most = float(np.abs(residual).max())
    return max(float(np.percentile(np.maximum(residual, 0), LEVEL)), quantum / 2, 1e-6 * most) or 1.0


def _least(level: float, quantum: float) -> float:
    """The clutter around a place is no less than what rounding makes, nor than a thousandth of the picture's."""
    return max(quantum / 4, 1e-3 * level)


def _window(padded: NDArray[Any], one: Candidate) -> NDArray[Any]:
    return padded[one.y : one.y + 2 * REACH + 1, one.x : one.x + 2 * REACH + 1]


def _ring() -> Bools:
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    far = np.hypot(y, x)
    return np.asarray((far > INNER) & (far <= REACH))


RING = _ring()
