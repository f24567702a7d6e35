"""What a small network sees of a picture and of its residual: each relative to what is usual in it and around.

Nothing here is trained, and nothing depends on gain or offset. A target is brighter than what is around it on every
side, a roof's edge or a cloud's rim is not (multi-scale patch contrast, Wei, You & Li 2016); it rises above an opening
that is wider than it; and it stands out among the picture's own peaks.
"""

import torch
from torch import Tensor
from torch.nn import functional

AXES = (1, 2, 3)
SOFT = 8.0
"""Numbers that are small beside this pass as they are; none beyond it: one glaring pixel does not drown the others."""
SIDES = (3, 5, 9)
"""Pixels of the cells whose means are compared."""
PEAK, REACH, NEAR, OPENING = 9, 17, 31, 11
"""Windows: of a peak, of a large one, of what is usual around, and of the opening that a target rises above."""
LOUD = 100
"""One in so many positive residuals is larger than the picture's level of clutter."""
USUAL = 4.0
"""Residuals beyond so many mean sizes do not count in what is usual."""
CONTRAST = 1.5
"""A contrast of means is lower than the peak by about so much."""
TINY = 1e-3
"""Added to what is divided by, in units of the picture's scale."""
BLURS = (3, 7)
"""Windows of means of the residual: what is left of a target when noise is not."""
SEEN = 16 + 2 * len(BLURS) + 3 * len(SIDES) + 8
HEIGHT, SHARE = 0, 1
"""Where in what is seen there is the height of the largest bright thing within reach whose contour closes, in units of
what is usual, and a pixel's share of the largest residual there, doubled."""


def seen(pictures: Tensor, residual: Tensor) -> Tensor:
    """(batch, SEEN, height, width) from standardised pictures and their residual, both (batch, 1, height, width)."""
    positive, size = residual.clamp(min=0.0), residual.abs()
    limit = USUAL * torch.minimum(size, USUAL * size.mean(AXES, keepdim=True)).mean(AXES, keepdim=True) + TINY
    nearby = 2.5 * mean(torch.minimum(size, limit), NEAR) + 0.1 * TINY
    level = loud(positive) + TINY
    usual = (level * nearby).sqrt()
    away = pictures - mean(pictures, NEAR)
    spread = (mean(away**2, NEAR) + TINY**2).sqrt()
    peak, wide, hollow = dilated(positive, PEAK), dilated(positive, REACH), dilated(-residual, PEAK)
    contrasts = [directional(pictures, side) for side in SIDES]
    least = torch.minimum(residual, CONTRAST * dilated(torch.stack(contrasts).amax(0), 3))
    closed = torch.minimum(least, dilated(risen(pictures), 3))
    top = dilated(least, PEAK)
    parts = [dilated(closed, REACH) / usual, 2.0 * positive / (wide + TINY)]  # HEIGHT and SHARE
    parts += [least / usual, top / usual, of_best(top), closed / usual, dilated(closed, PEAK) / usual]
    parts += [residual / level, residual / nearby, residual / usual, residual / spread, of_best(positive)]
    parts += [2.0 * positive / (peak + TINY), peak / level, of_best(peak), hollow / (peak + TINY)]
    for window in BLURS:
        blurred = mean(residual, window)
        parts += [blurred / usual, of_best(blurred)]
    for contrast in contrasts:
        parts += [contrast / spread, contrast / usual, of_best(contrast)]
    above = top_hat(pictures)
    parts += [of_best(dilated(contrasts[1], PEAK)), above / level, above / spread, of_best(above)]
    parts += [away / spread, pictures, (spread + TINY).log(), (level + 0.0 * spread).log()]
    return torch.cat([soft(part) for part in parts], dim=1)


def loud(positive: Tensor) -> Tensor:
    """What one pixel in `LOUD` is above, (batch, 1, 1, 1)."""
    pixels = positive.flatten(1)
    return pixels.topk(pixels.shape[1] // LOUD + 1).values[:, -1:, None, None]


def of_best(x: Tensor) -> Tensor:
    """Relative to the largest of the picture, which is 4."""
    return 4.0 * x / (x.amax(AXES, keepdim=True).clamp(min=0.0) + TINY)


def directional(pictures: Tensor, side: int) -> Tensor:
    """How much a cell's mean is above that of both its neighbours, in the worst of four directions."""
    cells = mean(pictures, side)

    def above(down: int, right: int) -> Tensor:
        return cells - shifted(cells, down, right, side)

    pairs = [torch.minimum(above(y, x), above(-y, -x)) for y, x in ((-1, -1), (-1, 0), (-1, 1), (0, 1))]
    return torch.stack(pairs).amin(0)


def top_hat(pictures: Tensor) -> Tensor:
    """What rises above the opening: 0 wherever the surroundings are as bright within `OPENING` pixels."""
    eroded = -dilated(-pictures, OPENING)
    return pictures - dilated(eroded, OPENING)


def risen(pictures: Tensor) -> Tensor:
    """Height above the level at which a contour opens: at which it runs on for `REACH` pixels in a straight line.

    A top hat by reconstruction (Vincent 1993) from openings along lines, which a roof's edge survives.
    """
    reached = torch.stack([opened(pictures, *way) for way in ((0, 1), (1, 0), (1, 1), (1, -1))]).amax(0)
    for _ in range(REACH):
        reached = torch.minimum(dilated(reached, 3), pictures)
    return pictures - reached


def opened(pictures: Tensor, down: int, right: int) -> Tensor:
    """The opening along a line of `REACH` pixels in one direction."""
    for steps in doubled(REACH):
        pictures = torch.minimum(pictures, shifted(pictures, down, right, steps))
    for steps in doubled(REACH):
        pictures = torch.maximum(pictures, shifted(pictures, -down, -right, steps))
    return pictures


def shifted(pictures: Tensor, down: int, right: int, steps: int) -> Tensor:
    """What is `steps` pixels further in one of eight directions from every pixel; the border repeats.

    An exporter reasons long about every slice: it gets a convolution instead.
    """
    height, width = pictures.shape[-2:]
    wide = functional.pad(pictures, (steps,) * 4, mode="replicate")
    if torch.compiler.is_exporting():
        kernel = [[[[float((y, x) == (down, right)) for x in (-1, 0, 1)] for y in (-1, 0, 1)]]]
        return functional.conv2d(wide, torch.tensor(kernel, dtype=wide.dtype), dilation=steps)
    top, left = steps * (1 + down), steps * (1 + right)
    return wide[..., top : top + height, left : left + width]


def dilated(pictures: Tensor, window: int) -> Tensor:
    """The largest within a square window of odd side, of what there is of it in the picture.

    By doubled shifts along one axis after the other: ten times as fast as pooling, of which an exporter makes less.
    """
    if torch.compiler.is_exporting():
        return functional.max_pool2d(pictures, window, 1, window // 2)
    pictures = functional.pad(pictures, (window // 2,) * 4, mode="replicate")
    for steps in doubled(window):
        pictures = torch.maximum(pictures[..., steps:, :], pictures[..., :-steps, :])
        pictures = torch.maximum(pictures[..., steps:], pictures[..., :-steps])
    return pictures


def doubled(window: int) -> list[int]:
    """Shifts after which extremes of two have become those of `window` pixels in a row."""
    steps: list[int] = []
    while (covered := 1 + sum(steps)) < window:
        steps.append(min(covered, window - covered))
    return steps


def mean(pictures: Tensor, window: int) -> Tensor:
    """The mean over a square window, of what there is of it in the picture."""
    half = window // 2
    rows = functional.avg_pool2d(pictures, (1, window), 1, (0, half), count_include_pad=False)
    return functional.avg_pool2d(rows, (window, 1), 1, (half, 0), count_include_pad=False)


def soft(x: Tensor) -> Tensor:
    """Small numbers as they are, none beyond `SOFT`."""
    return x / (1.0 + x.abs() / SOFT)
