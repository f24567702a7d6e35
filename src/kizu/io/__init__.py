"""Files in and out. The names below are imported on first use: decoders and arrays cost half a second."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kizu.io.masks import read_mask as read_mask
    from kizu.io.matrix import kind_of as kind_of
    from kizu.io.matrix import read_matrix as read_matrix
    from kizu.io.reading import read as read
    from kizu.io.surveying import Survey as Survey
    from kizu.io.surveying import survey as survey

_HOME = {
    "Survey": "kizu.io.surveying",
    "kind_of": "kizu.io.matrix",
    "read": "kizu.io.reading",
    "read_mask": "kizu.io.masks",
    "read_matrix": "kizu.io.matrix",
    "survey": "kizu.io.surveying",
}
__all__ = ["Survey", "kind_of", "read", "read_mask", "read_matrix", "survey"]

if not TYPE_CHECKING:  # hidden from type checkers, so that a misspelt name is an error

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'kizu.io' has no attribute {name!r}")
        return getattr(import_module(_HOME[name]), name)
