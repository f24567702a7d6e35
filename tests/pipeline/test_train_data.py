"""What `kizu train` reads of a folder of pictures, what it leaves out, and how it keeps the parts apart."""

import shutil
import weakref

import numpy as np
import pytest
import tifffile

from kizu.errors import NothingUsableError, ReadError, UsageError
from kizu.io.each import Pictures
from kizu.pipeline.train_data import counts, data_set
from kizu.pipeline.train_options import TrainOptions
from runs import write_grey as write
from runs import write_targets as targets

COUNT, SIZE = 12, (24, 32)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return targets(tmp_path_factory.mktemp("data"), COUNT, size=SIZE)


@pytest.fixture
def folder(data, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(data, tmp_path / "d")


def read(folder, progress=lambda stage, done, total: None, *, learn=None):
    asked = TrainOptions(
        network="exact-rpcanet", learn=learn, masks=None, dictionary=None, layers=None, rank=None, steps=None,
        validation=0.2, recursive=False, axes=None, seed=0, device="cpu", jobs=1, resume=False, overwrite=False,
    )  # fmt: skip
    return data_set(str(folder), asked, progress)


def unread(stage, done, total):
    raise AssertionError("a picture is decoded")


def names(examples):
    return [example.name for example in examples]


def test_pictures_are_decoded_one_by_one_reported_and_let_go(data, monkeypatch):
    decode, seen, held = Pictures.read, [], []

    def watched(self, number):
        assert not any(pixels() is not None for pixels in held)
        stack = decode(self, number)
        held.append(weakref.ref(stack.frames.base))
        seen.append(("decoded", number))
        return stack

    monkeypatch.setattr(Pictures, "read", watched)
    read(data, lambda stage, done, total: seen.append((stage, done)) if total == COUNT else None)
    assert seen == [(what, number) for number in range(COUNT) for what in ("read", "decoded")]


def test_every_picture_is_in_one_part(data):
    found = read(data)
    assert counts(found) == {"train": 10, "val": 2, "test": 0, "marked": 10}
    assert sorted(names(found.train) + names(found.val)) == [f"{n:02}" for n in range(COUNT)]
    assert all(e.grey.shape == e.marked.shape == SIZE and e.grey.dtype == np.float32 for e in found.train)


def test_colours_become_grey_by_their_mean(tmp_path):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (10, 16, 16, 3), np.uint8)
    for number, picture in enumerate(pictures):
        tifffile.imwrite(tmp_path / f"{number}.tif", picture, photometric="rgb")
    for example in read(tmp_path).train:
        np.testing.assert_allclose(example.grey, pictures[int(example.name)].mean(axis=2), rtol=1e-6)


def test_pages_of_one_file_find_their_masks(data, tmp_path):
    """The masks of a container are called like its pages, by number."""
    pages = np.random.default_rng(0).integers(0, 256, (COUNT, *SIZE), np.uint8)
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "all.tif", pages, photometric="minisblack")
    shutil.copytree(data / "masks", tmp_path / "masks")
    found = read(tmp_path)
    marked = {example.name: example.marked for example in (*found.train, *found.val)}
    assert sorted(marked) == [f"all/{n:06}" for n in range(COUNT)]
    other = {example.name: example.marked for example in (*read(data).train, *read(data).val)}
    assert all(np.array_equal(marked[f"all/{n:06}"], other[f"{n:02}"]) for n in range(COUNT))


def test_masks_that_do_not_match_are_named_and_left_out(folder):
    write(folder / "masks" / "03.png", np.zeros((8, 8)))
    (folder / "masks" / "04.png").unlink()
    found = read(folder)
    assert len(found.train) + len(found.val) == COUNT - 2
    assert [one.source for one in found.skipped] == ["03", "04"]
    assert "8x8" in found.skipped[0].what and "no mask" in found.skipped[1].what


def test_unknown_pixels_damaged_files_and_tiny_pictures_are_named_and_left_out(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        values = rng.normal(size=(7 if number == 2 else 16, 16)).astype(np.float32)
        values[3, 3] = np.nan if number == 4 else 0
        tifffile.imwrite(tmp_path / f"{number}.tif", values)
    (tmp_path / "6.tif").write_bytes((tmp_path / "6.tif").read_bytes()[:100])
    found = read(tmp_path)
    assert sorted(one.source for one in found.skipped) == ["2", "4", "6.tif"]
    whats = {one.source: one.what for one in found.skipped}
    assert "16x7" in whats["2"] and "not numbers" in whats["4"]
    assert len(found.train) + len(found.val) == 9


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda d: shutil.rmtree(d / "masks"), UsageError, "no masks/"),
        (lambda d: [p.unlink() for p in list((d / "images").iterdir())[3:]], NothingUsableError, "at least"),
        (lambda d: [write(p, np.zeros(SIZE)) for p in (d / "masks").iterdir()], UsageError, "marks anything"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_learned_from_say_so(change, error, says, folder):
    change(folder)
    with pytest.raises(error, match=says):
        read(folder, learn="labels")


def test_masks_of_other_pictures_are_noticed_before_a_picture_is_decoded(folder):
    for path in (folder / "masks").iterdir():
        path.rename(path.with_suffix(".txt"))
    with pytest.raises(NothingUsableError, match="no mask"):
        read(folder, unread)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("split,name\ntrain", "for the name ''"),
        ("name,part\n00,train", "no columns name and split"),
        ("name,split\n00,practice", "practice"),
    ],
)
def test_an_index_that_cannot_be_followed_is_named_before_a_picture_is_decoded(text, says, folder):
    (folder / "index.csv").write_text(text)
    with pytest.raises(ReadError, match=says):
        read(folder, unread)


def test_an_index_may_have_capitals_semicolons_and_suffixes_and_names_what_it_lacks(folder):
    lines = [f"{n:02}.png; {'Val' if n > 7 else 'train'}" for n in range(11)]
    (folder / "index.csv").write_text("\n".join(["Name;Split", *lines]))
    found = read(folder)
    assert names(found.train) == [f"{n:02}" for n in range(8)] and names(found.val) == ["08", "09", "10"]
    assert [(one.source, one.what) for one in found.skipped] == [("11", "is not in index.csv")]


def test_an_index_without_validation_leaves_the_test_part_alone(folder):
    lines = [f"{n:02},{'test' if n > 8 else 'train'}" for n in range(COUNT)]
    (folder / "index.csv").write_text("\n".join(["name,split", *lines]))
    found = read(folder)
    assert names(found.test) == ["09", "10", "11"]
    assert len(found.train) == 7 and len(found.val) == 2 and "validation is 20 %" in found.why


def test_equal_pictures_in_two_parts_are_refused(folder):
    shutil.copy(folder / "images" / "00.png", folder / "images" / "11.png")  # its mask is another
    lines = [f"{n:02},{'test' if n == 11 else 'train'}" for n in range(COUNT)]
    (folder / "index.csv").write_text("\n".join(["name,split", *lines]))
    with pytest.raises(UsageError, match="same picture as 00"):
        read(folder)


def test_equal_pictures_are_drawn_into_the_same_part(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(8):
        picture = rng.integers(0, 256, SIZE)
        for twin in "ab":
            write(tmp_path / f"{number}{twin}.png", picture)
    found = read(tmp_path)
    assert {name[0] for name in names(found.train)}.isdisjoint(name[0] for name in names(found.val))
    assert len(found.val) == 4
