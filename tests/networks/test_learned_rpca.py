from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from instances import planted as planted_matrix  # noqa: E402
from kizu.errors import ParameterError  # noqa: E402
from kizu.networks.learned_rpca import LearnedRPCA  # noqa: E402
from kizu.networks.rpca_task import (  # noqa: E402
    Crops,
    Planted,
    cropped,
    distilled,
    errors,
    matrices,
    planted,
    recipe,
    refine,
    self_supervised,
    supervised,
    tuned,
)
from kizu.networks.training import train  # noqa: E402
from kizu.networks.unfolded_pcp import unfolded_pcp  # noqa: E402
from kizu.solvers.iteration import iterate  # noqa: E402

FORMS = ["per layer", "shared"]
SMALL = Planted(shape=(40, 30), rank=2, count=2)


def matrix(seed=0, shape=(40, 30)):
    return torch.from_numpy(planted_matrix(seed, shape=shape, rank=2, share=0.1, amplitude=(0.0, 2.0)).X)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(40, 30), (25, 60)])
def test_untrained_layers_are_iterations(form, shape):
    X = matrix(shape=shape)
    network = LearnedRPCA.untrained(2, 9, form=form)
    with torch.no_grad():
        found = network(X)
    for learned, same in zip(found, iterate(network.iteration, X, 9), strict=True):
        assert torch.equal(torch.as_tensor(learned), torch.as_tensor(same, dtype=torch.float64))
    plain = iterate(network.iteration, X.numpy(), 9).background
    np.testing.assert_allclose(found.background, plain, rtol=0, atol=1e-12 * np.abs(plain).max())


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_as_many_as_the_form_has(form):
    network = LearnedRPCA.untrained(2, 9, form=form)
    assert sum(one.numel() for one in network.parameters()) == {"per layer": 2 * 9 + 1, "shared": 4}[form]


@pytest.mark.parametrize("form", FORMS)
def test_every_layer_can_be_differentiated(form):
    X = matrix(shape=(9, 7))
    network = LearnedRPCA.untrained(2, 2, form=form)
    names = list(network.offsets)
    start = [(0.1 * torch.randn_like(network.offsets[name])).detach().requires_grad_() for name in names]

    def background(*offsets):
        values = {f"offsets.{name}": one for name, one in zip(names, offsets, strict=True)}
        return torch.func.functional_call(network, values, (X,)).background

    assert torch.autograd.gradcheck(background, start)


@pytest.mark.parametrize("X", [torch.zeros(6, 5), torch.eye(6), torch.ones(5, 6)], ids=["zeros", "ties", "rank one"])
def test_gradients_are_finite_at_ties_and_zeros(X):
    network = LearnedRPCA.untrained(4, 6)
    (network(X.double()).background ** 2).sum().backward()
    for offset in network.offsets.values():
        assert torch.isfinite(offset.grad).all()


def test_scale_changes_nothing_but_the_scale():
    X, network = matrix(), LearnedRPCA.untrained(2, 8)
    with torch.no_grad():
        one = network.split(X)
        assert torch.equal(network.split(2.0**-9 * X).background, 2.0**-9 * one.background)
        torch.testing.assert_close(network.split(10 * X).background, 10 * one.background, rtol=0, atol=1e-11)


@pytest.mark.parametrize("form", FORMS)
def test_it_goes_on_for_as_long_as_asked(form):
    """Thresholds fall on beyond the last layer, and so does the error; the sum stays exact."""
    made = planted_matrix(0, shape=(60, 60), rank=2, share=0.05, amplitude=(0.0, 2.0))
    X, network = torch.from_numpy(made.X), LearnedRPCA.untrained(2, 6, form=form)
    with torch.no_grad():
        splits = [network.split(X, more) for more in (0, 10, 30)]
        last = network.beyond(X, network(X), 4)
    found = [float(np.linalg.norm(split.background.numpy() - made.background)) for split in splits]
    assert found[0] > 10 * found[1] > 100 * found[2]
    for split in splits:
        torch.testing.assert_close(split.background + split.anomaly, X, rtol=0, atol=1e-14)
    assert float(last.threshold) == pytest.approx(0.65**9)


def test_a_trained_network_can_go_on_too():
    made = planted_matrix(0, shape=(60, 60), rank=2, share=0.05, amplitude=(0.0, 2.0))
    X, truth = (torch.from_numpy(one) for one in (made.X, made.background))
    network = LearnedRPCA.untrained(2, 4)
    train(network, planted(SMALL, held_out=1), recipe(8, 0.1))
    with torch.no_grad():
        found = [float(errors(network.split(X, more).background, truth)) for more in (0, 20)]
    assert found[1] < 0.1 * found[0]


def test_tuning_finds_a_better_schedule():
    """For matrices of the kind, not only those tried on; and it depends on its seed alone."""
    task, test = planted(SMALL, held_out=1), Planted((40, 30), rank=2, seed=9).validation(4)
    schedule = tuned(task, 2, 6, 40)
    assert schedule == tuned(task, 2, 6, 40)
    before, after = (LearnedRPCA.untrained(2, 6, schedule=one) for one in ({}, schedule))
    assert relative_errors(after, test).median() < 0.7 * relative_errors(before, test).median()
    unlike = tuned(planted(SMALL, held_out=1), 2, 6, 0)
    assert unlike == {"start": 4.0, "first": 1.0, "decay": 0.65, "step_size": 0.85}


def test_published_numbers_are_carried_over():
    """Size and rank scale them by the authors' rule, and are taken out again by mean|Y| as theirs."""
    thresholds, steps = [1e-2, 5e-4, 1e-4], [0.5, 1.4, 0.9]
    network = LearnedRPCA.published(thresholds, steps, size=500, rank=10, scale=2e-3)
    assert network.layers == 2
    with torch.no_grad():
        first, second = (network.numbers(k) for k in range(2))
    assert float(first["start"]) == pytest.approx(1e-2 * 2 * 2 / 2e-3)
    assert float(second["threshold"]) == pytest.approx(1e-4 * 2 * 2 / 2e-3)
    assert float(first["step_size"]) == pytest.approx(1.4)


@pytest.mark.parametrize(("share", "most"), [(0.1, 2e-6), (0.3, 4e-5)])
def test_published_errors_are_reproduced(data: Path, share, most):
    made = Planted((1000, 1000), share=share, count=1).validation(1)
    with np.load(data / f"reference_networks/lrpca_thresholds_alpha{share}.npz", allow_pickle=False) as file:
        numbers = file["ths"][0], file["step"][0]
    scale = float(made.data.abs().mean()) / 1000  # theirs: factors of variance 1/1000
    network = LearnedRPCA.published(*numbers, size=1000, rank=5, scale=scale)
    with torch.no_grad():
        found = network.split(made.data[0]).background
    assert float(errors(found, made.background[0])) <= most


def test_the_rank_can_be_changed_after_training():
    network = LearnedRPCA.untrained(2, 4)
    with torch.no_grad():
        network.offsets["threshold"].fill_(0.3)
        other = network.at_rank(3)
        assert torch.equal(other.numbers(1)["threshold"], network.numbers(1)["threshold"])
        assert other(matrix()).left.shape[-1] == 3


@pytest.mark.parametrize(("name", "arguments"), [("rank", (0,)), ("form", (2, 3))])
def test_what_cannot_be_is_refused(name, arguments):
    with pytest.raises(ParameterError, match=name):
        LearnedRPCA.untrained(*arguments, form="one")


def test_only_products_are_used():
    """What formats for networks know; and the exported program gives the same numbers."""
    X, network = matrix(shape=(8, 7)), LearnedRPCA.untrained(2, 1)

    class Background(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, data):
            return self.network.split(data).background

    program = torch.export.export(Background(), (X,))
    used = {str(node.target) for node in program.graph.nodes}
    assert not [name for name in used if "linalg" in name or "svd" in name]
    assert torch.equal(program.module()(X), Background()(X))


# --- training


def relative_errors(network, batch):
    with torch.no_grad():
        return errors(network(batch.data).background, batch.background)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("loss", [supervised, self_supervised])
def test_training_lowers_the_error(form, loss):
    network, test = LearnedRPCA.untrained(2, 4, form=form), Planted((40, 30), rank=2, seed=9).validation(4)
    before = relative_errors(network, test).median()
    train(network, planted(SMALL, loss=loss, held_out=2), recipe(15, 0.1))
    assert relative_errors(network, test).median() < 0.7 * before


def test_batches_depend_on_seed_and_step_alone():
    for make in (SMALL, Crops(matrix().numpy(), side=20)):
        assert torch.equal(make(3).data, make(3).data)
        assert not torch.equal(make(3).data, make(4).data)
    assert not torch.equal(SMALL(3).data, Planted((40, 30), rank=2, count=2, seed=1)(3).data)
    assert not torch.equal(SMALL(0).data, SMALL.validation(2).data)


def test_planted_matrices_are_what_they_say():
    made = Planted((40, 30), rank=2, share=0.2, amplitude=3.0, count=3)(0)
    outliers = made.data - made.background
    assert (torch.linalg.matrix_rank(made.background) == 2).all()
    assert ((outliers != 0).sum((-2, -1)) == 240).all()
    assert (outliers.abs().amax((-2, -1)) <= 3 * made.background.abs().mean((-2, -1))).all()


def test_crops_are_parts_of_the_matrix():
    X = np.arange(600.0).reshape(20, 30)
    batch = cropped(Crops(X, 2 * X, side=8)).batches(0)
    assert batch.data.shape == (1, 8, 8)
    assert torch.equal(batch.background, 2 * batch.data)
    rows = (batch.data[0, :, 0] // 30).int()
    assert torch.equal(batch.data[0], torch.from_numpy(X)[rows][:, (batch.data[0, 0] % 30).int()])


def test_given_matrices_are_trained_on_but_the_last():
    stack = [matrix(seed).numpy() for seed in range(3)]
    task = matrices(stack, stack)
    assert [float(task.batches(step).data[0, 0, 0]) for step in range(3)] == [stack[k][0, 0] for k in (0, 1, 0)]
    assert float(task.validation.data[0, 0, 0]) == stack[2][0, 0]
    assert matrices(stack[:1]).loss_of is self_supervised
    taught = distilled(stack, lambda one: 0.5 * one)
    assert torch.equal(taught.batches(1).background, 0.5 * taught.batches(1).data)


@pytest.mark.parametrize("network", [LearnedRPCA.untrained(2, 4), unfolded_pcp("ialm", 3)], ids=["lrpca", "ialm"])
def test_refining_lowers_the_loss_and_leaves_the_network_alone(network):
    X = matrix(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = refine(network, X, 6)
    assert found.fell_by > 0
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    with torch.no_grad():
        left = float((X - found.network(X).background).abs().mean() / X.abs().mean())
    assert found.after == pytest.approx(left, rel=1e-9)
