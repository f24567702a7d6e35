"""Every layout of TIFF that a writer here can make comes back bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import UsageError
from kizu.io import read

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
STACK = RNG.integers(0, 256, (5, 48, 64), dtype=np.uint8)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]
)
def test_tiff_numbers(tmp_path: Path, dtype: str, bigtiff: bool, byteorder: str) -> None:
    path, stack = tmp_path / "a.tif", STACK.astype(dtype)
    tifffile.imwrite(path, stack, bigtiff=bigtiff, byteorder=byteorder, photometric="minisblack")
    frames = read([str(path)]).frames
    assert frames.dtype == (np.float32 if dtype == "float16" else dtype)
    assert frames.dtype.isnative
    assert np.array_equal(frames, stack)


TIFF_OPTIONS: list[dict[str, Any]] = [
    {"compression": "zlib"},
    {"compression": "zlib", "predictor": True},
    {"compression": "lzma"},
    {"tile": (16, 16)},
    {"tile": (32, 48), "compression": "zlib"},
    {"rowsperstrip": 7},
    {"imagej": True},
    {"ome": True},
    {"metadata": None},
]


@pytest.mark.parametrize("options", TIFF_OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_tiff_layouts(tmp_path: Path, options: dict[str, Any], dtype: str) -> None:
    path, stack = tmp_path / "a.tif", STACK.astype(dtype)
    tifffile.imwrite(path, stack, **options)
    result = read([str(path)])
    assert np.array_equal(result.frames, stack)
    assert result.names == tuple(f"a/{i:06d}" for i in range(5))
    assert result.skipped == ()


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "raw"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int32"])
def test_tiff_by_pillow(tmp_path: Path, compression: str, dtype: str) -> None:
    frames = [Image.fromarray(frame.astype(dtype)) for frame in STACK]
    path = tmp_path / "a.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:], compression=compression)
    assert np.array_equal(read([str(path)]).frames, STACK.astype(dtype))


@pytest.mark.parametrize("compression", ["tiff_jpeg", "group4", "tiff_lzw"])
def test_one_page_tiff_keeps_its_own_name(tmp_path: Path, compression: str) -> None:
    array: NDArray[Any] = GREY > 127 if compression == "group4" else GREY
    path = tmp_path / "a.tif"
    Image.fromarray(array).save(path, compression=compression)
    stack = read([str(path)])
    with Image.open(path) as image:
        assert np.array_equal(stack.frames[0], np.asarray(image.convert("L")))
    assert stack.names == ("a",)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "bool"])
def test_white_is_zero_is_inverted_back(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY.astype(dtype), photometric="miniswhite")
    full = {"uint8": 255, "uint16": 65535, "bool": 1}[dtype]
    expected = full - GREY.astype(dtype).astype(np.int64)
    stack = read([str(path)])
    assert np.array_equal(stack.frames[0], expected * (255 if dtype == "bool" else 1))
    assert stack.notes == ("a.tif: white-is-zero inverted",)


def test_smaller_copies_in_a_tiff_are_no_frames(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(STACK[0])
        tif.write(STACK[0, ::2, ::2], subfiletype=1)
    stack = read([str(tmp_path / "a.tif")])
    assert stack.declared == 1
    assert np.array_equal(stack.frames, STACK[:1])


@pytest.mark.parametrize("count", [3, 4])
def test_planes_of_a_tiff_are_not_guessed(tmp_path: Path, count: int) -> None:
    path, planes = tmp_path / "a.tif", STACK[:count]
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(UsageError, match="--axes"):
        read([str(path)])
    assert np.array_equal(read([str(path)], axes="TYX").frames, planes)
    assert np.array_equal(read([str(path)], axes="CYX").frames[0], np.moveaxis(planes, 0, -1))


def test_many_bands_of_a_tiff_are_colours_only_when_told(tmp_path: Path) -> None:
    path, bands = tmp_path / "a.tif", np.moveaxis(STACK, 0, -1)
    tifffile.imwrite(path, bands, photometric="minisblack", planarconfig="contig")
    with pytest.raises(UsageError, match="--axes"):
        read([str(path)])
    assert np.array_equal(read([str(path)], axes="YXC").frames[0], bands)
