"""The iteration as a layer: K steps of a solver, whose numbers are trained.

    number of layer k = default of step k · exp(θ_k),      array = default + Δ_k

θ = 0 and Δ = 0 before training: then K layers are K iterations of the solver, bit for bit (Gregor & LeCun 2010 unfold
ISTA in this way). A number above 0 stays above 0: a negative threshold would turn shrinking into expanding.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kizu.arrays import is_array
from kizu.errors import ParameterError
from kizu.solvers.iteration import Iteration, Numbers

Offsets = Mapping[str, Sequence[Tensor]]


class Unfolded(nn.Module):
    """`layers` steps of `iteration`.

    Parameters
    ----------
    iteration : where it starts, its step, and the numbers before training
    layers : int, how many steps
    learn : names of the numbers that are trained; by default all of them
    shared : names of those of which all layers have one offset in common
    dtype : of the numbers and constants; data are to have it too. float32 is enough to train.
    """

    def __init__(
        self,
        iteration: Iteration[Any, Any],
        layers: int,
        *,
        learn: Sequence[str] | None = None,
        shared: Sequence[str] = (),
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not (isinstance(layers, int) and layers >= 1):
            raise ParameterError("layers", layers, "a whole number of at least 1")
        self.iteration, self.layers = iteration, layers
        schedule = [iteration.numbers(k) for k in range(layers)]
        learned = tuple(schedule[0]) if learn is None else tuple(learn)
        for name in (*learned, *shared):
            if name not in schedule[0]:
                raise ParameterError("learn", name, f"names out of {', '.join(schedule[0])}")
        self.constants, self.defaults, self.offsets = nn.Module(), nn.Module(), nn.ParameterDict()
        for name, array in iteration.constants().items():
            self.constants.register_buffer(name, torch.as_tensor(array, dtype=dtype))
        for name, first in schedule[0].items():
            value = torch.as_tensor(
                first if is_array(first) else [float(numbers[name]) for numbers in schedule], dtype=dtype
            )
            self.defaults.register_buffer(name, value)
            if name in learned:
                shape = value.shape if is_array(first) else ()
                self.offsets[name] = nn.Parameter(torch.zeros(1 if name in shared else layers, *shape, dtype=dtype))
        self.positive = {name for name, first in schedule[0].items() if not is_array(first)}

    def numbers(self, k: int) -> Numbers:
        """The numbers and constants of layer `k`, from 0."""
        return self._numbers(k, self._unbound())

    def _unbound(self) -> Offsets:
        """The offsets layer by layer; all at once, or the gradient of each would be as large as that of all."""
        return {name: offsets.unbind() for name, offsets in self.offsets.items()}

    def _numbers(self, k: int, unbound: Offsets) -> Numbers:
        found: dict[str, Tensor] = dict(self.constants.named_buffers(remove_duplicate=False))
        for name, default in self.defaults.named_buffers(remove_duplicate=False):
            value = default[k] if name in self.positive else default
            if name in unbound:
                offset = unbound[name][k if len(unbound[name]) > 1 else 0]
                value = value * torch.exp(offset) if name in self.positive else value + offset
            found[name] = value
        return found

    def states(self, data: Any, depth: int | None = None) -> Iterator[Any]:
        """The state after each of the first `depth` layers, of all by default."""
        unbound = self._unbound()
        state = self.iteration.init(data, self._numbers(0, unbound))
        for k in range(self.layers if depth is None else depth):
            state = self.iteration.step(data, state, self._numbers(k, unbound))
            yield state

    def forward(self, data: Any, depth: int | None = None) -> Any:
        """The state after `depth` layers, after all by default."""
        return deque(self.states(data, depth), maxlen=1)[0]

    @torch.no_grad()
    def continue_from(self, k: int, shift: dict[str, float] | None = None) -> None:
        """Start layer `k` with the offsets of layer k − 1, plus `shift` where one is named: as layers are added."""
        for name, offsets in self.offsets.items():
            if 0 < k < len(offsets):
                offsets[k] = offsets[k - 1] + (shift or {}).get(name, 0.0)
