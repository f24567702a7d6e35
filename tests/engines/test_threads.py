import os
import threading
import time
import warnings

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


def test_a_map_inside_a_block_does_not_wait_for_the_threads_that_wait_for_it():
    engine = Threads(2)
    assert engine.map(lambda n: sum(engine.map(lambda k: k * n, range(3))), range(4)) == [0, 3, 6, 9]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own():
    engine = Threads(2)
    engine.map(str, range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork beside threads
        child = os.fork()
    if child == 0:
        os._exit(0 if engine.map(str, range(4)) == ["0", "1", "2", "3"] else 1)
    assert os.waitpid(child, 0)[1] == 0
