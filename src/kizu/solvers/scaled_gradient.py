"""Robust PCA at a given rank by scaled gradient descent, the iteration that learned RPCA trains.

    X = scale·L Rᵀ,   S = soft(Y − X, ζ·scale),   G = X + S − Y = −clip(Y − X, ±ζ·scale)
    L⁺ = L − η·(G/scale) R (RᵀR + εI)⁻¹,   R⁺ = R − η·(G/scale)ᵀ L (LᵀL + εI)⁻¹     (both of the old L, R)

It starts at the leading part of the clipped Y, and ζ falls geometrically (Cai, Liu & Yin 2021, LRPCA; Tong, Ma & Chi
2021, ScaledGD). scale = mean|Y|: thresholds are relative, and a matrix twice as large is split alike. The inverse makes
the step independent of how L Rᵀ is factored and of how far its singular values are apart. ε is relative to the squared
length of each column. The rank has to be right: a spare column takes up a row of outliers, and keeps it.

A matrix is (…, samples, features); leading axes are matrices side by side. S = Y − X makes the sum exact.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kizu.arrays import namespace, or_one, svd, to_numpy
from kizu.parameters import Parameter, gavish_donoho_unknown
from kizu.solvers.iteration import Numbers, iterate
from kizu.typing import Array, Floats

DAMPING = 1e-6
"""ε, relative to the squared length of each column."""
POWERS = 5
"""Rounds of the subspace iteration that finds where to start."""
NEWTON = 8
"""Newton–Schulz steps of an inverse: 1e-5 off at a condition number of 16, and bounded at any; near is enough."""
GOLDEN = 0.6180340051651001
"""In single precision, which is what exporters write: both start from the same vectors."""
CLIPPED_AT = 5.0
"""Times mean|Y| at which the rank is looked at: the tails of the background itself, clipped, would look like rank."""


LOOKS, GAP = 16, 3.0
"""Steps after which the rank is read off, and how many times the next a singular value is where the background ends."""


class State(NamedTuple):
    """The factors of X / scale, left (…, samples, r) and right (…, features, r); mean|Y| as `scale` (…, 1, 1).

    `threshold` is the ζ of the last step, relative to `scale`.
    """

    left: Array
    right: Array
    scale: Array
    threshold: Array

    @property
    def background(self) -> Array:
        """X (…, samples, features)."""
        return (self.scale * self.left) @ turned(self.right)


class Algebra(NamedTuple):
    """The two things of linear algebra that the iteration needs.

    `leading` gives factors (left, right) of the leading part, of a given rank, of a matrix; their columns are of equal
    length and along singular vectors. `inverse` is that of a positive matrix (…, r, r) with 1 on its diagonal.
    """

    leading: Callable[[Array, int], tuple[Array, Array]]
    inverse: Callable[[Array], Array]


def leading_by_svd(matrix: Array, rank: int) -> tuple[Array, Array]:
    """The `rank` leading singular vectors times the roots of their singular values."""
    u, s, vh = svd(matrix)
    root = namespace(s).sqrt(s[..., None, :rank])
    return u[..., :rank] * root, turned(vh)[..., :rank] * root


def leading_by_products(matrix: Array, rank: int, powers: int = POWERS) -> tuple[Array, Array]:
    """As :func:`leading_by_svd` by subspace iteration from fixed vectors: nothing but products, roots and divisions."""
    xp = namespace(matrix)
    count = matrix.shape[-1]
    place = xp.arange(count, dtype=matrix.dtype, device=matrix.device)[:, None]
    order = xp.arange(rank, dtype=matrix.dtype, device=matrix.device)[None, :]
    basis = xp.cos(place * place * (0.5 + GOLDEN * order) + order)
    for _ in range(powers):
        basis = orthonormal(turned(matrix) @ orthonormal(matrix @ basis))
    left = matrix @ basis
    root = xp.sqrt(_lengths(left))
    return left / or_one(root), basis * root


def orthonormal(columns: Array) -> Array:
    """Gram–Schmidt of `columns` (…, n, r) one after the other, which iteration puts in order."""
    xp = namespace(columns)
    found = [columns[..., :1] / or_one(_lengths(columns[..., :1]))]
    for j in range(1, columns.shape[-1]):
        before, column = xp.concat(found, axis=-1), columns[..., j : j + 1]
        for _ in range(2):  # twice is enough (Giraud et al. 2005)
            column = column - before @ (turned(before) @ column)
        found.append(column / or_one(_lengths(column)))
    return xp.concat(found, axis=-1)


def inverse_by_newton(matrix: Array) -> Array:
    """Newton–Schulz, X ← X (2I − A X) from I / ‖A‖_∞ (Schulz 1933): only products."""
    xp = namespace(matrix)
    eye = identity(matrix)
    found = eye / xp.max(xp.sum(xp.abs(matrix), axis=-1, keepdims=True), axis=-2, keepdims=True)
    for _ in range(NEWTON):
        found = found @ (2.0 * eye - matrix @ found)
    return found


def inverse_by_factors(matrix: Array) -> Array:
    """The library's own inverse."""
    return namespace(matrix).linalg.inv(matrix)


PRODUCTS = Algebra(leading_by_products, inverse_by_newton)
"""Products alone: differentiable at ties, and every format for networks knows them."""
EXACT = Algebra(leading_by_svd, inverse_by_factors)
"""Decompositions: the reference. The derivative of its start is infinite where singular values are equal."""


@dataclass(frozen=True)
class ScaledGradient:
    """LRPCA: ζ and η of every step for itself; here ζ = first·decay^k.

    `rank` of X; `start` is the ζ that Y is clipped at before the first step. The schedule is a
    compromise over outliers from once to thirty times the size of the background.
    """

    rank: int
    start: float = 4.0
    first: float = 1.0
    decay: float = 0.65
    step_size: float = 0.85
    algebra: Algebra = field(default=PRODUCTS, repr=False)

    def constants(self) -> Mapping[str, Array]:
        return {}

    def numbers(self, k: int) -> Numbers:
        return {"start": self.start, "threshold": self.first * self.decay**k, "step_size": self.step_size}

    def init(self, data: Array, numbers: Numbers) -> State:
        """The leading part of clip(Y, ±start·scale)."""
        xp = namespace(data)
        scale = or_one(xp.mean(xp.abs(data), axis=(-2, -1), keepdims=True))
        left, right = self.algebra.leading(_clip(data, numbers["start"] * scale) / scale, self.rank)
        return State(left, right, scale, self.before(numbers))

    def before(self, numbers: Numbers) -> Array:
        """The threshold before step 0."""
        return numbers["start"]

    def step(self, data: Array, state: State, numbers: Numbers) -> State:
        return descend(data, state, numbers["threshold"], numbers["step_size"], self.algebra.inverse)


@dataclass(frozen=True)
class Decaying(ScaledGradient):
    """Four numbers for all steps; the state's ζ falls by `decay` from `first` on (Dong, Shah, Donegan & Chi 2023)."""

    def numbers(self, k: int) -> Numbers:
        return {"start": self.start, "first": self.first, "decay": self.decay, "step_size": self.step_size}

    def before(self, numbers: Numbers) -> Array:
        return numbers["first"] / numbers["decay"]

    def step(self, data: Array, state: State, numbers: Numbers) -> State:
        threshold = state.threshold * numbers["decay"]
        return descend(data, state, threshold, numbers["step_size"], self.algebra.inverse)


@dataclass(frozen=True)
class Listed(ScaledGradient):
    """ζ and η of every step from a list, as others have trained them."""

    thresholds: tuple[float, ...] = ()
    steps: tuple[float, ...] = ()

    def numbers(self, k: int) -> Numbers:
        return {"start": self.start, "threshold": self.thresholds[k], "step_size": self.steps[k]}


def descend(data: Array, state: State, threshold: Array, step_size: Array, inverse: Callable[[Array], Array]) -> State:
    """One step of both factors along what is below the threshold."""
    left, right, scale, _ = state
    rest = _clip(data - state.background, threshold * scale)
    for_right, for_left = _inverses(left, right, inverse)
    pace = step_size / scale
    return State(
        left + pace * (rest @ right @ for_left),
        right + pace * (turned(rest) @ left @ for_right),
        scale,
        threshold,
    )


def estimate_rank(data: Array) -> Parameter:
    """The rank of the background of a matrix (samples, features) with outliers.

    How many singular values of the clipped matrix stand out of the others (Gavish & Donoho 2014; outliers, clipped, are
    noise) is a first guess. With more than twice as many, a few steps leave a wide gap between the background's values
    and those of outliers that the spare columns have taken up. The gap is the answer, and the guess plus one where
    there is none.
    """
    values = np.asarray(to_numpy(data), np.float64)
    seen, most = _standing_out(values), min(values.shape)
    spare = min(2 * seen + 2, max(1, most // 2))
    state = iterate(ScaledGradient(spare), values, LOOKS)
    left, right = (np.linalg.qr(factor)[1] for factor in (state.left, state.right))
    s = np.linalg.svd(left @ right.T, compute_uv=False)
    ratios = s[:-1] / np.maximum(s[1:], float(np.finfo(np.float64).eps) * max(float(s[0]), 1.0))
    if len(ratios) and ratios.max() >= GAP:
        rank = int(ratios.argmax()) + 1
        return Parameter(rank, f"singular value {rank} is {ratios.max():.3g} times the next after {LOOKS} steps")
    return Parameter(min(seen + 1, most), f"{seen} singular values of the clipped matrix stand out, no gap; one more")


def _standing_out(values: Floats) -> int:
    """Singular values of the clipped matrix above the level of their median, at least 1."""
    limit = CLIPPED_AT * float(np.abs(values).mean())
    s = np.linalg.svd(np.clip(values, -limit, limit), compute_uv=False)
    rounding = max(values.shape) * float(np.finfo(np.float64).eps) * float(s[0])
    cut = gavish_donoho_unknown(values.shape[0], values.shape[1], s).value
    return max(1, int(np.count_nonzero(s > max(cut, rounding))))


def _inverses(left: Array, right: Array, inverse: Callable[[Array], Array]) -> tuple[Array, Array]:
    """(LᵀL + εI)⁻¹ and (RᵀR + εI)⁻¹."""
    xp = namespace(left)
    found = damped_inverse(xp.stack([turned(left) @ left, turned(right) @ right], axis=-3), inverse)
    return found[..., 0, :, :], found[..., 1, :, :]


def damped_inverse(gram: Array, inverse: Callable[[Array], Array]) -> Array:
    """(gram + εI)⁻¹ of positive matrices (…, r, r), columns scaled to length 1 before and back after (Jacobi)."""
    xp = namespace(gram)
    eye = identity(gram)
    length = xp.sqrt(or_one(xp.sum(gram * eye, axis=-1, keepdims=True)))
    products = length * turned(length)
    return inverse(gram / products + DAMPING * eye) / products


def identity(like: Array) -> Array:
    """The identity of the size of `like` (…, r, r), by comparison: exporters take `eye` for a change in place."""
    xp = namespace(like)
    place = xp.arange(like.shape[-1], device=like.device)
    return xp.astype(place[:, None] == place[None, :], like.dtype)


def _clip(x: Array, limit: Array) -> Array:
    """`x` within ±`limit`, both arrays: two passes, and a gradient with respect to `limit`."""
    xp = namespace(x)
    return xp.minimum(xp.maximum(x, -limit), limit)


def _lengths(columns: Array) -> Array:
    """Euclidean lengths (…, 1, r), with a gradient of 0 where a column is 0."""
    xp = namespace(columns)
    square = xp.sum(columns * columns, axis=-2, keepdims=True)
    empty = square == 0
    return xp.where(empty, xp.zeros_like(square), xp.sqrt(xp.where(empty, xp.ones_like(square), square)))


def turned(x: Array) -> Array:
    return namespace(x).matrix_transpose(x)
