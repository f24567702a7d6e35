import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kizu.errors import NothingUsableError, UsageError
from kizu.io import read
from kizu.io.listing import list_inputs, natural


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def rels(*inputs: Path | str, recursive: bool = False) -> list[str]:
    return [file.rel for file in list_inputs([str(name) for name in inputs], recursive=recursive).files]


def test_a_folder_is_listed_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "img10.png", "img2.png", "IMG1.png", "img02.png", "a.png")
    assert rels(tmp_path) == ["a.png", "IMG1.png", "img02.png", "img2.png", "img10.png"]


@given(st.lists(st.integers(0, 10**30), min_size=1))
def test_natural_order_counts(numbers: list[int]) -> None:
    names = [f"img{n}.png" for n in numbers]
    assert sorted(names, key=natural) == [f"img{n}.png" for n in sorted(numbers)]


@given(st.lists(st.text()))
def test_natural_order_is_total(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural) == sorted(backwards, key=natural)


def test_strange_files_are_named_and_hidden_ones_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "notes.txt", "README", ".DS_Store", "._a.png", "Thumbs.db", "desktop.ini")
    listing = list_inputs([str(tmp_path)])
    assert [file.rel for file in listing.files] == ["a.png"]
    assert [skipped.source for skipped in listing.skipped] == ["notes.txt", "README"]


def test_folders_of_folders_only_when_asked(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b/c.png", "b/d/e.png")
    assert rels(tmp_path) == ["a.png"]
    assert rels(tmp_path, recursive=True) == ["a.png", "b/c.png", "b/d/e.png"]


def test_names_are_below_the_common_parent(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.png", "y/b.png", "c.png")
    assert rels(tmp_path / "x", tmp_path / "y") == ["x/a.png", "y/b.png"]
    assert rels(tmp_path / "x" / "a.png") == ["a.png"]
    assert rels(tmp_path / "x" / ".." / "y", tmp_path / "c.png") == ["y/b.png", "c.png"]


def test_globs_are_expanded_unless_the_name_exists(tmp_path: Path) -> None:
    touch(tmp_path, "img10.png", "img2.png", "img[1].png", "deep/er/z.png")
    assert rels(tmp_path / "img?*.png") == ["img2.png", "img10.png", "img[1].png"]
    assert rels(tmp_path / "img[1].png") == ["img[1].png"]
    assert rels(tmp_path / "**" / "z.png") == ["z.png"]


def test_a_file_reached_twice_counts_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png")
    assert rels(tmp_path / "b.png", tmp_path, tmp_path / "a.png") == ["b.png", "a.png"]
    (tmp_path / "c.png").symlink_to(tmp_path / "a.png")
    assert rels(tmp_path) == ["a.png", "b.png"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.png")
    (tmp_path / "x" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "x" / "self.png").symlink_to(tmp_path / "x" / "self.png")
    assert rels(tmp_path, recursive=True) == ["x/a.png", "x/self.png"]


def test_a_missing_input_is_a_usage_error(tmp_path: Path) -> None:
    for name in ("absent.png", "absent", "*.png"):
        with pytest.raises(UsageError, match=r"no such file|matches no file") as caught:
            list_inputs([str(tmp_path / name)])
        assert str(tmp_path) in str(caught.value)
    with pytest.raises(UsageError, match="no input"):
        list_inputs([])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipes_sockets_devices_and_broken_links_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    os.mkfifo("pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        Path("device.png").symlink_to("/dev/zero")
        Path("gone.png").symlink_to("absent.png")
        Path("loop.png").symlink_to("loop.png")
        Path("folder.png").mkdir()
        Image.fromarray(np.zeros((4, 5), np.uint8)).save("a.png")
        stack = read([".", "folder.png/../pipe.png"])
    assert stack.names == ("a",)
    assert {skipped.source: skipped.what for skipped in stack.skipped} == {
        "pipe.png": "a named pipe, not a file",
        "socket.png": "a socket, not a file",
        "device.png": "a device, not a file",
        "gone.png": "the file is gone",
        "loop.png": "cannot be opened (Too many levels of symbolic links)",
    }
    assert (stack.declared, stack.decoded) == (6, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(NothingUsableError, match="no permission"):
        read([str(tmp_path)])
