import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d
from scipy.sparse.linalg import aslinearoperator

from kizu.errors import ShapeError
from kizu.operators import IDENTITY, convolution, masking, squared_norm

seeds = st.integers(0, 2**32 - 1)


def dense(operator):
    return operator @ np.eye(operator.shape[1])


@given(seed=seeds)
def test_adjoints_are_adjoint(seed):
    draw = np.random.default_rng(seed)
    kernel = draw.standard_normal(tuple(2 * draw.integers(0, 3, 2) + 1))
    blur = convolution(kernel, tuple(draw.integers(1, 8, 2)))
    hide = masking(draw.random(9) < 0.6)
    for operator in (blur, hide):
        np.testing.assert_allclose(dense(operator.T), dense(operator).T, atol=1e-12)


def test_convolution_is_scipys_with_zeros_around():
    image, kernel = np.random.default_rng(0).standard_normal((2, 9, 9))
    kernel = kernel[:3, :5]
    found = convolution(kernel, (9, 9)) @ image.ravel()
    np.testing.assert_allclose(found.reshape(9, 9), convolve2d(image, kernel, mode="same"), atol=1e-12)


def test_masking_keeps_the_known():
    np.testing.assert_array_equal(masking(np.array([True, False, True])) @ np.array([1.0, 2.0, 3.0]), [1, 3])


@given(seed=seeds)
def test_the_norm_is_never_below_the_largest_singular_value(seed):
    A = np.random.default_rng(seed).standard_normal(tuple(np.random.default_rng(seed).integers(1, 12, 2)))
    exact = np.linalg.norm(A, 2) ** 2
    assert squared_norm(A) == pytest.approx(exact, rel=1e-12)
    assert exact * (1 - 1e-12) <= squared_norm(aslinearoperator(A)) <= 1.011 * exact


def test_the_identity():
    x = np.arange(3.0)
    assert IDENTITY.T @ x is x
    assert squared_norm(IDENTITY) == 1
    assert repr(IDENTITY) == "IDENTITY"


@pytest.mark.parametrize("kernel", [np.ones((2, 3)), np.ones(3)])
def test_kernels_that_have_no_middle_are_refused(kernel):
    with pytest.raises(ShapeError, match=r"^kernel: the kernel has shape"):
        convolution(kernel, (5, 5))
