"""Robust PCA unfolded with networks for proximal operators, whose three parts add up to the picture.

    D = B + S + E:      q = D − S,    B⁺ = q + F(q),    R = D − B⁺,    z = G(R, D, h),    S⁺ = prox of Σ wᵢ|Sᵢ| at R

F and G are small networks, h what G remembers, and w = |R|·e^{−z} the weights that G asks for. The prox of a weighted
L1 norm is soft thresholding, so S = R·max(0, 1 − e^{−z}): the anomaly has the picture's units, and differs from 0
only where the logit z > 0. The iteration is RPCANet's (Wu et al., WACV 2024), which replaces D at every stage and
whose sparse part is a logit; here D stays and the logit is apart.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kizu.errors import ParameterError, ShapeError
from kizu.prox import soft_threshold

AXES = (1, 2, 3)
OUTLIER = 3.0
"""Pixels beyond so many standard deviations count as if they were there when a picture's scale is measured."""
FLAT = 1e-6
"""A picture whose scale is below this share of its level is constant but for rounding."""
SOFT = 8.0
"""Networks see numbers that are small beside this, in units of the picture's scale, as they are; none beyond it."""
CELL, WINDOWS = 4, (3, 7)
"""Neighbourhoods that a pixel is compared with: so many cells of so many pixels, the last twice a large target."""
QUIET = 0.01
"""Variance of a neighbourhood, in units of the picture's, below which contrast is not raised further."""
SEEN = 3
"""Pictures that G sees: residual, picture, contrast."""
PRIOR, KEPT = -4.0, -2.0
"""Logits before training: that a pixel is anomalous, and that the background is not the pixel but its neighbourhood."""
GROWTH = 0.2
"""Size, before training, of what a residual block adds; its square is that of what a last layer gives."""
LEAST_LOGIT = -10.0
"""Logits below this weigh as this: the anomaly is 0 in both cases, and e^{−z} stays a number."""


class Split(NamedTuple):
    """A picture in three parts, and the logit that a pixel is anomalous, each (batch, 1, height, width).

    background + anomaly + noise is the picture; the anomaly is 0 where logit ≤ 0.
    """

    background: Tensor
    anomaly: Tensor
    noise: Tensor
    logit: Tensor


class Stage(NamedTuple):
    """What a stage ends with, in units of the picture's scale; `memory` is (batch, channels, height / 2, width / 2)."""

    background: Tensor
    anomaly: Tensor
    logit: Tensor
    memory: Tensor | None


class ExactRPCANet(nn.Module):
    """Find small targets in single pictures of any size and grey units, with parts that add up.

    It has `stages` of the iteration, each with its own F and G of `channels` channels. Gain and offset of a picture
    change nothing but the units of its parts: networks see it in units of its own level and scale.
    """

    def __init__(self, *, stages: int = 3, channels: int = 16) -> None:
        super().__init__()
        if stages < 1 or channels < 2:
            raise ParameterError("stages, channels", (stages, channels), "at least 1 and 2")
        self.backgrounds = nn.ModuleList(BackgroundProx(channels // 2) for _ in range(stages))
        self.anomalies = nn.ModuleList(AnomalyProx(channels) for _ in range(stages))

    def forward(self, images: Tensor) -> Split:
        """Split `images` (batch, 1, height, width)."""
        level, scale = level_and_scale(images)
        last = self.unfold((images - level) / scale)[-1]
        background, anomaly = level + scale * last.background, scale * last.anomaly
        return Split(background, anomaly, images - background - anomaly, last.logit)

    def unfold(self, pictures: Tensor, depth: int | None = None) -> list[Stage]:
        """Every stage (the first `depth`) of standardised `pictures` (batch, 1, height, width)."""
        if pictures.ndim != 4 or pictures.shape[1] != 1:
            raise ShapeError(f"got shape {tuple(pictures.shape)}", "Give (batch, 1, height, width)", where="images")
        fixed = torch.cat([soft(pictures), contrast(pictures)], dim=1)
        stage = Stage(pictures, torch.zeros_like(pictures), torch.zeros_like(pictures), None)
        stages = []
        for prox_background, prox_anomaly in zip(self.backgrounds[:depth], self.anomalies[:depth], strict=True):
            background = prox_background(pictures - stage.anomaly)
            residual = pictures - background
            logit, memory = prox_anomaly(torch.cat([soft(residual), fixed], dim=1), stage.memory)
            stage = Stage(background, shrink(residual, logit), logit, memory)
            stages.append(stage)
        return stages


class BackgroundProx(nn.Module):
    """B = q + F(q): what is left of a picture when what does not belong is smoothed over.

    F = Σ aₖ(q)·(mₖ − q) + c(q), with means mₖ of q over `WINDOWS` around a pixel, shares aₖ in (0, 1), and a small c:
    a target is taken away in proportion to what it is. The network works at half the resolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Conv2d(channels, 4 * (len(WINDOWS) + 1), 3, padding=1)
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, 5, stride=2, padding=2),
            nn.ReLU(),
            *block(channels, dilation=3),
            last,
        )
        start(self, last=last)

    def forward(self, q: Tensor) -> Tensor:
        """The background (batch, 1, height, width) of pictures without their anomaly, of the same shape."""
        steer = spread(self.layers(soft(q)), q)
        background = q + steer[:, -1:]
        for k, window in enumerate(WINDOWS):
            share = torch.sigmoid(steer[:, k : k + 1] + KEPT)
            background = background + share * (around(q, window) - q)
        return background


class AnomalyProx(nn.Module):
    """The logit of every pixel, and what the next stage is told: a U of three resolutions, the finest of them half."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(SEEN, channels, 5, stride=2, padding=2)
        self.fine = block(channels)
        self.down = nn.ModuleList(nn.Conv2d(channels, channels, 3, stride=2, padding=1) for _ in range(2))
        self.coarse = nn.ModuleList(block(channels) for _ in range(2))
        self.deepest = block(channels, dilation=2)
        self.join = nn.ModuleList(block(channels) for _ in range(2))
        self.last = nn.Conv2d(channels, 4, 3, padding=1)
        start(self, last=self.last, bias=PRIOR, added=(self.fine, *self.coarse, self.deepest, *self.join))

    def forward(self, seen: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logit (batch, 1, height, width) of what is `seen` (batch, SEEN, height, width), and the new memory."""
        now = self.first(seen)
        now = functional.relu(now if memory is None else now + memory)
        now = now + self.fine(now)
        finer = []
        for down, coarse in zip(self.down, self.coarse, strict=True):
            finer.append(now)
            now = functional.relu(down(now))
            now = now + coarse(now)
        now = now + self.deepest(now)
        for join in self.join:
            fine = finer.pop()
            now = fine + doubled(now, fine)
            now = now + join(now)
        return spread(self.last(now), seen), now


def block(channels: int, *, dilation: int = 1) -> nn.Sequential:
    """A 3×3 convolution and its rectifier."""
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation), nn.ReLU())


def start(module: nn.Module, *, last: nn.Conv2d, bias: float = 0.0, added: Sequence[nn.Sequential] = ()) -> None:
    """Random weights that keep the size of what passes (He et al. 2015); what is `added` or `last` is small."""
    small = {one[0]: GROWTH for one in added} | {last: GROWTH**2}
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.constant_(layer.bias, bias if layer is last else 0.0)
            with torch.no_grad():
                layer.weight.mul_(small.get(layer, 1.0))


def shrink(residual: Tensor, logit: Tensor) -> Tensor:
    """The prox of a weighted L1 norm whose weights are the residual's size times e^{−logit}."""
    weight = residual.abs() * torch.exp(-logit.clamp(min=LEAST_LOGIT))
    anomaly: Tensor = soft_threshold(residual, weight)
    return anomaly


def level_and_scale(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each picture with outliers clipped, (batch, 1, 1, 1); 1 where it is constant."""
    least = (FLAT * images.abs().amax(AXES, keepdim=True)) ** 2
    level = images.mean(AXES, keepdim=True)
    away = images - level
    limit = OUTLIER * _root((away**2).mean(AXES, keepdim=True), least)
    inside = torch.minimum(torch.maximum(away, -limit), limit)
    shift = inside.mean(AXES, keepdim=True)
    return level + shift, _root(((inside - shift) ** 2).mean(AXES, keepdim=True), least)


def _root(variance: Tensor, least: Tensor) -> Tensor:
    """√variance; 1 where it is not above `least`, before the root, whose derivative is infinite at 0."""
    return torch.where(variance > least, variance, torch.ones_like(variance)).sqrt()


def contrast(pictures: Tensor) -> Tensor:
    """Every pixel's distance from the mean around it, in standard deviations around it, bounded by :func:`soft`."""
    away = pictures - around(pictures, WINDOWS[-1])
    return soft(away / (around(away**2, WINDOWS[-1]) + QUIET).sqrt())


def around(pictures: Tensor, window: int) -> Tensor:
    """Means over windows of `window` cells of `CELL`² pixels, linear between cells; at the border, of what there is."""
    whole = functional.pad(pictures, (0, CELL - 1, 0, CELL - 1), mode="replicate")
    cells = functional.avg_pool2d(whole, CELL)
    means = functional.avg_pool2d(cells, window, 1, window // 2, count_include_pad=False)
    wide = functional.interpolate(means, scale_factor=float(CELL), mode="bilinear", align_corners=False)
    return cropped(wide, pictures)


def soft(x: Tensor) -> Tensor:
    """Small numbers as they are, none beyond `SOFT`: one glaring pixel does not drown the others."""
    return x / (1.0 + x.abs() / SOFT)


def doubled(coarse: Tensor, fine: Tensor) -> Tensor:
    """`coarse` in the size of `fine`, which is twice as large: every number four times, at an odd border twice."""
    return functional.interpolate(coarse, size=fine.shape[-2:], mode="nearest")


def spread(cells: Tensor, fine: Tensor) -> Tensor:
    """Cells (batch, 4·n, height / 2, width / 2) as n pictures of the size of `fine`: its numbers are its pixels."""
    return cropped(functional.pixel_shuffle(cells, 2), fine)


def cropped(large: Tensor, like: Tensor) -> Tensor:
    """The top left of `large`, as high and wide as `like`.

    A slice asks an exporter to prove that `large` is large enough; an index does not, but its gradient is slow.
    """
    height, width = like.shape[-2:]
    if not torch.compiler.is_exporting():
        return large[..., :height, :width]
    rows, columns = (torch.arange(n, device=large.device) for n in (height, width))
    return large.index_select(-2, rows).index_select(-1, columns)
