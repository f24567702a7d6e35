"""Regions in the logits of a trained network, and how often one is false.

A logit is the network's own opinion, and no network knows how often it is wrong. So that is counted, on pictures that
it was not trained on and in which there is nothing: how loud is the loudest of each? False regions come in crowds in a
few pictures, so pictures are counted, not regions: of n + 1 alike, each is as likely as any other to be the loudest
(conformal p-values: Vovk, Gammerman & Shafer 2005). Louder than all n, nothing was measured: there the excesses of the
louder half go on as an exponential law (peaks over a threshold, Pickands 1975).
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from kizu.detect.decide import Decision, Rule
from kizu.detect.hysteresis import EIGHT
from kizu.errors import UsageError
from kizu.typing import Floats

FLATTEST = 0.25
"""The law's fall, at least: equal pictures, as of a flat border, do not say that louder ones are impossible."""
LEAST = 1e-6
"""No chance below this is claimed."""
SUPPORT = 0.0
"""Where the anomaly of an exact network is not zero: its logit is above this."""


class Law(NamedTuple):
    """The chance that a picture without anything in it has a region whose peak is at least t.

    `loudest` logit of each of some such pictures, falling; beyond the first, the chance falls by e every `fall`.
    """

    loudest: tuple[float, ...]
    fall: float

    def expected(self, peak: float) -> float:
        """The chance of at least this peak where there is nothing."""
        reached = sum(one >= peak for one in self.loudest)
        beyond = max(0.0, peak - self.loudest[0]) / self.fall
        return max((reached + 1) / (len(self.loudest) + 1) * math.exp(-beyond), LEAST)

    def level(self, rate: float) -> float:
        """The lowest peak whose chance is at most `rate`; the least loud picture's where all are allowed one."""
        pictures = len(self.loudest) + 1
        allowed = math.floor(rate * pictures * (1 + 1e-12)) - 1
        if allowed < 0:
            return self.loudest[0] + self.fall * math.log(1 / (rate * pictures))
        return self.loudest[-1] if allowed >= pictures - 1 else math.nextafter(self.loudest[allowed], math.inf)


def law_of(logits: Iterable[Floats]) -> Law:
    """The law of the logits of some pictures, at least one, in which there is nothing."""
    loudest = sorted((float(logit.max()) for logit in logits), reverse=True)
    half = -(-len(loudest) // 2)
    return Law(tuple(loudest), max(float(np.mean(loudest[:half])) - loudest[half - 1], FLATTEST))


def decide(logit: Floats, law: Law, rule: Rule, min_area: int = 1) -> Decision:
    """Regions where the logit is above 0 whose peaks are rare enough where nothing is; `rule` z is a level of peaks.

    Where more false alarms are allowed than have a peak above 0, regions reach down to the level of peaks. The score
    is log(1 + exp(logit)): near the logit where it is large, near 0 where it is far below.
    """
    if rule.kind == "fdr":
        raise UsageError("a network's map has no p-values", "Use --false-alarms or --z", where="--fdr")
    level = rule.value if rule.kind == "z" else law.level(rule.value)
    labels, count = ndimage.label(logit > min(level, SUPPORT), EIGHT)
    numbers = np.arange(1, count + 1)
    peaks = ndimage.maximum(logit, labels, numbers) if count else []
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    chance = np.full(count + 1, np.inf, np.float32)
    for number, peak, area in zip(numbers, peaks, areas, strict=True):
        if peak >= level and area >= min_area:
            chance[number] = law.expected(float(peak))
    expected = chance[labels]
    return Decision(np.logaddexp(0, logit).astype(np.float32), np.isfinite(expected), expected)
