"""Training of networks that judge one picture at a time, from masks, planted targets or what the solver finds."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kizu.detect import targets
from kizu.detect.decide import Rule
from kizu.detect.metrics import Confusion, confusion
from kizu.detect.peaks import Law, decide, law_of
from kizu.detect.target_metrics import Match, optimal
from kizu.io.tables import finite
from kizu.models import patch_image
from kizu.networks.catalogue import LEARN, Learn
from kizu.pipeline.options import FALSE_ALARMS
from kizu.pipeline.refit import Progress
from kizu.pipeline.texture import quantum_of
from kizu.pipeline.train import Training
from kizu.pipeline.train_data import DataSet, Example, counts, data_set
from kizu.pipeline.train_options import TrainOptions
from kizu.typing import Bools, Floats

if TYPE_CHECKING:
    from torch import nn


PROTOCOL = "kizu"
SPOTS = 3
"""Targets planted into a clean validation picture, at most."""
DEPTH = {"exact-rpcanet": "layers", "rpcanet": "stages"}
"""What the layers of a network are called by itself."""
LARGEST_CROP = 128
WINDOWS_PER_STEP = 2
"""A short training does not look at more pictures than it has windows for."""
MEASURE = "1 − score"
"""The score is the mean of IoU and IoU per picture, at the level of few false alarms."""


def prepare(data: str, options: TrainOptions, progress: Progress) -> Training:
    """Read DATA, make what is to be learned, and a network at its start."""
    import torch

    from kizu.networks.picture_task import LOOKED, STEPS, PictureTask, recipe
    from kizu.networks.pictures import scene
    from kizu.networks.saved import PICTURES

    read = data_set(data, options, progress)
    learn = options.learn or _usual(read)
    white, steps = _white(read), options.steps or STEPS
    train, val, test = (
        _marked(part, learn, read, progress, options.seed + n)
        for n, part in enumerate((read.train, read.val, read.test))
    )
    empty = read.val if learn == "planted" else [e._replace(grey=scene(e.grey, e.marked).ground) for e in val]
    config = {} if options.layers is None else {DEPTH[options.network]: options.layers}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network: nn.Module = PICTURES[options.network](**config)
    task = PictureTask(
        [e.grey / white for e in train],
        None if learn == "planted" else [_of(e) for e in train],
        [e.grey / white for e in val],
        [_of(e) for e in val],
        size=_crop(train),
        looked=min(LOOKED, WINDOWS_PER_STEP * steps),
        seed=options.seed,
        progress=lambda done, total: progress("look", done, total),
    )

    def close(network: "nn.Module") -> dict[str, Any]:
        return _close(network, white, val, test, empty)

    return Training(
        network=network,
        config=config,
        task=task,
        recipe=recipe(steps),
        learn=learn,
        measure=MEASURE,
        sha256=read.sha256,
        split=read.why,
        examples=counts(read),
        pixels={"channels": read.listed.channels, "dtype": str(read.listed.dtype)},
        skipped=read.skipped,
        close=close,
    )


def _usual(read: DataSet) -> Learn:
    """From masks where there are any."""
    return "labels" if any(e.marked is not None for e in read.train) else "planted"


def _crop(examples: Sequence[Example]) -> int:
    """Pixels along a side of what a batch is cut into: no more than most pictures have."""
    side = float(np.median([min(e.grey.shape) for e in examples]))
    return int(np.clip(side // 16 * 16, 32, LARGEST_CROP))


def _of(example: Example) -> Bools:
    return np.zeros(example.grey.shape, np.bool_) if example.marked is None else example.marked


def _white(read: DataSet) -> float:
    """The grey level that networks see as 1: the largest of integer pixels, else the largest there is."""
    dtype = read.listed.dtype
    if dtype.kind in "ui":
        return float(np.iinfo(dtype).max)
    return max(float(np.abs(e.grey).max()) for e in read.train) or 1.0


def _marked(examples: Sequence[Example], learn: Learn, read: DataSet, progress: Progress, seed: int) -> list[Example]:
    """Examples with what is to be found in them: as a person marked it, planted, or as the converged solver found."""
    if learn == "labels":
        return list(examples)
    found = []
    for number, example in enumerate(examples):
        progress(LEARN[learn], number, len(examples))
        found.append(
            _planted(example, np.random.default_rng((seed, number)))
            if learn == "planted"
            else example._replace(marked=_solved(example.grey, quantum_of(np.empty(0, read.listed.dtype)) or 0.0))
        )
    return found


def _planted(example: Example, rng: np.random.Generator) -> Example:
    """A clean picture with a few spots in it; half of the pictures stay clean."""
    from kizu.networks.pictures import scene
    from kizu.networks.variation import plant_spots

    planted = plant_spots(scene(example.grey, None), int(rng.integers(1, SPOTS + 1)) * int(rng.integers(2)), rng)
    return example._replace(grey=planted.picture, marked=planted.mask)


def _solved(grey: Floats, quantum: float) -> Bools:
    """What patch-image robust PCA finds at the usual false-alarm rate."""
    return targets.decide(grey, patch_image.patch_image(grey).residual, FALSE_ALARMS, quantum).mask


def _close(
    network: "nn.Module", white: float, val: Sequence[Example], test: Sequence[Example], empty: Sequence[Example]
) -> dict[str, Any]:
    """The law of false alarms, and metrics on what was not trained on; test pictures are looked at only here.

    They are counted in validation pictures without targets: beside a target the same peak is less. The exact
    network's anomaly is then what the usual false-alarm rate lets through.
    """
    from kizu.networks.exact_rpcanet import ExactRPCANet
    from kizu.networks.opinion import has_background

    network.eval().cpu()
    law = law_of(_logit(network, e.grey / white) for e in empty)
    if isinstance(network, ExactRPCANet):
        network.core.fill_(law.level(FALSE_ALARMS))
    parts = {"validation": val, "test": test}
    measured = {name: _measured(network, white, law, part) for name, part in parts.items() if part}
    metrics = {"protocol": PROTOCOL, "false_alarms": FALSE_ALARMS, **measured}
    return {"white": white, "law": law._asdict(), "exact": has_background(network), "metrics": metrics}


def _logit(network: "nn.Module", grey: Floats) -> Floats:
    import torch

    from kizu.networks.opinion import opinion

    with torch.inference_mode():
        logit = opinion(network, torch.from_numpy(np.asarray(grey, np.float32))[None, None])[1]
    return np.asarray(logit[0, 0].numpy())


def _measured(network: "nn.Module", white: float, law: Law, examples: Sequence[Example]) -> dict[str, Any]:
    """IoU and its kin of the masks that the usual rule gives, at native size."""
    rule = Rule("false_alarms", FALSE_ALARMS)
    pairs = [(decide(_logit(network, e.grey / white), law, rule).mask, _of(e)) for e in examples]
    each = [confusion(mask, truth) for mask, truth in pairs]
    pooled, matched = sum(each, Confusion()), sum((optimal(mask, truth) for mask, truth in pairs), Match())
    own = [1.0 if math.isnan(one.iou) else one.iou for one in each]
    numbers = {
        "pictures": len(examples),
        "iou": pooled.iou,
        "niou": float(np.mean(own)),
        "f1": pooled.f1,
        "pd": matched.pd,
        "fa": matched.fa,
        "false_per_picture": matched.false / len(examples),
    }
    return {name: finite(value) for name, value in numbers.items()}
