"""Sparse codes that leave no noise: every sample is a few atoms and an anomaly, exactly.

    minimise over x   lam·‖x‖₁ + tau·‖y − xD‖₁      for every row y of Y on its own, x ≥ 0 if asked

(Wright et al. 2009; Zhao, Wang & Cham 2011.) It is the noisy form of :mod:`kizu.solvers.huber_codes` with a price on
the noise that rises until none is left. The method of multipliers for y = xD + s hands the noise of each round on to
the data of the next (Yin, Osher, Goldfarb & Darbon 2008), and ends after finitely many. That noise is also the
proof: where |θ| ≤ tau and |Dθ| ≤ lam, ⟨θ, y⟩ bounds the optimum from below.
"""

import numpy as np

from kizu.engines.blas import one_thread
from kizu.engines.protocol import Engine
from kizu.engines.threads import DEFAULT
from kizu.solvers import huber_codes
from kizu.solvers.huber_codes import Coding, Proofs, bounded, residual
from kizu.typing import Floats

ROUNDS = 30
NOISE, RISE = 0.3, 3.0
"""Noise costs so little at first that tau is that share of a sample's mean size, and then so many times more."""
FINER = 1e-3
"""The rounds' own tolerance, as a share of that asked for: their values are small differences."""


def encode(Y: Floats, D: Floats, codes: Floats, problem: Coding, *, engine: Engine = DEFAULT) -> Proofs:
    """Change `codes` (samples, atoms) in place until each has a relative gap ≤ tol. None gets worse than it was.

    `Y` (samples, features), `D` (atoms, features); tau is finite, and the shape "entries". Worked out in float64.
    """
    y, atoms, x = (array.astype(np.float64) for array in (Y, D, codes))
    best, dual, theta = _objective(y, atoms, x, problem), np.zeros(len(y)), np.zeros_like(y)
    price = np.maximum(NOISE * np.abs(y).mean(axis=1, keepdims=True) / problem.tau, np.finfo(np.float64).tiny)
    inner = problem._replace(tol=problem.tol * FINER)
    for _ in range(ROUNDS):
        open_ = np.flatnonzero(_gap(best, dual) > problem.tol)
        if not open_.size:
            break
        shifted = y[open_] / price[open_] + theta[open_]
        part = np.ascontiguousarray(x[open_] / price[open_])
        huber_codes.encode(shifted, atoms, part, inner, engine=engine)
        theta[open_] = bounded(residual(shifted, atoms, part), inner)
        x[open_] = part * price[open_]
        price[open_] /= RISE
        dual[open_] = np.maximum(dual[open_], _dual(y[open_], atoms, theta[open_], problem))
        as_kept = x[open_].astype(codes.dtype)
        found = _objective(y[open_], atoms, as_kept.astype(np.float64), problem)
        better = open_[found < best[open_]]
        codes[better] = x[better]
        best[open_] = np.minimum(best[open_], found)
    return Proofs(best, _gap(best, dual))


def _gap(primal: Floats, dual: Floats) -> Floats:
    return np.divide(np.maximum(primal - dual, 0), primal, out=np.zeros_like(primal), where=primal > 0)


def _objective(y: Floats, atoms: Floats, x: Floats, problem: Coding) -> Floats:
    """An upper bound of each sample's value (samples,)."""
    value = problem.lam * np.abs(x).sum(axis=1) + problem.tau * np.abs(residual(y, atoms, x)).sum(axis=1)
    blur = np.abs(y).sum(axis=1) + np.abs(x) @ np.abs(atoms).sum(axis=1)
    return np.asarray(value + problem.tau * _rounding(atoms) * blur)


def _dual(y: Floats, atoms: Floats, theta: Floats, problem: Coding) -> Floats:
    """A lower bound of each sample's value (samples,): ⟨θ, y⟩ for the largest multiple of θ that is allowed."""
    with one_thread():
        pull = theta @ atoms.T
    eps, length = _rounding(atoms), np.linalg.norm(theta, axis=1)
    longest = float(np.linalg.norm(atoms, axis=1).max(initial=0.0))
    largest = (pull if problem.positive else np.abs(pull)).max(axis=1, initial=0.0) + eps * length * longest
    excess = np.maximum(np.abs(theta).max(axis=1, initial=0.0) / problem.tau, largest / problem.lam)
    inner = np.einsum("ij,ij->i", theta, y) - eps * length * np.linalg.norm(y, axis=1)
    return np.asarray((1 - eps) * np.divide(inner, excess, out=np.zeros_like(inner), where=excess > 0))


def _rounding(atoms: Floats) -> float:
    return float(np.finfo(np.float64).eps) * (sum(atoms.shape) + 4)
