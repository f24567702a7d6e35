"""Robust PCA as textbooks write it, for peers: the inexact augmented Lagrangian of Lin, Chen & Ma (2010)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
STEPS = 100


def pursuit(matrix: Floats, tol: float, rho: float = 1.5) -> tuple[Floats, Floats]:
    """(low rank, sparse) of a matrix, lam = 1/√max; stops where ‖M − L − S‖ ≤ tol·‖M‖.

    Singular vectors are those of the whole Gram matrix of the short side, in double precision.
    """
    if matrix.shape[0] < matrix.shape[1]:
        low, sparse = pursuit(np.ascontiguousarray(matrix.T), tol, rho)
        return low.T, sparse.T
    lam = 1 / float(np.sqrt(max(matrix.shape)))
    size, top = float(np.linalg.norm(matrix)), float(np.sqrt(_squares(matrix)[0][-1]))
    low, sparse = np.zeros_like(matrix), np.zeros_like(matrix)
    if top == 0:
        return low, sparse
    dual = matrix / max(top, float(np.abs(matrix).max()) / lam)
    mu = 1.25 / top
    for _ in range(STEPS):
        free = matrix - sparse + dual / mu
        squares, right = _squares(free)
        values = np.sqrt(np.maximum(squares, 0))
        kept = values > 1 / mu
        basis = right[:, kept]
        low = free @ ((basis * (1 - 1 / (mu * values[kept]))) @ basis.T).astype(matrix.dtype)
        free = matrix - low + dual / mu
        sparse = np.sign(free) * np.maximum(np.abs(free) - lam / mu, 0)
        rest = matrix - low - sparse
        dual += mu * rest
        mu *= rho
        if np.linalg.norm(rest) <= tol * size:
            break
    return low, sparse


def _squares(matrix: Floats) -> tuple[Floats, Floats]:
    """Squared singular values, ascending, and right singular vectors."""
    found = np.linalg.eigh((matrix.T @ matrix).astype(np.float64))
    return found.eigenvalues, found.eigenvectors
