"""The one place that reshapes: nothing is lost, renamed or copied on the way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from kizu.errors import ShapeError
from kizu.stack import Skipped, Source, Stack, stack_of

frames = hnp.arrays(hnp.integer_dtypes() | hnp.floating_dtypes(), hnp.array_shapes(min_dims=3, max_dims=4))


@given(frames=frames)
def test_matrix_and_back_is_the_same_memory(frames):
    stack = stack_of(frames)
    matrix = stack.to_matrix()
    assert matrix.shape == (len(frames), stack.height * stack.width * stack.channels)
    assert matrix.dtype == frames.dtype
    assert np.shares_memory(matrix, frames)
    np.testing.assert_array_equal(stack.with_frames(matrix.reshape(frames.shape)).frames, frames)


def test_rows_of_the_matrix_are_frames():
    stack = stack_of(np.arange(24).reshape(2, 3, 4))
    np.testing.assert_array_equal(stack.to_matrix()[1], np.arange(12, 24))


@pytest.mark.parametrize(
    ("shape", "sizes"), [((5, 3, 4), (3, 4, 1)), ((5, 3, 4, 3), (3, 4, 3)), ((1, 1, 1), (1, 1, 1))]
)
def test_sizes_follow_the_axes(shape, sizes):
    stack = stack_of(np.zeros(shape))
    assert (stack.height, stack.width, stack.channels) == sizes
    assert (stack.declared, stack.decoded, stack.used) == (shape[0],) * 3


@pytest.mark.parametrize("shape", [(), (4,), (3, 4), (1, 1, 1, 1, 1)])
def test_other_axes_are_refused(shape):
    with pytest.raises(ShapeError, match=r"axes \(frame, height, width\[, channel\]\), got shape"):
        Stack(np.zeros(shape), ("a",), (("a", 0),))


@pytest.mark.parametrize(("names", "origins"), [(1, 2), (2, 1), (3, 3), (0, 0)])
def test_each_frame_has_one_name_and_one_origin(names, origins):
    with pytest.raises(ShapeError, match=f"2 frames, {names} names, {origins} origins"):
        Stack(np.zeros((2, 3, 4)), ("a",) * names, (("a", 0),) * origins)


@pytest.mark.parametrize(("dtype", "quantum"), [("u1", 1.0), (">u2", 1.0), ("i4", 1.0), ("f4", None), ("f8", None)])
def test_only_integers_have_a_step(dtype, quantum):
    assert stack_of(np.zeros((1, 2, 2), dtype)).quantum == quantum


def test_frames_are_numbered_from_zero_in_their_order():
    stack = stack_of(np.zeros((3, 2, 2)), name="wall")
    assert stack.names == ("wall/000000", "wall/000001", "wall/000002")
    assert stack.origins == (("wall", 0), ("wall", 1), ("wall", 2))
    assert list(stack.names) == sorted(stack.names)


def test_declared_decoded_and_used_are_three_numbers():
    sources = (Source("a.tif", "0" * 64, declared=5, decoded=3), Source("b.tif", "1" * 64, declared=1, decoded=1))
    skipped = (Skipped("a.tif", "2 of 5 frames could not be read", "Copy it again"),)
    whole = stack_of(np.zeros((3, 2, 2)))
    stack = Stack(whole.frames, whole.names, whole.origins, sources=sources, skipped=skipped)
    assert (stack.declared, stack.decoded, stack.used) == (6, 4, 3)
    assert stack.with_frames(stack.frames + 1).skipped == skipped
