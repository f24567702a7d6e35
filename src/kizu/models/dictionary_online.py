"""A robust dictionary that goes on with every batch: online dictionary learning with trimmed batches.

The sums A and B of :mod:`kizu.solvers.dictionary` are all that is kept of earlier samples (Mairal, Bach, Ponce &
Sapiro 2010, algorithm 1). Samples fade by (seen before / seen now)³, because their codes belong to atoms that were
worse then. That counts samples, not batches: what came before one counts the same, however it was cut into batches.
"""

import math
from typing import NamedTuple

import numpy as np

from kizu.solvers import dictionary, huber_codes
from kizu.solvers.dictionary import Sums
from kizu.solvers.huber_codes import Coding
from kizu.typing import Bools, Floats

BATCH = 512
"""Samples between two renewals of the atoms: a sweep then takes a third of the time of their codes."""
FADE = 3.0
"""The power of the share seen before: 0 keeps what the first atoms spoiled, 1 takes twice the time."""
TOL = 0.03
"""Codes of a pass need no more: atoms move by more than that from batch to batch."""


class Seen(NamedTuple):
    """Atoms (atoms, features), and what is kept of so many samples before."""

    atoms: Floats
    sums: Sums
    samples: int = 0


class Going(NamedTuple):
    """How to go on: the problem, the share of a batch to leave out, and samples after which one counts 1/e."""

    problem: Coding
    trim: float
    positive_atoms: bool
    memory: float | None


def advance(rows: Floats, seen: Seen, going: Going) -> tuple[Seen, Floats, Bools]:
    """Atoms after a batch (samples, features), its codes by those before, and which of its samples count."""
    codes = np.zeros((len(rows), len(seen.atoms)), rows.dtype)
    objective = huber_codes.encode(rows, seen.atoms, codes, going.problem).objective
    used = np.zeros(len(rows), np.bool_)
    used[np.argsort(objective, kind="stable")[: len(rows) - int(going.trim * len(rows))]] = True
    total = seen.samples + len(rows)
    share = (seen.samples / total) ** FADE * (1.0 if going.memory is None else math.exp(-len(rows) / going.memory))
    sums = seen.sums.aged(share).joined(sums_of(rows, seen.atoms, codes, used, going.problem))
    atoms = dictionary.step(seen.atoms, sums, positive=going.positive_atoms)
    length = np.linalg.norm(atoms.astype(np.float64), axis=1)
    length = np.where(length > 0, length, 1.0)
    atoms, codes = dictionary.normalised(atoms, codes)
    return Seen(atoms, sums.scaled(length), total), codes, used


def run(rows: Floats, atoms: Floats, going: Going, rng: np.random.Generator) -> Floats:
    """Atoms after one pass over rows (samples, features), in batches of random order."""
    order, loose = rng.permutation(len(rows)), going._replace(problem=going.problem._replace(tol=TOL))
    count = len(rows) // BATCH * BATCH
    seen = begin(atoms)
    for start in range(0, count, BATCH):
        seen, _, _ = advance(rows[order[start : start + BATCH]], seen, loose)
    return seen.atoms


def begin(atoms: Floats) -> Seen:
    """At these atoms, before any sample."""
    count, features = atoms.shape
    return Seen(atoms, Sums(np.zeros((count, count)), np.zeros((count, features)), 0.0))


def sums_of(rows: Floats, atoms: Floats, codes: Floats, used: Bools, problem: Coding) -> Sums:
    """A and B of the samples that count, their anomalies taken off."""
    y, x = rows[used], codes[used]
    rest = huber_codes.residual(y, atoms, x)
    return dictionary.sums(x, y - (rest - huber_codes.bounded(rest, problem)))
