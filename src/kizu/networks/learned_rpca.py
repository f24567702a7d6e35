"""LRPCA: :mod:`kizu.solvers.scaled_gradient` unfolded, its thresholds and step sizes trained.

Cai, Liu & Yin 2021 (two numbers per layer); Dong, Shah, Donegan & Chi 2023 (four numbers for all layers, trained
without labels). The numbers do not know the size of a matrix: a network trained on small ones splits large ones. After
the last layer it may go on for as long as asked with ζ falling geometrically, the feed-forward-recurrent form.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, NamedTuple, Self

import torch
from torch import Tensor

from kizu.errors import ParameterError
from kizu.networks.unfolded import Unfolded
from kizu.solvers.scaled_gradient import Decaying, Listed, ScaledGradient, State, descend

LAYERS = 16
TRAINED_AT, TRAINED_RANK = 1000, 5
"""Size and rank of the matrices that the published thresholds were trained on."""
Form = Literal["per layer", "shared"]
CLASSICAL: Mapping[str, Any] = {}
"""The schedule as it is."""


class Split(NamedTuple):
    """Y = background + anomaly, both (…, samples, features)."""

    background: Tensor
    anomaly: Tensor


class LearnedRPCA(Unfolded):
    """`layers` steps of `iteration` on a matrix (…, samples, features); leading axes are matrices side by side.

    Made by :meth:`untrained` or :meth:`published`.
    """

    iteration: ScaledGradient

    @classmethod
    def untrained(
        cls,
        rank: int,
        layers: int = LAYERS,
        *,
        form: Form = "per layer",
        schedule: Mapping[str, Any] = CLASSICAL,
        dtype: torch.dtype = torch.float64,
    ) -> Self:
        """With the numbers of a geometric schedule, to be trained.

        `form`: "per layer" has two numbers in each, "shared" four in all. `schedule`: fields of `ScaledGradient`, such
        as :func:`kizu.networks.rpca_task.tuned` finds. float64, because an error of 1e-7 is beyond float32.
        """
        if not (isinstance(rank, int) and rank >= 1):
            raise ParameterError("rank", rank, "a whole number of at least 1")
        if form == "shared":
            return cls(
                replace(Decaying(rank), **schedule),
                layers,
                shared=("start", "first", "decay", "step_size"),
                dtype=dtype,
            )
        if form != "per layer":
            raise ParameterError("form", form, '"per layer" or "shared"')
        return cls(replace(ScaledGradient(rank), **schedule), layers, shared=("start",), dtype=dtype)

    @classmethod
    def published(
        cls,
        thresholds: Sequence[float],
        steps: Sequence[float],
        *,
        size: int,
        rank: int,
        scale: float,
        dtype: torch.dtype = torch.float64,
    ) -> Self:
        """With the numbers that the authors of LRPCA trained: the first threshold clips Y, the first step is not used.

        Theirs are absolute, and are carried over by their rule, ζ·(1000/size)·(rank/5). `scale` is mean|Y| of a matrix
        as theirs: the product of two factors (size, rank) whose entries have the variance 1/size, and outliers.
        """
        factor = TRAINED_AT / size * rank / TRAINED_RANK / scale
        start, *rest = (float(value) * factor for value in thresholds)
        sizes = tuple(float(value) for value in steps[1:])
        return cls(Listed(rank, start=start, thresholds=tuple(rest), steps=sizes), len(rest), dtype=dtype)

    def at_rank(self, rank: int) -> Self:
        """A copy for another rank: no number depends on it."""
        twin = deepcopy(self)
        twin.iteration = replace(self.iteration, rank=rank)
        return twin

    def split(self, data: Tensor, more: int = 0) -> Split:
        """Background and anomaly = Y − background, after all layers and `more` iterations beyond them."""
        background = self.beyond(data, self(data), more).background
        return Split(background, data - background)

    def beyond(self, data: Tensor, state: State, count: int) -> State:
        """`count` iterations after the last layer: ζ falls on by the classical factor, at the classical step size.

        Not as the last layers have it: these are trained to end, often with a step that is too long to be repeated.
        """
        decay, step_size = ScaledGradient.decay, ScaledGradient.step_size
        for _ in range(count):
            state = descend(data, state, state.threshold * decay, step_size, self.iteration.algebra.inverse)
        return state
