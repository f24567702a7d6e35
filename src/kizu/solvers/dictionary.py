"""Atoms for given codes: a sweep of block coordinate descent over the dictionary.

    minimise over D   ½‖Z − X D‖²   with ‖d_j‖ ≤ 1, D ≥ 0 if asked

needs of the codes X (samples, atoms) and of what they are to explain, Z (samples, features), the sums A = XᵀX and
B = XᵀZ only, so that samples may come in any number and any order (Mairal, Bach, Ponce & Sapiro 2010, algorithm 2).
"""

from typing import NamedTuple

import numpy as np

from kizu.engines.blas import one_thread
from kizu.engines.protocol import Engine
from kizu.engines.threads import DEFAULT
from kizu.typing import Floats

SWEEPS = 2
"""Sweeps for one set of codes: they cost little beside the codes, and more do not pay before codes are renewed."""
BLOCK = 4096
"""Samples that are summed together, always the same ones: the number of threads changes no bit."""


class Sums(NamedTuple):
    """What atoms are made of: A (atoms, atoms), B (atoms, features), and the weight of the samples in them."""

    codes: Floats
    data: Floats
    weight: float

    def aged(self, share: float) -> "Sums":
        """The same, counted less."""
        return Sums(self.codes * share, self.data * share, self.weight * share)

    def scaled(self, length: Floats) -> "Sums":
        """The same of codes `length` (atoms,) times as large, which belong to atoms as much shorter."""
        return Sums(self.codes * length[:, None] * length, self.data * length[:, None], self.weight)

    def joined(self, more: "Sums") -> "Sums":
        return Sums(self.codes + more.codes, self.data + more.data, self.weight + more.weight)


def sums(codes: Floats, data: Floats, *, engine: Engine = DEFAULT) -> Sums:
    """A = XᵀX and B = XᵀZ in float64, of codes (samples, atoms) and data (samples, features)."""

    def block(start: int) -> tuple[Floats, Floats]:
        x, z = (array[start : start + BLOCK].astype(np.float64, copy=False) for array in (codes, data))
        return x.T @ x, x.T @ z

    found = engine.reduce(block, range(0, max(len(codes), 1), BLOCK))
    return Sums(*found, float(len(codes)))


def step(atoms: Floats, given: Sums, *, positive: bool = False) -> Floats:
    """Each atom in turn to its minimum, the others held: d_j ← (d_j + (b_j − a_j D)/A_jj), shortened to length 1.

    Atoms (atoms, features) that no sample uses stay. The objective never increases.
    """
    found = atoms.astype(np.float64)
    with one_thread():
        for j, row in enumerate(given.codes):
            if not row[j] > 0:
                continue
            best = found[j] + (given.data[j] - row @ found) / row[j]
            best = np.maximum(best, 0.0) if positive else best
            found[j] = best / max(float(np.linalg.norm(best)), 1.0)
    return found.astype(atoms.dtype, copy=False)


def sweeps(atoms: Floats, given: Sums, *, positive: bool = False, count: int = SWEEPS) -> Floats:
    """`count` steps."""
    for _ in range(count):
        atoms = step(atoms, given, positive=positive)
    return atoms


def normalised(atoms: Floats, codes: Floats) -> tuple[Floats, Floats]:
    """Atoms of length 1 with codes that say the same, at no higher weight; atoms of length 0 stay."""
    length = np.linalg.norm(atoms.astype(np.float64), axis=1)
    length = np.where(length > 0, length, 1.0).astype(atoms.dtype)
    return atoms / length[:, None], codes * length
