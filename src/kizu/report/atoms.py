"""The atoms of a dictionary as pictures: what the background is made of, most used first."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.io.png import png_bytes
from kizu.typing import Floats

ENLARGED = 6
"""Pixels on the page for one of an atom."""
MIDDLE, SWING = 128.0, 110.0


class Shown(NamedTuple):
    """One atom: its number in the model, the file of its picture, and the share of patches that it is in."""

    number: int
    file: str
    usage: float


def shown(usage: Floats) -> list[Shown]:
    """Atoms, most used first."""
    order = np.argsort(-usage, kind="stable")
    return [Shown(int(number), file_of(int(number)), float(usage[number])) for number in order]


def file_of(number: int) -> str:
    return f"atom-{number:03d}.png"


def pictures(atoms: Floats, size: int) -> dict[str, bytes]:
    """Name → PNG of every atom (atoms, size·size·channels): its zero is grey, its largest entry white or black."""
    return {file_of(number): png_bytes(_picture(atom, size)) for number, atom in enumerate(atoms)}


def _picture(atom: Floats, size: int) -> NDArray[np.uint8]:
    square: NDArray[Any] = atom.reshape(size, size, -1)
    square = square if square.shape[2] == 3 else square.mean(axis=2, keepdims=True)
    grey = MIDDLE + SWING * square / (np.abs(square).max() or 1.0)
    large = grey.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    return np.rint(large[..., 0] if large.shape[2] == 1 else large).astype(np.uint8)
