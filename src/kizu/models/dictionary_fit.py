"""How a robust dictionary is learned: codes and atoms in turn, without the samples that fit worst.

    minimise over D   Σ of the N − ⌊trim·N⌋ smallest φ_i(D),   φ_i(D) = min over x, s of sample i's codes

Least trimmed squares' concentration steps (Rousseeuw & Van Driessen 2006) with a dictionary in place of a line: codes
of all samples (:mod:`kizu.solvers.huber_codes`), the samples with the smallest objectives, and a sweep over the atoms
for those. None of the three can raise the trimmed objective, so it falls in every round. Without trimming the atoms
learn what is rare as well as what is usual: a flaw that many overlapping patches see becomes an atom.
"""

from typing import NamedTuple

import numpy as np

from kizu.engines.protocol import Engine
from kizu.engines.threads import DEFAULT
from kizu.models import dictionary_online
from kizu.solvers import dictionary, huber_codes
from kizu.solvers.huber_codes import Coding, Proofs
from kizu.typing import Bools, Floats, Integers

RACE = 5
"""Rounds after which the best of several starts goes on alone: by then they have found their basins."""
USED, ALIKE = 1e-6, 0.99
"""An atom is dead below that share of samples that use it, and a duplicate above that cosine."""
MANY, FEW = 20_000, 5_000
"""From so many samples on, so few of them start, a pass of batches goes on, and all are worked on together at the end:
a round of all costs as much as the pass, which gets nearly as far as they do."""
GOOD = 0.7
"""Share of the samples, those nearest to a common subspace, that first atoms are drawn from."""
SUBSPACE = 8
"""Dimensions of that subspace at most: few, so that no flaw finds a place in it."""


class Task(NamedTuple):
    """Y (samples, features), centred and scaled, and what is wanted of it."""

    Y: Floats
    problem: Coding
    trim: float
    positive_atoms: bool = False
    engine: Engine = DEFAULT

    @property
    def kept(self) -> int:
        """How many samples count."""
        return len(self.Y) - int(self.trim * len(self.Y))


class State(NamedTuple):
    """Atoms (atoms, features), codes (samples, atoms), their proofs, and which samples count (samples,)."""

    atoms: Floats
    codes: Floats
    proofs: Proofs
    used: Bools

    @property
    def value(self) -> float:
        """The trimmed objective."""
        return float(self.proofs.objective[self.used].sum())


class Round(NamedTuple):
    """One round: the trimmed objective after it, and how many atoms were replaced in it."""

    objective: float
    replaced: int


class Learned(NamedTuple):
    """Where learning stopped, every round of the start that won, and whether it stood still."""

    state: State
    history: tuple[Round, ...]
    settled: bool


def learn(task: Task, atoms: int, *, starts: int, tol: float, max_iter: int, seed: int) -> Learned:
    """The best of `starts`, continued until a round takes less than `tol` of the objective, or `max_iter` rounds."""
    rng = np.random.default_rng(seed)
    if len(task.Y) > MANY:
        few = task._replace(Y=task.Y[np.sort(rng.choice(len(task.Y), FEW, replace=False))])
        best = learn(few, atoms, starts=starts, tol=tol, max_iter=min(RACE, max_iter), seed=seed)
        going = dictionary_online.Going(task.problem, task.trim, task.positive_atoms, None)
        passed = begin(task, dictionary_online.run(task.Y, best.state.atoms, going, rng))
        return _rounds(task, Learned(passed, (), False), rng, tol, max_iter)
    good = first_samples(task.Y)
    streams = rng.spawn(starts)
    race = min(RACE, max_iter) if starts > 1 else 0
    found = []
    for rng in streams:
        state = begin(task, first_atoms(task.Y, good, atoms, rng, task.positive_atoms))
        found.append((_rounds(task, Learned(state, (), False), rng, tol, race), rng))
    best, rng = min(found, key=lambda pair: pair[0].state.value)
    return _rounds(task, best, rng, tol, max_iter - len(best.history))


def begin(task: Task, atoms: Floats) -> State:
    """At these atoms."""
    return coded(task, atoms, np.zeros((len(task.Y), len(atoms)), task.Y.dtype))


def _rounds(task: Task, at: Learned, rng: np.random.Generator, tol: float, count: int) -> Learned:
    state, history, settled = at
    for _ in range(0 if settled else count):
        before = state.value
        state, replaced = advance(task, state, rng)
        history = (*history, Round(state.value, replaced))
        if before - state.value <= tol * before:
            return Learned(state, history, True)
    return Learned(state, history, settled)


def advance(task: Task, state: State, rng: np.random.Generator) -> tuple[State, int]:
    """A round, and how many atoms were replaced in it. The objective never increases.

    Dead atoms and duplicates are replaced where that pays: a round that ends higher with new atoms is done without.
    """
    atoms, codes = updated(task, state)
    mended, merged, count = mend(task, State(atoms, codes, state.proofs, state.used), rng)
    for one, other, replaced in ((mended, merged, count), (atoms, codes, 0)) if count else ((atoms, codes, 0),):
        found = coded(task, one, other)
        if found.value <= state.value:
            return found, replaced
    return state, 0  # rounding is all that is left


def updated(task: Task, state: State) -> tuple[Floats, Floats]:
    """Atoms for the codes of the samples that count, of length 1, and codes that say the same with them."""
    y, codes = task.Y[state.used], state.codes[state.used]
    rest = huber_codes.residual(y, state.atoms, codes)
    clean = y - (rest - huber_codes.bounded(rest, task.problem))
    given = dictionary.sums(codes, clean, engine=task.engine)
    atoms = dictionary.sweeps(state.atoms, given, positive=task.positive_atoms)
    return dictionary.normalised(atoms, state.codes)


def coded(task: Task, atoms: Floats, codes: Floats) -> State:
    """Codes of all samples, from `codes` on, and the samples that they fit best."""
    codes = np.array(codes, order="C")
    proofs = huber_codes.encode(task.Y, atoms, codes, task.problem, engine=task.engine)
    used = np.zeros(len(codes), np.bool_)
    used[np.argsort(proofs.objective, kind="stable")[: task.kept]] = True
    return State(atoms, codes, proofs, used)


def mend(task: Task, state: State, rng: np.random.Generator) -> tuple[Floats, Floats, int]:
    """Atoms and codes with dead atoms and duplicates replaced by samples, and how many were.

    Samples of the half that is explained best, never the worst one as K-SVD has it: that would install a flaw. A
    duplicate's codes go to the atom that it is like.
    """
    atoms, codes = state.atoms.copy(), state.codes.copy()
    alike = np.triu(atoms @ atoms.T, 1)
    dead = (codes[state.used] != 0).mean(axis=0) < USED
    for i, j in np.argwhere(np.abs(alike) > ALIKE):
        if not (dead[i] or dead[j] or (task.problem.positive and alike[i, j] < 0)):
            codes[:, i] += codes[:, j] * (1 if alike[i, j] > 0 else -1)
            dead[j] = True
    if not dead.any():
        return atoms, codes, 0
    loss = state.proofs.objective - task.problem.lam * np.abs(state.codes).sum(axis=1)
    pool = np.flatnonzero(state.used & (state.codes != 0).any(axis=1))
    pool = pool[np.argsort(loss[pool], kind="stable")[: max(len(pool) // 2, 1)]]
    if not pool.size:
        return atoms, codes, 0
    codes[:, dead] = 0
    fresh = task.Y[rng.choice(pool, int(dead.sum()))]
    atoms[dead] = units(np.maximum(fresh, 0) if task.positive_atoms else fresh)
    return atoms, codes, int(dead.sum())


def first_samples(Y: Floats) -> Integers:
    """Which samples are as usual as most: the numbers of those nearest to the samples' main subspace.

    The cheap stand-in for a robust PCA of all samples: with trimming, where one starts matters little.
    """
    size = np.linalg.norm(Y.astype(np.float64), axis=1)
    unit = Y / np.where(size > 0, size, 1.0)[:, None]
    _, axes = np.linalg.eigh(unit.T @ unit)
    axes = axes[:, -min(SUBSPACE, max(Y.shape[1] // 2, 1)) :]
    rest = np.abs(Y - (Y @ axes) @ axes.T).sum(axis=1)
    order = np.argsort(rest, kind="stable")
    order = order[size[order] > 0]
    return np.asarray(order[: max(int(GOOD * len(order)), 1)])


def first_atoms(Y: Floats, good: Integers, atoms: int, rng: np.random.Generator, positive: bool) -> Floats:
    """`atoms` of the `good` samples, in unit length, no two alike as long as there are others."""
    if not good.size:
        return np.eye(atoms, Y.shape[1], dtype=Y.dtype)
    found = np.empty((0, Y.shape[1]), Y.dtype)
    for number in rng.permutation(good):
        atom = units(np.maximum(Y[number], 0)[None] if positive else Y[number][None])
        if not atom.any() or (np.abs(found @ atom[0]) > ALIKE).any():
            continue
        found = np.vstack([found, atom])
        if len(found) == atoms:
            return found
    more = Y[rng.choice(good, atoms - len(found))]
    return np.vstack([found, units(np.maximum(more, 0) if positive else more)])


def units(rows: Floats) -> Floats:
    """Rows of length 1; those of length 0 stay."""
    length = np.linalg.norm(rows.astype(np.float64), axis=1)
    return np.asarray(rows / np.where(length > 0, length, 1.0).astype(rows.dtype)[:, None])
