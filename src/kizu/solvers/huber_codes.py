"""Sparse codes that outliers do not spoil: every sample is a few atoms, an anomaly and noise.

    minimise over x, s   ½‖y − xD − s‖² + lam·‖x‖₁ + tau·‖s‖      for every row y of Y on its own, x ≥ 0 if asked

With ‖s‖₁ ("entries") the best s is soft(r, tau) of the residual r = y − xD, and what is left is Huber's loss of r
(Chen & Wu 2013); with ‖s‖₂ ("rows") it is (1 − tau/‖r‖)₊·r, and samples are outliers as a whole (Adler, Elad, Hel-Or
& Rivlin 2015). In both the loss is ⟨θ, r⟩ − ½‖θ‖² with θ = r − s, the residual brought into a box or a ball of radius
tau, and ⟨θ, y⟩ − ½‖θ‖² for any such θ with |Dθ| ≤ lam bounds the optimum from below.

Most samples are clean, and there the lasso of :mod:`kizu.solvers.active_set` is the answer: wherever its residual
stays within tau. The others take a lasso each: of the dictionary [D, (lam/tau)·I], whose further codes are s·tau/lam
(Wright et al. 2009), or, by rows, of the sample shrunk by tau/‖r‖ until that is the ‖r‖ it leaves (Sun & Zhang 2012).
"""

from typing import Literal, NamedTuple

import numpy as np

from kizu.engines.blas import one_thread
from kizu.engines.protocol import Engine
from kizu.engines.threads import DEFAULT
from kizu.solvers import active_set
from kizu.typing import Bools, Floats, Integers

Shape = Literal["entries", "rows"]
MAX_ROUNDS = 10_000
BLOCK = 1024
"""Samples worked on together: what is made of them stays in the cache, and memory small."""
FINER, TRIES = 16.0, 3
"""A lasso's own proof is about s too, which here is always the best: where ours wants more, it is asked for so much."""
SECANTS, EXACT = 20, 1e-4
"""Lengths tried by rows at most: ‖r‖² is nearly made of straight pieces in the length's square, and 5 to 10 do, if the
lassos between them are solved to so much of the tolerance."""


class Coding(NamedTuple):
    """The numbers of the problem, in the units of the data; `tau` = ∞ is the lasso."""

    lam: float
    tau: float
    shape: Shape = "entries"
    positive: bool = False
    tol: float = 1e-5


class Proofs(NamedTuple):
    """Of every sample (samples,), in float64: an upper bound of its value, and how far above the optimum it can be."""

    objective: Floats
    relative_gap: Floats


def encode(Y: Floats, D: Floats, codes: Floats, problem: Coding, *, engine: Engine = DEFAULT) -> Proofs:
    """Change `codes` (samples, atoms) in place until each has a relative gap ≤ tol. None gets worse than it was.

    `Y` (samples, features), `D` (atoms, features). Where float32 does not get there, float64 goes on.
    """

    def block(start: int) -> Proofs:
        part = slice(start, start + BLOCK)
        return _block(Y[part], D, codes[part], problem, engine)

    parts = engine.map(block, range(0, max(len(Y), 1), BLOCK))
    return Proofs(*map(np.concatenate, zip(*parts, strict=True)))


def _block(Y: Floats, D: Floats, codes: Floats, problem: Coding, engine: Engine) -> Proofs:
    """:func:`encode` of samples that are worked on together."""
    best = proofs(Y, D, codes, problem)
    finer = problem._replace(tol=problem.tol / 2)
    for attempt in range(TRIES):
        open_ = np.flatnonzero(~(best.relative_gap <= problem.tol))
        if not open_.size:
            break
        wide = codes.dtype if attempt == 0 else np.dtype(np.float64)
        part = codes[open_].astype(wide)
        _encoded(Y[open_].astype(wide, copy=False), D.astype(wide, copy=False), part, finer, engine)
        found = proofs(Y[open_], D, part.astype(codes.dtype), problem)
        better: Bools = found.objective <= best.objective[open_]
        codes[open_[better]] = part[better]
        for old, new in zip(best, found, strict=True):
            old[open_[better]] = new[better]
        finer = finer._replace(tol=finer.tol / FINER)
    return best


def _encoded(Y: Floats, D: Floats, codes: Floats, problem: Coding, engine: Engine) -> None:
    """The lasso of all samples, then what it is not the answer to."""
    _lasso(Y, D, codes, problem, engine)
    if problem.tau == np.inf:
        return
    rest = residual(Y, D, codes)
    out = np.flatnonzero(sizes(rest, problem.shape) > problem.tau)
    if out.size:
        part = np.ascontiguousarray(codes[out])
        (_by_entries if problem.shape == "entries" else _by_rows)(Y[out], D, part, rest[out], problem, engine)
        codes[out] = part


def _lasso(Y: Floats, D: Floats, codes: Floats, problem: Coding, engine: Engine) -> None:
    lam, negative, tol = problem.lam, np.inf if problem.positive else problem.lam, problem.tol
    active_set.encode(Y, D, codes, positive=lam, negative=negative, tol=tol, max_rounds=MAX_ROUNDS, engine=engine)


def _by_entries(Y: Floats, D: Floats, codes: Floats, rest: Floats, problem: Coding, engine: Engine) -> None:
    """The lasso of the dictionary and an atom for each feature, two of either sign where codes may not be negative."""
    ratio = problem.lam / problem.tau
    eye = (ratio * np.eye(D.shape[1])).astype(D.dtype)
    start = (rest - bounded(rest, problem)) / D.dtype.type(ratio)
    longer, wider = [D, eye], [codes, start]
    if problem.positive:
        longer, wider = [D, eye, -eye], [codes, np.maximum(start, 0), np.maximum(-start, 0)]
    both = np.ascontiguousarray(np.hstack(wider))
    _lasso(Y, np.vstack(longer), both, problem, engine)
    codes[:] = both[:, : codes.shape[1]]


def _by_rows(Y: Floats, D: Floats, codes: Floats, rest: Floats, problem: Coding, engine: Engine) -> None:
    """Each sample and its codes shrunk by tau/a, where the lasso is that of lam·a/tau, with a = ‖r‖ at the end."""
    exact = problem._replace(tol=problem.tol * EXACT)
    first, start = problem.tau**2, sizes(rest, "rows").astype(np.float64) ** 2
    search = _Secant(first, start, np.maximum(sizes(Y, "rows").astype(np.float64) ** 2, first))
    open_ = np.arange(len(Y))
    for _ in range(SECANTS):
        shrink = (problem.tau / np.sqrt(search.at[open_])).astype(Y.dtype)[:, None]
        part = np.ascontiguousarray(codes[open_] * shrink)
        _lasso(Y[open_] * shrink, D, part, exact, engine)
        codes[open_] = part / shrink
        search.move(open_, sizes(residual(Y[open_], D, codes[open_]), "rows").astype(np.float64) ** 2)
        open_ = open_[proofs(Y[open_], D, codes[open_], problem).relative_gap > problem.tol]
        if not open_.size:
            break


class _Secant:
    """The roots of h(a²) − a² with h = ‖r‖², each of which falls through 0 once between tau² and ‖y‖².

    By secants, as Sun & Zhang's a ← ‖r(a)‖ (2012) is slow; where they leave what is known to hold the root, at its
    upper end, where all codes are 0, and then in its middle.
    """

    def __init__(self, first: float, value: Floats, most: Floats) -> None:
        """`first` for all, where h is `value`; `most` (samples,) bounds the roots."""
        self.before, self.above_before = np.full_like(value, first), value - first
        self.at = np.minimum(value, most)
        self.least, self.most, self.top = self.before.copy(), most, np.zeros(len(value), np.bool_)

    def move(self, some: Integers, value: Floats) -> None:
        """On from `at[some]`, where h was found to be `value`."""
        at, above = self.at[some], value - self.at[some]
        self.least[some] = np.where(above > 0, np.maximum(self.least[some], at), self.least[some])
        self.most[some] = np.where(above > 0, self.most[some], np.minimum(self.most[some], at))
        least, most = self.least[some], self.most[some]
        with np.errstate(divide="ignore", invalid="ignore"):
            root = at - above * (at - self.before[some]) / (above - self.above_before[some])
        outside = ~((root > least) & (root < most))
        to_top = outside & ~self.top[some]
        self.top[some] |= to_top | (above <= 0)
        self.before[some], self.above_before[some] = at, above
        self.at[some] = np.where(to_top, most, np.where(outside, 0.5 * (least + most), root))


def residual(Y: Floats, D: Floats, codes: Floats) -> Floats:
    """Y − codes D (samples, features)."""
    with one_thread():
        rest: Floats = Y - codes @ D
    return rest


def sizes(rest: Floats, shape: Shape) -> Floats:
    """How far out a residual reaches (samples,): its largest entry, or its length."""
    return np.asarray(np.abs(rest).max(axis=1, initial=0) if shape == "entries" else np.linalg.norm(rest, axis=1))


def bounded(rest: Floats, problem: Coding) -> Floats:
    """θ = r − s (samples, features): the part of a residual that counts as noise."""
    tau = rest.dtype.type(problem.tau)
    if problem.shape == "entries":
        return np.clip(rest, -tau, tau)
    length = np.maximum(sizes(rest, "rows"), tau)
    return np.asarray(rest * (tau / length)[:, None]) if tau < np.inf else rest


def proofs(Y: Floats, D: Floats, codes: Floats, problem: Coding) -> Proofs:
    """Objective and relative gap of every sample in float64, from the data and the codes alone.

    Both err on the safe side by what rounding can do to their sums (Higham 2002, section 3.1).
    """
    y, atoms, x = (np.asarray(array, np.float64) for array in (Y, D, codes))
    rest = residual(y, atoms, x)
    theta = bounded(rest, problem)
    with one_thread():
        pull = theta @ atoms.T
    eps = float(np.finfo(np.float64).eps) * (sum(D.shape) + 4)
    square, inner = np.einsum("ij,ij->i", theta, theta), np.einsum("ij,ij->i", theta, y)
    length, weight = np.sqrt(square), np.abs(x).sum(axis=1)
    longest = float(np.sqrt(np.einsum("ij,ij->i", atoms, atoms).max(initial=0.0)))
    blur = eps * (length * (np.sqrt(np.einsum("ij,ij->i", y, y)) + weight * longest) + problem.lam * weight)
    primal = np.einsum("ij,ij->i", theta, rest) - 0.5 * square + problem.lam * weight + blur
    largest = (pull if problem.positive else np.abs(pull)).max(axis=1, initial=0.0) + eps * length * longest
    reach = sizes(theta, problem.shape) * (1 + eps)
    scale = np.divide(np.maximum(inner, 0.0), square, out=np.zeros_like(square), where=square > 0)
    for most, size in ((problem.lam, largest), (problem.tau, reach)):
        with np.errstate(over="ignore"):  # a residual of next to nothing may be stretched by ∞
            limit = np.divide(most, size, out=np.full_like(size, np.inf), where=size > 0)
        scale = np.minimum(scale, limit)
    dual = scale * inner - 0.5 * scale**2 * square - scale * blur
    gap = np.divide(primal - dual, primal, out=np.zeros_like(primal), where=primal > 0)
    return Proofs(primal, np.maximum(gap, 0.0))
