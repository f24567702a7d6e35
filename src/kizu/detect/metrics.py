"""How well masks and score maps agree with a truth: arrays in, numbers out.

Masks are boolean (True = anomaly), score maps grow with abnormality, `valid` marks the pixels that count. All
take arrays of any one shape; where regions matter, (frames, height, width). A ratio of nothing to nothing is NaN:
no prediction has no precision, no defect has no recall.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.typing import Bools, Floats

# One frame thick: a region is 8-connected within its frame and never reaches into the next one.
EIGHT = np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))], bool)


@dataclass(frozen=True)
class Confusion:
    """Counts of pixels; the sum of two is the confusion of both together (pooled)."""

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_negative + other.true_negative,
        )

    @property
    def precision(self) -> float:
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)

    @property
    def iou(self) -> float:
        return _ratio(self.true_positive, self.true_positive + self.false_positive + self.false_negative)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else nan


def confusion(predicted: Bools, truth: Bools, valid: Bools | None = None) -> Confusion:
    """Count the pixels of `predicted` against `truth` where `valid`."""
    if valid is not None:
        predicted, truth = predicted[valid], truth[valid]
    both = int(np.count_nonzero(predicted & truth))
    flagged, wanted = int(np.count_nonzero(predicted)), int(np.count_nonzero(truth))
    return Confusion(both, flagged - both, wanted - both, truth.size - flagged - wanted + both)


def region_hits(predicted: Bools, truth: Bools, valid: Bools | None = None) -> tuple[int, int]:
    """(regions of `truth` that `predicted` touches, regions of `truth`), shape (frames, height, width).

    One common pixel is a hit: a person who looks there finds the defect. Regions are 8-connected and are what is
    left of them where `valid`.
    """
    if valid is not None:
        truth = truth & valid
    labels, count = ndimage.label(truth, EIGHT)
    return len(np.unique(labels[predicted & truth])), int(count)


def auroc(score: Floats, truth: Bools) -> float:
    """Area under the ROC curve: the chance that a defective pixel scores above a clean one, ties half.

    NaN unless both kinds are there. `score` finite, same shape as `truth`.
    """
    from sklearn.metrics import roc_auc_score

    truth = truth.ravel()
    return float(roc_auc_score(truth, score.ravel())) if truth.any() and not truth.all() else nan


def average_precision(score: Floats, truth: Bools) -> float:
    """Area under the precision-recall curve as a sum of steps; NaN if nothing is true."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth.ravel(), score.ravel())) if truth.any() else nan


def aupro(score: Floats, truth: Bools, valid: Bools | None = None, *, limit: float = 0.3) -> float:
    """:func:`aupro_of` for frames of one size, shapes (frames, height, width)."""
    valid = np.ones(truth.shape, bool) if valid is None else valid
    return aupro_of(list(score), list(truth), list(valid), limit=limit)


def aupro_of(
    scores: Sequence[Floats], truths: Sequence[Bools], valids: Sequence[Bools], *, limit: float = 0.3
) -> float:
    """Area under the per-region-overlap curve up to a false-positive rate of `limit`, divided by it.

    One array (height, width) per frame, of any sizes. Every true region weighs the same however large it is, so that
    a missed pin-hole counts as much as a missed scratch; false positives are counted over all clean pixels of all
    frames (Bergmann et al. 2020, section 5.2). Exact: every distinct score is a threshold. NaN if nothing is true or
    all.
    """
    labels, count = _numbered_regions(truths, valids)
    score = np.concatenate([s[v] for s, v in zip(scores, valids, strict=True)])
    sizes = np.bincount(labels, minlength=count + 1)
    if count == 0 or sizes[0] == 0:
        return nan
    share = 1 / (sizes * count)  # what one pixel of each region adds to the mean overlap
    share[0] = 0
    order = np.argsort(-score, kind="stable")
    ends = _ends_of_ties(score[order])
    overlap = np.cumsum(share[labels[order]])[ends]
    false = np.cumsum(labels[order] == 0)[ends] / sizes[0]
    return _area_up_to(np.append(0, false), np.append(0, overlap), limit) / limit


def _numbered_regions(truths: Sequence[Bools], valids: Sequence[Bools]) -> tuple[NDArray[np.intp], int]:
    """The number of its region (8-connected, of one frame) for every valid pixel of all frames, 0 for none."""
    found, count = [], 0
    for truth, valid in zip(truths, valids, strict=True):
        labels, more = ndimage.label(truth & valid, EIGHT[1])
        found.append(np.where(labels > 0, labels + count, 0)[valid])
        count += int(more)
    return np.concatenate(found).astype(np.intp), count


def _ends_of_ties(ordered: Floats) -> NDArray[np.intp]:
    """Where each group of equal scores ends: no threshold can part them."""
    return np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)


def _area_up_to(x: Floats, y: Floats, limit: float) -> float:
    """Area under the polyline (x ascending) from 0 to `limit`."""
    inside = x <= limit
    at_limit = np.interp(limit, x, y)
    return float(np.trapezoid(np.append(y[inside], at_limit), np.append(x[inside], limit)))
