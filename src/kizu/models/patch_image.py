"""The patch-image model: what repeats in a picture, by robust PCA of the matrix of its patches.

    minimise ‖L‖_* + lam·‖S‖₁  with  L + S = patches        Gao, Meng, Yang, Wang, Zhou & Hauptmann 2013

Backgrounds of far scenes look alike from patch to patch, small targets do not. The inexact augmented Lagrangian
(Lin, Chen & Ma 2010) is run with L in a subspace of limited rank that is carried from step to step: noise has no place
in it, and a step costs two thin products. What a pixel is left with is the median over the patches that cover it:
in one of them a target may have been taken for background.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import kizu.certificates as certificates
from kizu.models.validate import exponent_of
from kizu.typing import Floats

PATCH, STEP = 30, 10
"""Pixels of a patch and between two: a target of ten pixels is in nine patches, in a different place of each."""
RANK, STEPS, RHO = 20, 14, 1.5
"""Largest rank of the background, steps of the solver, and growth of mu in each: masks do not change after."""
BLOCK = 64
"""Patches that are worked on while they are in the cache."""
BOUND = "the root of the Frobenius norm of the dual's Gram matrix"


class PatchImage(NamedTuple):
    """`residual` (height, width): picture − background. `rank` of the patches' background, `patches` their number.

    `relative_gap` is how far the split is from the optimum of the model without a limit of the rank.
    """

    residual: Floats
    rank: int
    patches: int
    relative_gap: float


class Split(NamedTuple):
    """M − L (patches, pixels), the rank of L, and the gap."""

    rest: Floats
    rank: int
    relative_gap: float


def patch_image(picture: Floats) -> PatchImage:
    """Split one grey picture (height, width) in any real type.

    Its median is taken off, because an offset would own the first singular value and the first steps; what is left is
    scaled by a power of two.
    """
    beside = picture - np.median(picture.astype(np.float64))
    exponent = exponent_of(float(np.abs(beside).max()))
    rows, grid = _patches(np.ldexp(beside, -exponent).astype(np.float32))
    split = limited_split(rows)
    rest = _median_over_patches(split.rest, grid)[: picture.shape[0], : picture.shape[1]]
    return PatchImage(np.ldexp(rest, exponent), split.rank, len(rows), split.relative_gap)


def _patches(picture: Floats) -> tuple[Floats, tuple[int, int]]:
    """Patches as rows, and how many there are each way; mirrored at the edges: every pixel is in equally many."""
    margin = PATCH - STEP
    edges = [(margin, margin + -side % STEP) for side in picture.shape]
    windows = sliding_window_view(np.pad(picture, edges, mode="symmetric"), (PATCH, PATCH))[::STEP, ::STEP]
    return np.ascontiguousarray(windows.reshape(-1, PATCH * PATCH)), (windows.shape[0], windows.shape[1])


def _median_over_patches(rows: Floats, grid: tuple[int, int]) -> Floats:
    """The picture that :func:`_patches` was given, each pixel the median over its patches; blocks are whole."""
    times = PATCH // STEP
    height, width = (count - times + 1 for count in grid)
    blocks = rows.reshape(*grid, times, STEP, times, STEP)
    layers = np.empty((times * times, height, STEP, width, STEP), rows.dtype)
    for number, (y, x) in enumerate(np.ndindex(times, times)):
        down, right = times - 1 - y, times - 1 - x
        layers[number] = blocks[down : down + height, right : right + width, y, :, x, :].transpose(0, 2, 1, 3)
    return np.asarray(_median_of(layers).reshape(height * STEP, width * STEP))


def _median_of(layers: Floats) -> Floats:
    """The median over the first axis, by odd-even transposition of whole layers: faster than pixel by pixel."""
    for turn in range(len(layers)):
        for k in range(turn % 2, len(layers) - 1, 2):
            low = np.minimum(layers[k], layers[k + 1])
            np.maximum(layers[k], layers[k + 1], out=layers[k + 1])
            layers[k] = low
    return np.asarray(layers[len(layers) // 2])


def limited_split(rows: Floats, rank: int = RANK, steps: int = STEPS) -> Split:
    """L of at most `rank` by `steps` of the inexact augmented Lagrangian, for `rows` (patches, pixels) in float32."""
    rank, lam = min(rank, *rows.shape), np.float32(1 / np.sqrt(max(rows.shape)))
    start = np.random.default_rng(0).standard_normal((rows.shape[1], rank), np.float32)
    basis = np.linalg.qr(rows.T @ (rows @ start))[0]
    top = float(np.linalg.norm(rows @ basis, 2))
    if top <= 0:
        return Split(np.zeros_like(rows), 0, 0.0)
    mu = np.float32(1.25 / top)
    dual = rows * np.float32(1 / (max(top, float(np.abs(rows).max() / lam)) * mu))  # over mu
    low = rows + dual
    sizes: Floats = np.zeros(0)
    for step in range(steps):
        basis, sizes = _threshold(low, basis, 1 / float(mu))
        for first in range(0, len(rows), BLOCK):
            block = slice(first, first + BLOCK)
            _update(rows[block], low[block], dual[block], float(lam / mu), last=step == steps - 1)
        mu *= np.float32(RHO)
    dual *= mu
    rest = np.subtract(rows, low, out=low)
    return Split(rest, int(np.count_nonzero(sizes)), _gap(rows, rest, sizes, dual, float(lam)))


def _update(rows: Floats, low: Floats, dual: Floats, bound: float, *, last: bool) -> None:
    """The dual of some patches in place; `low` becomes what the next step thresholds, unless this is the last."""
    free = rows - low
    free += dual
    np.clip(free, -bound, bound, out=dual)
    free -= dual  # the anomaly
    dual /= np.float32(RHO)
    if not last:
        np.subtract(rows, free, out=low)
        low += dual


def _threshold(matrix: Floats, basis: Floats, threshold: float) -> tuple[Floats, Floats]:
    """Put into `matrix` what is left of it in `basis` (pixels, rank) with its singular values less the threshold.

    Returns the next basis, and the values that are left.
    """
    left = np.linalg.qr(matrix @ basis)[0]
    small = left.T @ matrix
    squares, turn = np.linalg.eigh((small @ small.T).astype(np.float64))
    values = np.sqrt(np.maximum(squares, 1e-30 * max(float(squares[-1]), 1e-30)))
    kept = np.maximum(values - threshold, 0.0)
    small = turn.T.astype(matrix.dtype) @ small
    shrunken = small * (kept / values)[:, None].astype(matrix.dtype)
    np.matmul(left @ turn.astype(matrix.dtype), shrunken, out=matrix)
    return (small / values[:, None].astype(matrix.dtype)).T, kept


def _gap(rows: Floats, rest: Floats, sizes: Floats, dual: Floats, lam: float) -> float:
    """The proof of :mod:`kizu.certificates`; ‖Y‖₂ is at most the root of the Frobenius norm of Y's Gram matrix.

    That bound is loose, but the limit of the rank alone leaves a gap that no better one would close.
    """
    gram = dual @ dual.T if len(dual) <= dual.shape[1] else dual.T @ dual
    rounding = max(dual.shape) * float(np.finfo(np.float32).eps) * float(np.trace(gram))
    return certificates.pcp(
        nuclear=float(sizes.sum()),
        l1=float(np.abs(rest).sum(dtype=np.float64)),
        lam=lam,
        inner=float(np.einsum("ij,ij->", rows, dual, dtype=np.float64)),
        spectral=float(np.sqrt(np.linalg.norm(gram.astype(np.float64)) + rounding)),
        largest=float(np.abs(dual).max()),
        bound=BOUND,
    ).relative_gap
