import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kizu.networks.svt import safe_svt  # noqa: E402
from kizu.prox import singular_value_threshold  # noqa: E402

LEVEL = 0.7
SHAPES = [(4, 4), (6, 3), (3, 6), (2, 4, 3)]


def with_values(values, shape=(6, 4), seed=0):
    """A matrix with these singular values."""
    draw = np.random.default_rng(seed)
    u, _ = np.linalg.qr(draw.standard_normal((shape[0], len(values))))
    v, _ = np.linalg.qr(draw.standard_normal((shape[1], len(values))))
    return torch.from_numpy((u * np.asarray(values)) @ v.T)


def slopes(x, level, weights):
    x, level = x.clone().requires_grad_(), torch.tensor(level, dtype=x.dtype, requires_grad=True)
    (safe_svt(x, level) * weights).sum().backward()
    return x.grad, level.grad


def differences(x, level, weights, size=1e-6):
    """The gradient with respect to x by central differences."""

    def value(change):
        return float((singular_value_threshold(x + change, level) * weights).sum())

    found = torch.zeros_like(x)
    for at in np.ndindex(*x.shape):
        change = torch.zeros_like(x)
        change[at] = size
        found[at] = (value(change) - value(-change)) / (2 * size)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_proximal_operator_bit_for_bit(shape):
    x = torch.from_numpy(np.random.default_rng(0).standard_normal(shape))
    assert torch.equal(safe_svt(x, LEVEL), singular_value_threshold(x, LEVEL))


@pytest.mark.parametrize("shape", SHAPES)
def test_derivatives_at_distinct_values(shape):
    x = torch.from_numpy(np.random.default_rng(1).standard_normal(shape)).requires_grad_()
    level = torch.tensor(LEVEL, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(safe_svt, (x, level))
    one_each = torch.full((*shape[:-2], 1, 1), LEVEL, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(safe_svt, (x, one_each))


@pytest.mark.parametrize("shape", [(4, 4), (6, 4), (4, 6)])
@pytest.mark.parametrize(
    "values",
    [[3, 2, 2, 0.3], [2, 2, 2, 2], [0.2, 0.2, 0.2, 0.2], [3, 2], [3, 3, 0, 0], [2, 2, 0.1, 0.1]],
    ids=["tie above", "all equal", "tie below", "rank two", "tie and zeros", "two ties"],
)
def test_derivatives_at_ties_and_zeros_are_those_of_differences(shape, values):
    x = with_values(values, shape)
    weights = torch.from_numpy(np.random.default_rng(2).standard_normal(shape))
    for_x, for_level = slopes(x, LEVEL, weights)
    np.testing.assert_allclose(for_x, differences(x, LEVEL, weights), atol=1e-7)
    up, down = (float((singular_value_threshold(x, LEVEL + by) * weights).sum()) for by in (1e-6, -1e-6))
    assert float(for_level) == pytest.approx((up - down) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("values", [[0.7, 0.7, 0.7], [0.7 + 1e-14, 0.7 - 1e-14], [1, 1 - 1e-15, 0], [], [1e-300, 0]])
@pytest.mark.parametrize("level", [LEVEL, 0.0, 1e-300])
def test_derivatives_are_finite_everywhere(values, level):
    x = with_values(values) if values else torch.zeros(6, 4, dtype=torch.float64)
    for_x, for_level = slopes(x, level, torch.ones_like(x))
    assert torch.isfinite(for_x).all()
    assert torch.isfinite(for_level)
    assert for_x.abs().sum() <= 24 * 24  # nor large: the operator is not expansive


def test_threshold_zero_is_the_identity():
    x = torch.from_numpy(np.random.default_rng(3).standard_normal((5, 3)))
    weights = torch.from_numpy(np.random.default_rng(4).standard_normal((5, 3)))
    np.testing.assert_allclose(slopes(x, 0.0, weights)[0], weights, atol=1e-12)
