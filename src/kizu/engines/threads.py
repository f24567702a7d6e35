"""Run a function over blocks on a few threads, with BLAS held at one thread inside.

Results come back in block order, whatever the number of threads: a sum over them is the same sum.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress = Callable[[int, int], object]
"""Hears of (done, total), from the thread that asked for the work."""

DEFAULT_JOBS = 2


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def map_blocks(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int = DEFAULT_JOBS,
    progress: Progress | None = None,
) -> list[Result]:
    """`[function(item) for item in items]` on `jobs` threads. NumPy releases the lock inside."""
    with _controller().limit(limits=1, user_api="blas"):
        if jobs == 1:
            return _gathered(map(function, items), len(items), progress)
        with ThreadPoolExecutor(jobs) as pool:
            try:
                return _gathered(pool.map(function, items), len(items), progress)
            except BaseException:  # Ctrl-C too: leaving the pool waits for all that has not been cancelled
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _gathered(results: Iterator[Result], total: int, progress: Progress | None) -> list[Result]:
    found: list[Result] = []
    for result in results:
        found.append(result)
        if progress is not None:
            progress(len(found), total)
    return found
