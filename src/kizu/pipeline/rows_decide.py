"""Which rows of a table are called anomalies, and what that promises."""

from typing import NamedTuple

import numpy as np
from scipy import special

from kizu.calibration import benjamini_hochberg
from kizu.models.rows import RowScores
from kizu.pipeline.options import Options
from kizu.typing import Bools, Floats

FDR = 0.02
"""One flagged row in fifty is expected to be false."""
FALSE_ROWS = 1.0
"""Expected among rows that are all good, where `kizu fit` names those that look wrong."""
LEADING = 5
"""Most columns that are named for one row."""


class Decided(NamedTuple):
    """The rows (rows,) and what each column has to do with it (rows, columns).

    `leading` marks the columns that carry most of a flagged row's score. `limit` is the p-value up to which rows are
    flagged, −1 for none.
    """

    score: Floats
    shares: Floats
    p_value: Floats
    flagged: Bools
    leading: Bools
    rule: str
    value: float
    limit: float
    why: str


def decide(scores: RowScores, options: Options) -> Decided:
    """Flag the rows whose p-value the rule does not allow."""
    rule, value, limit, why = _rule(scores.p_value, options)
    flagged = scores.p_value <= limit
    leading = leading_of(scores.shares) & flagged[:, None]
    return Decided(*scores, flagged, leading, rule, value, limit, why)


def _rule(p_value: Floats, options: Options) -> tuple[str, float, float, str]:
    """(rule, its value, the largest p-value that is flagged, why)."""
    law = "the null continues the body of the scores"
    if options.false_alarms is not None:
        share = options.false_alarms / len(p_value)
        return "false_alarms", options.false_alarms, share, f"expected false rows in a table without anomalies; {law}"
    if options.z is not None:
        why = "standard deviations of a normal law that are as unlikely, as given"
        return "z", options.z, float(special.ndtr(-options.z)), why
    fdr = FDR if options.fdr is None else options.fdr
    why = f"expected share of false rows among the flagged (Benjamini & Hochberg 1995); {law}"
    return "fdr", fdr, benjamini_hochberg(p_value, fdr), why


def leading_of(shares: Floats) -> Bools:
    """The fewest columns that carry half of a row's score, at most LEADING."""
    order = np.argsort(-shares, axis=1, kind="stable")
    ordered = np.take_along_axis(shares, order, axis=1)
    before = np.cumsum(ordered, axis=1) - ordered
    first = (before < 0.5) & (ordered > 0) & (np.arange(shares.shape[1]) < LEADING)
    leading = np.zeros(shares.shape, np.bool_)
    np.put_along_axis(leading, order, first, axis=1)
    return leading
