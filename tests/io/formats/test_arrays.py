"""Arrays come back; what is none, or may be several things, is refused."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import NothingUsableError, UsageError
from kizu.io import kind_of, read, read_matrix

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
STACK = RNG.integers(0, 256, (5, 48, 64), dtype=np.uint8)


@given(
    arrays.arrays(
        st.sampled_from(["u1", "i2", "<u2", ">u4", "f2", "<f4", ">f8", "i8", "?"]),
        st.tuples(st.integers(1, 5), st.sampled_from([1, 2, 5, 6]), st.sampled_from([1, 2, 5, 7])).filter(
            lambda s: s[0] not in (3, 4)
        ),
    ),
    st.sampled_from(["C", "F"]),
    st.sampled_from([".npy", ".npz"]),
)
def test_arrays_come_back(
    tmp_path_factory: pytest.TempPathFactory, array: NDArray[Any], order: Any, suffix: str
) -> None:
    array = np.asarray(array, order=order)
    if array.dtype.kind == "f":
        array = np.nan_to_num(array, posinf=1.0, neginf=-1.0, nan=np.nan)
    path = tmp_path_factory.mktemp("arrays") / f"a{suffix}"
    (np.save if suffix == ".npy" else np.savez_compressed)(path, array)
    expected = array.astype(np.uint8) * np.uint8(255) if array.dtype.kind == "b" else array
    stack = read([str(path)])
    assert np.array_equal(stack.frames, expected, equal_nan=array.dtype.kind == "f")
    assert stack.quantum == (None if array.dtype.kind == "f" else 1.0)


AXES: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
    ("YX", (5, 6), (1, 5, 6)),
    ("TYX", (3, 5, 6), (3, 5, 6)),
    ("TYX", (5, 6, 3), (5, 6, 3)),
    ("YXC", (5, 6, 3), (1, 5, 6, 3)),
    ("CYX", (3, 5, 6), (1, 5, 6, 3)),
    ("TYXC", (2, 5, 6, 3), (2, 5, 6, 3)),
    ("TCYX", (2, 3, 5, 6), (2, 5, 6, 3)),
    ("YXC", (5, 6, 1), (1, 5, 6)),
]


@pytest.mark.parametrize(("axes", "shape", "frames"), AXES)
def test_axes_say_what_an_array_is(tmp_path: Path, axes: str, shape: tuple[int, ...], frames: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    np.save(tmp_path / "a.npy", array)
    stack = read([str(tmp_path / "a.npy")], axes=axes)
    assert stack.frames.shape == frames
    expected = array.transpose([axes.index(letter) for letter in "TYXC" if letter in axes])
    assert np.array_equal(stack.frames.ravel(), expected.ravel())
    assert stack.names[0] == ("a/000000" if "T" in axes else "a")


@pytest.mark.parametrize("shape", [(3, 5, 6), (4, 5, 6), (5, 6, 3), (5, 6, 4), (2, 3, 5, 6), (5, 6)])
def test_axes_are_never_guessed(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(UsageError, match="--axes") as caught:
        read([str(tmp_path / "a.npy")])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("axes", ["", "XY", "TYXZ", "TTYX", "tyx"])
def test_unknown_axes(axes: str) -> None:
    with pytest.raises(UsageError, match="Use one of TYX"):
        read(["a.npy"], axes=axes)


def test_axes_must_fit_the_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 6)))
    with pytest.raises(UsageError, match="name 3 axes"):
        read([str(tmp_path / "a.npy")], axes="TYX")


@pytest.mark.parametrize("dtype", ["complex64", "U3", "S4", "M8[s]", "m8[s]", "O", [("a", "f4")], "f16"])
def test_what_is_no_real_number_is_refused(tmp_path: Path, dtype: Any) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 6, 7), dtype))
    with pytest.raises(NothingUsableError, match="not real numbers"):
        read([str(tmp_path / "a.npy")])


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


HEADERS = {
    "terabytes": header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000, 5)}"),
    "2**80": header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**80}, 5, 5)}}"),
    "negative": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 5, 5)}"),
    "no list": header("{'descr': '<f8', 'fortran_order': False, 'shape': 7}"),
    "code": header("__import__('os').system('touch /')"),
    "deep": header("(" * 5000),
    "empty": header(""),
    "cut": b"\x93NUMPY\x01\x00",
    "version": b"\x93NUMPY\x09\x00" + bytes(100),
    "long": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100),
    "zero": header("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 5, 5)}"),
    "no pixels": header("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 0, 5)}"),
    "frames": header("{'descr': 'u1', 'fortran_order': False, 'shape': (200000, 1, 1)}") + bytes(200000),
    "wide": header("{'descr': 'V0', 'fortran_order': False, 'shape': (5, 5, 5)}"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_are_not_believed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(HEADERS[name])
    with pytest.raises(NothingUsableError, match=r"a\.npy: "):
        read([str(path)])


def test_archive_with_one_fitting_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=STACK, labels=np.zeros(5), names=np.array(["x"] * 5))
    assert np.array_equal(read([str(tmp_path / "a.npz")]).frames, STACK)
    np.savez(tmp_path / "b.npz", first=STACK, second=STACK)
    with pytest.raises(NothingUsableError, match="first, second"):
        read([str(tmp_path / "b.npz")])


def test_infinite_values_are_refused_by_place_and_nan_is_missing(tmp_path: Path) -> None:
    frames = STACK.astype(np.float32)
    frames[3, 5, 7], frames[1, 2, 3] = np.inf, np.nan
    np.save(tmp_path / "a.npy", frames)
    stack = read([str(tmp_path / "a.npy")])
    assert np.array_equal(stack.frames, np.delete(frames, 3, axis=0), equal_nan=True)
    assert "frame 3: infinite value at row 5, column 7" in stack.skipped[0].what


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", ">i4", "f2", "f8"])
def test_a_matrix_has_no_geometry(tmp_path: Path, dtype: str, order: Any) -> None:
    matrix = np.asarray(RNG.integers(0, 100, (30, 4)).astype(dtype), order=order)
    path = str(tmp_path / "m.npy")
    np.save(path, matrix)
    assert kind_of([path]) == "matrix"
    assert kind_of([path], axes="YX") == "images"
    assert kind_of([path, path]) == "images"
    assert np.array_equal(read_matrix(path), matrix)


def test_a_matrix_refuses_infinite_values_and_other_files(tmp_path: Path) -> None:
    png = tmp_path / "a.png"
    Image.fromarray(GREY).save(png)
    np.save(tmp_path / "m.npy", np.array([[1.0, 2.0], [np.nan, -np.inf]]))
    with pytest.raises(OSError, match="infinite value at row 1, column 1"):
        read_matrix(str(tmp_path / "m.npy"))
    with pytest.raises(OSError, match="not a matrix"):
        read_matrix(str(png))
    np.save(tmp_path / "s.npy", STACK)
    assert kind_of([str(tmp_path / "s.npy")]) == kind_of([str(tmp_path / "absent.npy")]) == "images"
    with pytest.raises(OSError, match="not rows and columns"):
        read_matrix(str(tmp_path / "s.npy"))
