"""Find the background and the null of a stack from the stack itself."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kizu.detect.register import Registration, register
from kizu.engines.protocol import filled
from kizu.parameters import Parameter
from kizu.pipeline.facts import fit_facts
from kizu.pipeline.found import Found
from kizu.pipeline.nulls import Field, field_of, nulls_of
from kizu.pipeline.options import TOL, Options
from kizu.pipeline.planes import Planes, planes_of
from kizu.pipeline.proposal import by_network
from kizu.pipeline.refit import Progress, Settings, Work, refit, z_field
from kizu.stack import Stack
from kizu.typing import Bools


def find(stack: Stack, ignore: Bools | None, options: Options, progress: Progress) -> tuple[Found, Field]:
    """Register, refit until the mask stands still, certify, and measure the null."""
    registration = register(
        stack.frames,
        known=None if ignore is None else ~ignore,
        align=options.align,
        progress=lambda done, total: progress("register", done, total),
        engine=options.engine,
    )
    planes = planes_of(stack.frames, registration, ignore=ignore, engine=options.engine)
    settings = settings_of(options, stack)
    fitted = refit(planes, registration, settings, progress)
    work = fitted.work
    progress("calibrate", 0, 1)
    field = field_of(z_field(planes, work, options.engine), planes.seen, options.sign, options.engine)
    nulls = nulls_of(field, sign=options.sign, min_area=options.min_area, seed=options.seed, engine=options.engine)
    found = Found(
        shifts=registration.shifts,
        gains=work.gains,
        biases=work.biases,
        margins=planes.margins,
        left=work.left,
        right=work.right,
        scale=work.scale,
        trusted=trusted(planes),
        reference=registration.reference,
        nulls=nulls,
        facts=fit_facts(fitted, registration, planes) | {"pixels": pixels_of(stack)},
    )
    return found, field


def pixels_of(stack: Stack) -> dict[str, Any]:
    """What a model was made from: other pixels have another noise and another step."""
    return {"dtype": str(stack.frames.dtype), "channels": stack.channels}


def settings_of(options: Options, stack: Stack) -> Settings:
    propose = None if options.network is None else by_network(Path(options.network), options.rank)
    return Settings(options.lam, options.rank, noise_of(options, stack), TOL, stack.quantum, options.engine, propose)


def noise_of(options: Options, stack: Stack) -> Parameter | None:
    """The noise scale if the user knows it. None of it is still what rounding leaves: the model needs some."""
    if options.noise == "auto":
        return None
    if options.noise is not None:
        return Parameter(float(options.noise), "given")
    if stack.quantum is not None:
        return Parameter(stack.quantum / math.sqrt(12), "given as none: the rounding of the input, its step / √12")
    largest = max(float(np.fmax.reduce(np.abs(frame), axis=None, initial=0.0)) for frame in stack.frames) or 1.0
    return Parameter(largest * float(np.finfo(np.float32).eps), "given as none: the rounding of float32")


def trusted(planes: Planes) -> Bools:
    """Places of the canvas that at least one frame may be judged at."""
    return np.ones(planes.size, np.bool_) if planes.seen is None else np.asarray(planes.seen.any(axis=0))


def planes_for(stack: Stack, found: Found, ignore: Bools | None, options: Options) -> Planes:
    """The frames on the canvas of `found`, as they were when it was made."""
    registration = Registration(
        shifts=found.shifts.astype(np.float64),
        gains=found.gains.astype(np.float64),
        biases=found.biases.astype(np.float64),
        still=not found.moving,
        reference=found.reference.astype(np.float32),
        why="",
    )
    planes = planes_of(stack.frames, registration, ignore=ignore, engine=options.engine)
    if found.trusted.all():
        return planes
    shape, before = (planes.frames, *planes.size), planes.seen
    if before is None:
        return replace(planes, seen=np.broadcast_to(found.trusted, shape))
    return replace(planes, seen=filled(options.engine, shape, np.bool_, lambda t: before[t] & found.trusted))


def field_for(planes: Planes, found: Found, options: Options) -> Field:
    """The z of frames on the canvas of `found`, and its smoothed maps."""
    return field_of(z_field(planes, work_of(found), options.engine), planes.seen, options.sign, options.engine)


def work_of(found: Found) -> Work:
    """The parts of `found` that turn frames into z."""
    return Work(found.gains, found.biases, None, found.left, found.right, found.scale)
