"""Pictures give the pixels they were written with, as grey or RGB, or say why not."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kizu.errors import NothingUsableError
from kizu.io import read, survey

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
STACK = RNG.integers(0, 256, (5, 48, 64), dtype=np.uint8)


def save(path: Path, array: NDArray[Any], mode: str = "", **options: Any) -> str:
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return str(path)


def only(path: str | Path) -> NDArray[Any]:
    stack = read([str(path)])
    assert (stack.declared, stack.decoded, stack.used, stack.skipped) == (1, 1, 1, ())
    return stack.frames[0]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".gif"])
def test_one_bit_is_black_and_white(tmp_path: Path, suffix: str) -> None:
    bits = GREY > 127
    frame = only(save(tmp_path / f"a{suffix}", bits))
    assert np.array_equal(frame if frame.ndim == 2 else frame[..., 0], bits * np.uint8(255))


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".png", "uint8"),
        (".png", "uint16"),
        (".bmp", "uint8"),
        *[(".tif", d) for d in ("uint8", "uint16", "int32", "float32")],
    ],
)
def test_grey_keeps_its_dtype(tmp_path: Path, suffix: str, dtype: str) -> None:
    grey = (GREY.astype(dtype) * 200) if dtype != "uint8" else GREY
    frame = only(save(tmp_path / f"a{suffix}", grey))
    assert frame.dtype == dtype
    assert np.array_equal(frame, grey)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_colour_is_rgb(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    assert np.array_equal(only(save(tmp_path / f"a{suffix}", COLOUR, **options)), COLOUR)


@pytest.mark.parametrize(
    ("mode", "suffix", "note"),
    [
        ("LA", ".png", "alpha dropped"),
        ("RGBA", ".png", "alpha dropped"),
        ("RGBA", ".tif", "alpha dropped"),
        ("LA", ".tif", "alpha dropped"),
        ("P", ".png", ""),
        ("P", ".tif", ""),
        ("P", ".bmp", ""),
        ("CMYK", ".jpg", "CMYK converted to RGB"),
        ("CMYK", ".tif", "CMYK converted to RGB"),
        ("YCbCr", ".jpg", ""),
    ],
)
def test_other_colours_become_grey_or_rgb_with_a_note(tmp_path: Path, mode: str, suffix: str, note: str) -> None:
    path = save(tmp_path / f"a{suffix}", COLOUR, mode)
    stack = read([path])
    with Image.open(path) as image:
        expected = np.asarray(image.convert("L" if mode == "LA" else "RGB"))
    assert np.array_equal(stack.frames[0], expected)
    assert stack.notes == ((f"a{suffix}: {note}",) if note else ())


def test_transparency_of_a_palette_is_noted(tmp_path: Path) -> None:
    stack = read([save(tmp_path / "a.png", COLOUR, "P", transparency=0)])
    assert stack.notes == ("a.png: alpha dropped",)


def test_lab_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingUsableError, match=r"colours of type LAB. Save it as grey or RGB"):
        read([save(tmp_path / "a.tif", COLOUR, "LAB")])


@pytest.mark.parametrize("colour", [2, 4, 6])
def test_deep_colour_png_is_refused_rather_than_cut_to_8_bits(tmp_path: Path, colour: int) -> None:
    samples = {2: 3, 4: 2, 6: 4}[colour]
    rows = b"".join(b"\0" + bytes(2 * 9 * samples) for _ in range(7))
    path = tmp_path / "a.png"
    path.write_bytes(png(struct.pack(">IIBBBBB", 9, 7, 16, colour, 0, 0, 0), zlib.compress(rows)))
    with pytest.raises(NothingUsableError, match=r"16-bit colour or alpha.*Save it as TIFF"):
        read([str(path)])


def png(header: bytes, data: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_orientation_is_applied_and_noted(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / f"a{suffix}", COLOUR, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    stack = read([path])
    assert np.array_equal(stack.frames[0], expected)
    assert survey([path]).files[0].height == stack.height
    assert bool(stack.notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_compressed_tiff(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / "a.tif", COLOUR, compression="tiff_lzw", exif=exif)
    with Image.open(save(tmp_path / "b.png", COLOUR, exif=exif)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(only(path), expected)
