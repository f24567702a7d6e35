"""What a model that judges one picture at a time has to offer to the road."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kizu.detect.decide import Rule
from kizu.detect.regions import Region
from kizu.typing import Bools, Floats


class Verdict(NamedTuple):
    """What is thought of one picture, every array (height, width).

    `score` grows with abnormality, 0 where nothing is judged; `expected` are false regions per defect-free
    picture where `mask` is set, infinity elsewhere; `residual` is picture − background in grey levels, of the
    channel where it is largest; `background` is like the picture. `gap`: how far its split is from the optimum of
    what was solved, NaN where that is not known.
    """

    score: Floats
    mask: Bools
    expected: Floats
    residual: Floats
    background: NDArray[Any]
    gap: float


def loudest(residual: Floats) -> Floats:
    """Of every pixel, the channel where the residual is largest (height, width)."""
    if residual.ndim == 2:
        return residual
    best = np.abs(residual).argmax(axis=2)[..., None]
    return np.asarray(np.take_along_axis(residual, best, axis=2)[..., 0])


class PictureModel(Protocol):
    """A background that is learned from pictures, one or a folder of them, and judges pictures of any size.

    Pictures are arrays (height, width[, channels]) in their own dtype.
    """

    def judge(self, picture: NDArray[Any], rule: Rule) -> Verdict:
        """Decide on one picture; the same picture gives the same bytes."""
        ...

    def about(self, picture: NDArray[Any], regions: Sequence[Region]) -> list[dict[str, Any]]:
        """What the JSON table says about each region of a picture beside its numbers."""
        ...

    def assets(self) -> dict[str, bytes]:
        """Pictures of the model itself for the report, by file name."""
        ...

    def facts(self, rule: Rule, gap: float) -> dict[str, Any]:
        """The parts of run.json that belong to the model: parameters with reasons, certificate, warnings, decision.

        `gap` is the largest of the pictures that were judged.
        """
        ...

    def card(self) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
        """(card, weights) of its model folder; the card says its `kind`."""
        ...
