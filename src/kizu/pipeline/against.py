"""Judge a new batch against the background, scales and null of an earlier run."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect.flagged import flag, free
from kizu.detect.register import exposure, register
from kizu.detect.register_canvas import margins_of
from kizu.detect.residuals import PixelScale
from kizu.engines.protocol import filled
from kizu.errors import ReadError, UsageError
from kizu.files import MODEL_CARD
from kizu.models import background
from kizu.parameters import Parameter
from kizu.pipeline import found as found_module
from kizu.pipeline.find import field_for, planes_for, settings_of, work_of
from kizu.pipeline.found import Found
from kizu.pipeline.nulls import Field
from kizu.pipeline.options import Options, first_set
from kizu.pipeline.planes import ExposedBlocks
from kizu.pipeline.refit import Progress, z_field
from kizu.stack import Stack
from kizu.typing import Bools, Floats

ROUNDS, STEPS = 3, 6
"""Fit, flag, fit without the flagged; steps of each projection."""


SETTLED = {"noise": "auto", "lam": None, "rank": None, "min_area": None, "seed": 0, "sign": "both"}
"""Options that say how background, scales and null are made: the earlier run has made them."""


def refuse_settled(options: Options) -> None:
    """UsageError names the first option that an earlier run has settled."""
    option = first_set(options, SETTLED)
    if options.background is not None and option:
        raise UsageError(
            f"{option} was settled by the run that made this background",
            "Leave it out, or make the background again with it",
            where=options.background,
        )


def judge_against(stack: Stack, ignore: Bools | None, options: Options, progress: Progress) -> tuple[Found, Field]:
    """What :func:`kizu.pipeline.find.find` gives, with everything but the frames' own numbers from OUT0."""
    earlier = _earlier(Path(str(options.background)))
    _same_geometry(stack, earlier, str(options.background))
    placed = _placed(stack, earlier, ignore, options, progress)
    planes = planes_for(stack, placed, ignore, options)
    chosen = _thresholds(earlier)
    settings = settings_of(options, stack)
    known = planes.seen
    for done in range(ROUNDS):
        progress("project", done, ROUNDS)
        data = ExposedBlocks(planes, placed.gains, placed.biases, known, settings.engine)
        left = background.project(data, placed.right, chosen, placed.left, steps=STEPS, engine=settings.engine)
        placed = replace(placed, left=left)
        flagged = flag(z_field(planes, work_of(placed), settings.engine), planes.seen, settings.engine)
        known = filled(settings.engine, flagged.shape, np.bool_, partial(free, flagged, planes.seen))
    return placed, field_for(planes, placed, options)


def _earlier(folder: Path) -> Found:
    """Of a results folder, or of a model folder."""
    for model in (folder / "model", folder):
        if (model / MODEL_CARD).is_file():
            return found_module.load(model)[0]
    raise ReadError(folder, "holds no background of an earlier run", "Give the -o of a kizu detect that has ended")


def _same_geometry(stack: Stack, earlier: Found, name: str) -> None:
    height, width, channels = earlier.reference.shape
    if (stack.height, stack.width, stack.channels) != (height, width, channels):
        raise UsageError(
            f"was made from frames {width}x{height} with {channels} channel(s), "
            f"these are {stack.width}x{stack.height} with {stack.channels}",
            "Use frames of the same camera",
            where=name,
        )
    was, now = earlier.facts.get("pixels", {}).get("dtype"), str(stack.frames.dtype)
    if was not in (None, now):
        raise UsageError(f"was made from {was} pixels, these are {now}", "Convert the frames", where=name)


def _placed(stack: Stack, earlier: Found, ignore: Bools | None, options: Options, progress: Progress) -> Found:
    """`earlier` with shift, gain, bias and a first coefficient of every new frame."""
    frames = stack.frames if stack.frames.ndim == 4 else stack.frames[..., None]
    first: Any = np.nan_to_num(earlier.reference)
    together: list[NDArray[Any]] = [first, *frames]
    registration = register(
        together,
        known=None if ignore is None else ~ignore,
        align=options.align,
        progress=lambda done, total: progress("register", done, total),
        engine=options.engine,
    )
    shifts = registration.shifts[1:] - registration.shifts[0]
    known = None if ignore is None else ~ignore
    gains, biases = exposure(list(frames), first, known=known, shifts=shifts, engine=options.engine)
    wide = _widened(earlier, margins_of(shifts))
    even = np.repeat(earlier.left.mean(axis=0, keepdims=True), stack.used, axis=0).astype(earlier.left.dtype)
    return replace(wide, shifts=shifts, gains=gains, biases=biases, left=even)


def _widened(earlier: Found, margins: tuple[int, int]) -> Found:
    """`earlier` on a canvas with at least these margins; what it never saw is not trusted."""
    more = [max(new - old, 0) for new, old in zip(margins, earlier.margins, strict=True)]
    if more == [0, 0]:
        return earlier
    size, edge = earlier.trusted.shape, ((more[0],) * 2, (more[1],) * 2)

    def grown(flat: Floats, fill: float) -> Floats:
        pictures = flat.reshape(len(flat), -1, *size)
        padded = np.pad(pictures, ((0, 0), (0, 0), *edge), constant_values=fill)
        return padded.reshape(len(flat), -1)

    scale = earlier.scale
    return replace(
        earlier,
        margins=(earlier.margins[0] + more[0], earlier.margins[1] + more[1]),
        right=grown(earlier.right, 0.0),
        scale=PixelScale(grown(scale.center, 0.0), grown(scale.scale, 1.0), scale.overall),
        trusted=np.pad(earlier.trusted, edge, constant_values=False),
    )


def _thresholds(earlier: Found) -> background.Thresholds:
    stored = earlier.facts["parameters"]
    names = background.Thresholds._fields
    return background.Thresholds(*(Parameter(stored[name]["value"], stored[name]["why"]) for name in names))
