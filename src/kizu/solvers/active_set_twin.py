"""The twin in NumPy of :mod:`kizu.solvers.active_set`: sweeps over all atoms and all samples at once.

Where sweeps are slow to end, the samples that are left are solved one by one, as the kernel does it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Floats

IDLE = 10
"""Sweeps of the twin without a better primal value or gap: rounding is all that is left."""
PATIENCE, DEPENDENT = 20, 1e-6
"""Sweeps before the twin solves the samples that are left one by one, and how far it trusts their Gram matrices."""
Numbers = tuple[float, float, float, int]  # positive, negative, tol, max_rounds


class Coded(NamedTuple):
    """Of every sample (samples,): the values of primal and dual, NaN where it is not finite, and the rounds it took."""

    primal: NDArray[np.float64]
    dual: NDArray[np.float64]
    rounds: NDArray[np.int64]

    @property
    def relative_gap(self) -> NDArray[np.float64]:
        """(primal − dual)/primal; 0 where both are."""
        return np.divide(self.primal - self.dual, self.primal, out=np.zeros_like(self.dual), where=self.primal != 0)


def by_row(x: Floats, matrix: Floats) -> Floats:
    """x @ matrix, in a product for each row: none changes with its company."""
    product: Floats = np.matmul(x[:, None], matrix)[:, 0]
    return product


def twin(gram: Floats, correlation: Floats, square: Floats, codes: Floats, numbers: Numbers) -> Coded:
    """A round is a sweep over all atoms."""
    *weights, tol, max_rounds = numbers
    for sign, weight in zip((codes > 0, codes < 0), weights, strict=True):
        codes[sign & ((np.diagonal(gram) <= 0) | (weight == np.inf)) & np.isfinite(codes)] = 0
    finite = np.isfinite(correlation).all(1) & np.isfinite(codes).all(1) & np.isfinite(square)
    codes[~finite] = np.nan
    best = np.full((2, len(codes)), np.inf)
    found = Coded(best[0] * np.nan, best[1] * np.nan, np.zeros(len(codes), np.int64))
    open_, idle = np.flatnonzero(finite), np.zeros(len(codes))
    for done in range(max_rounds + 1):
        x, c = codes[open_], correlation[open_]
        q: Floats = c - by_row(x, gram)
        found.primal[open_], found.dual[open_] = _values(c, q, x, square[open_], *weights)
        found.rounds[open_] = done
        now = np.stack([found.primal, found.relative_gap])
        idle = np.where((now < best).any(0), 0, idle + 1)
        best = np.fmin(best, now)
        left = (now[1, open_] > tol) & (idle[open_] < IDLE)
        open_ = open_[left]
        if done == max_rounds or not open_.size:
            break
        q, x = _swept(gram, q[left], x[left], *weights)
        for row in range(len(x) if done >= PATIENCE else 0):
            while _leapt(gram, q[row], x[row], *weights):
                pass
        codes[open_] = x
    return found


def _swept(gram: Floats, q: Floats, x: Floats, positive: float, negative: float) -> tuple[Floats, Floats]:
    """q = c − xG and x with each coordinate taken to its minimum, once."""
    for j in np.flatnonzero(np.diagonal(gram) > 0):
        free = q[:, j] + gram[j, j] * x[:, j]
        step = (free - np.clip(free, -negative, positive)) / gram[j, j] - x[:, j]
        moved = np.flatnonzero(step)
        q[moved] -= step[moved, None] * gram[j]
        x[:, j] += step
    return q, x


def _leapt(gram: Floats, q: Floats, x: Floats, positive: float, negative: float) -> bool:
    """Take one sample towards the minimum with all signs as they are; returns whether a coordinate turned 0 before."""
    on = np.flatnonzero(x)
    own, wanted = gram[np.ix_(on, on)], q[on] - np.where(x[on] > 0, positive, -negative)
    firm = own + np.eye(len(on), dtype=x.dtype) * DEPENDENT * np.trace(own)  # dependent atoms replace each other
    step = np.linalg.solve(firm, wanted)
    slope, bend = wanted @ step, step @ own @ step
    until = np.divide(-x[on], step, out=np.full_like(step, np.inf), where=step * x[on] < 0)
    part = min(slope / bend if bend > 0 else np.inf, until.min(initial=np.inf))
    if not (slope > 0 and part < np.inf):
        return False
    new = x[on] + part * step
    x[on] = np.where((until == part) | ((new > 0) != (x[on] > 0)), 0, new)
    q -= part * step @ gram[on]
    return bool((until == part).any())


def _values(c: Floats, q: Floats, x: Floats, square: Floats, positive: float, negative: float) -> tuple[Floats, Floats]:
    """(primal, dual) of every sample."""
    inner = square - np.einsum("ij,ij->i", c, x, dtype=np.float64)
    rest = np.maximum(inner - np.einsum("ij,ij->i", q, x, dtype=np.float64), 0)
    scale, primal = np.divide(np.maximum(inner, 0), rest, out=np.zeros_like(rest), where=rest > 0), rest / 2
    for sign, weight in ((1, positive), (-1, negative)):
        amount = np.maximum(sign * x, 0).sum(1, dtype=np.float64)
        primal += np.multiply(weight, amount, out=np.zeros_like(rest), where=amount > 0)
        most = (sign * q).max(1, initial=0).astype(np.float64)
        scale = np.minimum(scale, np.divide(weight, most, out=np.full_like(rest, np.inf), where=most > 0))
    return primal, scale * inner - scale**2 * rest / 2
