"""The road of pictures that are judged one at a time: a single photo, or a folder of any sizes."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.detect.regions import regions_of
from kizu.engines.blas import one_thread
from kizu.errors import KizuError, NothingUsableError, ReadError, ShapeError, UsageError
from kizu.files import MODEL_CARD, load_model, read_json, save_model
from kizu.io.each import Pictures, pictures
from kizu.io.masks import read_mask
from kizu.io.pictures import Picture, Span, display, exact_or_display, outlined
from kizu.io.results import Results, Saved, open_results
from kizu.pipeline.manifest import SCHEMA, Outcome
from kizu.pipeline.models import ALL, Taken, home
from kizu.pipeline.options import Options, first_set
from kizu.pipeline.outputs import Rows, rows_of, span_of, write_crops
from kizu.pipeline.pictures_document import Account, document
from kizu.pipeline.refit import Progress
from kizu.pipeline.verdict import PictureModel, Verdict, loudest
from kizu.report.write import write_report
from kizu.stack import Skipped, Stack
from kizu.typing import Bools, Floats

STACKS_ONLY: dict[str, Any] = {
    "background": None, "align": "auto", "resize": None, "skip_odd": False, "memory": None
}  # fmt: skip
"""Keywords of `inspect` that mean nothing where every picture is judged on its own, with the value that says so."""
SHOWN = 20
"""Pictures that the range of grey levels to show is taken from."""


class Judging(NamedTuple):
    """Files on their way through a model into a results folder; none is held longer than it is judged."""

    listed: Pictures
    model: PictureModel
    span: Span
    options: Options
    results: Results

    def verdict(self, stack: Stack, index: int) -> Verdict:
        """What the model thinks of one frame; nothing where the user does not want to know."""
        unseen = _unknown(stack.frames[index])
        if unseen.all():
            raise ShapeError("no pixel of it is known", "Leave it out")
        found = self.model.judge(stack.frames[index], self.options.rule)
        if self.options.ignore is not None:
            unseen |= read_mask(self.options.ignore, stack.height, stack.width)
        return found._replace(
            score=np.where(unseen, np.float32(0), found.score),
            mask=found.mask & ~unseen,
            expected=np.where(unseen, np.float32(np.inf), found.expected),
        )

    def write(self, number: int) -> Account:
        """Decide on every frame of one file; write its map, mask, background and overlay."""
        stack = self.listed.read(number)
        rows, skipped, gaps = [], list(stack.skipped), [0.0]
        for index, (source, _) in enumerate(stack.origins):
            try:
                found = self._write_one(stack, index)
                rows.append(found[0])
                gaps.append(found[1])
            except ShapeError as error:  # a picture that the model cannot judge costs nobody else's results
                skipped.append(Skipped(source, error.what, error.mend))
        return Account(stack.sources, tuple(skipped), tuple(rows), stack.frames.shape[1:3], float(np.max(gaps)))

    def _write_one(self, stack: Stack, index: int) -> tuple[Rows, float]:
        found = self.verdict(stack, index)
        if not self.results.has_frame(stack.names[index]):
            self.results.write_frame(
                stack.names[index],
                score_map=found.score,
                mask=found.mask,
                background=exact_or_display(found.background, self.span),
                overlay=outlined(display(stack.frames[index], self.span), found.mask),
            )
        regions = regions_of(found.mask, found.score, found.residual, found.expected)
        rows = rows_of(stack, index, found.score, found.mask, regions)
        for row, more in zip(rows.regions, self.model.about(stack.frames[index], regions), strict=True):
            row |= more
        return rows, found.gap


def _unknown(frame: NDArray[Any]) -> Bools:
    """Pixels of a frame (height, width[, channels]) of which a channel is NaN."""
    if frame.dtype.kind != "f":
        return np.zeros(frame.shape[:2], np.bool_)
    return np.asarray(np.isnan(frame).reshape(*frame.shape[:2], -1).any(axis=2))


def inspect_pictures(inputs: Sequence[str], out: Path, options: Options, taken: Taken, progress: Progress) -> Outcome:
    """Judge every picture of `inputs` and write what does not belong into the folder `out`.

    The model was fitted before, or is learned from these very pictures; one picture is enough.
    """
    refuse_stacks(options, taken)
    home(taken.name).refuse(options, fitted=taken.folder is not None)
    started = time.monotonic()
    listed = pictures(inputs, recursive=options.recursive, axes=options.axes)
    key = options.key(listed.sources, listed.frames)
    with open_results(out, resume=options.resume, overwrite=options.overwrite, key=key) as results, one_thread():
        model = model_for(listed, options, taken, results, progress)
        judging = Judging(listed, model, _span(listed), options, results)
        accounts = options.engine.map(
            judging.write, range(len(listed)), progress=lambda done, total: progress("write", done, total)
        )
        return _close(judging, taken, accounts, started)


def refuse_stacks(options: Options, taken: Taken) -> None:
    """UsageError names the first option that speaks of many pictures of one scene."""
    if option := first_set(options, STACKS_ONLY):
        raise UsageError(
            f"is for pictures of one scene, and {taken.name} judges every picture on its own",
            "Leave it out, or use --model rpca",
            where=option,
        )


def model_for(listed: Pictures, options: Options, taken: Taken, results: Results, progress: Progress) -> PictureModel:
    """The model: fitted before, from the interrupted run, or learned now; it is kept in OUT/model."""
    module, kept = home(taken.name), results.folder / "model"
    if taken.folder is not None:
        fitted = loaded(taken, listed, options)
    elif options.resume and (kept / MODEL_CARD).is_file() and read_json(kept / MODEL_CARD).get("key") == results.key:
        return module.load(*load_model(kept), options)  # type: ignore[no-any-return]
    else:
        fitted = module.learn(listed, options, progress)
    save_picture_model(fitted, kept, taken.name, listed, results.key)
    return fitted


def loaded(taken: Taken, listed: Pictures, options: Options) -> PictureModel:
    """The model in a folder; ReadError for one that is not whole, or of another schema."""
    folder = Path(str(taken.folder))
    card, weights = load_model(folder)
    try:
        if card["schema"] != SCHEMA:
            raise ReadError(folder / MODEL_CARD, f"is not of schema {SCHEMA}", "Fit it again")
        refuse_other_pixels(card, listed, folder)
        model: PictureModel = home(taken.name).load(card, weights, options)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, KizuError):
            raise
        what = f"not a whole model ({type(error).__name__}: {error})"
        raise ReadError(folder / MODEL_CARD, what, "Make it again with kizu fit") from error
    return model


def save_picture_model(model: PictureModel, folder: Path, name: str, listed: Pictures, key: str) -> None:
    """Write a model folder; its card says what pixels it was made from."""
    card, weights = model.card()
    pixels = {"channels": listed.channels, "dtype": str(listed.dtype)}
    save_model(folder, {**card, "kind": ALL[name].kind, "schema": SCHEMA, "key": key, "pixels": pixels}, weights)


def refuse_other_pixels(card: Mapping[str, Any], listed: Pictures, folder: Path) -> None:
    """UsageError for pictures of another bit depth or channel count than the model was fitted on."""
    was, now = card["pixels"], {"channels": listed.channels, "dtype": str(listed.dtype)}
    if was != now:
        raise UsageError(
            f"was fitted on {was['dtype']} pixels with {was['channels']} channel(s), "
            f"{listed.agreed[0].files[0].rel} has {now['dtype']} with {now['channels']}",
            "Convert the pictures, or fit a model on ones like them",
            where=str(folder),
        )


def _span(listed: Pictures) -> Span:
    """One range of grey levels for all pictures of the run."""
    step = max(1, len(listed) // SHOWN)
    some = np.concatenate([listed.read(number).frames.ravel() for number in range(0, len(listed), step)])
    return span_of(some) if some.size else (0.0, 1.0)


class Again(NamedTuple):
    """Pictures that were judged, decoded again when they are drawn; `numbers` is the file of each name."""

    judging: Judging
    numbers: dict[str, int]

    def frame(self, name: str) -> NDArray[Any]:
        stack = self.judging.listed.read(self.numbers[name])
        frame: NDArray[Any] = stack.frames[stack.names.index(name)]
        return frame

    def picture(self, name: str) -> Picture:
        return display(self.frame(name), self.judging.span)

    def residual(self, name: str, saved: Saved) -> Floats:
        """Picture − background; the background is in its file where that holds it exactly, else it is made again."""
        frame = self.frame(name)
        background = exact_or_display(frame, self.judging.span)
        if background.dtype == frame.dtype and background.size == frame.size:
            rest = frame.astype(np.float32) - saved.background(name).reshape(frame.shape)
            return loudest(np.asarray(rest, np.float32))
        return self.judging.model.judge(frame, self.judging.options.rule).residual


def _close(judging: Judging, taken: Taken, accounts: list[Account], started: float) -> Outcome:
    """Write what belongs to the run as a whole; the manifest comes after all it speaks of."""
    results, options = judging.results, judging.options
    rows = [row for account in accounts for row in account.rows]
    if not rows:
        first = next(skipped for account in accounts for skipped in account.skipped)
        raise NothingUsableError(first.what, first.mend, where=first.source)
    names = [row.result["name"] for row in rows]
    again = Again(judging, {row.result["name"]: n for n, account in enumerate(accounts) for row in account.rows})
    regions = [region for row in rows for region in row.regions]
    write_crops(again.picture, regions, results)
    tables = [row.result for row in rows], regions
    results.write_tables(*tables)
    seconds = round(time.monotonic() - started, 2)
    results.write_log({"seconds": seconds, "jobs": options.jobs, "out": str(results.folder)})
    run = document(judging.listed, judging.model, accounts, options, judging.span) | {"model": taken.facts}
    saved = results.saved(run, *tables)
    write_report(
        saved,
        original=lambda i: again.picture(names[i]),
        residual=lambda i: again.residual(names[i], saved),
        extra=judging.model.assets(),
        engine=options.engine,
    )
    results.write_run(run)
    return Outcome(results.folder, run)
