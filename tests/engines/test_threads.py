import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from kizu.engines.threads import map_blocks


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_in_the_order_of_the_blocks(jobs):
    def slow_first(item):
        time.sleep(0.02 * (item == 0))
        return item * item

    assert map_blocks(slow_first, range(7), jobs=jobs) == [n * n for n in range(7)]


def test_blocks_run_beside_each_other():
    meeting = threading.Barrier(2, timeout=10)
    map_blocks(lambda _: meeting.wait(), range(2), jobs=2)
    assert not meeting.broken


@pytest.mark.parametrize("jobs", [1, 2])
def test_blas_has_one_thread_inside(jobs):
    np.ones((2, 2)) @ np.ones((2, 2))
    inside = map_blocks(
        lambda _: [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"], [0], jobs=jobs
    )
    assert inside[0]
    assert set(inside[0]) == {1}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_inside_comes_out(jobs):
    with pytest.raises(ZeroDivisionError):
        map_blocks(lambda n: 1 // n, [1, 0], jobs=jobs)


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_an_error_no_more_work_is_begun(jobs):
    begun = []

    def work(item):
        begun.append(item)
        time.sleep(0.01)
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        map_blocks(work, [0] + [1] * 99, jobs=jobs)
    assert len(begun) < 50


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_told_in_order(jobs):
    heard = []
    map_blocks(str, range(5), jobs=jobs, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(n, 5) for n in range(1, 6)]
