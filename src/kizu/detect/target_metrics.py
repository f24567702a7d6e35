"""Small targets: which components of a mask find them, and what a threshold swept over a map would find.

    Pd = targets found / targets    Fa = false pixels / pixels

Publications print these two names over different definitions; each function here is one, and
:mod:`kizu.detect.protocols` says who uses which. Numbers of two definitions never belong in one table.

Masks are boolean (True = anomaly), shape (height, width); `valid` marks the pixels that count. Components are
8-connected and ordered by their first pixel, row by row. A ratio of nothing to nothing is NaN.
"""

from dataclasses import dataclass
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import KDTree

from kizu.detect.hysteresis import EIGHT
from kizu.typing import Bools, Floats, Integers

NEAR = 3.0
"""A component can be a target's where their centroids are less than so many pixels apart."""
STEPS = 200
"""A sweep has this many thresholds and one: i / 200."""


@dataclass(frozen=True)
class Match:
    """Targets, those found, components and pixels that are nobody's, and the pixels that those are a share of."""

    targets: int = 0
    found: int = 0
    false: int = 0
    false_pixels: int = 0
    pixels: int = 0

    def __add__(self, other: "Match") -> "Match":
        return Match(
            self.targets + other.targets,
            self.found + other.found,
            self.false + other.false,
            self.false_pixels + other.false_pixels,
            self.pixels + other.pixels,
        )

    @property
    def pd(self) -> float:
        return self.found / self.targets if self.targets else nan

    @property
    def fa(self) -> float:
        return self.false_pixels / self.pixels if self.pixels else nan


class _Pieces(NamedTuple):
    """The components of a mask: centroids (count, 2) in pixels, areas (count,)."""

    centres: Floats
    areas: Integers


def optimal(mask: Bools, truth: Bools, valid: Bools | None = None) -> Match:
    """Components and targets one to one: as many pairs as there can be, of those the nearest.

    So Pd depends on no order; where two pairings are equally near, Fa is that of either.
    """
    ours, theirs = _pieces(mask, valid), _pieces(truth, valid)
    component, target, distance = _near(ours, theirs)
    count, targets = len(ours.areas), len(theirs.areas)
    taken = np.zeros(count, bool)
    if len(component):
        # A component without a target pays more than all pairs together; 1 more each, as 0 would mean "no pair".
        nobody = np.full(count, 1 + NEAR * (1 + count))
        rows, columns = np.append(component, np.arange(count)), np.append(target, targets + np.arange(count))
        costs = coo_array((np.append(1 + distance, nobody), (rows, columns)), shape=(count, targets + count))
        taken = min_weight_full_bipartite_matching(costs.tocsr())[1] < targets
    return _matched(ours, theirs, int(taken.sum()), ~taken, _size(truth, valid))


def greedy(mask: Bools, truth: Bools, valid: Bools | None = None) -> Match:
    """Each target in order takes the first near component that is left, so the order decides who finds what.

    BasicIRSTD, `metrics.py` since 2024-01: what was not taken is false, component by component.
    """
    ours, theirs = _pieces(mask, valid), _pieces(truth, valid)
    taken = _taken_in_order(ours, theirs)
    return _matched(ours, theirs, int(taken.sum()), ~taken, _size(truth, valid))


def greedy_by_area(mask: Bools, truth: Bools, valid: Bools | None = None) -> Match:
    """:func:`greedy`, but a component is false only if its *area* is that of none that was taken.

    A false blob of as many pixels as a hit is free: a mistake in BasicIRSTD before 2024-01 that `pd_fa.py` of
    RPCANet, and codes that descend from them, still make; published Fa contain it.
    """
    ours, theirs = _pieces(mask, valid), _pieces(truth, valid)
    taken = _taken_in_order(ours, theirs)
    false = ~np.isin(ours.areas, ours.areas[taken])
    return _matched(ours, theirs, int(taken.sum()), false, _size(truth, valid))


def touched(mask: Bools, truth: Bools, valid: Bools | None = None) -> Match:
    """A target is found where one pixel is; every flagged pixel beside the targets is false, as a share of those.

    `my_pd_fa.py` of RPCANet: one blob may find many targets, what spills around a hit counts, and a frame without a
    target counts nowhere, however much is flagged in it.
    """
    valid = np.ones(truth.shape, bool) if valid is None else valid
    mask, truth = mask & valid, truth & valid
    labels, targets = ndimage.label(truth, EIGHT)
    if not targets:
        return Match()
    ours, count = ndimage.label(mask, EIGHT)
    both = mask & truth
    return Match(
        targets=int(targets),
        found=len(np.unique(labels[both])),
        false=int(count) - len(np.unique(ours[both])),
        false_pixels=int(np.count_nonzero(mask & ~truth)),
        pixels=int(np.count_nonzero(valid & ~truth)),
    )


def _pieces(mask: Bools, valid: Bools | None) -> _Pieces:
    labels, count = ndimage.label(mask if valid is None else mask & valid, EIGHT)
    centres = ndimage.center_of_mass(labels > 0, labels, np.arange(1, count + 1))
    return _Pieces(np.array(centres).reshape(-1, 2), np.bincount(labels.ravel(), minlength=count + 1)[1:])


def _near(ours: _Pieces, theirs: _Pieces) -> tuple[Integers, Integers, Floats]:
    """Component, target and distance of every pair that is near enough, target by target."""
    trees = KDTree(ours.centres), KDTree(theirs.centres)
    pairs = trees[0].sparse_distance_matrix(trees[1], NEAR * 1.001, output_type="ndarray")
    pairs = np.sort(pairs, order=("j", "i"))
    distance = np.linalg.norm(ours.centres[pairs["i"]] - theirs.centres[pairs["j"]], axis=1)
    near = distance < NEAR
    return pairs["i"][near], pairs["j"][near], distance[near]


def _taken_in_order(ours: _Pieces, theirs: _Pieces) -> Bools:
    taken = np.zeros(len(ours.areas), bool)
    found: set[int] = set()
    component, target, _distance = _near(ours, theirs)
    for one, wanted in zip(component.tolist(), target.tolist(), strict=True):
        if wanted not in found and not taken[one]:
            taken[one] = True
            found.add(wanted)
    return taken


def _matched(ours: _Pieces, theirs: _Pieces, found: int, false: Bools, pixels: int) -> Match:
    return Match(len(theirs.areas), found, int(false.sum()), int(ours.areas[false].sum()), pixels)


def _size(truth: Bools, valid: Bools | None) -> int:
    return truth.size if valid is None else int(np.count_nonzero(valid))


# --- every threshold


class Roc(NamedTuple):
    """Shares of what is clean that is flagged, ascending, and of what is to be found that is."""

    false_rate: Floats
    hit_rate: Floats

    @property
    def area(self) -> float:
        """By trapezoids between the points that are there: none is added at (0, 0) or (1, 1)."""
        return float(np.trapezoid(self.hit_rate, self.false_rate)) if self.false_rate.size else nan


def pixel_roc(score: Floats, truth: Bools) -> Roc:
    """Every distinct score is a threshold, pixels are what is found: the curve over :func:`kizu.detect.metrics.auroc`.

    `score` finite, of any shape, as `truth`. Empty unless both kinds are there.
    """
    from sklearn.metrics import roc_curve

    truth = truth.ravel()
    if not truth.any() or truth.all():
        return Roc(np.empty(0), np.empty(0))
    false_rate, hit_rate, _thresholds = roc_curve(truth, score.ravel())
    return Roc(false_rate, hit_rate)


@dataclass(frozen=True)
class Sweep:
    """Counts at thresholds 0, 1/200, …, 1: clean pixels flagged, targets touched; the sum of two is both together.

    `roc_cruve.py` of RPCANet: a threshold flags what reaches it, a target is found where one pixel is, a frame without
    a target counts nowhere. What is below 0 is never flagged, so the curve may end early, and its area is no AUROC.
    """

    flagged: NDArray[np.int64]
    clean: int
    touched: NDArray[np.int64]
    targets: int

    def __add__(self, other: "Sweep") -> "Sweep":
        return Sweep(
            self.flagged + other.flagged,
            self.clean + other.clean,
            self.touched + other.touched,
            self.targets + other.targets,
        )

    @property
    def roc(self) -> Roc:
        """From the highest threshold to the lowest; empty unless something is clean and something to be found."""
        if not self.clean or not self.targets:
            return Roc(np.empty(0), np.empty(0))
        return Roc(self.flagged[::-1] / self.clean, self.touched[::-1] / self.targets)


NO_SWEEP = Sweep(np.zeros(STEPS + 1, np.int64), 0, np.zeros(STEPS + 1, np.int64), 0)


def swept(score: Floats, truth: Bools) -> Sweep:
    """The sweep of one frame; `score` mostly in 0 … 1, NaN is never flagged."""
    labels, targets = ndimage.label(truth, EIGHT)
    if not targets:
        return NO_SWEEP
    score = np.where(np.isnan(score), -np.inf, score)
    peaks = np.atleast_1d(ndimage.maximum(score, labels, np.arange(1, targets + 1)))
    clean = score[~truth]
    return Sweep(_reaching(clean), len(clean), _reaching(peaks), int(targets))


def _reaching(values: Floats) -> NDArray[np.int64]:
    """How many of `values` are at least 0, 1/200, …, 1."""
    thresholds = (np.arange(STEPS + 1) / STEPS).astype(values.dtype)
    passed = np.searchsorted(thresholds, values, side="right")
    return np.cumsum(np.bincount(passed, minlength=STEPS + 2)[::-1])[::-1][1:].astype(np.int64)
