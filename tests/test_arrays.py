"""The seam: what goes in comes out, in the library it came from."""

import numpy as np
import pytest

from kizu.arrays import like, namespace, svd, to_numpy

X = np.random.default_rng(0).standard_normal((5, 3))


def test_there_and_back(xp):
    there = like(X, xp.asarray(X))
    assert type(there) is type(xp.asarray(X))
    np.testing.assert_array_equal(to_numpy(there), X)


def test_namespace_has_the_standard_names(xp):
    there = xp.asarray(X)
    assert float(namespace(there).sum(there)) == pytest.approx(X.sum())


def test_numpy_is_not_copied():
    assert to_numpy(X) is X
    assert like(X, X) is X


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 4), (4, 1), (2, 3, 4)])
def test_thin_decomposition(xp, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    u, s, vh = (to_numpy(part) for part in svd(xp.asarray(x)))
    assert s.shape[-1] == min(shape[-2:])
    assert (np.diff(s, axis=-1) <= 0).all()
    np.testing.assert_allclose((u * s[..., None, :]) @ vh, x, atol=1e-14)


def test_a_tensor_with_a_gradient_can_be_looked_at():
    torch = pytest.importorskip("torch")
    tensor = torch.ones(3, requires_grad=True)
    np.testing.assert_array_equal(to_numpy(tensor * 2), [2, 2, 2])
