"""The textbook: inexact augmented Lagrangian with a whole SVD per step, as most write it.

Lin, Chen & Ma 2010: mu = 1.25/‖M‖₂, growing by 1.5 a step, stop at ‖M − L − S‖ ≤ tol·‖M‖. Two variations: the SVD
by scikit-learn's randomized one with the paper's prediction of the rank; and mu held at c·1.25/‖M‖₂ until the
relative duality gap is small, because the growing mu stops the method short of the optimum.
"""

import time
from typing import NamedTuple

import numpy as np
from scipy.linalg import svd
from scipy.sparse.linalg import svds

from kizu.typing import Floats

GROWTH, START = 1.5, 1.25
FIRST_RANK, MORE = 10, 0.05
"""The paper's prediction: this many at first, one more than needed, or 5 % of the size more where all were."""
CROWDED = 0.5
"""Share of all singular values beyond which the randomized SVD costs more than the whole one."""
POWER, OVER = 1, 10
"""Power iterations and oversampling: the fastest that still reaches the same residual in as many steps."""
EVERY = 5
"""Steps from one evaluation of the gap to the next."""
MOST = 1000


class Found(NamedTuple):
    """What a contestant found; `dual` is its Y, where it has one, `spare` the seconds that its gaps took."""

    low: Floats
    sparse: Floats
    iterations: int
    dual: Floats | None = None
    spare: float = 0.0


def weight(matrix: Floats) -> float:
    return 1 / float(np.sqrt(max(matrix.shape)))


def ialm(matrix: Floats, tol: float, *, randomized: bool = False) -> Found:
    """Mu grows to the end; stop on the residual."""
    lam, (largest, size) = weight(matrix), _norms(matrix)
    mu, dual, sparse = START / largest, _dual(matrix, largest, lam), np.zeros_like(matrix)
    rank, residual, iteration = FIRST_RANK if randomized else None, matrix, 0
    while np.linalg.norm(residual) > tol * size and iteration < MOST:
        low, _, rank = _step(matrix - sparse + dual / mu, mu, rank)
        sparse = _soft(matrix - low + dual / mu, lam / mu)
        residual = matrix - low - sparse
        dual = dual + mu * residual
        mu *= GROWTH
        iteration += 1
    return Found(low, sparse, iteration, dual)


def held(matrix: Floats, gap: float, *, factor: float) -> Found:
    """Mu grows to `factor` times its start and is held there; stop on the relative duality gap."""
    lam, (largest, _) = weight(matrix), _norms(matrix)
    mu, dual, sparse, spare = START / largest, _dual(matrix, largest, lam), np.zeros_like(matrix), 0.0
    top = factor * mu
    for iteration in range(1, MOST + 1):
        low, kept, _ = _step(matrix - sparse + dual / mu, mu, None)
        sparse = _soft(matrix - low + dual / mu, lam / mu)
        dual = dual + mu * (matrix - low - sparse)
        mu = min(mu * GROWTH, top)
        if iteration % EVERY == 0:
            begun = time.perf_counter()
            reached = _gap(matrix, low, dual, float(kept.sum()), lam) <= gap
            spare += time.perf_counter() - begun
            if reached:
                break
    return Found(low, sparse, iteration, dual, spare)


def _norms(matrix: Floats) -> tuple[float, float]:
    largest = float(svds(matrix, k=1, return_singular_vectors=False, random_state=0)[0])
    return largest, float(np.linalg.norm(matrix))


def _dual(matrix: Floats, largest: float, lam: float) -> Floats:
    scale = matrix.dtype.type(max(largest, float(np.abs(matrix).max()) / lam))
    return np.asarray(matrix / scale)


def _step(z: Floats, mu: float, rank: int | None) -> tuple[Floats, Floats, int | None]:
    """Singular value thresholding of `z` at 1/mu, the values kept, and how many to ask for next time."""
    most = min(z.shape)
    if rank is None or rank > CROWDED * most:
        u, s, v = svd(z, full_matrices=False, check_finite=False)
    else:
        from sklearn.utils.extmath import randomized_svd  # takes longer to import than the rest together

        u, s, v = randomized_svd(z, rank, n_oversamples=OVER, n_iter=POWER, random_state=0)
    kept = int(np.count_nonzero(s > 1 / mu))
    values = s[:kept] - s.dtype.type(1 / mu)
    low = (u[:, :kept] * values) @ v[:kept]
    if rank is None:
        return low, values, None
    return low, values, min(kept + 1 if kept < rank else kept + round(MORE * most), most)


def _soft(x: Floats, level: float) -> Floats:
    return np.asarray(np.sign(x) * np.maximum(np.abs(x) - x.dtype.type(level), 0))


def _gap(matrix: Floats, low: Floats, dual: Floats, nuclear: float, lam: float) -> float:
    primal = nuclear + lam * float(np.abs(matrix - low).sum())
    wide = dual if dual.shape[0] <= dual.shape[1] else dual.T
    spectral = float(np.sqrt(np.linalg.eigvalsh(wide @ wide.T)[-1]))
    scale = max(spectral, float(np.abs(dual).max()) / lam, 1.0)
    return (primal - float(np.vdot(matrix, dual)) / scale) / primal
