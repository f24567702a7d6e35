"""What a robust-PCA network is to learn: from known backgrounds, from a solver's, or from the matrices alone.

    supervised       ‖X − X*‖_F / ‖X*‖_F, X* the known background, or that of a slower solver (distillation)
    self-supervised  mean|Y − X| / mean|Y|                                     (Dong, Shah, Donegan & Chi 2023)

A loss is the mean of logarithms over matrices: an error of 1e-6 has as steep a way down as one of 1e-2. Networks are
:class:`kizu.networks.unfolded.Unfolded` ones whose state has a `background`.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kizu.networks.training import Recipe, Stage, train
from kizu.solvers.iteration import iterate
from kizu.solvers.scaled_gradient import ScaledGradient
from kizu.typing import Floats

TINY = 1e-14
"""Added to a relative error before its logarithm: rounding is no error."""
BATCH = 2
STRIDES = {"start": 1.0, "first": 1.0, "decay": 0.3, "step_size": 0.6}
"""How far a trial moves each number of the schedule, relative to each other."""
STRIDE, LEAST_STRIDE, MOST_STRIDE = 0.15, 0.02, 0.3


class Batch(NamedTuple):
    """Matrices `data` (count, samples, features), and their backgrounds where they are known."""

    data: Tensor
    background: Tensor | None


Loss = Callable[[Tensor, Batch], Tensor]
"""The loss of backgrounds (count, samples, features)."""


def supervised(background: Tensor, batch: Batch) -> Tensor:
    """Mean of log(relative error)."""
    assert batch.background is not None
    return torch.log(errors(background, batch.background) + TINY).mean()


def self_supervised(background: Tensor, batch: Batch) -> Tensor:
    """Mean of log(what is left over, relative)."""
    return torch.log((batch.data - background).abs().mean((-2, -1)) / batch.data.abs().mean((-2, -1)) + TINY).mean()


def errors(background: Tensor, truth: Tensor) -> Tensor:
    """‖X − X*‖_F / ‖X*‖_F of each matrix."""
    return (background - truth).square().sum((-2, -1)).sqrt() / truth.square().sum((-2, -1)).sqrt()


@dataclass(frozen=True)
class RPCATask:
    """`batches` gives the batch of a step, and depends on the step alone; `validation` judges.

    The parts of one matrix that :func:`cropped` makes may overlap: it is all that there is.
    """

    batches: Callable[[int], Batch]
    validation: Batch
    loss_of: Loss = supervised

    def begin(self, network: nn.Module, depth: int | None) -> None:
        """Nothing to prepare: all layers start as the algorithm."""

    def loss(self, network: nn.Module, step: int, depth: int | None) -> Tensor:
        batch = self.batches(step)
        return self.loss_of(network(batch.data, depth).background, batch)

    def validate(self, network: nn.Module, depth: int | None) -> float:
        return float(self.loss_of(network(self.validation.data, depth).background, self.validation))


@dataclass(frozen=True)
class Planted:
    """Matrices of low rank with outliers (Cai, Liu & Yin 2021, section 4).

    X = U Vᵀ with normal factors; a `share` of the entries has an outlier, uniform within ±`amplitude`·mean|X|.
    """

    shape: tuple[int, int] = (200, 200)
    rank: int = 5
    share: float = 0.1
    amplitude: float = 1.0
    count: int = BATCH
    seed: int = 0
    dtype: torch.dtype = torch.float64

    def __call__(self, step: int) -> Batch:
        """The batch of `step` ≥ 0."""
        return self._batch(self.count, (self.seed, 1, step))

    def validation(self, count: int) -> Batch:
        """`count` matrices that no step gets."""
        return self._batch(count, (self.seed, 0))

    def _batch(self, count: int, seed: tuple[int, ...]) -> Batch:
        draw = np.random.default_rng(seed)
        made = [self._one(draw) for _ in range(count)]
        data, background = (torch.as_tensor(np.stack(part), dtype=self.dtype) for part in zip(*made, strict=True))
        return Batch(data, background)

    def _one(self, draw: np.random.Generator) -> tuple[Floats, Floats]:
        samples, features = self.shape
        background = draw.standard_normal((samples, self.rank)) @ draw.standard_normal((self.rank, features))
        outliers = np.zeros(background.size)
        hit = draw.choice(background.size, round(self.share * background.size), replace=False)
        outliers[hit] = self.amplitude * np.abs(background).mean() * draw.uniform(-1, 1, hit.size)
        return background + outliers.reshape(self.shape), background


@dataclass(frozen=True)
class Crops:
    """Random rows and columns of one matrix (samples, features), at most `side` of each.

    A step costs the same at any size. A part of a low-rank matrix with outliers is one too, and a network's numbers do
    not depend on the size.
    """

    data: NDArray[Any]
    background: NDArray[Any] | None = None
    side: int = 200
    seed: int = 0
    dtype: torch.dtype = torch.float64

    def __call__(self, step: int) -> Batch:
        """The crop of `step` ≥ 0; −1 is that of validation."""
        draw = np.random.default_rng((self.seed, step + 1))
        rows, columns = (np.sort(draw.permutation(count)[: self.side]) for count in self.data.shape)
        parts = (None if one is None else self._part(one, rows, columns) for one in (self.data, self.background))
        data, background = parts
        assert data is not None
        return Batch(data, background)

    def _part(self, matrix: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> Tensor:
        return torch.as_tensor(matrix[np.ix_(rows, columns)], dtype=self.dtype)[None]


def cropped(crops: Crops) -> RPCATask:
    """A task on parts of one matrix; self-supervised where its background is not known."""
    return RPCATask(crops, crops(-1), self_supervised if crops.background is None else supervised)


def planted(made: Planted, *, loss: Loss = supervised, held_out: int = 4) -> RPCATask:
    """A task on generated matrices."""
    return RPCATask(made, made.validation(held_out), loss)


def matrices(
    data: Sequence[NDArray[Any]],
    backgrounds: Sequence[NDArray[Any]] | None = None,
    *,
    dtype: torch.dtype = torch.float64,
) -> RPCATask:
    """A task on given matrices of one shape, one after the other; self-supervised where no background is given.

    The last of several is for validation; a single one is trained and validated on: it is all that there is.
    """
    loss = self_supervised if backgrounds is None else supervised
    truths = [None] * len(data) if backgrounds is None else [_stack([one], dtype) for one in backgrounds]
    batches = [Batch(_stack([one], dtype), truth) for one, truth in zip(data, truths, strict=True)]
    usable = batches[:-1] or batches
    return RPCATask(lambda step: usable[step % len(usable)], batches[-1], loss)


def distilled(
    data: Sequence[NDArray[Any]],
    teacher: Callable[[NDArray[Any]], NDArray[Any]],
    *,
    dtype: torch.dtype = torch.float64,
) -> RPCATask:
    """A task to find at once what a slower solver finds; `teacher` gives the background of a matrix."""
    return matrices(data, [teacher(one) for one in data], dtype=dtype)


def recipe(steps: int = 150, rate: float = 0.03) -> Recipe:
    """Adam on all layers at once: they start as an algorithm that works, so none needs training before the others."""
    return Recipe(
        (Stage(steps, rate, warmup=min(10, steps // 10)),), validate_every=max(1, min(25, steps)), average=0.9
    )


@torch.no_grad()
def tuned(task: RPCATask, rank: int, layers: int, trials: int = 150, *, seed: int = 0) -> dict[str, float]:
    """The four numbers of a geometric schedule that lose least on the first batch, by random search without gradients.

    A trial costs a fifth of a training step, and finds the valley that gradients then go down: from the classical
    schedule they ended at ten times the error after twice the steps. Each trial moves the logarithms of the best so
    far; steps grow where that helps, and shrink where it does not (Rechenberg's rule).
    """
    draw, batch = np.random.default_rng(seed), task.batches(0)
    names = tuple(STRIDES)

    def loss(numbers: Floats) -> float:
        iteration = ScaledGradient(rank, **dict(zip(names, numbers.tolist(), strict=True)))
        value = float(task.loss_of(iterate(iteration, batch.data, layers).background, batch))
        return value if np.isfinite(value) else np.inf

    classical = ScaledGradient(rank)
    best = np.array([getattr(classical, name) for name in names])
    least, stride = loss(best), STRIDE
    for _ in range(trials):
        trial = best * np.exp(stride * draw.standard_normal(len(names)) * list(STRIDES.values()))
        value = loss(trial)
        if value < least:
            best, least, stride = trial, value, min(MOST_STRIDE, stride * 1.3)
        else:
            stride = max(LEAST_STRIDE, stride * 0.97)
    return dict(zip(names, best.tolist(), strict=True))


class Refined(NamedTuple):
    """A network fitted to one matrix, and the loss of that matrix `before` and `after`, mean|Y − X| / mean|Y|."""

    network: nn.Module
    before: float
    after: float

    @property
    def fell_by(self) -> float:
        return self.before - self.after


def refine(network: nn.Module, data: Tensor, steps: int = 50, *, rate: float = 0.01) -> Refined:
    """A copy of `network` after `steps` of self-supervised training on `data` (samples, features) itself.

    Best weights are kept and the untouched ones count too: the loss does not rise.
    """
    batch = Batch(data[None], None)
    task = RPCATask(lambda step: batch, batch, self_supervised)
    twin = deepcopy(network)
    before = _share_left(task, network)
    train(twin, task, recipe(steps, rate))
    after = _share_left(task, twin)
    return Refined(twin, before, after) if after < before else Refined(deepcopy(network), before, before)


@torch.no_grad()
def _share_left(task: RPCATask, network: nn.Module) -> float:
    return float(np.exp(task.validate(network, None)))


def _stack(arrays: Sequence[NDArray[Any]], dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(np.stack(arrays), dtype=dtype)
