"""Independent witnesses: dense float64 formulas and an interior-point solver, sharing no code with kizu.

Dense formulas use full singular value decompositions; the optimum comes from clarabel, which sees the
problem as a cone program:  ‖U‖_* = min ½·tr(Z) over Z ⪰ 0 whose upper right block is U
(Fazel, Hindi & Boyd 2001).
"""

import clarabel
import numpy as np
from scipy import sparse


def unit(*arrays):
    """All arrays times the power of two that brings the first one's largest entry to about 1."""
    exponent = -int(np.frexp(np.abs(arrays[0]).max(initial=0.0))[1])
    return tuple(np.ldexp(np.asarray(a, dtype=np.float64), exponent) for a in arrays)


def known_entries(X, observed=None):
    """(values with 0 where unknown, which are known), both dense."""
    values = np.asarray(X, dtype=np.float64)
    known = ~np.isnan(values) if observed is None else observed & ~np.isnan(values)
    return np.where(known, values, 0.0), known


def pcp_values(data, known, background, dual, lam):
    """(primal, dual) value of exact PCP at `background` and any `dual`, which is scaled to be feasible."""
    y = np.where(known, dual, 0.0).astype(np.float64)
    scale = max(1.0, np.linalg.norm(y, 2), np.abs(y).max() / lam)
    rest = np.where(known, data - background, 0.0)
    return np.linalg.norm(background, "nuc") + lam * np.abs(rest).sum(), float((data * y).sum()) / scale


def stable_values(data, known, background, tau_background, tau_anomaly):
    """(primal, dual) value of stable PCP at `background`.

    Its dual points are the clipped residual, and that with its singular values clipped too.
    """
    rest = np.where(known, data - background, 0.0)
    size = np.abs(rest)
    huber = np.where(size <= tau_anomaly, 0.5 * size**2, tau_anomaly * size - 0.5 * tau_anomaly**2)
    y = np.clip(rest, -tau_anomaly, tau_anomaly)
    u, s, vh = np.linalg.svd(y, full_matrices=False)
    inside = np.clip(np.where(known, (u * np.minimum(s, tau_background)) @ vh, 0.0), -tau_anomaly, tau_anomaly)
    dual = max(_stable_dual(data, y, tau_background), _stable_dual(data, inside, tau_background))
    return huber.sum() + tau_background * np.linalg.norm(background, "nuc"), dual


def _stable_dual(data, y, tau_background):
    """Largest dual value of the multiples of y, which lies in the box, that are feasible."""
    square = float((y * y).sum())
    if not square:
        return 0.0
    inner = float((data * y).sum())
    scale = np.clip(inner / square, 0.0, min(1.0, tau_background / np.linalg.norm(y, 2)))
    return float(scale * inner - 0.5 * scale**2 * square)


def relative_gap(primal, dual):
    return 0.0 if primal == 0 else (primal - dual) / primal


def composite_optimum(y, A, positive, negative, ridge, *, tau=np.inf):
    """Least ½‖y − A x − s‖² + positive·Σx⁺ + negative·Σx⁻ + ½·ridge·‖x‖² + tau·‖s‖₁: unknowns x⁺, x⁻, s⁺, s⁻ ≥ 0."""
    n, m = A.shape[1], len(y)
    signs = [sign for sign, weight in ((1, positive), (-1, negative)) if weight < np.inf]
    weights = [np.full(n, weight) for weight in (positive, negative) if weight < np.inf]
    outliers = [np.eye(m), -np.eye(m)] if tau < np.inf else []
    whole = np.hstack([*(sign * A for sign in signs), *outliers])
    linear = np.concatenate([*weights, *(np.full(m, tau) for _ in outliers)])
    codes = np.hstack([*(sign * np.eye(n) for sign in signs), *(np.zeros((n, m)) for _ in outliers)])
    quadratic = sparse.triu(whole.T @ whole + ridge * codes.T @ codes).tocsc()
    count = whole.shape[1]
    nothing, cone = np.zeros(count), [clarabel.NonnegativeConeT(count)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    eye = sparse.eye_array(count, format="csc")
    found = clarabel.DefaultSolver(quadratic, linear - whole.T @ y, -eye, nothing, cone, settings).solve()
    return found.obj_val + 0.5 * y @ y


def pcp_optimum(data, known, lam):
    """Optimal value of exact PCP: min ½·tr(Z) + lam·ΣT with |M − U| ≤ T on known entries."""
    count = int(known.sum())
    order = sum(data.shape)
    linear = np.concatenate([_trace(order, 0.5), np.full(count, lam)])
    pick, eye = _block(data.shape, known), sparse.eye_array(count)
    m = data[known]
    rows = [sparse.hstack([pick, -eye]), sparse.hstack([-pick, -eye])]
    return _solve(sparse.csc_array((len(linear),) * 2), linear, rows, [m, -m], order)


def stable_optimum(data, known, tau_background, tau_anomaly):
    """Optimal value of stable PCP: min ½‖M − U − S‖² + tau_anomaly·ΣT + ½·tau_background·tr(Z), |S| ≤ T."""
    count = int(known.sum())
    order = sum(data.shape)
    pick, eye = _block(data.shape, known), sparse.eye_array(count)
    fit = sparse.hstack([pick, eye, sparse.csc_array((count, count))])
    m = data[known]
    linear = np.concatenate([_trace(order, 0.5 * tau_background), np.zeros(count), np.full(count, tau_anomaly)])
    nothing = sparse.csc_array((count, pick.shape[1]))
    rows = [sparse.hstack([nothing, eye, -eye]), sparse.hstack([nothing, -eye, -eye])]
    quadratic = sparse.triu(fit.T @ fit).tocsc()
    value = _solve(quadratic, linear - fit.T @ m, rows, [np.zeros(count)] * 2, order)
    return value + 0.5 * float(m @ m)


def _triangle(order):
    """Row and column of every entry of the upper triangle, in the order in which clarabel stacks it."""
    column, row = np.tril_indices(order)
    return row, column


def _trace(order, weight):
    row, column = _triangle(order)
    return np.where(row == column, weight, 0.0)


def _block(shape, known):
    """Matrix that takes the stacked triangle of Z to the known entries of its upper right block."""
    row, column = _triangle(sum(shape))
    where = np.full((sum(shape),) * 2, -1)
    where[row, column] = np.arange(len(row))
    block = where[: shape[0], shape[0] :][known]  # off-diagonal entries are stacked times √2
    return sparse.csc_array((np.full(len(block), np.sqrt(0.5)), (np.arange(len(block)), block)), (len(block), len(row)))


def _solve(quadratic, linear, rows, limits, order):
    """Least ½xᵀPx + qᵀx with `rows`·x ≤ `limits` and the leading entries of x a positive semidefinite Z."""
    stacked = order * (order + 1) // 2
    cone = sparse.hstack([-sparse.eye_array(stacked), sparse.csc_array((stacked, len(linear) - stacked))])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
    solver = clarabel.DefaultSolver(
        quadratic,
        linear,
        sparse.vstack([*rows, cone]).tocsc(),
        np.concatenate([*limits, np.zeros(stacked)]),
        [clarabel.NonnegativeConeT(sum(map(len, limits))), clarabel.PSDTriangleConeT(order)],
        settings,
    )
    found = solver.solve()
    assert str(found.status) in ("Solved", "AlmostSolved"), found.status
    return found.obj_val


def cliffs(data):
    """(lower, upper) lam of exact PCP between which both parts are non-zero, for M of full rank without zeros.

    L = 0 is optimal iff lam ≤ 1/‖sign(M)‖₂; S = 0 is optimal iff lam ≥ ‖UVᵀ‖_∞ with M = UΣVᵀ.
    """
    u, _, vh = np.linalg.svd(data, full_matrices=False)
    return 1.0 / np.linalg.norm(np.sign(data), 2), np.abs(u @ vh).max()


def stable_cliffs(data, tau_background, tau_anomaly):
    """Whether stable PCP's optimum has (L = 0, S = 0 with L = 0 given).

    L = 0 iff ‖clip(M, ±tau_anomaly)‖₂ ≤ tau_background; then S = 0 iff max|M| ≤ tau_anomaly.
    """
    clipped = np.clip(data, -tau_anomaly, tau_anomaly)
    return np.linalg.norm(clipped, 2) <= tau_background, np.abs(data).max(initial=0.0) <= tau_anomaly
