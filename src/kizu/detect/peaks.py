"""Regions in the logits of a trained network, and how many false ones to expect.

A logit is the network's own opinion, and no network knows how often it is wrong. So that is counted, on pictures that
it was not trained on: the peaks of its logits where nothing is marked. Their excesses over a level that some of them
reach are exponential, nearly (peaks over a threshold, Pickands 1975): a logit is the logarithm of odds.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from kizu.detect.decide import Decision, Rule
from kizu.detect.hysteresis import EIGHT
from kizu.errors import UsageError
from kizu.typing import Bools, Floats

APART = 7
"""Pixels of the window that a peak is the highest of."""
NEAR = 5
"""Pixels from what is marked within which a peak is not false."""
TAIL = 40
"""The law is fitted to so many of the highest peaks: fewer would be a guess, and lower ones follow another law."""
ENOUGH = 20
"""Peaks in the tail, and pictures, below which the stated rate is approximate."""
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

    @property
    def approximate(self) -> bool:
        return min(self.pictures, self.peaks) < ENOUGH


def false_peaks(logit: Floats, marked: Bools) -> Floats:
    """Peaks of `logit` (height, width) that are not near what is `marked`."""
    far = ~ndimage.binary_dilation(marked, EIGHT, iterations=NEAR) if marked.any() else ~marked
    top = ndimage.maximum_filter(logit, APART) == logit
    return np.asarray(logit[top & far], np.float64)


def law_of(peaks: Sequence[Floats]) -> Law:
    """The law of the false peaks of some pictures, one array each. One more than was seen is counted, for safety."""
    together = np.sort(np.concatenate(peaks))[::-1]
    count = min(TAIL, len(together) - 1)
    if count < 1:
        return Law(SUPPORT, 1.0 / len(peaks), 1.0, len(peaks), len(together))
    start = float(together[count])
    fall = float(np.mean(together[:count] - start))
    return Law(start, (count + 1) / len(peaks), max(fall, 1e-3), len(peaks), count)


def decide(logit: Floats, law: Law, rule: Rule, min_area: int = 1) -> Decision:
    """Regions where the logit is above 0 whose peaks are rare enough among false ones; `rule` z is a level of peaks.

    Where more false regions are allowed than have a peak above 0, regions reach down to the level of peaks. The score
    is log(1 + exp(logit)): near the logit where it is large, near 0 where it is far below.
    """
    if rule.kind == "fdr":
        raise UsageError("a network's map has no p-values", "Use --false-alarms or --z", where="--fdr")
    level = rule.value if rule.kind == "z" else law.level(rule.value)
    mask, expected = np.zeros(logit.shape, np.bool_), np.full(logit.shape, np.inf, np.float32)
    labels, count = ndimage.label(logit > min(level, SUPPORT), EIGHT)
    numbers = np.arange(1, count + 1)
    peaks = ndimage.maximum(logit, labels, numbers) if count else []
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    for number, peak, area in zip(numbers, peaks, areas, strict=True):
        if peak >= level and area >= min_area:
            region = labels == number
            mask |= region
            expected[region] = law.expected(float(peak))
    return Decision(np.logaddexp(0, logit).astype(np.float32), mask, expected)
