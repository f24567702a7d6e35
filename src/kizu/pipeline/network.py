"""A trained network of pictures on the road; its logits are decided on by how often they were wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kizu.detect.decide import Rule
from kizu.detect.peaks import Law, decide
from kizu.detect.regions import Region
from kizu.errors import UsageError
from kizu.networks import runtime
from kizu.networks.catalogue import NETWORKS, require_torch
from kizu.pipeline.models import model_folder
from kizu.pipeline.options import Options, fingerprint, first_set
from kizu.pipeline.outputs import like
from kizu.pipeline.texture import floats
from kizu.pipeline.verdict import Verdict, loudest
from kizu.typing import Bools, Floats

UNSETTLED: dict[str, Any] = {"noise": "auto", "lam": None, "rank": None, "fdr": None}
"""Keywords of `inspect` that a trained network has no use for."""
AROUND = 15
"""Pixels of the window that a region is filled from, where a network has no background."""
NULL = "the loudest logit of each validation picture without targets: not trained on, but they chose the weights"
OWN_PICTURE = "background + anomaly + noise is the picture, to rounding"


class Opinion(NamedTuple):
    """What a network says of a grey picture, both (height, width); `background` None where it has none."""

    background: Floats | None
    logit: Floats


Network = Callable[[Floats], Opinion]
"""Of one grey picture (height, width)."""


class PictureNetwork:
    """A trained network; `card` and `weights` are those of its model folder."""

    def __init__(
        self, network: Network, card: Mapping[str, Any], weights: Mapping[str, NDArray[Any]], options: Options
    ) -> None:
        self.network, self._card, self.weights = network, dict(card), weights
        self.law = Law(**card["law"])
        self.min_area = options.min_area or 1

    def judge(self, picture: NDArray[Any], rule: Rule) -> Verdict:
        values = floats(picture)
        grey = values if values.ndim == 2 else np.asarray(values.mean(axis=2), values.dtype)
        found = self.network(grey)
        decision = decide(found.logit, self.law, rule, self.min_area)
        background = filled(grey, decision.mask) if found.background is None else found.background
        shown = values - (grey - background if values.ndim == 2 else (grey - background)[..., None])
        return Verdict(
            *decision, residual=loudest(grey - background), background=like(shown, picture), gap=float("nan")
        )

    def about(self, picture: NDArray[Any], regions: Sequence[Region]) -> list[dict[str, Any]]:
        return [{} for _ in regions]

    def assets(self) -> dict[str, bytes]:
        return {}

    def facts(self, rule: Rule, gap: float) -> dict[str, Any]:
        card, training = self._card, self._card["training"]
        level = rule.value if rule.kind == "z" else self.law.level(rule.value)
        few = f"measured on {len(self.law.loudest)} pictures without targets"
        return {
            "parameters": {
                "network": {"value": card["network"], "why": NETWORKS[card["network"]].title},
                "weights": {"value": card["parameters"], "why": "trained numbers"},
                "learned": {"value": training["learn"], "why": training["what"]},
                "trained_on": {"value": training["examples"]["train"], "why": f"pictures; {training['split']}"},
                "steps": {"value": training["steps"], "why": f"ended by {training['stopped']}"},
                "level": {"value": level, "why": f"logit that the peak of a region reaches; {few}"},
            },
            "certificate": {
                "relative_gap": None,
                "tol": None,
                "bound": "a trained network solves no problem that has an optimum",
                "primal": None,
                "dual": None,
            },
            "proof": f"Not proven: a trained network solves no problem that has an optimum. {self._exact()}",
            "stopped": "max_iter",
            "converged": False,
            "warnings": self._warnings(),
            "decision": {
                "rule": rule.kind,
                "value": rule.value,
                "approximate": True,
                "why": NULL,
                "scales": [],
            },
        }

    def _exact(self) -> str:
        exact = self._card["exact"]
        return f"What is proven is the sum: {OWN_PICTURE}." if exact else "It has no background of its own."

    def _warnings(self) -> list[str]:
        few = f"it was measured on the {len(self.law.loudest)} pictures that chose the weights"
        return [*self._card["warnings"], f"The stated false-alarm rate is approximate: {few}."]

    def card(self) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
        return self._card, self.weights


def filled(grey: Floats, mask: Bools) -> Floats:
    """`grey` with what is masked replaced by the mean around it."""
    share = ndimage.uniform_filter((~mask).astype(np.float64), AROUND)
    mean = ndimage.uniform_filter(np.where(mask, 0.0, grey).astype(np.float64), AROUND) / np.maximum(share, 1e-9)
    return np.asarray(np.where(mask & (share > 1e-6), mean, grey), grey.dtype)


def refuse(options: Options, *, fitted: bool) -> None:
    """UsageError names the first option without a meaning here."""
    if option := first_set(options, UNSETTLED):
        raise UsageError("has no meaning for a trained network", "Leave it out", where=option)
    if options.sign != "both":
        raise UsageError("was settled when the network was trained", "Leave it out", where="--sign")


def load(card: dict[str, Any], weights: Mapping[str, NDArray[Any]], options: Options) -> PictureNetwork:
    """What `kizu train` left in a model folder; ValueError where it makes no sense."""
    return PictureNetwork(network_of(card, weights, options), card, weights, options)


def network_of(card: Mapping[str, Any], weights: Mapping[str, NDArray[Any]], options: Options) -> Network:
    """The network in ONNX Runtime, where that is installed and the folder has its file, else in torch."""
    white = float(card["white"])
    folder = model_folder(str(options.model))
    found = runtime.saved(folder, fingerprint(str(folder)))
    if found is not None:
        return lambda grey: _as_opinion(found.run((grey / white)[None, None]), white)
    require_torch("a trained network")
    import torch

    from kizu.networks.opinion import opinion
    from kizu.networks.saved import restore
    from kizu.networks.training import threads

    module = restore(card, weights)

    def network(grey: Floats) -> Opinion:
        with torch.inference_mode(), threads(1):  # pictures are judged side by side
            parts = opinion(module, torch.from_numpy(grey / white)[None, None])
        return _as_opinion([part.numpy() for part in parts if part is not None], white)

    return network


def _as_opinion(parts: Sequence[NDArray[Any]], white: float) -> Opinion:
    """The logit comes last, a background before it."""
    *background, logit = (part[0, 0] for part in parts)
    return Opinion(background[0] * white if background else None, logit)
