"""What a solver asks of the place where its blocks run, and nothing else.

Map over blocks, sum over blocks, hand a value to all of them, and hold an array as large as the data: a
cluster or a graphics card needs no more. Solvers never know which engine they got.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from numpy.typing import DTypeLike, NDArray

from kizu.lowrank.blocks import Columns

Item = TypeVar("Item")
Result = TypeVar("Result")
Value = TypeVar("Value")

Progress = Callable[[int, int], object]
"""Hears of (done, total), from the thread that asked for the work."""

BLOCK_ENTRIES = 1 << 20
"""Entries of one block: its float32 copy (4 MB) and its few companions stay in the cache; half takes 5 % longer."""
FEWEST, SMALLEST = 8, 1 << 16
"""Blocks for every thread to have a share of the work, unless they have fewer entries than this."""


class Engine(Protocol):
    """Where blocks run. Results are the same bits for the same blocks, whatever the number of threads."""

    @property
    def waited(self) -> float:
        """Seconds for which work has waited for its data, on average over the threads."""

    def spans(self, shape: tuple[int, int]) -> list[tuple[int, int]]:
        """The blocks' (start, stop) along the long side of a matrix of `shape` (short, long)."""

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, progress: Progress | None = None
    ) -> list[Result]:
        """`[function(item) for item in items]`."""

    def reduce(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, progress: Progress | None = None
    ) -> Result:
        """The sum of `function(item)` in the order of `items`, which are not empty; few of them are held at a time.

        A result is an array, a number, or a tuple of those, which are summed one by one.
        """

    def broadcast(self, value: Value) -> Value:
        """`value`, where every block can read it."""

    def columns(self, matrix: NDArray[Any]) -> Columns:
        """`matrix` (short, long) as blocks read it: itself in memory, or out of its file."""

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array as large as the data, in memory or on disk."""

    def close(self) -> None:
        """Give back what it holds outside this process's memory."""


def filled(
    engine: Engine, shape: tuple[int, ...], dtype: DTypeLike, function: Callable[[int], NDArray[Any]]
) -> NDArray[Any]:
    """An array of `shape`, as large as the data, whose entry `n` along its first axis is `function(n)`."""
    array = engine.empty(shape, dtype)

    def fill(number: int) -> None:
        array[number] = function(number)

    engine.map(fill, range(shape[0]))
    return array


def spans(shape: tuple[int, int], entries: int) -> list[tuple[int, int]]:
    """Blocks of at most `entries` entries, or of one column; `FEWEST` of them where they are not too small for it."""
    short, long = shape
    entries = min(entries, max(SMALLEST, -(-short * long // FEWEST)))
    width = max(1, min(long, entries // max(short, 1)))
    return [(start, min(start + width, long)) for start in range(0, long, width)]


def added(total: Any, more: Any) -> Any:
    """The sum of two results of a block; arrays of `total` are changed in place."""
    if isinstance(total, tuple):
        fields = (added(a, b) for a, b in zip(total, more, strict=True))
        return type(total)(*fields) if hasattr(total, "_fields") else tuple(fields)
    total += more
    return total
