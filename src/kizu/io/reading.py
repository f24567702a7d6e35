"""Inputs → Stack: headers first, one array for all frames, then every file decoded straight into it."""

import contextlib
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.engines.protocol import Engine, Progress
from kizu.engines.threads import DEFAULT
from kizu.errors import ReadError, ResourceError
from kizu.io.agreement import Agreement, agree
from kizu.io.headers import Header, decode
from kizu.io.listing import Listed
from kizu.io.names import frame_name, stems
from kizu.io.protocol import Message
from kizu.io.regular import sha256_of
from kizu.io.surveying import Headers, nothing_usable, usable_headers
from kizu.stack import Skipped, Source, Stack


def read(
    inputs: Sequence[str],
    *,
    recursive: bool = False,
    axes: str | None = None,
    resize: tuple[int, int] | None = None,
    skip_odd: bool = False,
    progress: Progress | None = None,
    engine: Engine = DEFAULT,
) -> Stack:
    """Read image files, folders and globs as one stack, in input order.

    `recursive` looks into folders of folders. `axes` (TYX, TYXC, YX, YXC, CYX or TCYX) says what the axes of an
    array or of the planes of a TIFF are where that cannot be known. Sizes must agree unless `resize`
    (width, height) or `skip_odd` (the commonest size is kept). `progress(done, total)` counts frames. `engine` says
    whether they are kept in memory or on disk.

    Frames keep their dtype; float16 becomes float32, 1-bit becomes 0 and 255, alpha is dropped, palettes and
    CMYK become RGB, orientation tags are applied: `notes` says where. What cannot be read is in `skipped`.
    UsageError for inputs that make no sense, ShapeError for frames that do not fit together,
    NothingUsableError where no frame is left.
    """
    headers = usable_headers(inputs, recursive=recursive, axes=axes)
    agreed = agree(headers.usable, resize=resize, skip_odd=skip_odd)
    intake = Intake(agreed, progress, engine)
    for header in agreed.files:
        intake.read(header, axes, resize=resize is not None)
    if not intake.origins:
        raise nothing_usable(inputs, headers, [*headers.unusable, *intake.problems])
    return _stack(headers, agreed, intake)


def _stack(headers: Headers, agreed: Agreement, intake: "Intake") -> Stack:
    files = headers.listing.files
    stem = dict(zip((file.rel for file in files), stems([file.rel for file in files]), strict=True))
    containers = {header.rel for header in agreed.files if header.container}
    return Stack(
        frames=intake.frames[: len(intake.origins)],
        names=tuple(frame_name(stem[rel], i, container=rel in containers) for rel, i in intake.origins),
        origins=tuple(intake.origins),
        quantum=1.0 if agreed.dtype.kind in "ui" else None,
        sources=_sources(headers, agreed, intake),
        skipped=headers.skipped + agreed.skipped + tuple(intake.skipped),
        notes=agreed.notes,
    )


def _sources(headers: Headers, agreed: Agreement, intake: "Intake") -> tuple[Source, ...]:
    """Every file in input order."""
    declared = {header.rel: header.declared for header in headers.usable}
    decoded = dict.fromkeys(declared, 0)
    for rel, _ in intake.origins:
        decoded[rel] += 1
    return tuple(source_of(file, declared, decoded) for file in headers.listing.files)


def source_of(file: Listed, declared: Mapping[str, int], decoded: Mapping[str, int]) -> Source:
    """One without a header announces one frame, as far as anybody can tell."""
    return Source(file.rel, _sha256(file.path), declared.get(file.rel, 1), decoded.get(file.rel, 0))


def _sha256(path: str) -> str:
    """The hash of a file, '' for one that cannot be opened: that it cannot is among the skipped."""
    with contextlib.suppress(ReadError):
        return sha256_of(path)
    return ""


class Intake:
    """Frames on their way into one array, `frames`; the first len(`origins`) of it are filled."""

    def __init__(self, agreed: Agreement, progress: Progress | None, engine: Engine) -> None:
        self.size = agreed.size
        self.total = sum(header.present for header in agreed.files)
        self.frames = _allocate((self.total, *self._frame_shape()), agreed.dtype, engine)
        self.origins: list[tuple[str, int]] = []
        self.skipped: list[Skipped] = []
        self.problems: list[ReadError] = []
        self._progress = progress or (lambda done, total: None)
        self._done = 0
        self._rel = ""
        self._losses: list[Message] = []

    def read(self, header: Header, axes: str | None, *, resize: bool) -> None:
        """Decode the frames of one file and keep account of those that it owes."""
        self._rel, self._losses = header.rel, []
        before, done = len(self.origins), self._done
        reason, mend = header.lost, "Copy the file again"
        try:
            decode(header, self.size, axes, self, resize=resize)
        except ReadError as error:
            reason, mend = error.what, error.mend
        if self._losses:
            reason, mend = self._losses[0]["what"], self._losses[0]["mend"]
        missing = header.declared - (len(self.origins) - before)
        if missing:
            self._account(header, missing, reason, mend)
        self._done = done + header.present
        self._progress(self._done, self.total)

    def place(self, message: Message) -> memoryview:
        frame: NDArray[Any] = self.frames[len(self.origins)]
        return frame.data.cast("B")

    def take(self, message: Message) -> None:
        if message["kind"] == "frame":
            self.origins.append((self._rel, message["index"]))
        else:
            self._losses.append(message)
        self._done += 1
        self._progress(self._done, self.total)

    def _account(self, header: Header, missing: int, reason: str, mend: str) -> None:
        if header.declared > 1:
            reason = f"{missing} of {header.declared} frames could not be read ({reason})"
        self.skipped.append(Skipped(header.rel, reason, mend))
        self.problems.append(ReadError(header.path, reason, mend))

    def _frame_shape(self) -> tuple[int, ...]:
        height, width, channels = self.size
        return (height, width, channels) if channels > 1 else (height, width)


def _allocate(shape: tuple[int, ...], dtype: np.dtype[Any], engine: Engine) -> NDArray[Any]:
    """An array for the frames, unless it is in memory and larger than the machine."""
    needed, there = math.prod(shape) * dtype.itemsize, _physical_bytes()
    try:
        frames = engine.empty(shape, dtype)
        if needed > there and not isinstance(frames, np.memmap):  # promised by the system, not there
            raise MemoryError
        return frames
    except MemoryError as error:
        what = f"{shape[0]} frames take {needed / 1e9:.1f} GB of memory, {there / 1e9:.1f} GB are there"
        raise ResourceError(what, "Give fewer frames or use --resize") from error


def _physical_bytes() -> float:
    if not hasattr(os, "sysconf"):  # Windows: the allocation itself has to tell
        return math.inf
    return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
