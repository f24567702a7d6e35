"""Learn once from good inputs, judge new ones later: a model folder that `kizu detect --model` takes."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kizu.detect.decide import Rule, decide_on
from kizu.detect.maps import Sign
from kizu.engines.blas import one_thread
from kizu.engines.threads import DEFAULT_JOBS
from kizu.errors import UsageError
from kizu.files import MODEL_CARD, MODEL_WEIGHTS
from kizu.io.each import pictures
from kizu.io.masks import read_mask
from kizu.io.matrix import kind_of
from kizu.pipeline import found as found_module
from kizu.pipeline.choose import choose_for_fit
from kizu.pipeline.find import find
from kizu.pipeline.models import Taken, home
from kizu.pipeline.options import FALSE_ALARMS, Align, Options
from kizu.pipeline.pictures import refuse_stacks, save_picture_model
from kizu.pipeline.refit import Progress
from kizu.pipeline.road import quiet
from kizu.pipeline.rows import fit_table
from kizu.pipeline.stacks import read_stack
from kizu.stack import Skipped


class Fitted(NamedTuple):
    """A model folder and what was learned about the good inputs.

    `suspicious` names those that the model itself would call defective at the usual rule, `expected` how many
    false ones of that kind there would be if all were good. `skipped` are inputs that nothing was learned from.
    """

    folder: Path
    model: dict[str, Any]
    inputs: int
    suspicious: tuple[str, ...]
    expected: float
    warnings: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


def fit(
    inputs: str | Path | Sequence[str | Path], out: str | Path, *, model: str | None = None,
    noise: float | Literal["auto"] | None = "auto", lam: float | None = None, rank: int | None = None,
    ignore: str | None = None, align: Align = "auto", recursive: bool = False, axes: str | None = None,
    resize: tuple[int, int] | None = None, skip_odd: bool = False, min_area: int | None = None, sign: Sign = "both",
    memory: str | None = None, jobs: int = DEFAULT_JOBS, seed: int = 0, overwrite: bool = False,
    progress: Progress = quiet,
) -> Fitted:  # fmt: skip
    """Learn from good `inputs` what is usual, into the model folder `out`; `kizu.inspect(new, model=out)` uses it.

    Parameters
    ----------
    inputs : path or paths
        Pictures of one scene, pictures of good parts of any sizes, or one table.
    out : path
        The model folder, exactly this one: `model.json` and `weights.safetensors`.
    model : word
        "rpca" (pictures of one scene), "surface" (parts of any size and place), "rdl" or "patch-pcp" (a texture),
        or "rows" (a table). By default what the inputs look like: a scene, parts, or a table.
    noise, lam, rank, ignore, align, recursive, axes, resize, skip_odd, min_area, sign, memory, jobs, seed, progress
        As in :func:`kizu.inspect`.
    overwrite : bool
        Replace a model that is there.

    Raises
    ------
    KizuError
        One line that says what is wrong, where, and what to do.
    """
    options = Options(
        model=model, noise=noise, lam=lam, rank=rank, false_alarms=None, fdr=None, z=None, background=None,
        ignore=ignore, align=align, recursive=recursive, axes=axes, resize=resize, skip_odd=skip_odd,
        min_area=min_area, sign=sign, memory=memory, jobs=jobs, seed=seed, resume=False, overwrite=overwrite,
    )  # fmt: skip
    paths = [inputs] if isinstance(inputs, str | Path) else inputs
    return fit_as(options, [os.fspath(path) for path in paths], Path(out), progress)


def fit_as(options: Options, inputs: Sequence[str], out: Path, progress: Progress) -> Fitted:
    """:func:`fit` with its keywords in one record."""
    _require_room(out, overwrite=options.overwrite)
    of = kind_of(inputs, axes=options.axes)
    taken = choose_for_fit(options, inputs, of)
    fitters = {"stack": _fit_stack, "pictures": _fit_pictures, "rows": _fit_rows}
    with closing(options.engine), one_thread():
        return fitters[taken.road](options, inputs, out, taken, progress)


def _require_room(folder: Path, *, overwrite: bool) -> None:
    """UsageError for a folder that holds anything but a model, or a model that is not to be replaced."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file, not a folder", "Choose another -o", where=str(folder))
    entries = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strangers = sorted(entries - {MODEL_CARD, MODEL_WEIGHTS})
    if strangers:
        what = f"holds files that are not a model's ({len(strangers)}, such as {strangers[0]})"
        raise UsageError(what, "Choose another -o", where=str(folder))
    if entries and not overwrite:
        raise UsageError(
            "holds a model already", "Add --overwrite to replace it, or choose another -o", where=str(folder)
        )


def _fit_stack(options: Options, inputs: Sequence[str], out: Path, taken: Taken, progress: Progress) -> Fitted:
    """Background, scales and null of one scene, as `kizu detect` finds them."""
    stack = read_stack(inputs, options, progress)
    mask = None if options.ignore is None else read_mask(options.ignore, stack.height, stack.width)
    found, field = find(stack, mask, options, progress)
    rule = Rule("false_alarms", FALSE_ALARMS)

    def defective(t: int) -> bool:
        seen = None if field.seen is None else field.seen[t]
        return bool(decide_on(partial(field.maps, t), seen, found.nulls, rule).mask.any())

    flags = options.engine.map(defective, range(stack.used))
    suspicious = tuple(name for name, flag in zip(stack.names, flags, strict=True) if flag)
    found_module.save(found, out, options.key(stack.sources, stack.used))
    warnings = tuple(found.facts["warnings"])
    return Fitted(out, taken.facts, stack.used, suspicious, FALSE_ALARMS * stack.used, warnings, stack.skipped)


def _fit_pictures(options: Options, inputs: Sequence[str], out: Path, taken: Taken, progress: Progress) -> Fitted:
    """What parts of any size, or pieces of a texture, have in common."""
    refuse_stacks(options, taken)
    if options.ignore is not None:
        raise UsageError("has no meaning for pictures of any size", "Give it to kizu detect", where="--ignore")
    listed = pictures(inputs, recursive=options.recursive, axes=options.axes)
    fitted, said = home(taken.name).fit(listed, options, progress)
    save_picture_model(fitted, out, taken.name, listed, options.key(listed.sources, listed.frames))
    lost = (skipped for number in range(len(listed)) for skipped in listed.read(number).skipped)
    return Fitted(
        folder=out,
        model=taken.facts,
        inputs=said["pictures"],
        suspicious=tuple(said["suspicious"]),
        expected=said["expected"],
        warnings=tuple(said["warnings"]),
        skipped=(*listed.skipped, *lost),
    )


def _fit_rows(options: Options, inputs: Sequence[str], out: Path, taken: Taken, progress: Progress) -> Fitted:
    """What the rows of a table have in common."""
    said = fit_table(inputs[0], out, options, progress)
    return _fitted(out, taken, said, "rows")


def _fitted(out: Path, taken: Taken, said: Mapping[str, Any], what: str) -> Fitted:
    suspicious, warnings = tuple(said["suspicious"]), tuple(said["warnings"])
    return Fitted(out, taken.facts, said[what], suspicious, said["expected"], warnings)
