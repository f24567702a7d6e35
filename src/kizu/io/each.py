"""Inputs whose sizes may differ: what :func:`kizu.io.reading.read` takes, decoded file by file when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kizu.engines.threads import DEFAULT
from kizu.io.agreement import Agreement, agree_each, notes_of
from kizu.io.names import frame_name, stems
from kizu.io.reading import Intake, source_of
from kizu.io.surveying import Headers, usable_headers
from kizu.stack import Skipped, Source, Stack


@dataclass(frozen=True)
class Pictures:
    """Files of one dtype and channel count; `len` is their number, `read(k)` decodes the k-th.

    Nothing is held: a folder may be larger than the memory. Files without a usable header are in `skipped`
    and, as sources of which nothing was decoded, in `unusable`.
    """

    headers: Headers
    agreed: tuple[Agreement, ...]
    stems: tuple[str, ...]
    axes: str | None

    def __len__(self) -> int:
        return len(self.agreed)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.agreed[0].dtype

    @property
    def channels(self) -> int:
        return self.agreed[0].size.channels

    @property
    def frames(self) -> int:
        """What the files declare."""
        return sum(agreed.files[0].declared for agreed in self.agreed)

    @property
    def notes(self) -> tuple[str, ...]:
        return notes_of([agreed.files[0] for agreed in self.agreed], self.channels)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        return self.headers.skipped

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every file with a header, as if all it declares could be decoded."""
        declared = {agreed.files[0].rel: agreed.files[0].declared for agreed in self.agreed}
        return tuple(source_of(file, declared, declared) for file in self.headers.listing.files if file.rel in declared)

    @property
    def unusable(self) -> tuple[Source, ...]:
        there = {agreed.files[0].rel for agreed in self.agreed}
        return tuple(source_of(file, {}, {}) for file in self.headers.listing.files if file.rel not in there)

    def read(self, number: int) -> Stack:
        """The frames of one file, fewer than it declares where some cannot be read: `skipped` says so."""
        agreed = self.agreed[number]
        (header,) = agreed.files
        intake = Intake(agreed, None, DEFAULT)
        intake.read(header, self.axes, resize=False)
        listed = next(file for file in self.headers.listing.files if file.rel == header.rel)
        return Stack(
            frames=intake.frames[: len(intake.origins)],
            names=tuple(frame_name(self.stems[number], i, container=header.container) for _, i in intake.origins),
            origins=tuple(intake.origins),
            quantum=1.0 if agreed.dtype.kind in "ui" else None,
            sources=(source_of(listed, {header.rel: header.declared}, {header.rel: len(intake.origins)}),),
            skipped=tuple(intake.skipped),
        )


def pictures(inputs: Sequence[str], *, recursive: bool = False, axes: str | None = None) -> Pictures:
    """List image files, folders and globs whose sizes may differ; nothing is decoded yet.

    UsageError for inputs that make no sense, ShapeError for files of another dtype or channel count or with
    frames of several sizes, NothingUsableError where no file has a usable header.
    """
    headers = usable_headers(inputs, recursive=recursive, axes=axes)
    files = headers.listing.files
    stem = dict(zip((file.rel for file in files), stems([file.rel for file in files]), strict=True))
    agreed = agree_each(headers.usable)
    return Pictures(headers, agreed, tuple(stem[one.files[0].rel] for one in agreed), axes)
