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
PEAK, NEAR, OPENING = 9, 31, 11
"""Windows: of a peak, of what is usual around, and of the opening that a target rises above."""
USUAL = 4.0
"""Residuals beyond so many mean sizes do not count in what is usual."""
TINY = 1e-3
"""Added to what is divided by, in units of the picture's scale."""
BLURS = (3, 7)
"""Windows of means of the residual: what is left of a target when noise is not."""
SEEN = 8 + 2 * len(BLURS) + 3 * len(SIDES) + 8


def seen(pictures: Tensor, residual: Tensor) -> Tensor:
    """(batch, SEEN, height, width) from standardised pictures and their residual, both (batch, 1, height, width)."""
    size = residual.abs()
    level = USUAL * torch.minimum(size, USUAL * size.mean(AXES, keepdim=True)).mean(AXES, keepdim=True) + TINY
    nearby = 2.5 * mean(torch.minimum(size, level), NEAR) + 0.1 * TINY
    away = pictures - mean(pictures, NEAR)
    spread = (mean(away**2, NEAR) + TINY**2).sqrt()
    positive = residual.clamp(min=0.0)
    peak, hollow = dilated(positive, PEAK), dilated(-residual, PEAK)
    parts = [residual / level, residual / nearby, residual / spread, of_best(positive)]
    parts += [2.0 * positive / (peak + TINY), peak / level, of_best(peak), hollow / (peak + TINY)]
    for window in BLURS:
        blurred = mean(residual, window)
        parts += [blurred / level, of_best(blurred)]
    contrasts = [directional(pictures, side) for side in SIDES]
    for contrast in contrasts:
        parts += [contrast / spread, contrast / level, of_best(contrast)]
    above = top_hat(pictures)
    parts += [of_best(dilated(contrasts[1], PEAK)), above / level, above / spread, of_best(above)]
    parts += [away / spread, pictures, (spread + TINY).log(), (level + 0.0 * spread).log()]
    return torch.cat([soft(part) for part in parts], dim=1)


def of_best(x: Tensor) -> Tensor:
    """Relative to the largest of the picture, which is 4."""
    return 4.0 * x / (x.amax(AXES, keepdim=True).clamp(min=0.0) + TINY)


def directional(pictures: Tensor, side: int) -> Tensor:
    """How much a cell's mean is above that of both its neighbours, in the worst of four directions."""
    cells, (height, width) = mean(pictures, side), pictures.shape[-2:]
    wide = functional.pad(cells, (side,) * 4, mode="replicate")

    def above(down: int, right: int) -> Tensor:
        y, x = side + down * side, side + right * side
        return cells - wide[..., y : y + height, x : x + width]

    pairs = [torch.minimum(above(y, x), above(-y, -x)) for y, x in ((-1, -1), (-1, 0), (-1, 1), (0, 1))]
    return torch.stack(pairs).amin(0)


def top_hat(pictures: Tensor) -> Tensor:
    """What rises above the opening: 0 wherever the surroundings are as bright within `OPENING` pixels."""
    eroded = -dilated(-pictures, OPENING)
    return pictures - dilated(eroded, OPENING)


def dilated(pictures: Tensor, window: int) -> Tensor:
    """The largest within a square window, along one axis after the other."""
    rows = functional.max_pool2d(pictures, (1, window), 1, (0, window // 2))
    return functional.max_pool2d(rows, (window, 1), 1, (window // 2, 0))


def mean(pictures: Tensor, window: int) -> Tensor:
    """The mean over a square window, of what there is of it in the picture."""
    half = window // 2
    rows = functional.avg_pool2d(pictures, (1, window), 1, (0, half), count_include_pad=False)
    return functional.avg_pool2d(rows, (window, 1), 1, (half, 0), count_include_pad=False)


def soft(x: Tensor) -> Tensor:
    """Small numbers as they are, none beyond `SOFT`."""
    return x / (1.0 + x.abs() / SOFT)
