"""Robust PCA unfolded, its last proximal operator a network, and its three parts add up to the picture.

    D = B + S + E:    B_k by layers of robust PCA on the patches of D,   R = D − B_K,   z = G(R, D),
                      S = prox of Σ wᵢ|Sᵢ| at R,   w = |R|·e^{−z}

G is a small network; w are the weights that it asks for. The prox of a weighted L1 norm is soft thresholding, so
S = R·max(0, 1 − e^{−z}): the anomaly has the picture's units, and differs from 0 only where the logit z > 0. A layer
of robust PCA has a logit too: log(|R|/ζ), where ζ is what its anomalies exceed. RPCANet (Wu et al., WACV 2024) is the
model that this answers: there D is replaced at every stage and the sparse part is a logit; here D stays and the logit
is apart. Untrained, G is the rule of the unlearned model.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kizu.errors import ParameterError, ShapeError
from kizu.networks.contrasts import AXES, HEIGHT, SEEN, SHARE, seen, soft
from kizu.networks.patch_image import LowRank, cropped
from kizu.prox import soft_threshold

LAYERS, CHANNELS = 14, 16
OUTLIER = 3.0
"""Pixels beyond so many standard deviations count as if they were there when a picture's scale is measured."""
FLAT = 1e-6
"""A picture whose scale is below this share of its level is constant but for rounding."""
UNLEARNED = {"height": 2.7, "height_gain": 2.0, "share": 0.56, "share_gain": 6.0}
"""What a target's height and a pixel's share of it have to exceed, as `contrasts` gives them (they are 4 times what is
usual, and 0.3), and what an excess adds to the logit."""
GROWTH = 0.2
"""Size, before training, of what a residual block adds."""
REACH = 16
"""Pixels from the core of an anomaly to its end, at most."""
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


class ExactRPCANet(nn.Module):
    """Find small targets in single pictures of any size and grey units, with parts that add up.

    Parameters
    ----------
    layers : of robust PCA
    channels : of the network that stands in for the last prox

    `core` is the logit that an anomaly has to reach somewhere: 0, unless it is known how often each is reached in vain.
    """

    core: Tensor

    def __init__(self, *, layers: int = LAYERS, channels: int = CHANNELS) -> None:
        super().__init__()
        if layers < 1 or channels < 2:
            raise ParameterError("layers, channels", (layers, channels), "at least 1 and 2")
        self.low_rank, self.judge = LowRank(layers), Judge(channels)
        self.register_buffer("core", torch.zeros(()))

    def forward(self, images: Tensor) -> Split:
        """Split `images` (batch, 1, height, width)."""
        residual, logit = self.opinion(images)
        return _split(images, images - residual, cored(logit, self.core))

    def opinion(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The residual D − B of `images` in their units, and the logit of every pixel, whatever its neighbours'."""
        level, scale = level_and_scale(images)
        pictures = (images - level) / scale
        residual = self.low_rank.last(pictures)
        return scale * residual, self.judge(seen(pictures, residual))

    @torch.no_grad()
    def look(self, images: Tensor) -> Tensor:
        """What `judge` sees of images (batch, SEEN, height, width); nothing of it is trained."""
        level, scale = level_and_scale(images)
        pictures = (images - level) / scale
        return seen(pictures, self.low_rank.last(pictures))

    def unfold(self, images: Tensor) -> list[Split]:
        """What every layer of robust PCA makes of `images` on the way, and the result of all."""
        level, scale = level_and_scale(images)
        pictures = (images - level) / scale
        found = []
        for residual, limit in self.low_rank(pictures):
            logit = (residual.abs() / limit).clamp(min=torch.finfo(images.dtype).tiny).log()
            found.append(_split(images, images - scale * residual, logit))
        return [*found, self(images)]


def _split(images: Tensor, background: Tensor, logit: Tensor) -> Split:
    anomaly = shrink(images - background, logit)
    return Split(background, anomaly, images - background - anomaly, logit)


class Judge(nn.Module):
    """The logit of every pixel: that of a rule with four numbers, and what a network adds to it.

    The rule is the unlearned model's: a target is high over what is usual, its contour closes, and it ends at a share
    of its peak (:mod:`kizu.detect.targets`). What is added comes from a U of four resolutions, and from a look at every
    pixel again; it is nothing before training. The numbers are default·exp(θ).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.offsets = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in UNLEARNED})
        self.mixed = nn.Sequential(nn.Conv2d(SEEN, channels, 1), nn.ReLU(), *block(channels))
        self.first = nn.Conv2d(channels, channels, 5, stride=2, padding=2)
        self.fine = block(channels)
        self.down = nn.ModuleList(nn.Conv2d(channels, channels, 3, stride=2, padding=1) for _ in range(2))
        self.coarse = nn.ModuleList(block(channels) for _ in range(2))
        self.deepest = block(channels, dilation=2)
        self.join = nn.ModuleList(block(channels) for _ in range(2))
        self.last = nn.Conv2d(channels, 4, 3, padding=1)
        self.again = nn.Sequential(nn.Conv2d(channels + 1, channels, 3, padding=1), nn.ReLU())
        self.added = nn.Conv2d(channels, 1, 3, padding=1)
        self._start()

    def _start(self) -> None:
        """Random weights that keep the size of what passes (He et al. 2015); what is added to it starts small."""
        small = {one[0]: GROWTH for one in (self.fine, *self.coarse, self.deepest, *self.join)}
        small |= {self.last: 0.0, self.added: 0.0}
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.constant_(layer.bias, 0.0)
                with torch.no_grad():
                    layer.weight.mul_(small.get(layer, 1.0))

    def rule(self, looked: Tensor) -> Tensor:
        """The logit before anything is added."""
        numbers = {name: default * torch.exp(self.offsets[name]) for name, default in UNLEARNED.items()}
        height = numbers["height_gain"] * (looked[:, HEIGHT : HEIGHT + 1] - numbers["height"])
        share = numbers["share_gain"] * (looked[:, SHARE : SHARE + 1] - numbers["share"])
        return torch.minimum(height, share)

    def forward(self, looked: Tensor) -> Tensor:
        """Logit (batch, 1, height, width) of what :func:`kizu.networks.contrasts.seen` gives."""
        mixed = self.mixed(looked)
        now = functional.relu(self.first(mixed))
        now = now + self.fine(now)
        finer = []
        for down, coarse in zip(self.down, self.coarse, strict=True):
            finer.append(now)
            now = functional.relu(down(now))
            now = now + coarse(now)
        now = now + self.deepest(now)
        for join in self.join:
            fine = finer.pop()
            now = fine + functional.interpolate(now, size=fine.shape[-2:], mode="nearest")
            now = now + join(now)
        logit = self.rule(looked) + cropped(functional.pixel_shuffle(self.last(now), 2), looked)
        added: Tensor = self.added(self.again(torch.cat([mixed, soft(logit)], dim=1)))
        return logit + added


def block(channels: int, *, dilation: int = 1) -> nn.Sequential:
    """A 3×3 convolution and its rectifier."""
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation), nn.ReLU())


def shrink(residual: Tensor, logit: Tensor) -> Tensor:
    """The prox of a weighted L1 norm whose weights are the residual's size times e^{−logit}."""
    weight = residual.abs() * torch.exp(-logit.clamp(min=LEAST_LOGIT))
    anomaly: Tensor = soft_threshold(residual, weight)
    return anomaly


def cored(logit: Tensor, core: Tensor) -> Tensor:
    """`logit` (batch, 1, height, width), lowered by `core` where it is above 0 and nothing within reach gets to `core`.

    Reached is what `REACH` steps to a neighbour lead to without leaving what is above 0: hysteresis (Canny 1986).
    """
    inside = (logit > 0).to(logit.dtype)
    reached = inside * (logit >= core).to(logit.dtype)
    for _ in range(REACH):
        reached = torch.minimum(functional.max_pool2d(reached, 3, 1, 1), inside)
    return torch.where(inside > reached, logit - core, logit)


def level_and_scale(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each picture with outliers clipped, (batch, 1, 1, 1); 1 where it is constant."""
    if images.ndim != 4 or images.shape[1] != 1:
        raise ShapeError(f"got shape {tuple(images.shape)}", "Give (batch, 1, height, width)", where="images")
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
