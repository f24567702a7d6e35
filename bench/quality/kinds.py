"""What a kind of data is to the bench: what it is asked, what it answers, and what must be reached."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class SkippedError(Exception):
    """Why a kind cannot be measured here; no miss."""


class Asked(NamedTuple):
    """`data` is the folder of KIZU_DATA, `names` those of the kind's names that were asked for.

    `smoke`: a few inputs of each, to see whether everything works; nothing is judged.
    """

    data: Path | None
    names: tuple[str, ...]
    smoke: bool

    def folder(self, name: str) -> Path:
        """That set's folder. SkippedError says what is missing."""
        if self.data is None:
            raise SkippedError("needs real data: set KIZU_DATA to their folder")
        if not (self.data / name).is_dir():
            raise SkippedError(f"KIZU_DATA holds no folder {name}")
        return self.data / name

    def some(self, items: list[Any], few: int) -> list[Any]:
        """All of them, or evenly a few with `smoke`."""
        if not self.smoke or len(items) <= few:
            return items
        return [items[n] for n in np.linspace(0, len(items) - 1, few).round().astype(int)]


class Check(NamedTuple):
    """A figure and what it must reach."""

    what: str
    value: float
    least: float = -np.inf
    most: float = np.inf

    @property
    def held(self) -> bool:
        return bool(self.least <= self.value <= self.most)

    @property
    def wanted(self) -> str:
        if np.isinf(self.most):
            return f"≥ {self.least:g}"
        return f"≤ {self.most:g}" if np.isinf(self.least) else f"{self.least:g} to {self.most:g}"


class Found(NamedTuple):
    """Markdown to print, every number behind it for the JSON, and what was to be reached."""

    text: str
    figures: dict[str, Any]
    checks: tuple[Check, ...] = ()


class Kind(NamedTuple):
    """`names` can be asked for one by one, or all of them by the kind's own name."""

    measure: Callable[[Asked], Found]
    names: tuple[str, ...]
    default: bool = True


def table(head: str, rows: list[list[Any]]) -> str:
    """Markdown; `head` has `|` between its columns."""
    columns = [column.strip() for column in head.split("|")]
    lines = [columns, ["---"] * len(columns), *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: Any) -> str:
    """Three digits behind the point; nothing for what does not exist; words and counts as they are."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if not isinstance(value, float | np.floating):
        return str(value)
    return f"{value:.3f}" if abs(float(value)) >= 1e-3 or value == 0 else f"{value:.1e}"
