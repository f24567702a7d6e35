"""Which files the inputs mean: files, folders and globs, in natural order, each once."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kizu.errors import UsageError
from kizu.io.readers import READERS, SUFFIXES, suffix_of
from kizu.stack import Skipped

# What file managers drop into every folder that somebody looks at.
_LITTER = {"thumbs.db", "desktop.ini"}
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Listed:
    """A file: `path` opens it, `rel` is its place below the inputs' common parent, with '/'."""

    path: str
    rel: str


@dataclass(frozen=True)
class Listing:
    """The files to read, in order, and those of the given folders that are none of kizu's."""

    files: tuple[Listed, ...]
    skipped: tuple[Skipped, ...] = ()


def list_inputs(inputs: Sequence[str], *, recursive: bool = False) -> Listing:
    """Find the files that `inputs` mean.

    A folder gives its own files in natural order (img2 before img10), with `recursive` those of its folders too.
    A name that exists is that file even if it looks like a glob. A file reached twice counts once.
    UsageError for an input that does not exist.
    """
    if not inputs:
        raise UsageError("no input", "Give image files, folders or globs")
    given = [path for name in inputs for path in _expand(name)]
    parent = _common_parent(given)
    found = _each_once(path for name in given for path in _files(name, recursive=recursive))
    listed = [Listed(path, _relative(path, parent)) for path in found]
    known = [file for file in listed if suffix_of(file.path) in READERS]
    skipped = [
        Skipped(
            file.rel, f"not a file that kizu reads ({suffix_of(file.path) or 'no suffix'})", f"Give {SUFFIXES} files"
        )
        for file in listed
        if suffix_of(file.path) not in READERS
    ]
    return Listing(tuple(known), tuple(skipped))


def natural(name: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """Sort key that counts: img2 before img10; equal up to case and leading zeros, by the name itself."""
    parts = _DIGITS.split(name.casefold())
    return tuple((text, int(number)) for text, number in zip(parts[::2], [*parts[1::2], "0"], strict=True)), name


def _expand(name: str) -> list[str]:
    if os.path.lexists(name):
        return [name]
    matches = sorted(glob.glob(name, recursive=True), key=natural) if glob.has_magic(name) else []  # noqa: PTH207 (absolute patterns too)
    if not matches:
        what = "matches no file" if glob.has_magic(name) else "no such file or folder"
        raise UsageError(what, "Check the spelling", where=name)
    return matches


def _files(name: str, *, recursive: bool) -> Iterator[str]:
    if not Path(name).is_dir():
        yield name
        return
    yield from _walk(name, {_identity(name)}) if recursive else (p for p in _visible(name) if not Path(p).is_dir())


def _walk(folder: str, seen: set[str]) -> Iterator[str]:
    """Files below `folder`, each real folder once: links may form loops."""
    for path in _visible(folder):
        if not Path(path).is_dir():
            yield path
        elif _identity(path) not in seen:
            seen.add(_identity(path))
            yield from _walk(path, seen)


def _visible(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 (names may hold bytes that are not UTF-8)
    except OSError as error:
        raise UsageError(
            f"cannot list the folder ({error.strerror})", "Change its permissions", where=folder
        ) from error
    shown = [name for name in names if not name.startswith(".") and name.lower() not in _LITTER]
    return [os.path.join(folder, name) for name in sorted(shown, key=natural)]  # noqa: PTH118


def _each_once(paths: Iterable[str]) -> list[str]:
    first: dict[str, str] = {}
    for path in paths:
        first.setdefault(_identity(path), path)
    return list(first.values())


def _identity(path: str) -> str:
    return os.path.realpath(path)


def _common_parent(given: Sequence[str]) -> str:
    folders = [path if Path(path).is_dir() else str(Path(path).parent) for path in map(_absolute, given)]
    try:
        return os.path.commonpath(folders)
    except ValueError:  # different drives
        return ""


def _relative(path: str, parent: str) -> str:
    absolute = Path(_absolute(path))
    inside = absolute.relative_to(parent) if parent else absolute.relative_to(absolute.anchor)
    return inside.as_posix()


def _absolute(path: str) -> str:
    """Absolute without following links, and without '..'."""
    return os.path.abspath(path)  # noqa: PTH100 (resolve() would follow links)
