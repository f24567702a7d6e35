"""Which entries do not belong, for matrices and tables without geometry."""

import math
from typing import NamedTuple

import numpy as np

from kizu.arrays import like
from kizu.calibration import MAD_TO_SIGMA, Null, benjamini_hochberg, fit_null, scale_dof, shrunken_scale
from kizu.errors import ParameterError
from kizu.models.decomposition import Decomposition
from kizu.typing import Array, Bools, Floats


class Flags(NamedTuple):
    """The decision for every entry of a matrix.

    `mask` is boolean like X; `score` = (M − L) / the column's scale, signed, 0 at unknown entries;
    `p_value` is 1 there; `threshold` is the smallest |score| that is flagged (∞ if none); `why`
    says what the threshold promises.
    """

    mask: Array
    score: Array
    p_value: Array
    threshold: float
    why: str


def flag(d: Decomposition, *, fdr: float = 0.02) -> Flags:
    """Decide per entry at a stated share of false alarms among the flagged entries.

    `fdr` (default 0.02: one flag in fifty is expected to be false) is controlled by Benjamini &
    Hochberg on p-values from a null that is fitted to the scores themselves. The columns' scales are
    robust and shrunken towards the common one.
    """
    if not 0 < fdr < 1:
        raise ParameterError("fdr", fdr, "a share between 0 and 1, such as 0.02")
    known = d.observed
    score = d.residual / column_scales(d.residual, known)
    usable = score if known is None else score[known]
    null = fit_null(usable, most_dof=scale_dof(usable.size / score.shape[1]))
    p_value = null.p_value(score)
    limit = benjamini_hochberg(p_value if known is None else p_value[known], fdr)
    mask = p_value <= limit
    if known is not None:
        mask, p_value = mask & known, np.where(known, p_value, 1.0)
    threshold = float(np.abs(score[mask]).min()) if mask.any() else math.inf
    return Flags(
        mask=like(mask, d.example),
        score=like(score, d.example),
        p_value=like(p_value, d.example),
        threshold=threshold,
        why=_why(fdr, null),
    )


def column_scales(residual: Floats, known: Bools | None) -> Floats:
    """Robust scale of every column about 0, shrunken towards the scale of all entries.

    A scale of 0 becomes the smallest positive float: what differs there at all is infinitely odd.
    """
    if known is None:
        size, count = np.abs(residual), np.full(residual.shape[1], len(residual))
        own, overall = np.median(size, axis=0), float(np.median(size))
    else:
        size, count = np.where(known, np.abs(residual), np.nan), known.sum(axis=0)
        overall = float(np.median(np.abs(residual)[known])) if known.any() else 0.0
        own = np.array([np.median(c[k]) if k.any() else 0.0 for c, k in zip(size.T, known.T, strict=True)])
    scale = shrunken_scale(MAD_TO_SIGMA * own, MAD_TO_SIGMA * overall, count)
    return np.maximum(scale, np.finfo(residual.dtype).tiny).astype(residual.dtype)


def _why(fdr: float, null: Null) -> str:
    return f"about {fdr:.3g} of the flagged entries are false alarms (Student null, {null.dof:.3g} degrees of freedom)"
