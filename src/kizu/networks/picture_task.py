"""The task of finding small targets, learned from pictures with masks, or from clean ones with spots planted.

What the exact network sees of a picture is relative to the whole picture, and is not trained. So whole pictures are
looked at once, varied, and a batch is made of windows of what was seen: around targets, where the residual is largest
besides, and anywhere.
"""

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kizu.networks.exact_rpcanet import ExactRPCANet, cored
from kizu.networks.losses import logit_loss, mask_loss
from kizu.networks.pictures import Grey, Scene, cutouts, scene
from kizu.networks.rpcanet import RPCANet
from kizu.networks.training import Recipe, Stage
from kizu.networks.variation import varied
from kizu.typing import Bools, Integers

Pictures = Sequence[NDArray[np.number]]
LOOKED, WINDOWS = 600, 4
"""Pictures that are looked at, varied, and windows of each."""
BATCH, SIZE = 8, 128
STEPS, RATE, EVERY = 700, 3e-3, 350
"""Of training, its rate, and steps between two validations: of more, one would be the best by chance."""
FALSE_ALARMS = 0.1
"""Share of validation pictures without targets that may have an anomaly when masks are compared."""
CLEAR = 12
"""Pixels from a target within which the largest residual is the target's own."""


class Window(NamedTuple):
    """What is seen in a square, in half precision (channels, size, size), and its mask (size, size)."""

    seen: Tensor
    mask: Tensor


class PictureTask:
    """Batches of windows that depend on (seed, step) alone, and the validation on whole pictures.

    `masks` of the training pictures; None where these are clean: then targets are made up. Validation pictures are
    scored by the mean of IoU (pooled) and IoU per picture, at the level that `FALSE_ALARMS` of them reach when their
    targets are smoothed over. `looked` pictures are looked at before the first step; `progress` hears of it.
    """

    def __init__(
        self,
        pictures: Pictures,
        masks: Sequence[Bools] | None,
        validation: Pictures,
        validation_masks: Sequence[Bools],
        *,
        batch: int = BATCH,
        size: int = SIZE,
        looked: int = LOOKED,
        seed: int = 0,
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> None:
        given = [None] * len(pictures) if masks is None else masks
        self.scenes = [scene(p, m, seed=k) for k, (p, m) in enumerate(zip(pictures, given, strict=True))]
        self.targets = cutouts(self.scenes)
        pairs = zip(validation, validation_masks, strict=True)
        self.validation = [scene(p, m, seed=k) for k, (p, m) in enumerate(pairs)]
        self.batch, self.size, self.looked, self.seed, self.progress = batch, size, looked, seed, progress
        self._windows: list[Window] = []
        self._validation: list[tuple[Tensor, Tensor]] = []

    def begin(self, network: nn.Module, depth: int | None) -> None:
        """Nothing of the network has to be prepared."""

    def windows(self, network: nn.Module) -> list[Window]:
        """Windows of all pictures that are looked at; looked at when first asked for."""
        if not self._windows:
            for number in range(self.looked):
                self.progress(number, self.looked)
                self._windows += self._look(network, number)
        return self._windows

    def _look(self, network: nn.Module, number: int) -> list[Window]:
        rng = np.random.default_rng((self.seed, number))
        one = varied(self.scenes[number % len(self.scenes)], self.targets, rng)
        looked = self._see(network, one.picture)[0]
        return [_window(looked, one, corner, self.size) for corner in _corners(one, looked, self.size, rng)]

    def loss(self, network: nn.Module, step: int, depth: int | None) -> Tensor:
        """The loss of batch `step`: windows held in one of eight ways."""
        windows, rng = self.windows(network), np.random.default_rng((self.seed, self.looked + step))
        device = next(network.parameters()).device
        chosen = [windows[int(k)] for k in rng.integers(len(windows), size=self.batch)]
        turns, flips = rng.integers(4, size=self.batch).tolist(), (rng.random(self.batch) < 0.5).tolist()
        seen, mask = (
            torch.stack([_held(one, *way) for one, way in zip(part, zip(turns, flips, strict=True), strict=True)])
            for part in zip(*chosen, strict=True)
        )
        by_pixel = seen.to(device).float().contiguous(memory_format=torch.channels_last)  # an eighth faster on a CPU
        return loss_of(network.train(), by_pixel, mask.to(device).float()[:, None])

    @torch.no_grad()
    def validate(self, network: nn.Module, depth: int | None) -> float:
        """What is missing of the mean of both scores."""
        if not self._validation:
            self._validation = [(self._see(network, s.picture), self._see(network, s.ground)) for s in self.validation]
        network.eval()
        loudest = [float(self._logit(network, ground).max()) for _, ground in self._validation]
        level = max(0.0, float(np.quantile(loudest, 1.0 - FALSE_ALARMS)))
        return 1.0 - self._score([self._logit(network, seen) for seen, _ in self._validation], level)

    def _see(self, network: nn.Module, picture: Grey) -> Tensor:
        """What the trained part sees of one picture, in half precision (1, channels, height, width)."""
        like = next(network.parameters())
        return seen_by(network, torch.from_numpy(np.asarray(picture)).to(like)[None, None]).half().cpu()

    def _logit(self, network: nn.Module, seen: Tensor) -> Tensor:
        return logit_of(network, seen.to(next(network.parameters())))

    def _score(self, logits: Sequence[Tensor], level: float) -> float:
        """The mean of pooled IoU and IoU per picture, of anomalies whose core reaches `level`."""
        both, either, each = 0, 0, []
        for one, logit in zip(self.validation, logits, strict=True):
            found = cored(logit, logit.new_tensor(level))[0, 0].cpu().numpy() > 0
            inside, union = int((found & one.mask).sum()), int((found | one.mask).sum())
            both, either = both + inside, either + union
            each.append(inside / union if union else 1.0)
        return ((both / either if either else 1.0) + float(np.mean(each))) / 2


def recipe(steps: int = STEPS) -> Recipe:
    """How networks of pictures are trained."""
    stage = Stage(steps, RATE, warmup=min(50, steps // 10))
    return Recipe((stage,), validate_every=min(EVERY, steps), average=0.99, decay=1e-3)


def _corners(one: Scene, looked: Tensor, size: int, rng: np.random.Generator) -> list[Integers]:
    """Top left of windows: around targets, at the largest residuals elsewhere, anywhere."""
    targets, found = np.argwhere(one.mask), []
    loud = looked[0].float().numpy().copy()
    for y, x in targets:
        loud[max(0, y - CLEAR) : y + CLEAR, max(0, x - CLEAR) : x + CLEAR] = -np.inf
    for number in range(WINDOWS):
        if number < 2 and len(targets):
            centre = targets[rng.integers(len(targets))]
        elif number == WINDOWS - 1:
            centre = rng.integers(one.mask.shape)
        else:
            centre = np.array(np.unravel_index(int(loud.argmax()), loud.shape))
            y, x = centre
            loud[max(0, y - size // 2) : y + size // 2, max(0, x - size // 2) : x + size // 2] = -np.inf
        corner = centre - rng.integers(size // 8, size - size // 8, 2)
        found.append(np.clip(corner, 0, np.maximum(0, np.subtract(one.mask.shape, size))))
    return found


def _window(looked: Tensor, one: Scene, corner: Integers, size: int) -> Window:
    """The square at `corner`; what lies beyond the border is as empty as can be."""
    (y, x), mask = corner.tolist(), torch.from_numpy(np.asarray(one.mask))
    parts = looked[:, y : y + size, x : x + size], mask[y : y + size, x : x + size]
    edges = 0, size - parts[1].shape[1], 0, size - parts[1].shape[0]
    seen, inside = (nn.functional.pad(part, edges) for part in parts)
    return Window(seen.clone(), inside.clone())


def _held(part: Tensor, turns: int, flip: bool) -> Tensor:
    return torch.rot90(part.flip(-1) if flip else part, turns, (-2, -1))


@singledispatch
def seen_by(network: nn.Module, images: Tensor) -> Tensor:
    """What the trained part of a network sees of images (batch, 1, height, width)."""
    raise TypeError(f"{type(network).__name__} does not learn from pictures")


@seen_by.register
def _(network: ExactRPCANet, images: Tensor) -> Tensor:
    return network.look(images)


@seen_by.register
def _(network: RPCANet, images: Tensor) -> Tensor:
    return images


@singledispatch
def loss_of(network: nn.Module, seen: Tensor, masks: Tensor) -> Tensor:
    """The loss of a batch, given masks (batch, 1, height, width)."""
    raise TypeError(f"{type(network).__name__} does not learn from pictures")


@loss_of.register
def _(network: ExactRPCANet, seen: Tensor, masks: Tensor) -> Tensor:
    return mask_loss(network.judge(seen), masks)


@loss_of.register
def _(network: RPCANet, seen: Tensor, masks: Tensor) -> Tensor:
    data, logit = network(seen)
    return logit_loss(logit, masks, data, seen)


@singledispatch
def logit_of(network: nn.Module, seen: Tensor) -> Tensor:
    """The logit of every pixel of what :func:`seen_by` gives."""
    raise TypeError(f"{type(network).__name__} does not learn from pictures")


@logit_of.register
def _(network: ExactRPCANet, seen: Tensor) -> Tensor:
    logit: Tensor = network.judge(seen)
    return logit


@logit_of.register
def _(network: RPCANet, seen: Tensor) -> Tensor:
    logit: Tensor = network(seen)[1]
    return logit
