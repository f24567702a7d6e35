"""What the inputs hold, from their headers alone: for the memory estimate and for a dry run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kizu.errors import NothingUsableError, ReadError
from kizu.io.headers import Header, probe
from kizu.io.listing import Listing, list_inputs
from kizu.io.opened import require_axes
from kizu.stack import Skipped


@dataclass(frozen=True)
class Surveyed:
    """One file: its path below the inputs' common parent, the frames it declares and what one looks like."""

    path: str
    frames: int
    height: int
    width: int
    channels: int
    dtype: str


@dataclass(frozen=True)
class Survey:
    """What the inputs declare. `total_bytes` is the size of the decoded stack."""

    files: tuple[Surveyed, ...]
    skipped: tuple[Skipped, ...]
    total_bytes: int

    @property
    def frames(self) -> int:
        return sum(file.frames for file in self.files)


@dataclass(frozen=True)
class Headers:
    """The listed files: those with a usable header, and the others with what is wrong with them."""

    usable: tuple[Header, ...]
    unusable: tuple[ReadError, ...]
    listing: Listing

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        rels = {file.path: file.rel for file in self.listing.files}
        return self.listing.skipped + tuple(Skipped(rels[e.path], e.what, e.mend) for e in self.unusable)


def survey(inputs: Sequence[str], *, recursive: bool = False, axes: str | None = None) -> Survey:
    """Read the headers of `inputs`; no pixel is decoded.

    `axes` is what :func:`kizu.io.read` takes. UsageError for a missing input or for axes that nobody can guess.
    """
    return survey_of(headers_of(inputs, recursive=recursive, axes=axes))


def usable_headers(inputs: Sequence[str], *, recursive: bool, axes: str | None) -> Headers:
    """:func:`headers_of`; NothingUsableError where none is usable."""
    headers = headers_of(inputs, recursive=recursive, axes=axes)
    if not headers.usable:
        raise nothing_usable(inputs, headers, headers.unusable)
    return headers


def survey_of(headers: Headers) -> Survey:
    colour = max((header.size.channels for header in headers.usable), default=1)
    files = tuple(
        Surveyed(h.rel, h.declared, h.size.height, h.size.width, h.size.channels, h.dtype.name) for h in headers.usable
    )
    total = sum(h.present * h.size.height * h.size.width * colour * h.dtype.itemsize for h in headers.usable)
    return Survey(files, headers.skipped, total)


def headers_of(inputs: Sequence[str], *, recursive: bool, axes: str | None) -> Headers:
    """List `inputs` and ask for every header."""
    require_axes(axes)
    listing = list_inputs(inputs, recursive=recursive)
    usable, unusable = [], []
    for file in listing.files:
        try:
            usable.append(probe(file.path, file.rel, axes))
        except ReadError as error:
            unusable.append(error)
    return Headers(tuple(usable), tuple(unusable), listing)


def nothing_usable(inputs: Sequence[str], headers: Headers, problems: Sequence[ReadError]) -> NothingUsableError:
    """The error for inputs of which no frame is left: the first problem, and how many there are."""
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return NothingUsableError(first.what + more, first.mend, where=first.path)
    suffixes = Counter(skipped.what for skipped in headers.listing.skipped)
    what = "; ".join(f"{count} × {what}" for what, count in suffixes.most_common(3))
    return NothingUsableError(
        f"no image in it{f' ({what})' if what else ''}", "Give other files, or add --recursive", where=inputs[0]
    )
