"""One geometry and one dtype for all files of a stack, or which file is the odd one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kizu.errors import ParameterError, ShapeError
from kizu.io.headers import Header
from kizu.io.opened import PIXELS, Size
from kizu.stack import Skipped


@dataclass(frozen=True)
class Agreement:
    """The geometry and dtype of a stack, the files that have it and those left out for their size."""

    size: Size
    dtype: np.dtype[Any]
    files: tuple[Header, ...]
    odd: tuple[Header, ...]
    notes: tuple[str, ...]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        wanted = f"{self.size.width}x{self.size.height}"
        return tuple(
            Skipped(h.rel, f"{_pixels(h)} pixels where most have {wanted}", "Use --resize to keep it") for h in self.odd
        )


def agree(headers: Sequence[Header], *, resize: tuple[int, int] | None, skip_odd: bool) -> Agreement:
    """Find the geometry of the stack; `resize` is (width, height), `skip_odd` keeps the commonest size.

    ShapeError names the first file that does not fit.
    """
    height, width = _size(headers, resize, skip_odd=skip_odd)
    files = tuple(h for h in headers if resize or h.size[:2] == (height, width))
    odd = tuple(h for h in headers if not resize and h.size[:2] != (height, width))
    dtype, channels = kind_of_pixels(files)
    return Agreement(Size(height, width, channels), dtype, files, odd, notes_of(files, channels))


def agree_each(headers: Sequence[Header]) -> tuple[Agreement, ...]:
    """The same for every file on its own: sizes may differ between files, dtype and channels may not."""
    dtype, channels = kind_of_pixels(headers)
    found = []
    for header in headers:
        height, width = _size([header], None, skip_odd=False)
        found.append(Agreement(Size(height, width, channels), dtype, (header,), (), ()))
    return tuple(found)


def kind_of_pixels(headers: Sequence[Header]) -> tuple[np.dtype[Any], int]:
    """The dtype and channels of all files; ShapeError names the first that has others."""
    channels, first = _channels(headers), headers[0]
    for header in headers:
        if header.dtype != first.dtype:
            raise ShapeError(
                f"{header.dtype.name} pixels, {first.rel} has {first.dtype.name}",
                "Convert them to one type or give them apart",
                where=header.path,
            )
    return first.dtype, channels


def _size(headers: Sequence[Header], resize: tuple[int, int] | None, *, skip_odd: bool) -> tuple[int, int]:
    if resize is not None:
        width, height = resize
        if min(resize) < 1 or width * height > PIXELS:
            raise ParameterError("resize", f"{width}x{height}", f"WIDTHxHEIGHT of at most {PIXELS} pixels")
        return height, width
    if skip_odd:
        counts: Counter[tuple[int, int]] = Counter()
        for header in headers:
            counts[header.size.height, header.size.width] += header.present
        return counts.most_common(1)[0][0]
    _require_one_size(headers)
    return headers[0].size.height, headers[0].size.width


def _require_one_size(headers: Sequence[Header]) -> None:
    first = headers[0]
    for header in headers:
        if header.size[:2] != first.size[:2]:
            what = f"{_pixels(header)} pixels, {first.rel} has {_pixels(first)}"
            raise ShapeError(what, _mend(first), where=header.path)
        if header.odd is not None:
            index, height, width = header.odd
            what = f"frame {index} has {width}x{height} pixels, frame 0 has {_pixels(first)}"
            raise ShapeError(what, _mend(first), where=header.path)


def _mend(first: Header) -> str:
    return f"Use --resize {_pixels(first)}, --skip-odd, or --model auto if they do not show one scene"


def _channels(headers: Sequence[Header]) -> int:
    """The channels of the stack: grey is expanded among colours, colours must agree."""
    most = max(headers, key=lambda h: h.size.channels)
    for header in headers:
        if header.size.channels not in (1, most.size.channels):
            raise ShapeError(
                f"{header.size.channels} channels, {most.rel} has {most.size.channels}",
                "Convert them to grey or RGB, or give them apart",
                where=header.path,
            )
    return most.size.channels


def notes_of(headers: Sequence[Header], channels: int) -> tuple[str, ...]:
    """What was done to the files, one line per kind: the first file it was done to and how many more."""
    done: dict[str, list[str]] = {}
    for header in headers:
        grey = ("grey expanded to colour",) if header.size.channels < channels else ()
        for note in (*header.notes, *grey):
            done.setdefault(note, []).append(header.rel)
    return tuple(f"{rels[0]}{f' and {len(rels) - 1} more' if rels[1:] else ''}: {note}" for note, rels in done.items())


def _pixels(header: Header) -> str:
    return f"{header.size.width}x{header.size.height}"
