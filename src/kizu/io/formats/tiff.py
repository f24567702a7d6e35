"""TIFF stacks, by tifffile; by Pillow's libtiff where a page needs a codec or colours that tifffile lacks.

A truncated TIFF reads as a shorter one in both libraries. So three witnesses are heard on how many frames there
should be: the chain of pages, the shape that tifffile writes, and the `images=` that ImageJ writes.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from kizu.errors import KizuError, ReadError, UsageError
from kizu.io.formats.chain import Chain, walk
from kizu.io.formats.pages import Page, describe, finish, frame_of
from kizu.io.opened import FRAMES, Opened

_REDUCED = 1  # bit of NewSubfileType: a smaller copy of another page
_IMAGES = re.compile(r"^images=(\d{1,9})$", re.MULTILINE)


def open_tiff(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Open the pages of a TIFF as frames, in the order of its chain."""
    chain = walk(file)
    if chain.pages == 0 or chain.pages > FRAMES:
        raise ReadError(path, chain.broken or f"more than {FRAMES} pages", "Copy it again or leave it out")
    file.seek(0)
    tif = tifffile.TiffFile(file)
    pages = [_page(file, path, tif, index, axes) for index in range(chain.pages)]
    shown = [page for page in pages if isinstance(page, ReadError) or not page.tiff.subfiletype & _REDUCED]
    whole = [page for page in shown if isinstance(page, Page)]
    if not whole:
        raise next(page for page in shown if isinstance(page, ReadError))
    return _opened(file, path, shown, whole[0], chain)


def _page(file: BinaryIO, path: str, tif: tifffile.TiffFile, index: int, axes: str | None) -> Page | ReadError:
    """Page `index`, or why it cannot be used; what the user has to decide is raised."""
    try:
        tiff = tif.pages[index]
        if not isinstance(tiff, tifffile.TiffPage):
            raise ReadError(path, "has a page without a header of its own", "Write it again")
        return describe(file, path, tiff, axes)
    except UsageError:
        raise
    except KizuError as error:
        return ReadError(path, error.what, error.mend)
    except Exception as error:  # decoders throw anything
        return ReadError(path, f"page {index} is broken ({type(error).__name__})", "Copy it again or leave it out")


def _opened(file: BinaryIO, path: str, pages: Sequence[Page | ReadError], first: Page, chain: Chain) -> Opened:
    places = [(page, plane) for page in pages for plane in range(page.planes if isinstance(page, Page) else 1)]
    sizes = [page.size if isinstance(page, Page) else first.size for page, _ in places]
    sizes += [first.size] * _behind(first, pages)
    announced = _announced(pages) * first.planes
    declared = max(announced, len(places) + bool(chain.broken))

    def frame(index: int) -> NDArray[Any]:
        if index >= len(places):
            return _raw(file, first, index)
        page, plane = places[index]
        if isinstance(page, ReadError):
            raise page
        return frame_of(file, path, page, plane)

    return Opened(
        frame=frame,
        sizes=tuple(sizes),
        dtype=first.dtype,
        declared=declared,
        container=declared > 1,
        notes=first.notes,
        lost=_lost(chain, announced=announced > len(places)),
    )


def _lost(chain: Chain, *, announced: bool) -> str:
    reason = chain.broken or "the file holds fewer than it announces"
    return reason if announced else f"{reason}, at least one frame is missing"


def _announced(pages: Sequence[Page | ReadError]) -> int:
    """Pages that the notes of the writing program promise; each series starts with one such note."""
    position = 0
    while position < len(pages):
        position += max(1, _promised(pages[position]))
    return position


def _promised(page: Page | ReadError) -> int:
    if isinstance(page, ReadError):
        return 1
    description = page.tiff.description
    if description.startswith("ImageJ="):
        found = _IMAGES.search(description)
        return int(found[1]) if found else 1
    return _from_shape(description, math.prod(page.tiff.shape)) if description.startswith('{"shape":') else 1


def _from_shape(description: str, samples: int) -> int:
    try:
        shape = json.loads(description)["shape"]
        return int(math.prod(int(n) for n in shape) // samples)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return 1


def _behind(first: Page, pages: Sequence[Page | ReadError]) -> int:
    """Frames without a page that lie whole behind the first: tifffile and ImageJ write pixels before pages."""
    if len(pages) > 1 or first.planes > 1 or not first.tiff.is_final:
        return 0
    room = first.tiff.parent.filehandle.size - first.tiff.dataoffsets[0]
    return max(0, min(_promised(first), FRAMES + 1, room // first.tiff.nbytes) - 1)


def _raw(file: BinaryIO, first: Page, index: int) -> NDArray[Any]:
    tiff = first.tiff
    file.seek(tiff.dataoffsets[0] + index * tiff.nbytes)
    assert tiff.dtype is not None  # describe() refuses pages without
    stored = tiff.dtype.newbyteorder(tiff.parent.byteorder)
    return finish(first, np.frombuffer(file.read(tiff.nbytes), stored).reshape(tiff.shape), 0)
