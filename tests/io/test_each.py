"""Inputs of any size, one file at a time."""

import numpy as np
import pytest
from PIL import Image

from kizu.errors import ShapeError
from kizu.io.each import pictures
from kizu.io.reading import read


def save(folder, **shapes):
    rng = np.random.default_rng(0)
    for name, shape in shapes.items():
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(folder / f"{name}.png")
    return folder


def test_every_file_is_what_reading_it_alone_gives(tmp_path):
    save(tmp_path, a=(20, 30), b=(25, 10), c=(9, 9))
    listed = pictures([str(tmp_path)])
    assert (len(listed), listed.frames, listed.channels, listed.dtype) == (3, 3, 1, np.uint8)
    for number, name in enumerate("abc"):
        own, alone = listed.read(number), read([str(tmp_path / f"{name}.png")])
        assert np.array_equal(own.frames, alone.frames)
        assert (own.names, own.sources, own.quantum) == (alone.names, alone.sources, alone.quantum)


def test_names_are_those_of_a_stack(tmp_path):
    save(tmp_path, a=(20, 30), b=(20, 30))
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.bmp")
    listed = pictures([str(tmp_path)])
    names = tuple(name for number in range(len(listed)) for name in listed.read(number).names)
    assert names == read([str(tmp_path)]).names


def test_grey_among_colours_is_expanded_and_said(tmp_path):
    save(tmp_path, a=(20, 30), b=(25, 10, 3))
    listed = pictures([str(tmp_path)])
    assert listed.read(0).frames.shape == (1, 20, 30, 3)
    assert listed.notes == ("a.png: grey expanded to colour",)


def test_another_bit_depth_is_refused_by_name(tmp_path):
    save(tmp_path, a=(20, 30))
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / "b.png")
    with pytest.raises(ShapeError, match=r"b\.png: uint16 pixels, a\.png has uint8\. Convert them to one type"):
        pictures([str(tmp_path)])


def test_what_cannot_be_read_is_named_and_counted(tmp_path):
    save(tmp_path, a=(20, 30), b=(25, 10))
    (tmp_path / "c.png").write_bytes(b"no picture")
    data = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(data[: len(data) // 2])
    listed = pictures([str(tmp_path)])
    assert [skipped.source for skipped in listed.skipped] == ["c.png"]
    assert [(source.path, source.declared, source.decoded) for source in listed.unusable] == [("c.png", 1, 0)]
    damaged = listed.read(1)
    assert (damaged.used, damaged.declared, damaged.decoded) == (0, 1, 0)
    assert damaged.skipped[0].source == "b.png"
