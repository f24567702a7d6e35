"""Pictures to train on: what is marked in them, and three parts of which none has a picture of another."""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.errors import KizuError, NothingUsableError, ReadError, UsageError
from kizu.io.each import Pictures, pictures
from kizu.io.names import frame_name
from kizu.pipeline.evaluate import TRUTH_SUFFIXES, read_truth, truth_images
from kizu.pipeline.pairs import pair
from kizu.pipeline.refit import Progress
from kizu.pipeline.train_options import TrainOptions
from kizu.stack import Skipped, Stack
from kizu.typing import Bools, Floats

IMAGES, MASKS, INDEX = "images", "masks", "index.csv"
"""What a data set folder may hold."""
PARTS = ("train", "val", "test")
WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
SMALLEST = 8
"""Pixels along a side that a picture to learn from has at least."""
FEWEST_TRAIN, FEWEST_VALIDATION = 4, 2
"""Pictures that a part needs at least."""


class Example(NamedTuple):
    """A grey picture (height, width) in its own units, what is marked in it (None: nobody looked), and their hashes."""

    name: str
    grey: NDArray[np.float32]
    marked: Bools | None
    sha256: str
    marks_sha256: str


class DataSet(NamedTuple):
    """Examples by part, what was left out, how the parts were made, and the files' pixels."""

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    test: tuple[Example, ...]
    skipped: tuple[Skipped, ...]
    why: str
    listed: Pictures

    @property
    def sha256(self) -> str:
        """Of names, pixels and marks, part by part."""
        lines = [f"{part}:{e.name}:{e.sha256}:{e.marks_sha256}" for part in PARTS for e in getattr(self, part)]
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def data_set(data: str, options: TrainOptions, progress: Progress) -> DataSet:
    """Read DATA: a folder of pictures, or one with images/ and masks/, and index.csv (name, split) if it has parts.

    Pictures without a mask, or whose mask has another size, and those with unknown pixels are left out and named.
    NothingUsableError where too few are left.
    """
    folder = Path(data)
    inside = folder / IMAGES
    inputs, masks = (str(inside), options.masks) if inside.is_dir() else (data, options.masks)
    if masks is None and inside.is_dir() and (folder / MASKS).is_dir():
        masks = str(folder / MASKS)
    if options.learn in ("planted", "distil"):
        masks = None
    elif masks is None and options.learn == "labels":
        raise UsageError("has no masks/ to learn from", "Add --masks DIR, or --learn planted", where=data)
    listed = pictures([inputs], recursive=options.recursive, axes=options.axes)
    named = _index(folder / INDEX)
    examples, skipped = _read(listed, masks, progress)
    if masks is not None and not any(e.marked is not None and e.marked.any() for e in examples):
        raise UsageError("no mask marks anything", "Use --learn planted for clean pictures", where=masks)
    parts, why = _given(examples, named, skipped, options) if named else _drawn(examples, options)
    _refuse_few(parts, data)
    _refuse_twice(parts, data)
    train, val, test = (tuple(parts[part]) for part in PARTS)
    return DataSet(train, val, test, tuple(skipped), why, listed)


def _read(listed: Pictures, masks: str | None, progress: Progress) -> tuple[list[Example], list[Skipped]]:
    """Every picture with its mask, in input order. Of the files' own pixels, no more than one file's are held."""
    partners = None if masks is None else _partners(listed, masks)
    examples: list[Example] = []
    skipped = list(listed.skipped)
    for number in range(len(listed)):
        progress("read", number, len(listed))
        usable, lost = _examples(listed.read(number), partners)
        examples += usable
        skipped += lost
    return examples, skipped


def _partners(listed: Pictures, masks: str) -> dict[str, Path]:
    """The mask of every picture that has one. Headers give the names: a wrong folder is noticed before decoding."""
    truths = truth_images(Path(masks))
    names = [
        frame_name(stem, index, container=header.container)
        for stem, agreed in zip(listed.stems, listed.agreed, strict=True)
        for header in agreed.files
        for index in range(header.present)
    ]
    pairs, _ = pair(names, truths)
    if not pairs:
        raise NothingUsableError("no mask goes with a picture", "Name them like the pictures", where=masks)
    return {name: truths[partner] for name, partner in pairs}


def _examples(stack: Stack, partners: dict[str, Path] | None) -> tuple[list[Example], list[Skipped]]:
    """The frames of one file that can be learned from, and what is wrong with the others."""
    examples, skipped = [], list(stack.skipped)
    for name, frame in zip(stack.names, stack.frames, strict=True):
        try:
            examples.append(_example(name, frame, partners))
        except KizuError as error:
            skipped.append(Skipped(name, error.what, error.mend))
    return examples, skipped


def _example(name: str, frame: NDArray[Any], partners: dict[str, Path] | None) -> Example:
    """A frame (height, width[, channels]) turned grey, and its mask; ReadError where it is not fit to learn from."""
    height, width = frame.shape[:2]
    if min(height, width) < SMALLEST:
        raise ReadError(name, f"is {width}x{height} pixels", f"Give at least {SMALLEST} a side")
    if not np.isfinite(frame).all():
        raise ReadError(name, "has pixels that are not numbers", "Fill them, or leave it out")
    values = frame.astype(np.float32)
    grey = values if values.ndim == 2 else values.mean(axis=2)
    marked = None if partners is None else _marked(name, grey, partners)
    return Example(name, grey, marked, _hash(grey), _hash(marked))


def _marked(name: str, grey: Floats, partners: dict[str, Path]) -> Bools:
    if name not in partners:
        raise ReadError(name, "has no mask", "Draw one (all black where nothing is wrong), or leave it out")
    return read_truth(partners[name], grey.shape, "kizu").anomaly


def _hash(array: NDArray[Any] | None) -> str:
    if array is None:
        return ""
    data = f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    return hashlib.sha256(data).hexdigest()


def _index(path: Path) -> dict[str, str]:
    """Part of every name in index.csv, without suffix; empty where there is no such file."""
    if not path.is_file():
        return {}
    try:
        lines = path.read_text("utf-8-sig").splitlines()
        mark = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
        rows = [{str(k).strip().lower(): v for k, v in row.items()} for row in csv.DictReader(lines, delimiter=mark)]
    except (OSError, ValueError, csv.Error) as error:
        raise ReadError(path, f"not a readable table ({error})", "Give columns name and split") from error
    if not rows or not {"name", "split"} <= set(rows[0]):
        raise ReadError(path, "has no columns name and split", "Add them, or give the table another name")
    cells = [(str(row["name"] or "").strip(), str(row["split"] or "").strip().lower()) for row in rows]
    for name, part in cells:
        if not name or part not in WORDS:
            raise ReadError(path, f"has a split {part!r} for the name {name!r}", f"Use {', '.join(PARTS)}")
    return {_stem(name): WORDS[part] for name, part in cells}


def _stem(name: str) -> str:
    """Without the suffix of a picture, if it has one; other points belong to the name."""
    path = PurePosixPath(name)
    return (path.with_suffix("") if path.suffix.lower() in TRUTH_SUFFIXES else path).as_posix()


def _given(
    examples: Sequence[Example], named: dict[str, str], skipped: list[Skipped], options: TrainOptions
) -> tuple[dict[str, list[Example]], str]:
    """The parts of index.csv; without validation pictures, a share of the training ones. Others are left out."""
    parts: dict[str, list[Example]] = {part: [] for part in PARTS}
    leaves = Counter(PurePosixPath(e.name).name for e in examples)
    for example in examples:
        leaf = PurePosixPath(example.name).name
        part = named.get(example.name) or (named.get(leaf) if leaves[leaf] == 1 else None)
        if part is None:
            skipped.append(Skipped(example.name, f"is not in {INDEX}", "Add it there if it is to be used"))
        else:
            parts[part].append(example)
    if parts["val"]:
        return parts, f"{INDEX} says so"
    parts["train"], parts["val"] = _divided(parts["train"], options.validation, options.seed)
    drawn = f"{100 * options.validation:g} % of its training pictures, drawn with seed {options.seed}"
    return parts, f"{INDEX} says so; validation is {drawn}"


def _drawn(examples: Sequence[Example], options: TrainOptions) -> tuple[dict[str, list[Example]], str]:
    train, val = _divided(examples, options.validation, options.seed)
    return {"train": train, "val": val, "test": []}, f"{100 * options.validation:g} % drawn with seed {options.seed}"


def _divided(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Two parts, equal pictures in the same one."""
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.sha256, []).append(example)
    order = np.random.default_rng(seed).permutation(len(groups))
    wanted, second = round(share * len(groups)), set()
    for number in order[:wanted]:
        second |= {e.name for e in list(groups.values())[number]}
    return [e for e in examples if e.name not in second], [e for e in examples if e.name in second]


def _refuse_few(parts: dict[str, list[Example]], data: str) -> None:
    """NothingUsableError where a part is too small to learn from, or to see by."""
    for part, least in (("train", FEWEST_TRAIN), ("val", FEWEST_VALIDATION)):
        if len(parts[part]) < least:
            what = f"{len(parts[part])} usable pictures to {'train on' if part == 'train' else 'validate with'}"
            raise NothingUsableError(f"{what}, at least {least} are needed", "Give more pictures", where=data)


def _refuse_twice(parts: dict[str, list[Example]], data: str) -> None:
    """UsageError where a picture is in two parts: what is measured would be what was learned."""
    seen: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        for example in parts[part]:
            other, name = seen.setdefault(example.sha256, (part, example.name))
            if other != part:
                raise UsageError(
                    f"{example.name} ({part}) is the same picture as {name} ({other})",
                    f"Put both in one part of {INDEX}",
                    where=data,
                )


def counts(data: DataSet) -> dict[str, int]:
    """Pictures by part, and how many of the training ones have something marked."""
    marked = Counter(bool(e.marked is not None and e.marked.any()) for e in data.train)
    return {part: len(getattr(data, part)) for part in PARTS} | {"marked": marked[True]}
