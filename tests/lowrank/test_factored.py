import numpy as np
import pytest

from kizu.lowrank.factored import Factored

LEFT, RIGHT = np.random.default_rng(0).standard_normal((4, 2)), np.random.default_rng(1).standard_normal((2, 9))


@pytest.mark.parametrize("transposed", [False, True])
def test_it_is_the_product_where_an_array_is_wanted(transposed):
    factors = Factored(LEFT, RIGHT, 3, transposed)
    product = 8 * (LEFT @ RIGHT)
    np.testing.assert_array_equal(np.asarray(factors), product.T if transposed else product)
    assert factors.shape == np.asarray(factors).shape
    assert factors.rank == 2


def test_a_part_is_expanded_alone():
    np.testing.assert_allclose(Factored(LEFT, RIGHT).columns(2, 5), (LEFT @ RIGHT)[:, 2:5], rtol=1e-14)


def test_another_type_can_be_asked_for():
    assert np.asarray(Factored(LEFT, RIGHT), dtype=np.float32).dtype == np.float32
