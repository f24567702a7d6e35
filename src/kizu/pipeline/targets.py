"""`--model ipi`: small bright targets in any one picture, with nothing learned."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect import targets
from kizu.detect.decide import Rule
from kizu.detect.regions import Region
from kizu.errors import ShapeError, UsageError
from kizu.io.each import Pictures
from kizu.models import patch_image
from kizu.pipeline.options import Options, first_set
from kizu.pipeline.outputs import like
from kizu.pipeline.refit import Progress
from kizu.pipeline.texture import floats, quantum_of
from kizu.pipeline.verdict import Verdict
from kizu.typing import Floats

NULL = "false candidates fall with a power of their score that was measured on scenes without their targets"
PROOF = (
    "Not proven, and not near the optimum of robust PCA: the rank of each picture's background is limited, for speed "
    "and to keep noise out, and the solver takes a fixed number of steps."
)
TOL = 1e-2
"""Relative gap below which a split would count as proven."""
UNSETTLED = {"noise": "auto", "lam": None, "rank": None, "fdr": None, "z": None, "min_area": None}
"""Keywords of `inspect` that this model has no use for."""


class Targets:
    """The patch-image model, the same for every picture."""

    def judge(self, picture: NDArray[Any], rule: Rule) -> Verdict:
        grey = _grey(floats(picture))
        split = patch_image.patch_image(grey)
        found = targets.decide(grey, split.residual, rule.value, quantum_of(picture) or 0.0)
        background = grey - split.residual
        if picture.ndim == 3:
            background = floats(picture) - split.residual[..., None]
        return Verdict(*found, residual=split.residual, background=like(background, picture), gap=split.relative_gap)

    def about(self, picture: NDArray[Any], regions: Sequence[Region]) -> list[dict[str, Any]]:
        return [{} for _ in regions]

    def assets(self) -> dict[str, bytes]:
        return {}

    def facts(self, rule: Rule, gap: float) -> dict[str, Any]:
        return {
            "parameters": {
                "patch": {"value": patch_image.PATCH, "why": "pixels along a side: a target is a small part of it"},
                "step": {"value": patch_image.STEP, "why": "pixels between patches: every pixel is in nine"},
                "rank": {"value": patch_image.RANK, "why": "largest rank of the background: noise has no place in it"},
                "lam": {"value": "1/√max(patches, pixels)", "why": "Candès et al. 2011"},
                "steps": {"value": patch_image.STEPS, "why": "masks do not change after"},
            },
            "certificate": {
                "relative_gap": gap,
                "tol": TOL,
                "bound": patch_image.BOUND,
                "primal": None,
                "dual": None,
            },
            "proof": f"{PROOF} Of the worst picture the relative gap is {gap:.2g}.",
            "stopped": "feasible",
            "converged": gap <= TOL,
            "warnings": ["The false-alarm rate is approximate: it was measured on infrared scenes."],
            "decision": {"rule": rule.kind, "value": rule.value, "approximate": True, "why": NULL, "scales": []},
        }

    def card(self) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
        return {}, {"none": np.zeros(0, np.float32)}


def refuse(options: Options, *, fitted: bool) -> None:
    """UsageError names the first option that has no meaning here; a model folder changes nothing."""
    if option := first_set(options, UNSETTLED):
        raise UsageError("has no meaning for small targets", "Leave it out", where=option)
    if options.sign == "dark":
        raise UsageError("targets are bright", "Give the negative of the pictures", where="--sign")


def learn(listed: Pictures, options: Options, progress: Progress) -> Targets:
    """Nothing needs to be learned."""
    return Targets()


def fit(listed: Pictures, options: Options, progress: Progress) -> tuple[Targets, dict[str, Any]]:
    """Good pictures teach this model nothing."""
    raise UsageError("ipi learns nothing", "Give kizu detect --model ipi the pictures themselves", where="--model")


def load(card: dict[str, Any], weights: Mapping[str, NDArray[Any]], options: Options) -> Targets:
    """The same."""
    return Targets()


def _grey(values: Floats) -> Floats:
    """One channel; ShapeError for a picture in which no outline of a target could close."""
    if min(values.shape[:2]) <= targets.REACH:
        height, width = values.shape[:2]
        raise ShapeError(f"{width}x{height} pixels, targets are sought in {targets.REACH + 1} and more", "Leave it out")
    return values if values.ndim == 2 else np.asarray(values.mean(axis=2), values.dtype)
