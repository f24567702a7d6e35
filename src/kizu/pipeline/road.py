"""The road from files to a decision."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from kizu.detect.maps import Sign
from kizu.engines.blas import one_thread
from kizu.engines.threads import DEFAULT_JOBS
from kizu.errors import ShapeError, UsageError
from kizu.io.masks import read_mask
from kizu.io.matrix import kind_of
from kizu.io.reading import read
from kizu.io.results import Results, open_results
from kizu.io.surveying import survey_of, usable_headers
from kizu.pipeline import found as found_module
from kizu.pipeline.against import judge_against, refuse_settled
from kizu.pipeline.estimate import estimate
from kizu.pipeline.find import field_for, find, planes_for
from kizu.pipeline.found import Found
from kizu.pipeline.manifest import Outcome, close
from kizu.pipeline.matrix import inspect_matrix
from kizu.pipeline.nulls import Field
from kizu.pipeline.options import Align, Options
from kizu.pipeline.outputs import frames_of, write_frames
from kizu.pipeline.refit import Progress
from kizu.pipeline.room import Choice, choose
from kizu.stack import Stack
from kizu.typing import Bools


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


def inspect(
    inputs: str | Path | Sequence[str | Path], out: str | Path, *,
    noise: float | Literal["auto"] | None = "auto", lam: float | None = None, rank: int | None = None,
    false_alarms: float | None = None, fdr: float | None = None, z: float | None = None, background: str | None = None,
    ignore: str | None = None, align: Align = "auto", recursive: bool = False,
    axes: str | None = None, resize: tuple[int, int] | None = None, skip_odd: bool = False, min_area: int | None = None,
    sign: Sign = "both", memory: str | None = None, jobs: int = DEFAULT_JOBS, seed: int = 0, resume: bool = False,
    overwrite: bool = False, progress: Progress = quiet,
) -> Outcome:  # fmt: skip
    """Split images, or a matrix, into background + anomaly + noise; write what does not belong into the folder `out`.

    Parameters
    ----------
    inputs : path or paths
        Image files, folders, globs, multi-page TIFF, .npy: same-size frames, in natural order. One 2-D
        array (.npy, .npz) is a matrix, rows = samples: see :func:`kizu.pipeline.matrix.inspect_matrix`.
    out : path
        The results folder, exactly this one; see the README for what is in it.
    noise : "auto", None or grey levels
        Scale of the dense noise; measured by default. None: no more than the step of the input makes.
    lam, rank : numbers
        Weight of the anomaly (default 1/√(p·max)) and largest rank of the background (default 4).
    false_alarms, fdr, z : one number
        The rule: expected false regions per defect-free image (default 0.1), share of false pixels
        among the flagged, or a plain level of the standardised map.
    background : path
        Results folder of an earlier run to judge these frames against.
    ignore : path
        Image of the frame's size; what is not zero there is never judged.
    align : "auto", "none" or "translation"
        "auto" leaves a still camera alone and corrects shifts above half a pixel.
    recursive, axes, resize, skip_odd
        How inputs are read: folders in folders, array axes ("TYX"), (width, height), drop odd sizes.
    min_area : pixels
        Smallest region at every scale, instead of 1 at single pixels to 4e-4 of the frame at 7 × 7.
    sign : "both", "dark" or "bright"
        Which way an anomaly differs.
    memory, jobs, seed, resume, overwrite, progress
        Budget such as "2G", threads, seed of the null maps, what to do with an existing folder,
        callback(stage, done, total).

    Raises
    ------
    KizuError
        One line that says what is wrong, where, and what to do.
    """
    options = Options(
        noise=noise, lam=lam, rank=rank, false_alarms=false_alarms, fdr=fdr, z=z, background=background, ignore=ignore,
        align=align, recursive=recursive, axes=axes, resize=resize, skip_odd=skip_odd, min_area=min_area, sign=sign,
        memory=memory, jobs=jobs, seed=seed, resume=resume, overwrite=overwrite,
    )  # fmt: skip
    paths = [inputs] if isinstance(inputs, str | Path) else inputs
    return inspect_as(options, [os.fspath(path) for path in paths], Path(out), progress)


def inspect_as(
    options: Options, inputs: Sequence[str], out: Path, progress: Progress, say: Callable[[str], object] = str
) -> Outcome:
    """:func:`inspect` with its keywords in one record; `say` hears what memory is needed before it is taken."""
    if kind_of(inputs, axes=options.axes) == "matrix":
        return inspect_matrix(inputs[0], out, options, progress)
    refuse_settled(options)
    started = time.monotonic()
    headers = usable_headers(inputs, recursive=options.recursive, axes=options.axes)
    need = estimate(survey_of(headers), options.resize, align=options.align, jobs=options.jobs)
    choice = choose(need, options.memory, out)
    say(choice.sentence)
    options = replace(options, room=choice.room)
    with closing(options.engine), one_thread():
        return _inspected(options, inputs, out, progress, started, choice)


def _inspected(
    options: Options, inputs: Sequence[str], out: Path, progress: Progress, started: float, choice: Choice
) -> Outcome:
    """The road, where there is room for it."""
    stack = read_stack(inputs, options, progress)
    mask = None if options.ignore is None else read_mask(options.ignore, stack.height, stack.width)
    key = options.key(stack.sources, stack.used)
    with open_results(out, resume=options.resume, overwrite=options.overwrite, key=key) as results:
        frames = frames_of(stack, *judged(stack, mask, options, results, progress))
        rows = write_frames(frames, results, options, progress)
        log = {"seconds": round(time.monotonic() - started, 2), "memory": choice.document}
        return close(frames, rows, results, options, log=log)


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
            "Give more images of the same scene, or --background OUT0 of an earlier run",
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
