"""From files to a decision: which model, and its road."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kizu.detect.maps import Sign
from kizu.engines.threads import DEFAULT_JOBS
from kizu.io.matrix import kind_of
from kizu.pipeline.choose import choose_model
from kizu.pipeline.manifest import Outcome
from kizu.pipeline.matrix import inspect_matrix
from kizu.pipeline.options import Align, Options
from kizu.pipeline.pictures import inspect_pictures
from kizu.pipeline.refit import Progress
from kizu.pipeline.rows import inspect_rows
from kizu.pipeline.stacks import inspect_stack


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


def inspect(
    inputs: str | Path | Sequence[str | Path], out: str | Path, *, model: str | Path | None = None,
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
    model : word or path
        "rpca" (many pictures of one scene; the default for images and matrices), "rdl" or "patch-pcp" (a
        texture, from one picture or many), "ipi" (small targets), "rows" (a table; its default), "auto" (by
        what the inputs are, and by planted defects), or a folder that :func:`kizu.fit` made.
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
        model=None if model is None else os.fspath(model), noise=noise, lam=lam, rank=rank, false_alarms=false_alarms,
        fdr=fdr, z=z, background=background, ignore=ignore, align=align, recursive=recursive, axes=axes,
        resize=resize, skip_odd=skip_odd, min_area=min_area, sign=sign, memory=memory, jobs=jobs, seed=seed,
        resume=resume, overwrite=overwrite,
    )  # fmt: skip
    paths = [inputs] if isinstance(inputs, str | Path) else inputs
    return inspect_as(options, [os.fspath(path) for path in paths], Path(out), progress)


def inspect_as(
    options: Options, inputs: Sequence[str], out: Path, progress: Progress, say: Callable[[str], object] = str
) -> Outcome:
    """:func:`inspect` with its keywords in one record; `say` hears what memory is needed before it is taken."""
    of = kind_of(inputs, axes=options.axes)
    model = choose_model(options, inputs, of, progress)
    if model.lam is not None:
        options = replace(options, lam=model.lam)
    if model.road == "rows":
        return inspect_rows(inputs[0], out, options, progress, model.folder)
    if model.road == "pictures":
        return inspect_pictures(inputs, out, options, model, progress)
    if of == "matrix":
        return inspect_matrix(inputs[0], out, options, model, progress)
    return inspect_stack(inputs, out, options, model, progress, say)
