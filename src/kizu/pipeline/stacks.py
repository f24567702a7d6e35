"""The road of many pictures of one scene, from files to a decision."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from kizu.engines.blas import one_thread
from kizu.errors import ShapeError, UsageError
from kizu.io.masks import read_mask
from kizu.io.reading import read
from kizu.io.results import Results, open_results
from kizu.io.surveying import survey_of, usable_headers
from kizu.pipeline import found as found_module
from kizu.pipeline.against import judge_against, refuse_settled
from kizu.pipeline.estimate import estimate
from kizu.pipeline.find import field_for, find, planes_for
from kizu.pipeline.found import Found
from kizu.pipeline.manifest import Outcome, close
from kizu.pipeline.models import TRAINED, Taken
from kizu.pipeline.nulls import Field
from kizu.pipeline.options import Options
from kizu.pipeline.outputs import frames_of, write_frames
from kizu.pipeline.refit import Progress
from kizu.pipeline.room import Choice, choose
from kizu.stack import Stack
from kizu.typing import Bools


def inspect_stack(
    inputs: Sequence[str], out: Path, options: Options, taken: Taken, progress: Progress, say: Callable[[str], object]
) -> Outcome:
    """Split pictures of one scene into background + anomaly + noise; `say` hears what memory is needed first."""
    options = with_model(options, taken)
    refuse_settled(options)
    started = time.monotonic()
    headers = usable_headers(inputs, recursive=options.recursive, axes=options.axes)
    need = estimate(survey_of(headers), options.resize, align=options.align, jobs=options.jobs)
    choice = choose(need, options.memory, out)
    say(choice.sentence)
    options = replace(options, room=choice.room)
    with closing(options.engine), one_thread():
        return _inspected(options, inputs, out, taken, progress, started, choice)


def with_model(options: Options, taken: Taken) -> Options:
    """A model that was fitted before is the background to judge against; a trained network is where to start."""
    if taken.folder is None:
        return options
    if taken.name in TRAINED:
        return replace(options, network=str(taken.folder))
    if options.background is not None:
        raise UsageError("both --model and --background say what to judge against", "Give one of them")
    return replace(options, background=str(taken.folder))


def _inspected(
    options: Options, inputs: Sequence[str], out: Path, taken: Taken, progress: Progress, started: float, choice: Choice
) -> Outcome:
    """The road, where there is room for it."""
    stack = read_stack(inputs, options, progress)
    mask = None if options.ignore is None else read_mask(options.ignore, stack.height, stack.width)
    key = options.key(stack.sources, stack.used)
    with open_results(out, resume=options.resume, overwrite=options.overwrite, key=key) as results:
        frames = frames_of(stack, *judged(stack, mask, options, results, progress))
        rows = write_frames(frames, results, options, progress)
        log = {"seconds": round(time.monotonic() - started, 2), "memory": choice.document}
        return close(frames, rows, results, options, taken.facts, log=log)


def read_stack(inputs: Sequence[str], options: Options, progress: Progress) -> Stack:
    """The frames; one alone is refused unless there is an earlier run to compare it with."""
    stack = read(
        inputs,
        recursive=options.recursive,
        axes=options.axes,
        resize=options.resize,
        skip_odd=options.skip_odd,
        progress=lambda done, total: progress("read", done, total),
        engine=options.engine,
    )
    refuse_alone(stack.used, stack.origins[0][0], options)
    _refuse_huge(stack)
    return stack


def _refuse_huge(stack: Stack) -> None:
    """ShapeError for a frame whose values do not fit single precision, which pictures are worked on in."""
    most = float(np.finfo(np.float32).max)
    for frame, (source, index) in zip(stack.frames, stack.origins, strict=True):
        if frame.dtype.itemsize > 4 and max(np.fmax.reduce(frame, axis=None), -np.fmin.reduce(frame, axis=None)) > most:
            raise ShapeError(f"frame {index} has values beyond {most:.2g}", "Divide them by a constant", where=source)


def refuse_alone(frames: int, name: str, options: Options) -> None:
    """UsageError for a single image without an earlier run."""
    if frames == 1 and options.background is None:
        raise UsageError(
            "one image and nothing to compare it with",
            "Give more images of the same scene, --background OUT0 of an earlier run, or --model rdl for a texture",
            where=name,
        )


def judged(
    stack: Stack, ignore: Bools | None, options: Options, results: Results, progress: Progress
) -> tuple[Found, Field]:
    """Background and null: from the interrupted run, from an earlier one, or from the stack itself."""
    model = results.folder / "model"
    if options.resume and (model / "model.json").is_file():
        found, key = found_module.load(model)
        if key == results.key:
            return found, field_for(planes_for(stack, found, ignore, options), found, options)
    found, field = (judge_against if options.background else find)(stack, ignore, options, progress)
    found_module.save(found, model, results.key)
    return found, field
