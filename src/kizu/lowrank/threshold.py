"""Singular values and left vectors of a matrix Z = L + E that is seen in blocks: three ways, one choice.

Singular value thresholding needs the vectors of the short side and the values, nothing else: L is then
vectors·shrunken·vectorsᵀ·Z. A way says what is summed over the blocks of Z and what follows from the sum.

svd        the whole matrix at once; LAPACK's gesdd, gesvd where that fails, the Gram matrix where both do
gram       Z Zᵀ (short, short), one pass; in float32 split into L Lᵀ + L Eᵀ + E Lᵀ + E Eᵀ with L of low
           rank, because float32 loses in Z Zᵀ what is small in Z but not what is small in E
subspace   Z Zᵀ Q for a carried basis Q (short, q): ZZᵀ ≈ (ZZᵀQ)(QᵀZZᵀQ)⁻¹(ZZᵀQ)ᵀ, exact where q exceeds
           the rank (Nyström; Halko, Martinsson & Tropp 2011, section 5.4), q of the short side's work
"""

from typing import Literal, NamedTuple

import numpy as np

from kizu.arrays import svd
from kizu.typing import Floats

How = Literal["svd", "gram", "subspace"]

SMALL = 1 << 15
"""Entries up to which a whole decomposition is as fast as anything and the most exact."""
SHORT = 512
"""A short side up to which its Gram matrix is worth its eigenvalues: 25 ms at 512, 300 at 1000."""
SLENDER = 6
"""The subspace wins where this many times its size fit into the short side."""
SPARE, SPARE_SHARE = 8, 0.1
"""Directions carried beyond the rank: at least, and as a share of it."""
FIRST_SHARE = 16
"""The first basis has one in so many of the short side's dimensions: a rank beyond that is grown into."""
FRESH = 2
"""Of these, random ones in every pass: a direction that the carried basis has lost is found again."""


class Spectrum(NamedTuple):
    """`vectors` (short, k) and `values` (k,), largest first, and how they were found."""

    vectors: Floats
    values: Floats
    how: How


def choose(shape: tuple[int, int], rank: int) -> How:
    """The way for a matrix of `shape` (short, long) whose rank was `rank` last."""
    short, long = shape
    if short * long <= SMALL:
        return "svd"
    if short > SHORT:
        return "subspace"
    return "subspace" if SLENDER * (rank + SPARE) <= short else "gram"


def whole(z: Floats) -> Spectrum:
    """By a full decomposition of Z (short, long)."""
    try:
        u, s, _ = svd(z.astype(np.float64))
    except np.linalg.LinAlgError:
        return from_gram(z.astype(np.float64) @ z.T.astype(np.float64))._replace(how="svd")
    return Spectrum(u, s, "svd")


def from_gram(gram: Floats) -> Spectrum:
    """By the eigenvalues of Z Zᵀ."""
    values, vectors = np.linalg.eigh(gram)
    return Spectrum(vectors[:, ::-1], np.sqrt(np.maximum(values[::-1], 0.0)), "gram")


def from_subspace(power: Floats, small: Floats) -> Spectrum:
    """By `power` = ZZᵀQ (short, q) and `small` = QᵀZZᵀQ (q, q)."""
    values, turn = np.linalg.eigh(0.5 * (small + small.T))
    kept = values > values[-1] * len(small) * np.finfo(np.float64).eps
    if not kept.any():
        return Spectrum(np.zeros_like(power[:, :0]), np.zeros(0), "subspace")
    root = power @ (turn[:, kept] / np.sqrt(values[kept]))
    basis = orthonormal(root)
    turn, sizes, _ = np.linalg.svd(basis.T @ root)
    return Spectrum(basis @ turn, sizes, "subspace")


def first_basis(short: int, most: int) -> Floats:
    """A random basis for a matrix of which nothing is known yet."""
    size = min(short, short // FIRST_SHARE + SPARE, most + SPARE)
    return orthonormal(np.random.default_rng(0).standard_normal((short, size)))


def carried(found: Spectrum, rank: int, iteration: int, *, most: int) -> Floats:
    """Basis (short, q) of the next pass: the leading vectors, and fresh random directions.

    Where the rank has reached what the last basis could show, it grows by half.
    """
    short, known = found.vectors.shape
    spare = max(SPARE, int(SPARE_SHARE * rank))
    size = rank + spare if rank + FRESH < known or known == 0 else rank + max(spare, known // 2)
    size = min(short, max(size, SPARE), most + SPARE)
    kept = min(known, max(size - FRESH, 1))
    fresh = np.random.default_rng(iteration).standard_normal((short, size - kept))
    return orthonormal(np.concatenate([found.vectors[:, :kept], fresh], axis=1))


def orthonormal(columns: Floats) -> Floats:
    """The same span, orthonormal: Cholesky QR twice (Yamamoto et al. 2015), Householder where that fails."""
    q = columns
    for _ in range(2):
        try:
            lower = np.linalg.cholesky(q.T @ q)
        except np.linalg.LinAlgError:
            return np.asarray(np.linalg.qr(columns)[0])
        q = q @ np.linalg.inv(lower).T
    return q
