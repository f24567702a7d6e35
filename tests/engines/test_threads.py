import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from kizu.engines.threads import Threads


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_in_the_order_of_the_blocks(jobs):
    def slow_first(item):
        time.sleep(0.02 * (item == 0))
        return item * item

    assert Threads(jobs).map(slow_first, range(7)) == [n * n for n in range(7)]


def test_blocks_run_beside_each_other():
    meeting = threading.Barrier(2, timeout=10)
    Threads(2).map(lambda _: meeting.wait(), range(2))
    assert not meeting.broken


@pytest.mark.parametrize("jobs", [1, 2])
def test_blas_has_one_thread_inside(jobs):
    np.ones((2, 2)) @ np.ones((2, 2))
    inside = Threads(jobs).map(lambda _: [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"], [0])
    assert inside[0]
    assert set(inside[0]) == {1}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_inside_comes_out(jobs):
    with pytest.raises(ZeroDivisionError):
        Threads(jobs).map(lambda n: 1 // n, [1, 0])


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_an_error_no_more_work_is_begun(jobs):
    begun = []

    def work(item):
        begun.append(item)
        time.sleep(0.01)
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        Threads(jobs).map(work, [0] + [1] * 99)
    assert len(begun) < 50


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_told_in_order(jobs):
    heard = []
    Threads(jobs).map(str, range(5), progress=lambda done, total: heard.append((done, total)))
    assert heard == [(n, 5) for n in range(1, 6)]
