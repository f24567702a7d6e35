"""Blocks on a few threads in memory, with BLAS held at one thread inside."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar

from kizu.engines.blas import one_thread
from kizu.engines.protocol import BLOCK_ENTRIES, Item, Progress, Result
from kizu.engines.serial import Serial

DEFAULT_JOBS = 2
AHEAD = 2
"""Blocks per thread that are under way: their results wait for their turn in the sum."""


class Threads(Serial):
    """`jobs` threads; NumPy and the kernels release the lock inside. Everything in memory."""

    ahead = AHEAD

    def __init__(self, jobs: int = DEFAULT_JOBS, *, block_entries: int = BLOCK_ENTRIES) -> None:
        super().__init__(block_entries)
        self.jobs = jobs
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def _each(
        self, function: Callable[[Item], Result], items: Sequence[Item], progress: Progress | None
    ) -> Iterator[Result]:
        """Results in order, while a few more are under way."""
        alone = min(self.jobs, len(items)) <= 1 or _INSIDE.get() is not None
        with one_thread():
            results = map(function, items) if alone else self._threaded(function, items)
            for done, result in enumerate(results, start=1):
                if progress is not None:
                    progress(done, len(items))
                yield result

    def _threaded(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        pool, pending = self._workers(), deque[Future[Result]]()
        try:
            for item in items:
                pending.append(pool.submit(_inside, function, item))
                if len(pending) > self.ahead * self.jobs:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # after an error or Ctrl-C: nothing more is begun, and nothing goes on behind the caller's back
            wait([future for future in pending if not future.cancel()])

    def _workers(self) -> ThreadPoolExecutor:
        """The threads, which are kept: to start them takes as long as a small pass. A fork has to start its own."""
        if self._pool is None or self._process != os.getpid():
            self._pool, self._process = ThreadPoolExecutor(self.jobs, "kizu"), os.getpid()
        return self._pool


_INSIDE: ContextVar[bool | None] = ContextVar("inside a block", default=None)
"""Set in a block: what maps there runs in its own thread, because the others may all be waiting for it."""


def _inside(function: Callable[[Item], Result], item: Item) -> Result:
    _INSIDE.set(True)
    return function(item)


DEFAULT = Threads()
"""What functions for arrays use when they are not told where to run."""
