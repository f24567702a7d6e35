"""Run a function over blocks on a few threads, with BLAS held at one thread inside.

Results come back in block order, whatever the number of threads: a sum over them is the same sum.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

DEFAULT_JOBS = 2


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def map_blocks(function: Callable[[Item], Result], items: Iterable[Item], *, jobs: int = DEFAULT_JOBS) -> list[Result]:
    """`[function(item) for item in items]` on `jobs` threads. NumPy releases the lock inside."""
    with _controller().limit(limits=1, user_api="blas"):
        if jobs == 1:
            return [function(item) for item in items]
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(function, items))
