"""Frames in parallel: the same numbers for any number of threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Progress = Callable[[int, int], object]
Result = TypeVar("Result")


def over_frames(
    work: Callable[[int], Result], chosen: Sequence[int], *, progress: Progress | None, jobs: int
) -> list[Result]:
    """Call `work` on each index, in order; `progress(done, total)` hears of each from the calling thread.

    BLAS keeps to one thread meanwhile: it would neither be faster nor give the same bits.
    """
    results: list[Result] = []
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(max_workers=jobs) as pool:
        for result in pool.map(work, chosen):
            results.append(result)
            if progress is not None:
                progress(len(results), len(chosen))
    return results
