"""Blocks one after the other in the calling thread: for debugging, and for problems of one block."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kizu.engines.blas import one_thread
from kizu.engines.protocol import BLOCK_ENTRIES, Item, Progress, Result, Value, added, spans
from kizu.lowrank.blocks import Columns


class Serial:
    """No threads; everything in memory."""

    def __init__(self, block_entries: int = BLOCK_ENTRIES) -> None:
        self.block_entries = block_entries

    @property
    def waited(self) -> float:
        return 0.0

    def spans(self, shape: tuple[int, int]) -> list[tuple[int, int]]:
        return spans(shape, self.block_entries)

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, progress: Progress | None = None
    ) -> list[Result]:
        return list(self._each(function, items, progress))

    def reduce(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, progress: Progress | None = None
    ) -> Result:
        results = self._each(function, items, progress)
        total = next(results)
        for result in results:
            total = added(total, result)
        return total

    def broadcast(self, value: Value) -> Value:
        return value

    def columns(self, matrix: NDArray[Any]) -> Columns:
        return matrix

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        return np.empty(shape, dtype)

    def close(self) -> None:
        """Nothing is held."""

    def _each(
        self, function: Callable[[Item], Result], items: Sequence[Item], progress: Progress | None
    ) -> Iterator[Result]:
        """Results in the order of `items`, as they come: all that an engine in memory does differently."""
        with one_thread():
            for done, item in enumerate(items, start=1):
                yield function(item)
                if progress is not None:
                    progress(done, len(items))
