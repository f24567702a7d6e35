"""Lessons: one question each, answered by a picture that the library's own code draws.

`kizu.explain.shrink()` is the figure of the lesson "shrink", for a notebook; `kizu explain` writes its page.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from kizu.explain.table import TOPICS, home

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = list(TOPICS)


def __getattr__(name: str) -> "Callable[..., Figure]":
    if name not in TOPICS:
        raise AttributeError(f"module 'kizu.explain' has no attribute {name!r}")
    figure: Callable[..., Figure] = getattr(import_module(home(name)), name)
    return figure


def __dir__() -> list[str]:
    return sorted({*globals(), *TOPICS})
