"""Which model a run takes: the one asked for, the usual one for its inputs, or the one that finds planted defects."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ParameterError, UsageError
from kizu.io.each import pictures
from kizu.pipeline.models import AUTO, INPUTS, MODELS, Kind, Taken, taken
from kizu.pipeline.options import Options
from kizu.pipeline.plant_score import reasons
from kizu.pipeline.plant_trial import LEARNED, tried
from kizu.pipeline.refit import Progress

OTHERWISE: Mapping[Kind, tuple[dict[str, str], ...]] = {
    "images": ({"name": "rdl", "why": "it knows a texture, but not what belongs at which place of a scene"},),
    "matrix": ({"name": "rows", "why": "it tells which rows are unusual, but not which of their entries"},),
    "table": (),
}
"""The runner-up where nothing was tried."""
LIKE = 0.5
"""Correlation of a frame with the median of the others, coarsely seen, from which they show one scene."""
PROBES, COARSE = 21, 48
"""Frames that are looked at, and pixels along their longer side then."""


def choose_for_fit(options: Options, inputs: Sequence[str], of: Kind) -> Taken:
    """The model to fit: the one asked for, or what the inputs look like."""
    asked = None if options.model == AUTO else options.model
    if asked is not None and asked not in MODELS:
        raise ParameterError("model", asked, ", ".join([*MODELS, AUTO]))
    if asked is not None:
        return taken(asked, of)
    if of != "images":
        return taken("rows", of)._replace(why=f"what is fitted to {INPUTS[of]}")
    scene, why = one_scene(inputs, options)
    return taken("rpca" if scene else "surface", of)._replace(why=why)


def one_scene(inputs: Sequence[str], options: Options) -> tuple[bool, str]:
    """Whether pictures show one scene, pixel for pixel or nearly so, and how that is known."""
    listed = pictures(inputs, recursive=options.recursive, axes=options.axes)
    sizes = {agreed.size[:2] for agreed in listed.agreed}
    if len(sizes) > 1 and options.resize is None:
        return False, f"the pictures have {len(sizes)} sizes"
    if listed.frames < 3:
        return listed.frames == 2, "there are two pictures" if listed.frames == 2 else "there is one picture"
    step = max(1, len(listed) // PROBES)
    frames = [frame for number in range(0, len(listed), step) for frame in listed.read(number).frames]
    coarse = np.stack([_coarse(frame) for frame in frames[:: max(1, len(frames) // PROBES)]])
    likeness = float(np.median([_likeness(coarse, t) for t in range(len(coarse))]))
    shown = f"coarsely seen, a picture and the median of the others correlate by {likeness:.2f}"
    return likeness > LIKE, shown


def _coarse(frame: NDArray[Any]) -> NDArray[np.float64]:
    """A frame in few pixels, without its level and scale."""
    grey = frame.astype(np.float64).reshape(*frame.shape[:2], -1).mean(axis=2)
    factor = max(1, max(grey.shape) // COARSE)
    height, width = (side // factor * factor for side in grey.shape)
    small = np.nan_to_num(grey[:height, :width]).reshape(height // factor, factor, width // factor, factor)
    values = small.mean(axis=(1, 3))
    return np.asarray((values - values.mean()) / (values.std() or 1.0))


def _likeness(coarse: NDArray[np.float64], t: int) -> float:
    """Correlation of frame `t` with the median of the others."""
    others = np.median(np.delete(coarse, t, axis=0), axis=0)
    spread = float(others.std())
    return float((coarse[t] * (others - others.mean())).mean() / spread) if spread > 0 else 0.0


def planned(options: Options, inputs: Sequence[str], of: Kind) -> Taken:
    """The model of a run as far as it is known before anything is planted."""
    if options.model != AUTO or of != "images":
        return taken(None if options.model == AUTO else options.model, of)
    return taken("rpca" if one_scene(inputs, options)[0] else "rdl", of)


def choose_model(options: Options, inputs: Sequence[str], of: Kind, progress: Progress) -> Taken:
    """The model of a run and why it is that one; "auto" by what the inputs are, and where that is open by planting."""
    if options.model != AUTO:
        return taken(options.model, of)
    if of != "images":
        return taken(None, of)._replace(others=OTHERWISE[of])
    scene, why = one_scene(inputs, options)
    if scene:
        return taken("rpca", of)._replace(why=f"the pictures show one scene: {why}", others=OTHERWISE[of])
    if options.lam is not None:
        raise UsageError("--model auto chooses lam itself", "Leave --lam out, or name the model", where="--lam")
    found = tried(inputs, options, scene=False, models=LEARNED, progress=progress)
    best = found.rows[0].candidate
    said, others = reasons(found.rows)
    return Taken(best.model, None, f"the pictures show no common scene ({why}), and {said}", others, best.lam)
