"""Containers cut anywhere lose frames only with a word, and every frame that is left is right."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import NothingUsableError
from kizu.io import read

COUNT = 20
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (COUNT, 24, 32), dtype=np.uint8)
FEW = np.repeat(GREY[..., None] // 64 * 64, 3, axis=-1)


def movie(path: Path, frames: NDArray[Any], **options: Any) -> None:
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=40, **options)


# name → (what writes it, frames it holds)
CONTAINERS: Mapping[str, tuple[Callable[[Path], None], NDArray[Any]]] = {
    "tifffile.tif": (lambda p: tifffile.imwrite(p, GREY), GREY),
    "deflate.tif": (lambda p: tifffile.imwrite(p, GREY, compression="zlib"), GREY),
    "plain.tif": (lambda p: tifffile.imwrite(p, GREY, metadata=None), GREY),
    "imagej.tif": (lambda p: tifffile.imwrite(p, GREY, imagej=True), GREY),
    "big.tif": (lambda p: tifffile.imwrite(p, GREY.astype(">u2"), bigtiff=True, byteorder=">"), GREY.astype(np.uint16)),
    "pillow.tif": (lambda p: movie(p, GREY), GREY),
    "a.gif": (lambda p: movie(p, FEW), FEW),
    "a.webp": (lambda p: movie(p, FEW, lossless=True), FEW),
    "a.png": (lambda p: movie(p, FEW), FEW),
    "a.npy": (lambda p: np.save(p, GREY), GREY),
    "a.npz": (lambda p: np.savez_compressed(p, a=GREY), GREY),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_whole_container_has_all_its_frames(tmp_path: Path, name: str) -> None:
    write, frames = CONTAINERS[name]
    write(tmp_path / name)
    stack = read([str(tmp_path / name)])
    assert np.array_equal(stack.frames, frames)
    assert stack.names == tuple(f"{Path(name).stem}/{i:06d}" for i in range(COUNT))
    assert stack.origins == tuple((name, i) for i in range(COUNT))
    assert (stack.declared, stack.decoded, stack.skipped) == (COUNT, COUNT, ())


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("percent", range(5, 100, 5))
def test_a_cut_container_says_what_is_missing(tmp_path: Path, name: str, percent: int) -> None:
    write, frames = CONTAINERS[name]
    path = tmp_path / name
    write(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * percent // 100])
    try:
        stack = read([str(path)])
    except NothingUsableError as error:
        assert str(path) in str(error)
        return
    kept = [index for _, index in stack.origins]
    assert np.array_equal(stack.frames, frames[kept])
    assert stack.declared > stack.decoded == stack.used or stack.used == COUNT
    assert bool(stack.skipped) == (stack.used < COUNT)


def test_a_container_cut_to_its_pixels_keeps_those_that_are_whole(tmp_path: Path) -> None:
    """The pages of a TIFF by tifffile lie behind its pixels; the shape in its first page tells both."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    stack = read([str(path)])
    assert stack.declared == COUNT
    assert stack.used >= COUNT // 2 - 1
    assert stack.skipped[0].what.startswith(f"{COUNT - stack.used} of {COUNT} frames could not be read")


def test_a_broken_page_does_not_take_the_others_along(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[7]
        assert isinstance(page, tifffile.TiffPage)
        start = page.dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[start : start + 20] = bytes(20)
    path.write_bytes(data)
    stack = read([str(path)])
    kept = [i for i in range(COUNT) if i != 7]
    assert np.array_equal(stack.frames, GREY[kept])
    assert stack.names == tuple(f"a/{i:06d}" for i in kept)
    assert stack.skipped[0].what.startswith("1 of 20 frames could not be read (cannot be decoded")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".gif", ".tif"])
@pytest.mark.parametrize("percent", range(5, 100, 5))
def test_a_cut_picture_is_refused(tmp_path: Path, suffix: str, percent: int) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(GREY[0]).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * percent // 100])
    with pytest.raises(NothingUsableError, match=rf"a\{suffix}: "):
        read([str(path)])
