"""Regions in the logits of a trained network, and how many false ones to expect.

A logit is the network's own opinion, and no network knows how often it is wrong. So that is counted, on pictures that
it was not trained on and in which there is nothing: the peaks of its logits. Their excesses over a level that some of
them reach are exponential, nearly (peaks over a threshold, Pickands 1975): a logit is the logarithm of odds.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from kizu.detect.decide import Decision, Rule
from kizu.detect.hysteresis import EIGHT
from kizu.errors import UsageError
from kizu.typing import Floats

APART = 7
"""Pixels of the window that a peak is the highest of."""
TAIL = 40
"""The law is fitted to so many of the highest peaks: fewer would be a guess, and lower ones follow another law."""
FLATTEST = 0.25
"""The law's fall, at least: equal peaks, as of a flat border, do not say that higher ones are impossible."""
LEAST = 1e-6
"""No expected number of false regions below this is claimed."""
SUPPORT = 0.0
"""Where the anomaly of an exact network is not zero: its logit is above this."""


class Law(NamedTuple):
    """False regions per picture whose peak is at least t: rate·exp(−(t − start) / fall), from `start` on.

    `pictures` and `peaks` are how many it was measured on.
    """

    start: float
    rate: float
    fall: float
    pictures: int
    peaks: int

    def expected(self, peak: float) -> float:
        """False regions per defect-free picture with at least this peak."""
        return max(self.rate * math.exp(-max(peak - self.start, 0.0) / self.fall), LEAST)

    def level(self, rate: float) -> float:
        """The lowest peak that fewer than `rate` false regions per picture reach; no lower than was measured."""
        return self.start + max(0.0, self.fall * math.log(self.rate / rate))


def false_peaks(logit: Floats) -> Floats:
    """Peaks of the logits (height, width) of a picture in which there is nothing; a plateau is one."""
    labels, count = ndimage.label(ndimage.maximum_filter(logit, APART) == logit, EIGHT)
    return np.asarray(ndimage.maximum(logit, labels, np.arange(1, count + 1)), np.float64).reshape(-1)


def law_of(peaks: Sequence[Floats]) -> Law:
    """The law of the false peaks of some pictures, one array each."""
    together = np.sort(np.concatenate(peaks))[::-1]
    count = min(TAIL, len(together) - 1)
    if count < 1:
        start = float(together[0]) if len(together) else SUPPORT
        return Law(start, 1.0 / len(peaks), 1.0, len(peaks), len(together))
    start = float(together[count])
    fall = float(np.mean(together[:count] - start))
    return Law(start, (count + 1) / len(peaks), max(fall, FLATTEST), len(peaks), count)


def decide(logit: Floats, law: Law, rule: Rule, min_area: int = 1) -> Decision:
    """Regions where the logit is above 0 whose peaks are rare enough among false ones; `rule` z is a level of peaks.

    Where more false regions are allowed than have a peak above 0, regions reach down to the level of peaks. The score
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
