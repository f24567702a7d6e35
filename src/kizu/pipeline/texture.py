"""`--model rdl`: what a texture is made of, learned from one picture or from a folder, and what is not made of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect.alone import null_alone
from kizu.detect.decide import Rule, decide_on
from kizu.detect.maps import Sign, smoothed
from kizu.detect.regions import Region
from kizu.errors import NothingUsableError, ShapeError, UsageError
from kizu.io.each import Pictures
from kizu.models import texture
from kizu.models.patches import patches
from kizu.models.texture import Coded, Scale
from kizu.parameters import Parameter
from kizu.pipeline.options import FALSE_ALARMS, Options, first_set
from kizu.pipeline.outputs import like
from kizu.pipeline.refit import Progress
from kizu.pipeline.verdict import Verdict, loudest
from kizu.report import atoms
from kizu.typing import Floats

LEARNED_FROM = 50
"""Pictures of a folder that a dictionary is learned from, evenly spread."""
NEAREST = 4
"""Atoms that are named for a region."""
ARRAYS = ("atoms", "usage")
ALONE = "Each picture is its own measure: the stated false-alarm rate is approximate."
BOUND = "a dual point for every patch of every picture that was judged"
NULL = "each picture's own null, measured outside what noise like its own makes all but never"


class Texture:
    """Dictionaries at several scales; every picture is explained by them and judged against its own noise."""

    def __init__(self, scales: Sequence[Scale], pictures: int, options: Options, code: Coded = texture.coded) -> None:
        self.scales, self.pictures, self.code = tuple(scales), pictures, code
        self.sign: Sign = options.sign
        self.min_area, self.seed, self.engine = options.min_area, options.seed, options.engine

    def judge(self, picture: NDArray[Any], rule: Rule) -> Verdict:
        values = floats(picture)
        explained = texture.explain(self.scales, values, quantum_of(picture), self.code)
        z = explained.z
        nulls = null_alone(z, sign=self.sign, min_area=self.min_area, seed=self.seed, engine=self.engine)
        decision = decide_on(partial(_smoothed, z, sign=self.sign), None, nulls, rule)
        background = like(explained.background, picture)
        rest = loudest(values - explained.background)
        return Verdict(*decision, residual=rest, background=background, gap=explained.gap)

    def about(self, picture: NDArray[Any], regions: Sequence[Region]) -> list[dict[str, Any]]:
        """The atoms of the finest scale that each region's patches are explained with, and their shares."""
        values = floats(picture)
        return [self._nearest(values, region) for region in regions]

    def _nearest(self, values: Floats, region: Region) -> dict[str, Any]:
        scale = self.scales[0]
        part = values[_span(region.y, region.height, scale.size), _span(region.x, region.width, scale.size)]
        codes = self.code(scale, patches(part, scale.size, texture.STRIDE)).codes
        weight = np.abs(codes).sum(axis=0, dtype=np.float64)
        share = weight / (weight.sum() or 1.0)
        nearest = np.argsort(-share, kind="stable")[:NEAREST]
        return {"atoms": [[int(number), round(float(share[number]), 4)] for number in nearest if share[number] > 0]}

    def assets(self) -> dict[str, bytes]:
        return atoms.pictures(self.scales[0].atoms, self.scales[0].size)

    def facts(self, rule: Rule, gap: float) -> dict[str, Any]:
        tol, still = self.scales[0].parameters["tol"].value, all(scale.still for scale in self.scales)
        known = math.isfinite(gap)
        return {
            "parameters": self._parameters(),
            "certificate": {"relative_gap": gap, "tol": tol, "bound": BOUND, "primal": None, "dual": None}
            if known
            else None,
            "proof": proof_of(gap, tol, still=still),
            "stopped": "gap" if gap <= tol and still else "max_iter",
            "converged": gap <= tol and still,
            "history": [{"iteration": n, "objective": v} for n, v in enumerate(self.scales[0].history, start=1)],
            "warnings": [ALONE],
            "decision": {"rule": rule.kind, "value": rule.value, "approximate": True, "why": NULL, "scales": []},
            "dictionary": [
                {"factor": scale.factor, "atoms": len(scale.atoms), "used": scale.used, "usage": scale.usage.tolist()}
                for scale in self.scales
            ],
        }

    def card(self) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
        scales = []
        for scale in self.scales:
            document = scale._asdict() | {"parameters": {n: list(p) for n, p in scale.parameters.items()}}
            scales.append({name: document[name] for name in document if name not in ARRAYS})
        arrays = {f"{number}.{name}": getattr(s, name) for number, s in enumerate(self.scales) for name in ARRAYS}
        return {"scales": scales, "pictures": self.pictures}, arrays

    def _parameters(self) -> dict[str, dict[str, Any]]:
        """Of the finest scale as they are named in the model; of the coarser ones with their factor."""
        found: dict[str, dict[str, Any]] = {
            "patch": {
                "value": self.scales[0].size,
                "why": "pixels along a side: a thread or a grain and its neighbours",
            },
            "scales": {
                "value": [scale.factor for scale in self.scales],
                "why": "a flaw as wide as a patch is seen reduced",
            },
            "learned_from": {"value": self.pictures, "why": "pictures whose patches the dictionary was learned from"},
        }
        for scale in self.scales:
            suffix = "" if scale.factor == 1 else f" 1/{scale.factor}"
            for name, parameter in scale.parameters.items():
                found[name + suffix] = {"value": parameter.value, "why": parameter.why}
        return found


def proof_of(gap: float, tol: float, *, still: bool) -> str:
    """What is known of the codes of the pictures that were judged, and of what they are codes over."""
    if not math.isfinite(gap):
        return (
            "Not proven: pictures are projected onto the subspace of the patches that were learned from, with no bound."
        )
    learned = (
        "The atoms are a local optimum: nobody can prove more." if still else "Learning them did not come to rest."
    )
    said = "Proven" if gap <= tol else "Not proven"
    return (
        f"{said}: given the atoms, no patch of these pictures is explained better than this by more than "
        f"{100 * gap:.2g} % (asked: {100 * tol:.2g} %). {learned}"
    )


def _span(start: int, length: int, size: int) -> slice:
    """Pixels of all patches that touch a side of a region, as far as the picture reaches."""
    return slice(max(start - size + 1, 0), start + length + size - 1)


def refuse(options: Options, *, fitted: bool) -> None:
    """UsageError names the first option that has no meaning for a texture, or that its fit has settled."""
    settled = {"lam": None, "seed": 0} if fitted else {}
    if option := first_set(options, {"noise": "auto", "rank": None, **settled}):
        why = "was settled when the model was fitted" if fitted else "has no meaning for a texture"
        raise UsageError(why, "Leave it out", where=option)


Maker = Callable[[Sequence[NDArray[Any]], Options], "Texture"]
"""(pictures in memory, options) → what they are made of."""


def learn(listed: Pictures, options: Options, progress: Progress) -> Texture:
    """From these very pictures: a flaw is rare among their patches, and rare patches are not learned."""
    return learned_by(learn_from, listed, options, progress)


def fit(listed: Pictures, options: Options, progress: Progress) -> tuple[Texture, dict[str, Any]]:
    """From good pictures, and what `kizu fit` says of them."""
    return fitted_by(learn_from, listed, options, progress)


def learned_by(make: Maker, listed: Pictures, options: Options, progress: Progress) -> Texture:
    """What `make` learns from some of the files; a ShapeError of it names the first."""
    frames = read_some(listed, progress)
    progress("learn", 0, 1)
    try:
        return make(frames, options)
    except ShapeError as error:
        raise ShapeError(error.what, error.mend, where=listed.agreed[0].files[0].path) from None


def fitted_by(make: Maker, listed: Pictures, options: Options, progress: Progress) -> tuple[Texture, dict[str, Any]]:
    """The same, with what `kizu fit` says of the files."""
    fitted = learned_by(make, listed, options, progress)
    return fitted, fit_facts(fitted, listed, options, progress)


def fit_facts(model: Texture, listed: Pictures, options: Options, progress: Progress) -> dict[str, Any]:
    """How many good pictures there are, and which of them the model would call defective at the usual rule."""
    rule = Rule("false_alarms", FALSE_ALARMS)

    def judged(number: int) -> list[tuple[str, bool]]:
        stack = listed.read(number)
        return [
            (name, bool(model.judge(frame, rule).mask.any()))
            for name, frame in zip(stack.names, stack.frames, strict=True)
        ]

    found = options.engine.map(
        judged, range(len(listed)), progress=lambda done, total: progress("calibrate", done, total)
    )
    flags = [flag for file in found for flag in file]
    return {
        "pictures": len(flags),
        "suspicious": [name for name, flag in flags if flag],
        "expected": FALSE_ALARMS * len(flags),
        "warnings": [ALONE],
    }


def learn_from(pictures: Sequence[NDArray[Any]], options: Options) -> Texture:
    """From pictures (height, width[, channels]) in memory."""
    values = [floats(picture) for picture in pictures]
    return Texture(texture.learn(values, lam=options.lam, seed=options.seed), len(values), options)


def read_some(listed: Pictures, progress: Progress) -> list[NDArray[Any]]:
    """The frames of evenly spread files."""
    step = max(1, -(-len(listed) // LEARNED_FROM))
    chosen = range(0, len(listed), step)
    stacks = []
    for done, number in enumerate(chosen):
        progress("read", done, len(chosen))
        stacks.append(listed.read(number))
    frames = [frame for stack in stacks for frame in stack.frames]
    if not frames:
        lost = stacks[0].skipped[0]
        raise NothingUsableError(lost.what, lost.mend, where=lost.source)
    return frames


def load(card: dict[str, Any], weights: Mapping[str, NDArray[Any]], options: Options) -> Texture:
    """What :func:`learn` left in a model folder."""
    return Texture(scales_of(card, weights), card["pictures"], options)


def scales_of(card: dict[str, Any], weights: Mapping[str, NDArray[Any]]) -> list[Scale]:
    """The scales of a model folder; ValueError where its arrays do not fit together."""
    scales: list[Scale] = []
    for number, document in enumerate(card["scales"]):
        parameters = {name: Parameter(*pair) for name, pair in document["parameters"].items()}
        arrays = {name: weights[f"{number}.{name}"] for name in ARRAYS}
        rest = {**document, "parameters": parameters, "history": tuple(document["history"])}
        scales.append(Scale(**{**rest, **arrays}))
    channels = card["pixels"]["channels"]
    if not scales or any(s.factor < 1 or s.atoms.shape[1] != s.size**2 * channels for s in scales):
        raise ValueError("its arrays do not fit together")
    return scales


def floats(picture: NDArray[Any]) -> Floats:
    """In single precision; unknown pixels (NaN) as the picture's median."""
    values = picture.astype(np.float32)
    return np.where(np.isnan(values), np.nanmedian(values), values) if np.isnan(values).any() else values


def quantum_of(picture: NDArray[Any]) -> float | None:
    return 1.0 if picture.dtype.kind in "ui" else None


def _smoothed(z: Floats, size: int, *, sign: Sign) -> Floats:
    return smoothed(z, size, sign, None)
