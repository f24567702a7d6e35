import unicodedata
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kizu.errors import NothingUsableError
from kizu.io import read
from kizu.io.names import frame_name, stems

PARTS = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=5).filter(lambda s: s not in (".", ".."))
RELS = st.lists(st.builds(lambda parts, suffix: "/".join(parts) + suffix, st.lists(PARTS, min_size=1, max_size=3),
                          st.sampled_from([".png", ".PNG", ".tif"])), unique=True)  # fmt: skip


def test_suffixes_go_unless_names_would_collide() -> None:
    assert stems(["a.png", "b.png", "x/a.png"]) == ("a", "b", "x/a")
    assert stems(["a.png", "A.tif", "b.png"]) == ("a.png", "A.tif", "b")
    assert stems(["a.png", "A.png"]) == ("a.png", "A.png~2")
    assert stems(["a.tif", "a/000000.png"]) == ("a.tif", "a/000000")
    assert stems(["x.tar.npy", ".hidden.png"]) == ("x.tar", ".hidden")


@given(RELS)
def test_names_never_collide_nor_leave_the_folder(rels: list[str]) -> None:
    names = stems(rels)
    keys = {unicodedata.normalize("NFC", name).casefold() for name in names}
    assert len(keys) == len(rels)
    assert all(".." not in PurePosixPath(name).parts and not name.startswith("/") for name in names)


def test_containers_number_their_frames() -> None:
    assert frame_name("a", 7, container=True) == "a/000007"
    assert frame_name("a", 0, container=False) == "a"


ZOO = [
    "plain", "two words", "-leading", "--", "quo'te", 'quo"te', "new\nline", "tab\t", "日本語", "naïve", "nai\u0308ve2",
    "%s %d {x}", "a;rm -rf b", "$(x)", "*", "[1]", "CON", "x" * 251, "\udcff\udcfe", "<img src=x>", "=1+1", " space",
    "dot.",
]  # fmt: skip


@pytest.mark.parametrize("name", ZOO, ids=ascii)
def test_any_name_that_the_disk_takes_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.png"
    try:
        Image.fromarray(np.full((3, 4), 7, np.uint8)).save(tmp_path / "whole.png")
        (tmp_path / "whole.png").rename(path)
    except (OSError, ValueError) as error:
        pytest.skip(f"this file system refuses the name: {error}")
    assert read([str(path)]).names == (name,)
    stack = read([str(tmp_path)])
    assert stack.names == (name,)
    assert stack.sources[0].path == f"{name}.png"
    path.write_bytes(b"broken")
    with pytest.raises(NothingUsableError, match="does not start like") as caught:
        read([str(path)])
    assert "\n" not in str(caught.value)
