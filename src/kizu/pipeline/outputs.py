"""Every frame's files and rows, in the frame's own pixels and units."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.detect.decide import Decision, decide_on
from kizu.detect.regions import Region, regions_of, top_mean
from kizu.detect.register import from_canvas
from kizu.io.pictures import Picture, display, exact_or_display, outlined
from kizu.io.results import Results
from kizu.pipeline.found import Found
from kizu.pipeline.nulls import Field
from kizu.pipeline.options import Options
from kizu.pipeline.refit import Progress
from kizu.stack import Stack
from kizu.typing import Bools, Floats

MOST_CROPS = 200
"""Crops of the worst regions; the table has all of them."""


class Frames(NamedTuple):
    """All that a frame's files are made of; the field is on the canvas."""

    stack: Stack
    found: Found
    field: Field
    span: tuple[float, float]

    def pixels(self, index: int) -> NDArray[Any]:
        frame: NDArray[Any] = self.stack.frames[index]
        return frame if frame.ndim == 3 else frame[..., None]

    def back(self, picture: NDArray[Any], index: int) -> NDArray[Any]:
        """A picture on the canvas in the frame's own pixels."""
        if not self.found.moving and self.found.margins == (0, 0):
            return picture
        return from_canvas(picture, self.found.shifts[index], self.found.margins, self.stack.height, self.stack.width)

    def background(self, index: int) -> Floats:
        """L of one frame (height, width, channels) in grey levels of that frame."""
        found = self.found
        flat = found.left[index] @ found.right + found.scale.center.ravel()
        planes = flat.reshape(-1, *found.trusted.shape).transpose(1, 2, 0)
        own = self.back(planes, index)
        return np.asarray(found.gains[index] * own + found.biases[index], np.float32)

    def residual(self, index: int) -> Floats:
        """M − L (height, width) in grey levels, of the channel where it is largest."""
        rest = np.nan_to_num(self.pixels(index).astype(np.float32) - self.background(index))
        best = np.abs(rest).argmax(axis=-1)[..., None]
        return np.asarray(np.take_along_axis(rest, best, axis=-1)[..., 0])

    def picture(self, index: int) -> Picture:
        return display(self.stack.frames[index], self.span)


class Rows(NamedTuple):
    """One frame's row and its regions'."""

    result: dict[str, Any]
    regions: list[dict[str, Any]]


def frames_of(stack: Stack, found: Found, field: Field) -> Frames:
    """With one display range for the whole run: that of 8 bits, else of the data."""
    return Frames(stack, found, field, span_of(stack.frames[:: max(1, stack.used // 50)]))


def span_of(sample: NDArray[Any]) -> tuple[float, float]:
    """The range of grey levels that pictures show: that of 8 bits, else nearly all of what `sample` has."""
    if sample.dtype == np.uint8:
        return 0.0, 255.0
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile(sample, (0.001, 0.999)).tolist()
    return low, high


def write_frames(frames: Frames, results: Results, options: Options, progress: Progress) -> list[Rows]:
    """Decide on every frame and write its map, mask, background and overlay."""
    return options.engine.map(
        lambda t: _write_one(frames, t, results, options),
        range(frames.stack.used),
        progress=lambda done, total: progress("write", done, total),
    )


def _write_one(frames: Frames, index: int, results: Results, options: Options) -> Rows:
    found, field = frames.found, frames.field
    seen = None if field.seen is None else field.seen[index]
    decision = decide_on(partial(field.maps, index), seen, found.nulls, options.rule)
    own = _in_frame(frames, decision, index)
    regions = regions_of(own.mask, own.score, frames.back(field.z[index], index), own.expected)
    name = frames.stack.names[index]
    if not results.has_frame(name):
        results.write_frame(
            name,
            score_map=own.score,
            mask=own.mask,
            background=exact_or_display(like(frames.background(index), frames.stack.frames[index]), frames.span),
            overlay=outlined(frames.picture(index), own.mask),
        )
    return rows_of(frames.stack, index, own.score, own.mask, regions)


def _in_frame(frames: Frames, decision: Decision, index: int) -> Decision:
    """The decision moved back: `expected` by whole pixels, because it has no values in between."""
    if frames.back(decision.mask, index) is decision.mask:
        return decision
    whole = np.round(frames.found.shifts[index])
    size = frames.stack.height, frames.stack.width
    expected = from_canvas(np.minimum(decision.expected, 1e30), whole, frames.found.margins, *size)
    score = np.nan_to_num(frames.back(decision.score, index))
    return Decision(score, frames.back(decision.mask, index), expected)


def like(background: Floats, frame: NDArray[Any]) -> NDArray[Any]:
    """`background` in the dtype and shape of `frame`, rounded and held inside what integers can say."""
    background = background.reshape(frame.shape)
    if frame.dtype.kind == "f":
        return background
    limits = np.iinfo(frame.dtype)
    return np.clip(np.rint(background), limits.min, limits.max).astype(frame.dtype)


def rows_of(stack: Stack, index: int, score: Floats, mask: Bools, regions: list[Region]) -> Rows:
    """The rows of frame `index`, of its score map and mask (height, width)."""
    source, position = stack.origins[index]
    who = {"name": stack.names[index], "source": source, "index": position}
    result = {
        **who,
        "score": round(top_mean(score), 4),
        "anomalous": bool(regions),
        "regions": len(regions),
        "area_fraction": round(float(mask.mean()), 8),
    }
    table = [{**who, "region": number, **_row(region)} for number, region in enumerate(regions, start=1)]
    return Rows(result, table)


def _row(region: Region) -> dict[str, Any]:
    row = region._asdict()
    row["sign"] = "bright" if region.sign > 0 else "dark"
    row["score"], row["peak_z"] = round(region.score, 3), round(region.peak_z, 3)
    row["expected_false_alarms"] = float(f"{region.expected_false_alarms:.3g}")
    return row


def write_crops(picture_of: Callable[[str], Picture], regions: list[dict[str, Any]], results: Results) -> None:
    """Cut the worst regions out of their pictures, given by name; each row learns where its crop is."""
    worst = sorted(regions, key=lambda row: -row["score"])[:MOST_CROPS]
    for rank, row in enumerate(worst, start=1):
        row["crop"] = results.write_crop(rank, row, picture_of(row["name"]))
