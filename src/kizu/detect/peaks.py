"""Regions in the logits of a trained network, and how often one is false.

A logit is the network's own opinion, and no network knows how often it is wrong. So that is counted, on pictures that
it was not trained on and in which there is nothing: how loud is the loudest of each? False regions come in crowds in a
few pictures, so pictures are counted, not regions. The excesses of the louder half over the others are exponential,
nearly (peaks over a threshold, Pickands 1975): a logit is the logarithm of odds. One law for all of that half swings
less with two or three pictures at the top than these would. Few pictures may be quiet by chance, though: a rate asks
for no less than a peak that the network itself is sure of.
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
SURE = 1.0
"""The lowest peak that a rate asks for: e times as likely an anomaly as not. A level may be lower."""
SUPPORT = 0.0
"""Where the anomaly of an exact network is not zero: its logit is above this."""


class Law(NamedTuple):
    """The chance that a picture without anything in it has a region whose peak is at least t.

    `loudest` logit of each of some such pictures, falling; from the middle one on the chance falls by e every `fall`.
    """

    loudest: tuple[float, ...]
    fall: float

    @property
    def start(self) -> tuple[float, float]:
        """The peak from which on the law is exponential, and its chance."""
        half = -(-len(self.loudest) // 2)
        return self.loudest[half - 1], half / len(self.loudest)

    def expected(self, peak: float) -> float:
        """The chance of at least this peak where there is nothing."""
        start, chance = self.start
        if peak < start:
            return sum(one >= peak for one in self.loudest) / len(self.loudest)
        return max(chance * math.exp(-(peak - start) / self.fall), LEAST)

    def level(self, rate: float) -> float:
        """The lowest peak whose chance is at most `rate`, and no lower than `SURE`."""
        return max(self._rare(rate), SURE)

    def _rare(self, rate: float) -> float:
        """The lowest peak whose chance is at most `rate`; the least loud picture's where all are allowed one."""
        start, chance = self.start
        if rate <= chance:
            return start + self.fall * math.log(chance / rate)
        allowed = math.floor(rate * len(self.loudest) * (1 + 1e-12))
        if allowed >= len(self.loudest):
            return self.loudest[-1]
        return min(start, math.nextafter(self.loudest[allowed], math.inf))


def law_of(logits: Iterable[Floats]) -> Law:
    """The law of the logits of some pictures, at least one, in which there is nothing."""
    loudest = sorted((float(logit.max()) for logit in logits), reverse=True)
    half = -(-len(loudest) // 2)
    return Law(tuple(loudest), max(float(np.mean(loudest[:half])) - loudest[half - 1], FLATTEST))


def decide(logit: Floats, law: Law, rule: Rule, min_area: int = 1) -> Decision:
    """Regions where the logit is above 0 whose peaks are rare enough where nothing is; `rule` z is a level of peaks.

    A level below 0 lets regions reach down to it. The score is log(1 + exp(logit)): near the logit where it is large,
    near 0 where it is far below.
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
