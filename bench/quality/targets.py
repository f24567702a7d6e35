"""Small targets in infrared pictures: `kizu detect --model ipi` on all, without targets, and beside the textbook."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from kizu.detect import targets
from kizu.engines.blas import one_thread
from kizu.models import patch_image
from kizu.pipeline.options import FALSE_ALARMS
from kizu.pipeline.texture import floats
from quality import inpaint, runs, target_peer
from quality.kinds import Asked, Check, Found, Kind, table
from quality.target_data import EIGHT, Bools, Scene, Scores, ranked, read_scenes, score

EVERY, FEW = 10, 20
IOU, NIOU, PD, FA = 0.62, 0.68, 0.86, 6e-5
EMPTY, FASTER = 0.5, 10.0
"""False components per picture once its targets are painted over; how many times as long the textbook takes."""
HEAD = "pictures | method | IoU | nIoU | Pd | Fa | false per picture | AUROC | AP | CPU seconds per picture"


class Ratios(NamedTuple):
    """How many times as long the textbook takes as kizu, with its decision and without."""

    whole: float
    model: float


def measure(asked: Asked) -> Found:
    scenes = asked.some(read_scenes(asked.folder("sirst")), FEW)
    saved, cost = runs.detect("sirst", [scene.file for scene in scenes], "--model", "ipi")
    truths = [scene.targets for scene in scenes]
    masks = [saved.mask(scene.name) for scene in scenes]
    ours = score(masks, truths)
    auroc, precision = ranked([saved.score_map(scene.name) for scene in scenes], truths)
    false, empty = without_targets(scenes)
    part = scenes[::EVERY]
    beside, ratios = by_textbook(part, masks[::EVERY])
    rows = [[f"all {len(scenes)}", "**kizu**", *_cells(ours), auroc, precision, cost.cpu / len(scenes)]]
    rows += [[f"every {EVERY}th", name, *_cells(one), None, None, seconds] for name, (one, seconds) in beside.items()]
    figures = {
        "all": {**ours._asdict(), "auroc": auroc, "ap": precision, "cost": cost._asdict()},
        "without targets": {"false per image": false, "empty masks": empty, "stated": FALSE_ALARMS},
        "every tenth": {name: {**one._asdict(), "cpu seconds": seconds} for name, (one, seconds) in beside.items()},
        "times as long": ratios._asdict(),
    }
    return Found(_text(rows, len(scenes), figures), figures, _checks(ours, false, ratios.whole))


def _cells(one: Scores) -> list[Any]:
    return [one.iou, one.niou, one.pd, f"{one.fa:.1e}", one.false_per_image]


def _text(rows: list[list[Any]], count: int, figures: dict[str, Any]) -> str:
    empty, ratios = figures["without targets"], figures["times as long"]
    sentences = (
        f"The textbook takes {ratios['whole']:.1f} times as long as kizu, and {ratios['model']:.1f} times as long as "
        "its model without the decision, on one thread each.",
        f"With the targets painted over: {empty['false per image']:.3f} false components per picture, stated "
        f"{empty['stated']:g}; {empty['empty masks']} of {count} masks are empty.",
    )
    return "\n\n".join([table(HEAD, rows), *sentences])


def _checks(ours: Scores, false: float, ratio: float) -> tuple[Check, ...]:
    return (
        Check("sirst: IoU", ours.iou, least=IOU),
        Check("sirst: nIoU", ours.niou, least=NIOU),
        Check("sirst: Pd", ours.pd, least=PD),
        Check("sirst: Fa", ours.fa, most=FA),
        Check("sirst: false components without targets", false, most=EMPTY),
        Check("sirst: textbook's time over kizu's", ratio, least=FASTER),
    )


def without_targets(scenes: Sequence[Scene]) -> tuple[float, int]:
    """Components per picture, and empty masks, where every target was painted over with what is around it."""
    folder = runs.cleared("sirst-empty-pictures")
    folder.mkdir()
    for seed, scene in enumerate(scenes):
        Image.fromarray(inpaint.emptied(scene.grey, scene.targets, seed)).save(folder / f"{scene.name}.png")
    saved, _ = runs.detect("sirst-empty", [folder], "--model", "ipi")
    counts = [int(ndimage.label(saved.mask(scene.name), EIGHT)[1]) for scene in scenes]
    return float(np.mean(counts)), counts.count(0)


def by_textbook(part: Sequence[Scene], masks: Sequence[Bools]) -> tuple[dict[str, tuple[Scores, float]], Ratios]:
    """Scores and CPU seconds per picture of both on the same pictures, in turn, on one thread, decisions included.

    kizu's masks are those of its run.
    """
    spent, theirs = np.zeros(3), []
    with one_thread():
        patch_image.patch_image(floats(part[0].grey))  # the first call of a process is no picture's
        for scene in part:
            grey, clock = floats(scene.grey), [time.process_time()]
            residual = patch_image.patch_image(grey).residual
            clock.append(time.process_time())
            targets.decide(grey, residual, FALSE_ALARMS, 1.0)
            clock.append(time.process_time())
            theirs.append(target_peer.mask_of(target_peer.patch_image(scene.grey)))
            spent += np.diff([*clock, time.process_time()])
    truths = [scene.targets for scene in part]
    model, decision, textbook = (float(seconds) for seconds in spent / len(part))
    found = {
        "**kizu**, model and decision": (score(masks, truths), model + decision),
        "textbook IPI, mean + 15 σ": (score(theirs, truths), textbook),
    }
    return found, Ratios(textbook / (model + decision), textbook / model)


KIND = Kind(measure, ("sirst",))
