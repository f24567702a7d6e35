"""Output names: `<rel>`, the path of a file below the inputs' common parent, without its suffix."""

import unicodedata
from collections import Counter
from collections.abc import Sequence


def stems(rels: Sequence[str]) -> tuple[str, ...]:
    """One name per file: without suffix, with it where two would collide, numbered where even that is not enough.

    Names collide if a file system that ignores case or composes accents would take one for the other,
    or if one is a folder of another.
    """
    short = [_without_suffix(rel) for rel in rels]
    folders = {_key(folder) for rel in rels for folder in _folders(rel)}
    counts = Counter(_key(name) for name in short)
    clash = [counts[_key(name)] > 1 or _key(name) in folders for name in short]
    return _numbered([rel if clashes else name for rel, name, clashes in zip(rels, short, clash, strict=True)])


def frame_name(stem: str, index: int, *, container: bool) -> str:
    """The name of a frame: a container numbers its frames from 000000."""
    return f"{stem}/{index:06d}" if container else stem


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    taken: set[str] = set()
    result = []
    for name in names:
        unique, count = name, 1
        while _key(unique) in taken:
            count += 1
            unique = f"{name}~{count}"
        taken.add(_key(unique))
        result.append(unique)
    return tuple(result)


def _without_suffix(rel: str) -> str:
    folder, slash, name = rel.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def _folders(rel: str) -> list[str]:
    parts = rel.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
