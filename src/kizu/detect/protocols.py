"""Protocols: what labels mean, who decides, at what size, and what IoU, nIoU, Pd, Fa and ROC are, by name.

Publications print the same names over different definitions, and one choice alone (which blobs are false, a resize,
what an empty frame counts) changes every number. So numbers of two protocols never belong in one table, and every
document says its own. `kizu` is the default and for all else; the others repeat what codes of the literature do,
mistakes included, so that a result can stand beside a published one.

    kizu        masks at their own size; components and targets one to one, as many pairs as can be; every frame counts
    cdnet       the same; labels are the grey levels of changedetection.net
    basicirstd  XinyiYing/BasicIRSTD, metrics.py since 2024-01: masks at their own size, pairs in label order. Its code
                has IoU, Pd and Fa; nIoU is that of YimianDai/open-acm; precision, F1 and AUROC are added
    rpcanet     fengyiwu98/RPCANet, cal_metric_istd.py: maps resized to 256 x 256, divided by their own maximum and cut
                at 0.5, with two Pd and Fa, of my_pd_fa.py (pd, fa: the ones it prints) and of pd_fa.py (pd_3px,
                fa_3px), and a ROC over 201 thresholds; nIoU, AUROC, AP and AUPRO are added
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.detect.metrics import Confusion, confusion
from kizu.detect.target_metrics import (
    NEAR,
    NO_SWEEP,
    Match,
    Sweep,
    greedy,
    greedy_by_area,
    optimal,
    swept,
    touched,
)
from kizu.errors import ParameterError
from kizu.typing import Bools, Floats

HALF = 0.5
Size = tuple[int, int]


class Truth(NamedTuple):
    """What a person marked, and which pixels count; both (height, width)."""

    anomaly: Bools
    valid: Bools


class Judged(NamedTuple):
    """A frame as its protocol sees it: the decision, the map it ranks pixels by (if it was given), the truth."""

    mask: Bools
    score: Floats | None
    truth: Truth


@dataclass(frozen=True)
class Rule:
    """How targets are counted, and what its Pd and Fa are, in words."""

    match: Callable[[Bools, Bools, Bools | None], Match]
    pd: str
    fa: str


@dataclass(frozen=True)
class Protocol:
    """One row of `PROTOCOLS`.

    `labels`: what the grey levels of a truth mean. `rules`: suffix of the names pd and fa -> rule. `rescale`: makes
    the map what 0.5 is a threshold of; None: the mask is the decision. `size`: (height, width) that everything is
    resized to; None: its own. `nothing`: a pooled ratio of nothing to nothing; `nothing_iou`: that of one frame, in
    nIoU. `sweeps`: its ROC is that of :class:`Sweep`.
    """

    labels: Callable[[NDArray[Any]], Truth]
    rules: Mapping[str, Rule]
    rescale: Callable[[Floats], Floats] | None = None
    size: Size | None = None
    nothing: float = nan
    nothing_iou: float = 1.0
    sweeps: bool = False

    @property
    def by_map(self) -> bool:
        """Whether it decides by the score map, whatever the mask says."""
        return self.rescale is not None

    @property
    def decision(self) -> str:
        """Where the decision comes from, in words."""
        return f"maps, rescaled, above {HALF:g}" if self.by_map else "masks"

    def judge(self, mask: Bools, labels: NDArray[Any], score: Floats | None = None) -> Judged:
        """See one frame as this protocol does; all (height, width), `labels` as a picture holds them."""
        truth = self.labels(labels)
        if self.size is not None:
            mask, truth = _nearest(mask, self.size), Truth(*(_nearest(part, self.size) for part in truth))
            score = None if score is None else _bilinear(_filled(score), self.size)
        if self.rescale is None:
            return Judged(mask, score, truth)
        if score is None:
            raise ParameterError("score", None, "a map: this protocol decides by it")
        score = self.rescale(score)
        return Judged(score > HALF, score, truth)


@dataclass
class Tally:
    """What a protocol sums over frames, one at a time."""

    protocol: Protocol
    pixels: Confusion = field(default_factory=Confusion)
    ious: list[float] = field(default_factory=list)
    matches: dict[str, Match] = field(default_factory=dict)
    sweep: Sweep = NO_SWEEP

    def add(self, judged: Judged) -> None:
        """Count one frame."""
        mask, score, (anomaly, valid) = judged
        pixels = confusion(mask, anomaly, valid)
        self.pixels += pixels
        self.ious.append(_or(pixels.iou, self.protocol.nothing_iou))
        for suffix, rule in self.protocol.rules.items():
            self.matches[suffix] = self.matches.get(suffix, Match()) + rule.match(mask, anomaly, valid)
        if self.protocol.sweeps and score is not None:
            self.sweep += swept(score, anomaly & valid)

    def numbers(self) -> dict[str, float]:
        """Every number of the protocol by its name; NaN where it does not exist."""
        names = ("precision", "recall", "f1", "iou")
        found = {name: _or(getattr(self.pixels, name), self.protocol.nothing) for name in names}
        found["niou"] = float(np.mean(self.ious)) if self.ious else nan
        for suffix, match in self.matches.items():
            found |= {f"pd{suffix}": match.pd, f"fa{suffix}": match.fa}
        return found | ({"roc_area": self.sweep.roc.area} if self.protocol.sweeps else {})

    def units(self) -> dict[str, str]:
        """What each of the numbers is, in words."""
        rules = self.protocol.rules.items()
        return {
            **_POOLED,
            "niou": f"mean over frames; {self.protocol.nothing_iou:g} where nothing is true and nothing flagged",
            **{f"pd{suffix}": rule.pd for suffix, rule in rules},
            **{f"fa{suffix}": rule.fa for suffix, rule in rules},
            **({"roc_area": _SWEPT} if self.protocol.sweeps else {}),
        }


def _or(number: float, nothing: float) -> float:
    return nothing if isnan(number) else number


# --- what labels mean


def _non_zero(labels: NDArray[Any]) -> Truth:
    return Truth(labels != 0, np.ones(labels.shape, bool))


def _cdnet(labels: NDArray[Any]) -> Truth:
    """255 is foreground, 0 and 50 (shadow) background; 85 (outside) and 170 (unclear) do not count."""
    return Truth(labels == 255, (labels != 85) & (labels != 170))


def _upper_half(labels: NDArray[Any]) -> Truth:
    """Grey edges count from half of the brightest label on, as in BasicIRSTD's IoU (its Pd drops all but the whole)."""
    return Truth((labels > 0) & (labels >= labels.max() / 2), np.ones(labels.shape, bool))


def _brightest(labels: NDArray[Any]) -> Truth:
    """Divided by their own maximum and cut to whole numbers, only the brightest labels are left."""
    return Truth((labels > 0) & (labels == labels.max()), np.ones(labels.shape, bool))


# --- what becomes of a map


def over_maximum(score: Floats) -> Floats:
    """Each map over its own largest value: 1 somewhere in every frame, also where there is nothing.

    So a flat map, or one that is negative everywhere, is flagged everywhere; one of zeros is 0/0, which no threshold
    flags.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(_filled(score) / np.max(_filled(score)))


def _filled(score: Floats) -> Floats:
    """Nothing is claimed where the score is unknown: there it is the lowest, and never above 0."""
    known = np.isfinite(score)
    return np.where(known, score, np.min(score, where=known, initial=0.0)).astype(score.dtype, copy=False)


def _nearest(values: NDArray[Any], size: Size) -> NDArray[Any]:
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, values.shape, strict=True))
    return values[np.ix_(rows, columns)]


def _bilinear(score: Floats, size: Size) -> Floats:
    """Pixels are squares, edges repeat, nothing is smoothed first."""
    factors = [new / old for new, old in zip(size, score.shape, strict=True)]
    return np.asarray(ndimage.zoom(score, factors, order=1, mode="nearest", grid_mode=True))


# --- the table

_POOLED = {
    "precision": "share of the flagged pixels, all frames pooled",
    "recall": "share of the true pixels, all frames pooled",
    "f1": "pixels of all frames pooled",
    "iou": "pixels of all frames pooled",
}
_SWEPT = "targets touched over clean pixels flagged, 201 thresholds, frames with targets, all pooled"
_ONE_TO_ONE = f"share of targets with a component of their own less than {NEAR:g} pixels away, centroid to centroid"
_OPTIMAL = Rule(optimal, _ONE_TO_ONE, "pixels of components without a target per pixel")
_GREEDY = Rule(greedy, f"{_ONE_TO_ONE}, paired in label order", _OPTIMAL.fa)
_TOUCHED = Rule(
    touched,
    "share of targets with a flagged pixel",
    "false pixels per background pixel of the frames with targets",
)
_BY_AREA = Rule(greedy_by_area, _GREEDY.pd, "pixels of components as large as none that has a target, per pixel")
_KIZU = Protocol(_non_zero, {"": _OPTIMAL})

PROTOCOLS: Mapping[str, Protocol] = {
    "kizu": _KIZU,
    "cdnet": replace(_KIZU, labels=_cdnet),
    "basicirstd": Protocol(_upper_half, {"": _GREEDY}, nothing=0.0, nothing_iou=0.0),
    "rpcanet": Protocol(
        _brightest,
        {"": _TOUCHED, "_3px": _BY_AREA},
        rescale=over_maximum,
        size=(256, 256),
        nothing=0.0,
        nothing_iou=0.0,
        sweeps=True,
    ),
}
"""Adding a protocol is adding a row."""
