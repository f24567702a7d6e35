"""Many files become one stack, or the first that does not fit is named."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import NothingUsableError, ParameterError, ReadError, ResourceError, ShapeError
from kizu.io import read, read_mask, survey

RNG = np.random.default_rng(0)


def grey(height: int = 6, width: int = 8, dtype: str = "uint8") -> NDArray[Any]:
    return RNG.integers(0, 256, (height, width)).astype(dtype)


def save(folder: Path, **frames: NDArray[Any]) -> list[str]:
    for name, frame in frames.items():
        Image.fromarray(frame).save(folder / f"{name}.png")
    return [str(folder / f"{name}.png") for name in frames]


def test_files_become_one_stack(tmp_path: Path) -> None:
    frames = {name: grey() for name in ("b", "a", "c")}
    paths = save(tmp_path, **frames)
    stack = read(paths)
    assert stack.names == ("b", "a", "c")
    assert stack.frames.dtype == np.uint8
    assert np.array_equal(stack.frames, np.stack(list(frames.values())))
    assert [s.sha256 for s in stack.sources] == [hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in paths]
    assert [s.path for s in stack.sources] == ["b.png", "a.png", "c.png"]
    assert (stack.quantum, stack.skipped, stack.notes) == (1.0, (), ())


def test_an_odd_size_is_named(tmp_path: Path) -> None:
    paths = save(tmp_path, a=grey(), b=grey(), c=grey(7, 9), d=grey(6, 7))
    with pytest.raises(ShapeError, match=r"c\.png: 9x7 pixels, a\.png has 8x6\. Use --resize 8x6, --skip-odd, or "):
        read(paths)


def test_the_commonest_size_is_kept_with_skip_odd(tmp_path: Path) -> None:
    stack = read(save(tmp_path, a=grey(7, 9), b=grey(), c=grey()), skip_odd=True)
    assert stack.names == ("b", "c")
    assert [(s.source, s.what) for s in stack.skipped] == [("a.png", "9x7 pixels where most have 8x6")]
    assert (stack.declared, stack.decoded, stack.used) == (3, 2, 2)


def test_odd_pages_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for frame in (grey(), grey(), grey(3, 4), grey()):
            tif.write(frame)
    with pytest.raises(ShapeError, match=r"a\.tif: frame 2 has 4x3 pixels, frame 0 has 8x6"):
        read([str(path)])
    assert read([str(path)], skip_odd=True).names == ("a/000000", "a/000001", "a/000003")
    assert read([str(path)], resize=(8, 6)).frames.shape == (4, 6, 8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_resize_averages_areas(tmp_path: Path, dtype: str) -> None:
    fine = grey(12, 16, dtype) * np.array(1, dtype)
    stack = read(save(tmp_path, a=fine, b=grey(6, 8, dtype)), resize=(8, 6))
    means = fine.reshape(6, 2, 8, 2).mean(axis=(1, 3))
    assert stack.frames.dtype == dtype
    assert np.abs(stack.frames[0] - means).max() <= 0.5


@pytest.mark.parametrize("shape", [(5, 6, 8), (5, 6, 8, 2)])
@pytest.mark.parametrize("dtype", ["int16", "float32", "float64", "uint32"])
def test_resize_keeps_constants_and_dtype(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.full(shape, 77, dtype))
    for size in ((3, 4), (20, 31)):
        frames = read([str(tmp_path / "a.npy")], resize=size).frames
        assert frames.shape == (5, size[1], size[0], *shape[3:])
        assert frames.dtype == dtype
        assert (frames == 77).all()


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (10**5, 10**5)])
def test_resize_to_nonsense(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(ParameterError, match="resize"):
        read(save(tmp_path, a=grey()), resize=size)


def test_grey_among_colours_is_expanded_and_noted(tmp_path: Path) -> None:
    colour = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    shade = grey()
    stack = read(save(tmp_path, a=shade, b=colour, c=shade))
    assert np.array_equal(stack.frames[0], np.repeat(shade[..., None], 3, axis=-1))
    assert np.array_equal(stack.frames[1], colour)
    assert stack.notes == ("a.png and 1 more: grey expanded to colour",)


def test_other_mixtures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r"b\.png: uint16 pixels, a\.png has uint8"):
        read(save(tmp_path, a=grey(), b=grey(dtype="uint16")))
    np.save(tmp_path / "c.npy", np.zeros((2, 6, 8, 2), np.uint8))
    colour = save(tmp_path, d=RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    with pytest.raises(ShapeError, match=r"c\.npy: 2 channels, d\.png has 3"):
        read([str(tmp_path / "c.npy"), *colour])


def test_what_cannot_be_read_is_skipped_by_name(tmp_path: Path) -> None:
    save(tmp_path, a=grey(), c=grey())
    (tmp_path / "b.png").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("")
    stack = read([str(tmp_path)])
    assert stack.names == ("a", "c")
    assert [s.source for s in stack.skipped] == ["notes.txt", "b.png"]
    assert (stack.declared, stack.decoded) == (3, 2)


def test_nothing_usable_names_the_first_and_counts_the_others(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"broken")
    with pytest.raises(NothingUsableError, match=r"a\.png: does not start like PNG \(and 2 more\)"):
        read([str(tmp_path)])
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "empty" / "x.txt").write_text("")
    with pytest.raises(NothingUsableError, match=r"empty: no image in it .*\.txt.*add --recursive"):
        read([str(tmp_path / "empty")])


def test_progress_counts_frames_to_the_end(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 6, 8), np.uint8))
    seen: list[tuple[int, int]] = []
    read([str(tmp_path / "a.npy"), *save(tmp_path, b=grey())], progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (6, 6)


def test_survey_promises_what_read_delivers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 6, 8), np.uint8))
    save(tmp_path, b=RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    (tmp_path / "c.png").write_bytes(b"broken")
    found, stack = survey([str(tmp_path)]), read([str(tmp_path)])
    assert found.total_bytes == stack.frames.nbytes
    assert found.frames == stack.used == 6
    assert found.skipped == stack.skipped
    assert [(f.path, f.frames, f.channels, f.dtype) for f in found.files] == [
        ("a.npy", 5, 1, "uint8"),
        ("b.png", 1, 3, "uint8"),
    ]


def test_a_stack_larger_than_the_machine_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (20_000, 5_000, 9_000)}
        )
        file.truncate(file.tell() + 8 * 20_000 * 5_000 * 9_000)  # sparse
    with pytest.raises(ResourceError, match=r"20000 frames take 7200\.0 GB"):
        read([str(path)])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_masks(tmp_path: Path, mode: str) -> None:
    truth = RNG.random((6, 8)) < 0.5
    Image.fromarray(truth * np.uint8(255)).convert(mode).save(tmp_path / "m.png")
    assert np.array_equal(read_mask(str(tmp_path / "m.png"), 6, 8), truth)
    with pytest.raises(ShapeError, match="8x6 pixels for frames of 6x8"):
        read_mask(str(tmp_path / "m.png"), 8, 6)


def test_a_mask_is_one_picture(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((5, 6, 8), np.uint8))
    with pytest.raises(ReadError, match="5 frames"):
        read_mask(str(tmp_path / "m.tif"), 6, 8)


def test_importing_input_loads_no_decoder() -> None:
    script = "import sys, kizu.io; sys.exit(any(name in sys.modules for name in ('numpy', 'PIL', 'tifffile')))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0


def test_real_frames(data: Path) -> None:
    stack = read([str(data / "video_highway")], recursive=True, skip_odd=True)
    assert stack.used > 0
    assert stack.declared - stack.used == sum(s.declared - s.decoded for s in stack.sources)
