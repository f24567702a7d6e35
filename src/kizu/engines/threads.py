"""Blocks on a few threads in memory, with BLAS held at one thread inside."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kizu.engines.blas import one_thread
from kizu.engines.protocol import BLOCK_ENTRIES, Item, Progress, Result, Value, added, spans

DEFAULT_JOBS = 2
AHEAD = 2
"""Blocks per thread that are under way: their results wait for their turn in the sum."""


class Threads:
    """`jobs` threads; NumPy and the kernels release the lock inside. Everything in memory."""

    def __init__(self, jobs: int = DEFAULT_JOBS, *, block_entries: int = BLOCK_ENTRIES) -> None:
        self.jobs = jobs
        self.block_entries = block_entries

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

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        return np.empty(shape, dtype)

    def _each(
        self, function: Callable[[Item], Result], items: Sequence[Item], progress: Progress | None
    ) -> Iterator[Result]:
        """Results in order, while a few more are under way."""
        with one_thread():
            results = map(function, items) if min(self.jobs, len(items)) <= 1 else self._threaded(function, items)
            for done, result in enumerate(results, start=1):
                if progress is not None:
                    progress(done, len(items))
                yield result

    def _threaded(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        with ThreadPoolExecutor(self.jobs) as pool:
            pending: deque[Future[Result]] = deque()
            try:
                for item in items:
                    pending.append(pool.submit(function, item))
                    if len(pending) > AHEAD * self.jobs:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            except BaseException:  # Ctrl-C too: leaving the pool waits for all that has not been cancelled
                pool.shutdown(wait=False, cancel_futures=True)
                raise


DEFAULT = Threads()
"""What functions for arrays use when they are not told where to run."""
