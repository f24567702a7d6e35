"""Files that are not what they say are refused, whatever their suffix."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from kizu.errors import NothingUsableError
from kizu.io import read
from kizu.io.readers import READERS

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
STACK = RNG.integers(0, 256, (5, 48, 64), dtype=np.uint8)


def png(header: bytes, data: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


BOMBS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "png": lambda: (".png", png(struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0), zlib.compress(bytes(10**6)))),
    "npz": lambda: (".npz", zipped({"a.npy": npy(np.zeros((3000, 400, 250), np.uint8))})),
    "members": lambda: (".npz", zipped({f"{i}.npy": b"" for i in range(10_001)})),
    "tiff": lambda: (
        ".tif",
        b"II*\0\x08\0\0\0" + b"".join(bytes(2) + struct.pack("<I", 14 + 6 * i) for i in range(100_002)),
    ),
    "loop": lambda: (".tif", b"II*\0\x08\0\0\0" + bytes(2) + struct.pack("<I", 8)),
    "gif": lambda: (
        ".gif",
        b"GIF89a\x01\0\x01\0\0\0\0" + (b"," + bytes(4) + b"\x01\0\x01\0\0\x02\x02\x44\x01\0") * 100_002,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(tmp_path: Path, name: str) -> None:
    suffix, data = BOMBS[name]()
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    with pytest.raises(NothingUsableError, match=r"a\.\w+: "):
        read([str(path)])


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_empty_and_zero_files_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    with pytest.raises(NothingUsableError, match=rf"a\{suffix}: 0 bytes. Remove it or copy it again"):
        read([str(path)])
    path.write_bytes(bytes(1000))
    with pytest.raises(NothingUsableError, match="does not start like"):
        read([str(path)])


def test_a_wrong_suffix_is_told_by_the_content(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.tif").read_bytes())
    with pytest.raises(NothingUsableError, match=r"a TIFF file that is named like PNG. Rename it to .tif"):
        read([str(tmp_path / "a.png")])
    (tmp_path / "b.png").write_bytes(b"%PDF-1.7 and so on")
    with pytest.raises(NothingUsableError, match="a PDF, not PNG"):
        read([str(tmp_path / "b.png")])
