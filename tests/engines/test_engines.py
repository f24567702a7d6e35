from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from kizu.engines.protocol import BLOCK_ENTRIES
from kizu.engines.serial import Serial
from kizu.engines.threads import Threads

ENGINES = {
    "serial": Serial,
    "one thread": lambda: Threads(1),
    "two threads": lambda: Threads(2),
    "five": lambda: Threads(5),
}


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]()


@pytest.mark.parametrize("shape", [(1, 1), (3, 1_000_000), (200, 77_000), (BLOCK_ENTRIES + 1, BLOCK_ENTRIES + 2)])
def test_spans_cover_the_long_side_once(engine, shape):
    found = engine.spans(shape)
    assert found[0][0] == 0
    assert found[-1][1] == shape[1]
    assert all(left[1] == right[0] for left, right in pairwise(found))
    assert max(b - a for a, b in found) * shape[0] <= max(BLOCK_ENTRIES, shape[0])


class Sums(NamedTuple):
    matrix: np.ndarray
    number: float


def test_sums_are_taken_field_by_field_in_the_order_of_the_items(engine):
    draw = np.random.default_rng(0).standard_normal((50, 3, 3))
    total = engine.reduce(lambda n: Sums(draw[n].copy(), float(draw[n, 0, 0])), range(50))
    matrix, number = draw[0].copy(), float(draw[0, 0, 0])
    for n in range(1, 50):
        matrix, number = matrix + draw[n], number + float(draw[n, 0, 0])
    assert isinstance(total, Sums)
    np.testing.assert_array_equal(total.matrix, matrix)
    assert total.number == number


def test_few_results_are_held_at_a_time(engine):
    alive, most = set(), []

    class Tracked(float):
        def __del__(self):
            alive.discard(id(self))

    def work(n):
        made = Tracked(n)
        alive.add(id(made))
        most.append(len(alive))
        return made

    assert engine.reduce(work, range(200)) == 199 * 100
    assert max(most) <= 20


def test_progress_is_told_in_order(engine):
    for how in (engine.map, engine.reduce):
        heard = []
        how(int, range(5), progress=lambda done, total, heard=heard: heard.append((done, total)))
        assert heard == [(n, 5) for n in range(1, 6)]


def test_arrays_and_values_are_what_was_asked_for(engine):
    array = engine.empty((3, 4), np.float32)
    assert (array.shape, array.dtype) == ((3, 4), np.float32)
    value = object()
    assert engine.broadcast(value) is value
