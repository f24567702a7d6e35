"""Run a step until its certificate says that it is done. The only loop in `kizu.solvers`."""

from collections.abc import Callable
from typing import Generic, Literal, NamedTuple, TypeVar

from kizu.certificates import Certificate

Stopped = Literal["gap", "feasible", "stationary", "not_finite", "max_iter"]
"""Why a solver stopped: proven; the constraint is met; the point stands still; it overflowed; enough."""
State = TypeVar("State")
Seen = TypeVar("Seen")
"""What a solver records of an iteration: :class:`Record` where a matrix is split."""


class Record(NamedTuple):
    """One iteration, as the history keeps it and a callback sees it.

    `relative_gap` is the solver's own running estimate (∞ while there is none, NaN where it is not
    computed); only the certificate at the end is proven. `residual` is ‖M − L − S‖_F / ‖M‖_F in the
    exact form, 0 in the stable form, where the noise takes what is left.
    """

    iteration: int
    objective: float
    relative_gap: float
    residual: float
    rank: int


Callback = Callable[[Record], object]


class Solution(NamedTuple, Generic[State, Seen]):
    """Where a solver stopped, why, and how far from the optimum that is."""

    state: State
    history: tuple[Seen, ...]
    certificate: Certificate
    stopped: Stopped

    @property
    def converged(self) -> bool:
        return self.stopped == "gap"


def run(
    step: Callable[[State], tuple[State, Seen]],
    state: State,
    *,
    finished: Callable[[State, Seen], tuple[Stopped, Certificate] | None],
    certify: Callable[[State], tuple[State, Certificate]],
    max_iter: int,
    callback: Callable[[Seen], object] | None = None,
) -> Solution[State, Seen]:
    """Repeat `step` until `finished` gives a reason, with its proof, or `max_iter` steps are done."""
    history: list[Seen] = []
    for _ in range(max_iter):
        state, record = step(state)
        history.append(record)
        if callback is not None:
            callback(record)
        verdict = finished(state, record)
        if verdict is not None:
            return Solution(state, tuple(history), verdict[1], verdict[0])
    state, proof = certify(state)
    return Solution(state, tuple(history), proof, "max_iter")
