"""The loop: it learns, goes on where it was killed, and survives what is not finite."""

import copy
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from kizu.errors import NotConvergedError
from kizu.networks.training import Recipe, Stage, arrays, train

RECIPE = Recipe((Stage(30, 1e-2, depth=1), Stage(60, 1e-2, warmup=5)), validate_every=10)


class Sine:
    """Learn sin(Σx) from random x."""

    def __init__(self, spoil=()):
        self.spoil, self.begun = set(spoil), []

    def begin(self, network, depth):
        self.begun.append(depth)

    def loss(self, network, step, depth):
        loss = self._error(network, step)
        return loss * math.nan if step in self.spoil else loss

    def validate(self, network, depth):
        return self._error(network, 10**6).item()

    @staticmethod
    def _error(network, seed):
        x = torch.randn(32, 4, generator=torch.Generator().manual_seed(seed))
        return ((network(x)[:, 0] - x.sum(1).sin()) ** 2).mean()


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(arrays(one).values(), arrays(other).values(), strict=True))


def test_it_learns_and_ends_with_the_best_weights():
    net, task = network(), Sine()
    before = task.validate(net, None)
    state = train(net, task, RECIPE)
    assert task.begun == [1, None]
    assert [seen.step for seen in state.log] == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert state.stopped == "steps"
    assert task.validate(net, None) == pytest.approx(state.log[-1].best)
    assert state.log[-1].best < before


def test_the_same_seed_gives_the_same_bits():
    one, other = network(), network()
    train(one, Sine(), RECIPE)
    train(other, Sine(), RECIPE)
    assert same(one, other)


class Killed(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3, 4, 8])
def test_a_killed_run_goes_on_to_the_same_weights(after):
    whole, half = network(), network()
    train(whole, Sine(), RECIPE)
    saved = []

    def save(state):
        saved.append(copy.deepcopy(state))
        if len(saved) == after:
            raise Killed

    with pytest.raises(Killed):
        train(half, Sine(), RECIPE, save=save)
    resumed = network()
    state = train(resumed, Sine(), RECIPE, start=saved[-1])
    assert same(whole, resumed)
    assert len(state.log) == 9


def test_steps_without_a_finite_gradient_are_skipped_and_counted():
    net = network()
    state = train(net, Sine(spoil=range(5, 25)), RECIPE)
    assert state.skipped == 20
    assert math.isfinite(state.log[-1].best)
    assert all(np.isfinite(a).all() for a in arrays(net).values())


def test_a_run_that_is_never_finite_says_so():
    with pytest.raises(NotConvergedError, match="50 steps in a row"):
        train(network(), Sine(spoil=range(1000)), Recipe((Stage(100, 1e-2),)))


def test_it_stops_early_when_validation_does_not_improve():
    class Hopeless(Sine):
        def validate(self, network, depth):
            return 1.0

    state = train(network(), Hopeless(), Recipe((Stage(1000, 1e-2),), validate_every=10, patience=3))
    assert state.stopped == "patience"
    assert state.log[-1].step == 40


def test_a_run_killed_after_it_stopped_early_has_stopped():
    class Hopeless(Sine):
        def validate(self, network, depth):
            return 1.0

    recipe, saved = Recipe((Stage(1000, 1e-2),), validate_every=10, patience=3), []
    whole, resumed = network(), network()
    train(whole, Hopeless(), recipe, save=lambda state: saved.append(copy.deepcopy(state)))
    state = train(resumed, Hopeless(), recipe, start=saved[-1])
    assert same(whole, resumed) and state.log[-1].step == 40


def test_rates_rise_then_fall_to_nothing():
    stage = Stage(100, 1.0, warmup=10)
    shares = [stage.share(step) for step in range(100)]
    assert shares[0] == pytest.approx(1 / 11) and shares[10] == 1.0
    assert all(a < b for a, b in pairwise(shares[:11]))
    assert all(a > b for a, b in pairwise(shares[10:]))
    assert shares[-1] < 0.02


def test_validation_is_of_the_average():
    class Watch(Sine):
        def validate(self, network, depth):
            self.seen = arrays(network)
            return super().validate(network, depth)

    task, net = Watch(), network()
    state = train(net, task, Recipe((Stage(20, 1e-2),), validate_every=20, average=0.999))
    assert not all(np.array_equal(task.seen[name], state.weights[name]) for name in task.seen)
    assert all(np.array_equal(task.seen[name], array) for name, array in arrays(net).items())
