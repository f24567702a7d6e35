"""The passes over the data that :mod:`kizu.solvers.ialm` makes: to begin, to advance, to prove."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

import kizu.certificates as certificates
from kizu.certificates import Certificate
from kizu.engines.protocol import Engine
from kizu.lowrank import augmented
from kizu.lowrank.augmented import Numbers, Sums
from kizu.lowrank.blocks import Block, Blocks, dot
from kizu.lowrank.factored import gram, nuclear_norm
from kizu.lowrank.residual import residual
from kizu.lowrank.rows import MAX_RANK
from kizu.lowrank.threshold import How, Spectrum, choose, first_basis, from_gram, from_subspace, whole
from kizu.typing import Floats

FIRST_PASSES = 2
"""Passes that find the leading directions of M where its Gram matrix is too large."""
TILE = 1 << 16
"""Entries of a piece of a block that is multiplied while it is in the cache."""
NARROWEST = 256
"""Columns of such a piece at least: fewer and BLAS reads the factors more often than the data."""


class Background(NamedTuple):
    """L = left (uᵀZ): both (short, r) in the type to compute in."""

    left: Floats
    u: Floats


def measure(data: Blocks, engine: Engine, max_rank: int) -> tuple[Spectrum, float, float]:
    """The spectrum of M, at least its first values, its largest |entry|, and ‖M‖²."""
    spans = engine.spans(data.shape)

    def numbers(span: tuple[int, int]) -> Floats:
        values = data.read(*span).values
        return np.array([np.abs(values).max(initial=0.0), dot(values, values)])

    sizes = np.array(engine.map(numbers, spans))
    largest, square = float(sizes[:, 0].max()), float(sizes[:, 1].sum())
    how = choose(data.shape, 0)
    if how != "subspace":
        return _seen(engine, spans, lambda span: data.read(*span).values, how, None), largest, square
    found, basis = None, first_basis(data.shape[0], max_rank)
    for _ in range(FIRST_PASSES):
        found = _seen(engine, spans, lambda span: data.read(*span).values, how, basis)
        basis = found.vectors
    assert found is not None
    return found, largest, square


def begin(data: Blocks, engine: Engine, share: float) -> Floats:
    """W = share·M at known entries, 0 elsewhere."""
    w = engine.empty(data.shape, data.dtype)

    def one(span: tuple[int, int]) -> None:
        np.multiply(data.read(*span).values, data.dtype.type(share), out=w[:, slice(*span)])

    engine.map(one, engine.spans(data.shape))
    return w


def look(data: Blocks, engine: Engine, w: Floats, numbers: Numbers, like: Spectrum) -> Spectrum:
    """The spectrum of the Z that follows from W; its leading directions are near those of `like`."""

    def one(span: tuple[int, int]) -> Floats:
        block = data.read(*span)
        return augmented.target(block.values, w[:, slice(*span)], block.known, numbers)

    return _seen(engine, engine.spans(data.shape), one, like.how, like.vectors)


def _seen(
    engine: Engine,
    spans: list[tuple[int, int]],
    z_of: Callable[[tuple[int, int]], Floats],
    how: How,
    basis: Floats | None,
) -> Spectrum:
    """The spectrum of a matrix whose blocks `z_of` makes."""
    if how == "svd":
        return whole(np.concatenate(engine.map(z_of, spans), axis=1))
    if how == "gram":
        return from_gram(engine.reduce(lambda span: gram(z_of(span)), spans))
    assert basis is not None
    power = engine.reduce(lambda span: _power(z_of(span), basis), spans)
    return from_subspace(power, basis.T @ power)


def _power(z: Floats, basis: Floats) -> Floats:
    return np.asarray(z @ (z.T @ basis.astype(z.dtype)), np.float64)


def advance(
    data: Blocks, engine: Engine, w: Floats, background: Background, numbers: Numbers, how: How, basis: Floats
) -> tuple[Spectrum, Sums]:
    """Move W in place; the spectrum of the next Z, and what the step has changed."""
    spans, left = engine.spans(data.shape), background.left
    if how == "svd":
        pieces, parts = zip(*engine.map(lambda s: _whole(data.read(*s), w, background, numbers), spans), strict=True)
        return whole(np.concatenate(pieces, axis=1)), Sums(*np.sum(parts, axis=0).tolist())
    if how == "gram":
        rest, across, inside, total = engine.reduce(lambda s: _split(data.read(*s), w, background, numbers), spans)
        kept = left[:, : len(inside)].astype(np.float64)
        mixed = kept @ across.T
        return from_gram(rest + mixed + mixed.T + kept @ inside @ kept.T), Sums(*total.tolist())
    power, total = engine.reduce(lambda s: _slender(data.read(*s), w, background, numbers, basis), spans)
    return from_subspace(power, basis.T @ power), Sums(*total.tolist())


def _whole(block: Block, w: Floats, background: Background, numbers: Numbers) -> tuple[Floats, Floats]:
    moved = list(_moved(block, w, background, numbers))
    return np.concatenate([piece.z for piece in moved], axis=1), np.sum([piece.sums for piece in moved], axis=0)


def _split(block: Block, w: Floats, background: Background, numbers: Numbers) -> tuple[Floats, Floats, Floats, Floats]:
    """E Eᵀ, E Cᵀ, C Cᵀ of Z = left C + E, and the sums; in float64 E is Z itself, which loses nothing there."""
    single = w.dtype == np.float32
    n, r = len(w), background.u.shape[1] if single else 0
    rest, across, inside = np.zeros((n, n)), np.zeros((n, r)), np.zeros((r, r))
    total = np.zeros(len(Sums._fields))
    for piece in _moved(block, w, background, numbers):
        e = piece.z - piece.background if single else piece.z
        rest += e @ e.T
        if single:
            across += e @ piece.inside.T
            inside += gram(piece.inside)
        total += piece.sums
    return rest, across, inside, total


def _slender(block: Block, w: Floats, background: Background, numbers: Numbers, basis: Floats) -> tuple[Floats, Floats]:
    """Z (basisᵀZ)ᵀ and the sums: by one kernel where the factors are slender, else with BLAS."""
    if max(background.u.shape[1], basis.shape[1]) <= MAX_RANK:
        here = w[:, block.start : block.stop]
        power, sums = augmented.walk(block.values, here, block.known, *background, basis, numbers)
        return power, np.array(sums)
    power, total = np.zeros(basis.shape), np.zeros(len(Sums._fields))
    for piece in _moved(block, w, background, numbers):
        power += _power(piece.z, basis)
        total += piece.sums
    return power, total


class Piece(NamedTuple):
    """Some columns after the step: the next Z, L = left @ inside, and the sums."""

    z: Floats
    background: Floats
    inside: Floats
    sums: Floats


def _moved(block: Block, w: Floats, background: Background, numbers: Numbers) -> Iterator[Piece]:
    """Move the block's part of W, a cache's worth of columns at a time."""
    width = max(NARROWEST, TILE // len(w))
    values = block.values
    for start in range(0, values.shape[1], width):
        here = np.s_[:, start : start + width]
        m, known, state = values[here], None if block.known is None else block.known[here], w[:, block.start :][here]
        state = state[:, : m.shape[1]]
        inside = background.u.T @ augmented.target(m, state, known, numbers)
        low = background.left @ inside
        z, sums = augmented.update(m, low, state, known, numbers)
        yield Piece(z, low, inside, np.array(sums))


def prove(
    data: Blocks, engine: Engine, w: Floats, background: Background, numbers: Numbers
) -> tuple[Certificate, Floats]:
    """The duality gap at the pair (L, M − L) of the next L and at Y = clip(W), in float64, and uᵀZ of that L.

    The pair is feasible; Y is scaled into the dual's set (Candès et al. 2011, section 2).
    """
    right = engine.empty((background.u.shape[1], data.shape[1]), w.dtype)

    def one(span: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        """Y Yᵀ, (uᵀZ)(uᵀZ)ᵀ, and [‖M − L‖₁, ⟨M, Y⟩]."""
        block, here = data.read(*span), w[:, slice(*span)]
        inside = background.u.T @ augmented.target(block.values, here, block.known, numbers)
        right[:, slice(*span)] = inside
        rest = np.abs(residual(block, background.left, inside))
        y = np.clip(here, -numbers.lam, numbers.lam).astype(np.float64)
        if block.known is not None:
            y *= block.known
        sums = np.array([rest.sum(dtype=np.float64), dot(block.values.astype(np.float64), y)])
        return y @ y.T, gram(inside), sums

    dual, inside, (l1, inner) = engine.reduce(one, engine.spans(data.shape))
    proof = certificates.pcp(
        nuclear=nuclear_norm(background.left, inside),
        l1=float(l1),
        lam=numbers.lam,
        inner=float(inner),
        spectral=certificates.spectral_bound(dual),
        largest=numbers.lam,
        bound=f"full Gram matrix of the short side ({data.shape[0]}), float64",
    )
    return proof, right
