"""K untrained layers are K iterations; trained numbers stay what they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from kizu.errors import ParameterError
from kizu.networks.unfolded import Unfolded
from kizu.solvers.iteration import iterate


@dataclass(frozen=True)
class Descent:
    """x⁺ = x − step_size·weight ∘ (x − y), the step growing with k."""

    weight: Any
    shift: Any

    def constants(self):
        return {"shift": self.shift}

    def numbers(self, k):
        return {"step_size": 0.1 * (k + 1), "weight": self.weight}

    def init(self, data, numbers):
        return data * 0 + numbers["shift"]

    def step(self, data, state, numbers):
        return state - numbers["step_size"] * numbers["weight"] * (state - data)


ITERATION = Descent(np.array([1.0, 0.7, 0.3]), np.full(3, 0.5))
TORCH = Descent(*map(torch.tensor, (ITERATION.weight, ITERATION.shift)))
DATA = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)


def test_untrained_layers_are_iterations_bit_for_bit():
    network = Unfolded(ITERATION, 5, dtype=torch.float64)
    assert torch.equal(network(DATA), iterate(TORCH, DATA, 5))
    np.testing.assert_allclose(network(DATA).detach(), iterate(ITERATION, DATA.numpy(), 5), rtol=1e-14)


def test_depth_cuts_layers_off():
    network = Unfolded(ITERATION, 5, dtype=torch.float64)
    for depth, state in enumerate(network.states(DATA), start=1):
        assert torch.equal(network(DATA, depth), state)


def test_only_what_is_learned_has_offsets_and_shared_ones_have_one():
    network = Unfolded(ITERATION, 4, learn=["step_size", "weight"], shared=["weight"])
    assert {name: tuple(p.shape) for name, p in network.named_parameters()} == {
        "offsets.step_size": (4,),
        "offsets.weight": (1, 3),
    }
    assert [name for name, _ in Unfolded(ITERATION, 4, learn=["step_size"]).named_parameters()] == ["offsets.step_size"]


def test_numbers_stay_positive_and_arrays_move_freely():
    network = Unfolded(ITERATION, 2)
    with torch.no_grad():
        network.offsets["step_size"].fill_(-30.0)
        network.offsets["weight"].fill_(-2.0)
        numbers = network.numbers(1)
    assert 0 < float(numbers["step_size"]) < 1e-12
    assert float(numbers["weight"][0]) == -1.0


def test_a_new_layer_starts_where_the_one_before_ended():
    network = Unfolded(ITERATION, 3)
    with torch.no_grad():
        network.offsets["step_size"][0] = 0.4
    network.continue_from(1, {"step_size": -0.1})
    assert network.offsets["step_size"][1].item() == pytest.approx(0.3)
    assert network.offsets["step_size"][2].item() == 0.0


def test_gradients_reach_every_number():
    network = Unfolded(ITERATION, 3, dtype=torch.float64)
    network(DATA).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize(("layers", "learn"), [(0, None), (2.0, None), (2, ["speed"])])
def test_bad_arguments_are_named(layers, learn):
    with pytest.raises(ParameterError, match=r"layers|learn"):
        Unfolded(ITERATION, layers, learn=learn)
