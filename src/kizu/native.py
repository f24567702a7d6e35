"""The compiled kernels: the one place that finds, loads and declares them.

They are plain C in `native/`, a library without Python's API that is loaded by ctypes. It may be missing
(no compiler when kizu was installed) or of no use (a processor without AVX2); each kernel therefore has a
twin in NumPy, and nothing but `kizu info` says which one runs. KIZU_KERNELS=numpy chooses the twins, and
KIZU_KERNELS=avx2 holds a processor with AVX-512 to the older instructions.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

NAMES = ("NumPy", "AVX2", "AVX-512")
"""What each level of instructions is called; level 0 are the twins."""


class Loaded(NamedTuple):
    """The library, the level of instructions to ask it for, and what keeps it from a higher one ("": nothing)."""

    library: ctypes.CDLL | None
    level: int
    why: str


def library() -> ctypes.CDLL | None:
    """The library, or None where the NumPy twins have to do."""
    return _loaded().library


def level() -> int:
    """The `level` that kernels take: 1 for AVX2, 2 for AVX-512, 0 without a library."""
    return _loaded().level


def instructions() -> str:
    """What runs, as :data:`NAMES` calls it."""
    return NAMES[level()]


def why() -> str:
    """What keeps faster kernels from running, or ""."""
    return _loaded().why


@cache
def function(name: str, *arguments: Any, result: Any = None) -> Callable[..., Any] | None:
    """The C function `name` with the types of its arguments declared, or None where its twin has to do.

    A library that lacks it is older than this file: the twin is right where a stale kernel might not be.
    """
    found = getattr(library(), name, None)
    if found is None:
        return None
    found.argtypes, found.restype = arguments, result
    declared: Callable[..., Any] = found
    return declared


@cache
def _loaded() -> Loaded:
    # Not next to __file__: an editable install has its sources elsewhere than its library.
    spec = find_spec("kizu.kizu_kernels")
    return load(spec.origin if spec else None, os.environ.get("KIZU_KERNELS", ""))


def load(path: str | None, wish: str) -> Loaded:
    """Load the library at `path`, as far as the processor and `wish` (numpy, avx2 or nothing) allow."""
    if wish.lower() == "numpy":
        return Loaded(None, 0, "KIZU_KERNELS=numpy")
    if path is None:
        return Loaded(None, 0, "none were built: no C compiler was found, or it failed, when kizu was installed")
    try:
        found = ctypes.CDLL(path)
        best: int = found.kizu_level()
    except (OSError, AttributeError) as error:
        return Loaded(None, 0, f"the library cannot be loaded: {error}")
    if best == 0:
        return Loaded(None, 0, "this processor has no AVX2")
    if wish.lower() == "avx2" and best > 1:
        return Loaded(found, 1, "KIZU_KERNELS=avx2")
    return Loaded(found, best, "")
