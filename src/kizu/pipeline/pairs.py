"""Which truth image belongs to which frame: by name, else by number."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

Pair = tuple[str, str]


def _digits(name: str) -> str | None:
    """The last run of digits in the leaf of `name`, without leading zeros."""
    runs = re.findall(r"\d+", PurePosixPath(name).name)
    return runs[-1].lstrip("0") or "0" if runs else None


def _folder_and_digits(name: str) -> tuple[str, str] | None:
    digits = _digits(name)
    return None if digits is None else (str(PurePosixPath(name).parent), digits)


# Tried in order; a key pairs only where one frame and one truth have it. None is no key.
RULES: tuple[Callable[[str], object], ...] = (str, lambda name: PurePosixPath(name).name, _folder_and_digits, _digits)


def pair(frames: Sequence[str], truths: Iterable[str]) -> tuple[list[Pair], list[str]]:
    """Pair names without suffix ('/' between folders): equal path, else equal stem, else the last run of digits.

    gt000601 goes with in000601. Returns the pairs in the order of `frames`, and what is left of both, `truths` last.
    """
    left, right, found = list(frames), list(truths), dict[str, str]()
    for rule in RULES:
        found |= _unique_matches(left, right, rule)
        taken = set(found.values())
        left, right = [n for n in left if n not in found], [n for n in right if n not in taken]
    return [(name, found[name]) for name in frames if name in found], left + right


def _unique_matches(frames: list[str], truths: list[str], rule: Callable[[str], object]) -> dict[str, str]:
    by_key = defaultdict[object, tuple[list[str], list[str]]](lambda: ([], []))
    for side, names in enumerate((frames, truths)):
        for name in names:
            by_key[rule(name)][side].append(name)
    by_key.pop(None, None)
    return {ours[0]: theirs[0] for ours, theirs in by_key.values() if len(ours) == len(theirs) == 1}
