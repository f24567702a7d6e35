"""What the harness itself finds out about an answer, in float64: its errors against the truth, and a certificate.

The certificate is written anew here, from the definitions: a primal value at (L, M − L), and a dual value from a Y
scaled into the dual's set with the spectral norm of all of Y. Any dual value of a problem bounds every answer to it,
so contestants that hand out no Y are judged by the best one that another has found.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import problems
from kizu.typing import Floats

COLUMNS = 16384
"""Columns that are looked at together: bounds the memory."""


class Answer(NamedTuple):
    """A contestant's result, all frames × pixels as the problem is.

    `low` is L, dense or as its two factors; `sparse` is S; `dual` is Y, where there is one to be had; `proof` is
    what the contestant itself says of its gap; `spare` the seconds its own gaps took, which count;
    `seconds` is given by those that can only time themselves.
    """

    low: Floats | tuple[Floats, Floats]
    sparse: Floats
    iterations: int | None
    dual: Floats | None = None
    proof: float | None = None
    spare: float = 0.0
    rank: int | None = None
    seconds: float | None = None


class Verdict(NamedTuple):
    """Relative errors of L and S, and values of primal and dual; `dual` is None without a Y."""

    low: float
    sparse: float
    primal: float
    dual: float | None


def exact(matrix: NDArray[Any], truth: problems.Truth, answer: Answer) -> Verdict:
    """min ‖L‖_* + ‖M − L‖₁/√max,  L + S = M."""
    lam = 1 / float(np.sqrt(max(matrix.shape)))
    errors, l1, inner, largest = np.zeros((2, 2)), 0.0, 0.0, 0.0
    gram = np.zeros((len(matrix), len(matrix)))
    for here, low, planted in _parts(matrix, truth, answer):
        errors += planted
        m = matrix[:, here].astype(np.float64)
        l1 += float(np.abs(m - low).sum())
        if answer.dual is not None:
            y = answer.dual[:, here].astype(np.float64)
            gram += y @ y.T
            inner, largest = inner + float(np.vdot(m, y)), max(largest, float(np.abs(y).max()))
    dual = None
    if answer.dual is not None:
        dual = inner / max(_spectral(gram), largest / lam, 1.0)
    return Verdict(*_relative(errors), _nuclear(answer.low) + lam * l1, dual)


def stable(matrix: NDArray[Any], truth: problems.Truth, answer: Answer, sigma: float) -> Verdict:
    """min Σ huber(M − L; edge/√max) + edge·‖L‖_*,  edge = (√frames + √pixels)·sigma; Y = clip(M − L)."""
    edge = float(np.sqrt(matrix.shape).sum()) * sigma
    clip = edge / float(np.sqrt(max(matrix.shape)))
    errors, loss, inner, square = np.zeros((2, 2)), 0.0, 0.0, 0.0
    gram = np.zeros((len(matrix), len(matrix)))
    for here, low, planted in _parts(matrix, truth, answer):
        errors += planted
        m = matrix[:, here].astype(np.float64)
        rest = m - low
        y = np.clip(rest, -clip, clip)
        own = float(np.vdot(y, y))
        gram += y @ y.T
        inner, square, loss = inner + float(np.vdot(m, y)), square + own, loss + float(np.vdot(y, rest)) - own / 2
    scale = min(edge / max(_spectral(gram), edge), max(inner, 0.0) / square)
    return Verdict(*_relative(errors), loss + edge * _nuclear(answer.low), scale * inner - scale * scale * square / 2)


def _parts(
    matrix: NDArray[Any], truth: problems.Truth, answer: Answer
) -> Iterator[tuple[slice, Floats, NDArray[np.float64]]]:
    """Runs of columns: L there, and ((‖L − L₀‖², ‖L₀‖²), (‖S − S₀‖², ‖S₀‖²))."""
    for here, low_true, sparse_true in truth.parts(COLUMNS):
        if isinstance(answer.low, tuple):
            left, right = answer.low
            low = left.astype(np.float64) @ right[:, here].astype(np.float64)
        else:
            low = answer.low[:, here].astype(np.float64)
        pairs = (low, low_true), (answer.sparse[:, here].astype(np.float64), sparse_true)
        yield here, low, np.array([(np.sum((a - b) ** 2), np.sum(b * b)) for a, b in pairs])


def _relative(errors: NDArray[np.float64]) -> tuple[float, float]:
    low, sparse = np.sqrt(errors[:, 0] / errors[:, 1]).tolist()
    return low, sparse


def _spectral(gram: NDArray[np.float64]) -> float:
    """‖Y‖₂ from all of YYᵀ, with room for the rounding of its sums."""
    slack = len(gram) * float(np.finfo(np.float64).eps) * float(np.trace(gram))
    return float(np.sqrt(max(np.linalg.eigvalsh(gram)[-1], 0.0) + slack))


def _nuclear(low: Floats | tuple[Floats, Floats]) -> float:
    """‖L‖_* by QR: from the Gram matrix small singular values would be lost."""
    if isinstance(low, tuple):
        left, right = (np.linalg.qr(factor.astype(np.float64), mode="r") for factor in (low[0], low[1].T))
        return float(np.linalg.svd(left @ right.T, compute_uv=False).sum())
    upper = np.zeros((0, len(low)))
    for start in range(0, low.shape[1], COLUMNS):
        rows = low[:, start : start + COLUMNS].T.astype(np.float64)
        upper = np.linalg.qr(np.vstack([upper, rows]), mode="r")
    return float(np.linalg.svd(upper, compute_uv=False).sum())
