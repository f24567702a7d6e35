"""Training as a plain loop: stages, Adam, clipped gradients, averaged weights, the best of them on validation data.

Nothing but the network, the task, the recipe and a checkpoint decides what happens: a run that was killed and goes on
from its checkpoint ends with the same weights, bit for bit. The average of the weights (EMA) is what is validated and
kept: it is what the last steps have in common. The loop reads no clock and writes no file.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kizu.errors import NotConvergedError


class Task(Protocol):
    """What a network is to learn, and how well it does. A batch depends on the step alone."""

    def loss(self, network: nn.Module, step: int, depth: int | None) -> Tensor:
        """The loss of training batch `step`, of the first `depth` layers (all of them where None)."""
        ...

    def validate(self, network: nn.Module, depth: int | None) -> float:
        """What is left to be desired on validation data; smaller is better."""
        ...

    def begin(self, network: nn.Module, depth: int | None) -> None:
        """Prepare the network for a stage that trains `depth` layers."""
        ...


class Stage(NamedTuple):
    """`steps` of Adam on `depth` layers (all where None).

    The rate rises over `warmup` steps and then falls in a straight line to 0; numbers and vectors have `rate`,
    arrays of more axes `array_rate` (`rate` where None).
    """

    steps: int
    rate: float
    array_rate: float | None = None
    depth: int | None = None
    warmup: int = 0

    def share(self, step: int) -> float:
        """Share of the full rate at `step` of this stage."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        return max(0.0, 1.0 - (step - self.warmup) / max(1, self.steps - self.warmup))


class Recipe(NamedTuple):
    """How to train: the stages; how often to validate; when to stop early; and what keeps steps sane.

    `patience`: validations of the last stage in a row that may fail to improve. `clip`: largest norm of a gradient.
    `average`: share of the old average that is kept at a step. `decay`: decoupled weight decay of arrays.
    """

    stages: tuple[Stage, ...]
    validate_every: int = 100
    patience: int = 20
    clip: float = 1.0
    average: float = 0.99
    decay: float = 0.0

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)


class Seen(NamedTuple):
    """One row of the log: mean `loss` since the row before, `measure` on validation data, the `best` so far."""

    step: int
    stage: int
    depth: int
    loss: float
    measure: float
    best: float
    skipped: int


Arrays = dict[str, NDArray[Any]]


@dataclass
class Checkpoint:
    """Everything that the next step depends on.

    `stage` and `step` (in that stage) come next; `weights`, `average` and `best` are the network's, `moments` Adam's;
    `since` counts validations without a better one.
    """

    stage: int = 0
    step: int = 0
    skipped: int = 0
    since: int = 0
    stopped: str = ""
    weights: Arrays = field(default_factory=dict)
    average: Arrays = field(default_factory=dict)
    best: Arrays = field(default_factory=dict)
    moments: Arrays = field(default_factory=dict)
    log: list[Seen] = field(default_factory=list)


MOST_SKIPPED = 50
"""Steps in a row without a finite gradient after which training has failed."""
Callback = Callable[[Seen, int], object]


def train(
    network: nn.Module,
    task: Task,
    recipe: Recipe,
    *,
    start: Checkpoint | None = None,
    save: Callable[[Checkpoint], object] = lambda checkpoint: None,
    callback: Callback = lambda seen, steps: None,
) -> Checkpoint:
    """Train `network` in place; it ends with the averaged weights that were best on validation data.

    `save` gets a checkpoint after every validation, `callback` the row of the log and the number of all steps.
    NotConvergedError where the loss is not finite for `MOST_SKIPPED` steps in a row.
    """
    state = Checkpoint() if start is None else start
    while state.stage < len(recipe.stages) and not state.stopped:
        _run_stage(network, task, recipe, state, save, callback)
        state.stage, state.step, state.moments = state.stage + 1, 0, {}
    state.stopped = state.stopped or "steps"
    load(network, state.best or state.weights)
    return state


def _run_stage(
    network: nn.Module,
    task: Task,
    recipe: Recipe,
    state: Checkpoint,
    save: Callable[[Checkpoint], object],
    callback: Callback,
) -> None:
    """From `state.step` to the stage's end, or until validation has not improved for long."""
    stage = recipe.stages[state.stage]
    last, done = state.stage == len(recipe.stages) - 1, sum(one.steps for one in recipe.stages[: state.stage])
    if state.weights:
        load(network, state.weights)
    if state.step == 0:
        task.begin(network, stage.depth)
        state.average = arrays(network)
    average = {name: torch.as_tensor(state.average[name], device=one.device) for name, one in _learned(network)}
    optimizer = _optimizer(network, stage, recipe, state.moments)
    losses, failed = [], 0
    for step in range(state.step, stage.steps):
        loss = _step(network, task, optimizer, stage, recipe, (done, step))
        failed = 0 if loss is not None else failed + 1
        state.skipped += loss is None
        if failed >= MOST_SKIPPED:
            raise NotConvergedError(
                f"{failed} steps in a row had no finite gradient", "Lower the rate or check the data"
            )
        if loss is not None:
            losses.append(loss)
            _blend(average, network, recipe.average, step)
        if (step + 1) % recipe.validate_every == 0 or step + 1 == stage.steps:
            mean, losses = float(np.mean(losses)) if losses else math.nan, []
            state.average = arrays(network) | {name: _array(value) for name, value in average.items()}
            _look(network, task, stage, state, mean, done + step + 1, last=last)
            state.step, state.moments = step + 1, _moments(network, optimizer)
            state.stopped = "patience" if last and state.since >= recipe.patience else ""
            callback(state.log[-1], recipe.steps)
            save(state)
            if state.stopped:
                return


def _step(
    network: nn.Module,
    task: Task,
    optimizer: torch.optim.Optimizer,
    stage: Stage,
    recipe: Recipe,
    at: tuple[int, int],
) -> float | None:
    """One step of Adam; None, and nothing changed, where loss or gradient is not finite. `at`: before, in the stage."""
    for group in optimizer.param_groups:
        group["lr"] = group["full"] * stage.share(at[1])
    optimizer.zero_grad(set_to_none=True)
    loss = task.loss(network, sum(at), stage.depth)
    if not torch.isfinite(loss):
        return None
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
    if not torch.isfinite(norm):
        return None
    optimizer.step()
    return float(loss.detach())


def _look(
    network: nn.Module, task: Task, stage: Stage, state: Checkpoint, loss: float, step: int, *, last: bool
) -> None:
    """Validate the averaged weights, keep them if they are the last stage's best, and note it in the log."""
    state.weights = arrays(network)
    load(network, state.average)
    with torch.no_grad():
        measure = float(task.validate(network, stage.depth))
    load(network, state.weights)
    earlier = [seen.best for seen in state.log if seen.stage == state.stage]
    best = earlier[-1] if earlier else math.inf
    if last:
        better = measure < best
        state.since = 0 if better else state.since + 1
        if better:
            state.best = {name: array.copy() for name, array in state.average.items()}
    depth = 0 if stage.depth is None else stage.depth
    state.log.append(Seen(step, state.stage, depth, loss, measure, min(best, measure), state.skipped))


def _optimizer(network: nn.Module, stage: Stage, recipe: Recipe, moments: Arrays) -> torch.optim.AdamW:
    """Adam over numbers and arrays apart, with the `moments` of a checkpoint."""
    rates = {False: stage.rate, True: stage.rate if stage.array_rate is None else stage.array_rate}
    named = _learned(network)
    groups = [
        {
            "params": [one for _, one in named if (one.ndim > 1) is wide],
            "full": rate,
            "weight_decay": recipe.decay * wide,
        }
        for wide, rate in rates.items()
    ]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0)
    for name, one in named:
        if f"{name}|step" in moments:
            optimizer.state[one] = {
                key: torch.as_tensor(moments[f"{name}|{key}"], device="cpu" if key == "step" else one.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
    return optimizer


def _moments(network: nn.Module, optimizer: torch.optim.Optimizer) -> Arrays:
    return {
        f"{name}|{key}": _array(value)
        for name, one in _learned(network)
        for key, value in optimizer.state.get(one, {}).items()
    }


@torch.no_grad()
def _blend(average: Mapping[str, Tensor], network: nn.Module, kept: float, step: int) -> None:
    """The averaged weights after one more step; early in a stage they forget faster."""
    kept = min(kept, (step + 1) / (step + 10))
    torch._foreach_lerp_(list(average.values()), [one.detach() for _, one in _learned(network)], 1 - kept)


def _learned(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, one) for name, one in network.named_parameters() if one.requires_grad]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """torch on `count` threads: another number sums in another order, and ends with other last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def arrays(network: nn.Module) -> Arrays:
    """The weights and buffers of a network, copied."""
    return {name: _array(value) for name, value in network.state_dict().items()}


def load(network: nn.Module, weights: Mapping[str, NDArray[Any]]) -> None:
    """Put `weights` into `network`, each of which has to fit."""
    network.load_state_dict({name: torch.as_tensor(array) for name, array in weights.items()})


def _array(value: Tensor) -> NDArray[Any]:
    return np.array(value.detach().cpu().numpy())
