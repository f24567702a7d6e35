import numpy as np
import pytest

from kizu.lowrank.blocks import MatrixBlocks, working_dtype


@pytest.mark.parametrize(
    ("kind", "working"),
    [("u1", "f4"), ("i2", "f4"), ("u2", "f4"), ("f2", "f4"), ("f4", "f4"), ("i4", "f8"), ("u8", "f8"), ("f8", "f8")],
)
def test_every_value_is_exact_in_the_working_type(kind, working):
    assert working_dtype(np.dtype(kind)) == np.dtype(working)


def test_blocks_are_the_matrix_in_the_solvers_scale():
    matrix = np.arange(24, dtype=np.uint8).reshape(4, 6)
    blocks = MatrixBlocks(matrix, None, 5)
    block = blocks.read(1, 4)
    assert (blocks.shape, blocks.dtype, block.start, block.stop, block.known) == ((4, 6), np.float32, 1, 4, None)
    np.testing.assert_array_equal(block.values, matrix[:, 1:4] / np.float32(32))


@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e300])
def test_unknown_entries_are_zero_whatever_they_hold(junk):
    known = np.array([[True, False], [True, True]])
    block = MatrixBlocks(np.array([[1.0, junk], [2.0, 3.0]]), known, -900).read(0, 2)
    np.testing.assert_array_equal(np.ldexp(block.values, -900), [[1.0, 0.0], [2.0, 3.0]])
    np.testing.assert_array_equal(block.known, known)
