import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kizu.errors import ParameterError, ShapeError  # noqa: E402
from kizu.networks.contrasts import REACH, SEEN, directional, loud, opened, risen, top_hat  # noqa: E402
from kizu.networks.exact_rpcanet import ExactRPCANet, cored, level_and_scale, shrink  # noqa: E402
from kizu.networks.patch_image import RANK, LowRank, joined, median, patches  # noqa: E402
from kizu.networks.picture_task import PictureTask  # noqa: E402
from kizu.solvers.factored_pcp import FactoredLagrangian  # noqa: E402
from kizu.solvers.iteration import iterate  # noqa: E402

SHAPES = [(20, 20), (33, 47), (64, 65), (7, 5), (1, 9)]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def disturbed(network: ExactRPCANet) -> ExactRPCANet:
    """The network with weights that find something: about as many logits above 0 as below."""
    with torch.no_grad():
        for one in network.parameters():
            one.add_(0.05 * torch.randn_like(one))
        network.judge.last.bias.fill_(6.0)
    return network.eval()


def pictures(height: int, width: int, batch: int = 2) -> "torch.Tensor":
    """Grey pictures (batch, 1, height, width) with one glaring pixel each."""
    images = 100.0 + 10.0 * torch.rand(batch, 1, height, width)
    images[:, 0, height // 2, width // 2] += 50.0
    return images


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gain", [1e-3, 1.0, 256.0])
def test_parts_add_up_and_the_anomaly_is_where_the_logit_is_positive(shape: tuple[int, int], gain: float) -> None:
    images = gain * pictures(*shape)
    with torch.no_grad():
        split = disturbed(ExactRPCANet())(images)
    lack = images - split.background - split.anomaly - split.noise
    assert torch.linalg.vector_norm(lack) <= 1e-6 * torch.linalg.vector_norm(images)
    assert all(part.shape == images.shape for part in split)
    assert not split.anomaly[split.logit <= 0].any()
    assert split.anomaly[split.logit > 0].abs().sum() > 0


def test_untrained_it_is_the_rule_of_the_unlearned_model() -> None:
    """A bright spot is found, as far as it is; an edge as bright and a picture of nothing are not."""
    images = 100.0 + torch.rand(3, 1, 90, 80)
    images[0, 0, 30:34, 50:53] += 40.0
    images[1, 0, 60:63, :] += 40.0
    found = ExactRPCANet()(images).anomaly != 0
    inside = torch.zeros(90, 80, dtype=torch.bool)
    inside[30:34, 50:53] = True
    assert torch.equal(found[0, 0], inside)
    assert not found[1:].any()


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 1000.0), (257.0, 0.0), (1 / 255, 0.0), (16.0, -3000.0)])
def test_gain_and_offset_change_units_only(gain: float, offset: float) -> None:
    network, images = disturbed(ExactRPCANet()).double(), pictures(48, 37).double()
    with torch.no_grad():
        one, other = network(images), network(gain * images + offset)
    torch.testing.assert_close(other.logit, one.logit, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(other.anomaly, gain * one.anomaly, rtol=1e-6, atol=1e-8 * gain)
    torch.testing.assert_close(other.background, gain * one.background + offset, rtol=1e-8, atol=1e-6 * gain)


@pytest.mark.parametrize("value", [0.0, 7.0, 1e6 / 3])
def test_constant_pictures_stay_finite(value: float) -> None:
    network = disturbed(ExactRPCANet()).train()
    images = torch.full((2, 1, 24, 24), value, requires_grad=True)
    split = network(images)
    sum(part.abs().sum() for part in split).backward()
    assert all(part.isfinite().all() for part in split)
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert all(one.grad is None or one.grad.isfinite().all() for one in network.parameters())


def test_one_bright_pixel_does_not_blow_up() -> None:
    images = torch.full((1, 1, 32, 32), 3.0)
    images[..., 9, 9] = 1000.0
    split = disturbed(ExactRPCANet())(images)
    assert all(part.isfinite().all() for part in split)


def test_level_and_scale_leave_outliers_out() -> None:
    images = torch.from_numpy(np.random.default_rng(0).normal(50.0, 2.0, (1, 1, 100, 100)))
    level, scale = level_and_scale(images)
    images[..., :3, :3] = 200.0
    moved, widened = level_and_scale(images)
    assert abs(float(moved - level)) < 0.1
    assert float(widened) < 1.2 * float(scale)


def test_shrink_is_a_prox_with_right_gradients() -> None:
    residual = torch.tensor([3.0, -2.0, 0.5, 0.0], dtype=torch.float64, requires_grad=True)
    logit = torch.tensor([1.0, 2.0, -1.0, 3.0], dtype=torch.float64, requires_grad=True)
    expected = residual * (1 - torch.exp(-logit)).clamp(min=0)
    torch.testing.assert_close(shrink(residual, logit), expected)
    assert torch.autograd.gradcheck(shrink, (residual[:3], logit[:3]))


def test_gradients_are_those_of_differences() -> None:
    """Of what is trained, and of the prox that it stands in for; layers of robust PCA have their own test."""
    network = disturbed(ExactRPCANet(layers=1, channels=2)).double()
    looked = torch.randn(1, SEEN, 6, 5, dtype=torch.float64, requires_grad=True)
    residual = torch.randn(1, 1, 6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, r: shrink(r, cored(network.judge(x), network.core)), (looked, residual))


def test_an_anomaly_without_a_core_is_none() -> None:
    logit = torch.full((1, 1, 12, 30), -3.0)
    logit[..., 3:6, 3:6], logit[..., 4, 4], logit[..., 3:6, 20:23] = 1.0, 4.0, 1.5
    kept = cored(logit, torch.tensor(2.0))
    assert (kept > 0).sum() == 9
    assert (kept[..., 20:23] < 0).all()
    assert torch.equal(cored(logit, torch.tensor(0.0)), logit)


@pytest.mark.parametrize("way", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_an_opening_along_a_line_keeps_what_is_as_long(way: tuple[int, int]) -> None:
    """Against its definition: the highest, over lines of REACH pixels through a pixel, of their lowest pixel."""
    rng, side = np.random.default_rng(0), 40
    picture = rng.normal(size=(side, side))
    found = opened(torch.from_numpy(picture)[None, None], *way)[0, 0].numpy()
    steps = np.arange(REACH)
    for y, x in rng.integers(REACH, side - REACH, (20, 2)):
        lines = [picture[y + way[0] * (steps - k), x + way[1] * (steps - k)].min() for k in range(REACH)]
        assert found[y, x] == max(lines)


def test_an_island_is_risen_and_a_roof_s_edge_is_not() -> None:
    picture = torch.zeros(1, 1, 60, 60)
    picture[..., 20:24, 10:15] = 5.0
    picture[..., 40:42, :] = 5.0  # an edge, with a thorn of its height
    picture[..., 36:40, 30] = 5.0
    height = risen(picture)[0, 0]
    assert (height[20:24, 10:15] == 5.0).all()
    assert (height[36:42, 25:35] == 0.0).all()
    assert (risen(picture + torch.arange(60.0)[:, None]) >= 0).all()


def test_loud_is_what_one_in_a_hundred_is_above() -> None:
    positive = torch.rand(3, 1, 41, 37, generator=torch.Generator().manual_seed(0))
    above = (positive > loud(positive)).float().mean((1, 2, 3))
    assert ((above > 0.009) & (above <= 0.01)).all()


def test_one_step_of_training_lowers_the_loss() -> None:
    rng = np.random.default_rng(0)
    clean = [rng.normal(100.0, 3.0, (70, 60)) for _ in range(3)]
    task = PictureTask(clean, None, clean[:1], [np.zeros((70, 60), bool)], batch=4, size=32, looked=6)
    network = ExactRPCANet(layers=2, channels=8)
    optimizer = torch.optim.SGD(network.parameters(), 1e-4)
    before = task.loss(network, 0, None)
    before.backward()
    optimizer.step()
    assert task.loss(network, 0, None).item() < before.item()
    assert 0.0 <= task.validate(network, None) <= 1.0


def test_size_and_what_is_refused() -> None:
    assert sum(one.numel() for one in ExactRPCANet().parameters()) <= 67_000
    with pytest.raises(ParameterError):
        ExactRPCANet(layers=0)
    with pytest.raises(ShapeError):
        ExactRPCANet()(torch.zeros(1, 3, 8, 8))


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    rng = np.random.default_rng(0)
    scenes = [rng.normal(100.0, 3.0, shape).astype(np.float32) for shape in ((50, 41), (33, 60))]
    masks = [np.zeros(one.shape, bool) for one in scenes]
    for one, mask in zip(scenes, masks, strict=True):
        one[20:24, 10:13] += 40.0
        mask[20:24, 10:13] = True
    tasks = [PictureTask(scenes, masks, scenes, masks, batch=2, size=32, looked=4, seed=seed) for seed in (3, 3, 4)]
    network = ExactRPCANet(layers=1, channels=4)
    tasks[1].loss(network, 0, None)
    losses = [task.loss(network, 7, None).item() for task in tasks]
    assert losses[0] == losses[1] != losses[2]
    assert len(tasks[0].targets) == 2


def test_layers_of_robust_pca_are_those_of_the_solver() -> None:
    """What the network does to patches before its prox is what the solver does, bit for bit."""
    pictures = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 37, 52)))
    network = LowRank(3, dtype=torch.float64)
    cut = patches(pictures)
    state = iterate(FactoredLagrangian(RANK), cut.rows, 3)
    assert torch.equal(joined(cut._replace(rows=cut.rows - state.background), pictures), network.last(pictures))
    assert torch.equal(network(pictures)[-1].residual, network.last(pictures))


def test_patches_joined_again_are_the_picture() -> None:
    for shape in SHAPES:
        pictures = torch.randn(2, 1, *shape)
        assert torch.equal(joined(patches(pictures), pictures), pictures)


def test_the_median_is_the_median() -> None:
    layers = list(torch.randn(9, 4, 5))
    assert torch.equal(median(layers), torch.stack(layers).median(0).values)


def test_every_layer_splits_exactly_too() -> None:
    images = pictures(40, 50)
    stages = disturbed(ExactRPCANet(layers=3)).unfold(images)
    assert len(stages) == 4
    for split in stages:
        torch.testing.assert_close(split.background + split.anomaly + split.noise, images)
        assert not split.anomaly[split.logit <= 0].any()


def test_contrast_is_high_on_spots_and_not_on_edges() -> None:
    spot_, edge = torch.zeros(1, 1, 41, 41), torch.zeros(1, 1, 41, 41)
    spot_[..., 19:22, 19:22], edge[..., 20:] = 10.0, 10.0
    assert directional(spot_, 3)[0, 0, 20, 20] == 10.0
    assert directional(edge, 3).max() <= 0.0
    assert top_hat(spot_)[0, 0, 20, 20] == 10.0
    assert top_hat(edge).max() == 0.0
