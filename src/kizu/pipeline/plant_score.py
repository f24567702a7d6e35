"""What a candidate is worth on planted defects: which it finds, and what it flags elsewhere."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from kizu.defects import Planted
from kizu.detect.hysteresis import EIGHT
from kizu.detect.maps import SIZES
from kizu.detect.smooth import dilate
from kizu.typing import Bools, Floats

BUDGET = 0.5
"""Regions elsewhere per picture at which candidates are compared: equally bothersome, whatever each calls its rate."""
MOST_FLAGGED = 0.02
"""No level is looked at where more of the picture is flagged: there regions run into each other and become few."""
TIE = 0.02
"""Recalls that differ by no more are the same, and so are those that differ by one defect."""

SURE = 0.05
"""A difference that equal candidates show less often is not called chance."""


class Candidate(NamedTuple):
    """A model and the weight `lam` it runs with (None: its default), which is `multiple` of its default."""

    model: str
    lam: float | None
    multiple: float

    @property
    def words(self) -> str:
        return self.model if self.lam is None else f"{self.model} --lam {self.lam:.4g}"


class Judged(NamedTuple):
    """Masks and score maps of every picture (height, width)."""

    masks: Sequence[Bools]
    scores: Sequence[Floats]


class Scored(NamedTuple):
    """A candidate on the planted defects.

    `found` by its mask at the rule asked for, where `elsewhere` regions per picture touch no planted defect;
    `at_budget`: found by its score map at the level where those are at most `BUDGET`, or by its mask where that finds
    more and keeps the budget too. One entry per defect.
    """

    candidate: Candidate
    found: tuple[bool, ...]
    elsewhere: float
    at_budget: tuple[bool, ...]
    seconds: float

    @property
    def recall(self) -> float:
        return _share(self.found)

    @property
    def recall_at_budget(self) -> float:
        return _share(self.at_budget)


def scored(
    candidate: Candidate, planted: Sequence[Planted], judged: Judged, near: Sequence[Bools], seconds: float
) -> Scored:
    """Hold masks and maps against what was planted. One pixel in common is a hit: who looks there sees it.

    What touches `near` (height, width) of its picture is not elsewhere.
    """
    found = tuple(bool((judged.masks[one.frame][one.box] & one.inside).any()) for one in planted)
    regions = sum(_elsewhere(mask, close) for mask, close in zip(judged.masks, near, strict=True))
    peaks = [float(judged.scores[one.frame][one.box][one.inside].max()) for one in planted]
    level = _level(judged.scores, near, peaks)
    at_budget, elsewhere = tuple(0 < level <= peak for peak in peaks), regions / len(judged.masks)
    if elsewhere <= BUDGET and sum(found) > sum(at_budget):
        at_budget = found  # its own rule is one more way to keep the budget
    return Scored(candidate, found, elsewhere, at_budget, round(seconds, 2))


def close_to(planted: Sequence[Planted], shapes: Sequence[tuple[int, ...]]) -> list[Bools]:
    """What was planted and its surroundings, in pictures of these shapes (height, width)."""
    masks = [np.zeros(shape, np.bool_) for shape in shapes]
    for defect in planted:
        masks[defect.frame][defect.box] |= defect.inside
    return [dilate(mask, SIZES[-1]) for mask in masks]


def there_before(models: Sequence[Sequence[Bools]], near: Sequence[Bools]) -> tuple[list[Bools], int]:
    """What more than half of the models, and two at least, flag beyond `near`: surroundings, and how many regions.

    Models err at different places; where they agree there was a flaw in the user's own picture, and who finds it
    must not be the worse for it. `models` holds the masks of every picture for each model.
    """
    need, found, regions = max(2, len(models) // 2 + 1), [], 0
    for number, close in enumerate(near):
        agreed: Bools = np.sum([masks[number] for masks in models], axis=0) >= need
        regions += _elsewhere(agreed, close)
        found.append(dilate(agreed, SIZES[-1]))
    return found, regions


def _level(scores: Sequence[Floats], near: Sequence[Bools], peaks: Sequence[float]) -> float:
    """The lowest peak at which the budget holds; infinity where it holds at none."""
    levels = sorted({peak for peak in peaks if peak > 0})

    def holds(level: float) -> bool:
        masks = [score >= level for score in scores]
        flagged = max(float((mask & ~close).mean()) for mask, close in zip(masks, near, strict=True))
        if flagged > MOST_FLAGGED:
            return False
        return sum(_elsewhere(m, close) for m, close in zip(masks, near, strict=True)) <= BUDGET * len(scores)

    low, high = 0, len(levels)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(levels[middle]) else (middle + 1, high)
    return levels[low] if low < len(levels) else math.inf


def _elsewhere(mask: Bools, near: Bools) -> int:
    """Regions of `mask` that do not touch `near`."""
    labels, count = ndimage.label(mask, EIGHT)
    return int(count) - len(np.unique(labels[near & mask]))


def recalls(planted: Sequence[Planted], found: Sequence[bool], by: str) -> list[dict[str, Any]]:
    """Recall for each value of `by` ("kind", "size" or "contrast", without its sign), and of how many."""

    def value_of(one: Planted) -> Any:
        value = getattr(one, by)
        return round(abs(value), 6) if isinstance(value, float) else value

    pairs = [(value_of(one), hit) for one, hit in zip(planted, found, strict=True) if value_of(one) is not None]
    pairs.sort(key=lambda pair: pair[0])
    groups = ((value, [hit for _, hit in part]) for value, part in groupby(pairs, key=lambda pair: pair[0]))
    return [{by: value, "recall": _share(hits), "planted": len(hits)} for value, hits in groups]


def ranked(rows: Sequence[Scored]) -> list[Scored]:
    """Best first: recall at the budget; where that is the same fewer regions elsewhere; then the order given.

    The order given is that of cost. Seconds are not asked: the same input must get the same answer.
    """
    return list(_ranked(list(rows)))


def _ranked(rest: list[Scored]) -> Iterator[Scored]:
    while rest:
        most = max(rest, key=lambda row: row.recall_at_budget)
        best = min((row for row in rest if not _more(most, row)), key=lambda row: row.elsewhere)
        rest.remove(best)
        yield best


def _more(one: Scored, other: Scored) -> bool:
    """Whether `one` finds more defects than `other`, beyond a tie."""
    return sum(one.at_budget) - sum(other.at_budget) > max(1.0, TIE * len(one.at_budget))


def chance(one: Sequence[bool], other: Sequence[bool]) -> float:
    """How often two equal candidates differ so much on these defects: the sign test, two-sided."""
    only = sum(a and not b for a, b in zip(one, other, strict=True))
    different = sum(a != b for a, b in zip(one, other, strict=True))
    tail = sum(math.comb(different, k) for k in range(min(only, different - only) + 1))
    return float(min(1.0, 2 * tail / 2**different))


def reasons(rows: Sequence[Scored]) -> tuple[str, tuple[dict[str, str], ...]]:
    """Why the first of `rows` (best first), and of every other model its best and why not that: for run.json."""
    best = rows[0]
    why = f"{_score(best)} at {BUDGET:g} regions elsewhere per picture"
    if not any(best.at_budget):
        why = "no model finds any of the planted defects: it is taken because it is the first of those tried"
    others: dict[str, str] = {}
    for row in rows[1:]:
        if row.candidate.model != best.candidate.model:
            others.setdefault(row.candidate.model, f"{_score(row)}; {difference(best, row)}")
    return why, tuple({"name": name, "why": said} for name, said in others.items())


def _score(row: Scored) -> str:
    weight = "" if row.candidate.lam is None else f"with lam {row.candidate.lam:.4g} "
    return f"{weight}it found {sum(row.at_budget)} of {len(row.at_budget)} planted defects"


def difference(best: Scored, other: Scored) -> str:
    """Why not `other`, and whether it can be chance."""
    if _more(best, other):
        p = chance(best.at_budget, other.at_budget)
        sure = "more than chance" if p <= SURE else "which may be chance"
        fewer = sum(best.at_budget) - sum(other.at_budget)
        return f"{fewer} fewer than {best.candidate.words}, {sure} (sign test: p = {p:.2g})"
    if best.elsewhere < other.elsewhere:
        return f"about as many, but {other.elsewhere:.2g} regions elsewhere per picture instead of {best.elsewhere:.2g}"
    return "nothing tells them apart; it costs more, or is further from the default"


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else 0.0
