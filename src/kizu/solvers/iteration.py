"""An algorithm as its iteration: a solver repeats it with the numbers of the textbook, a network with trained ones.

A step is a pure function of data, state and numbers, and does not know who owns its numbers.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from kizu.typing import Array

Data = TypeVar("Data", contravariant=True)
State = TypeVar("State")
Numbers = Mapping[str, Any]
"""What a step is steered by, by name: positive numbers, and arrays."""


class Iteration(Protocol[Data, State]):
    """One algorithm: where it starts, one step, and the numbers that it usually has."""

    def constants(self) -> Mapping[str, Array]:
        """Arrays that no training changes, such as a dictionary."""
        ...

    def numbers(self, k: int) -> Numbers:
        """The numbers of step `k`, from 0, of the classical algorithm: floats above 0; arrays, the same for all k."""
        ...

    def init(self, data: Data, numbers: Numbers) -> State:
        """The state before step 0, whose numbers (and constants) are given."""
        ...

    def step(self, data: Data, state: State, numbers: Numbers) -> State:
        """The next state; `numbers` has the constants too."""
        ...


def iterate(iteration: Iteration[Data, State], data: Data, count: int) -> State:
    """The state after `count` steps with the classical numbers."""
    constants = iteration.constants()
    state = iteration.init(data, {**constants, **iteration.numbers(0)})
    for k in range(count):
        state = iteration.step(data, state, {**constants, **iteration.numbers(k)})
    return state
