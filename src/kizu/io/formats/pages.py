"""One page of a TIFF: what a frame of it looks like, and its pixels."""

import math
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from kizu.errors import ReadError, UsageError
from kizu.io.formats.modes import UPRIGHT, mode_of, oriented, pixels, swaps, upright
from kizu.io.opened import AXES, Size, plain, supported

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_UNCOMPRESSED = 1
_PREDICTORS = (1, 2)  # none and horizontal; the others are libtiff's
_ORIENTATION = 274
_MEND = f"Say what its axes are with --axes, one of {', '.join(AXES)}"
_INVERTED = "white-is-zero inverted"


@dataclass(frozen=True)
class Page:
    """How the frames of a page are made.

    `planes` frames lie in the page one behind the other. `by_pillow` where tifffile lacks the codec or the colours.
    """

    tiff: tifffile.TiffPage
    size: Size
    dtype: np.dtype[Any]
    orientation: int = UPRIGHT
    planes: int = 1
    by_pillow: bool = False
    notes: tuple[str, ...] = ()


def describe(file: BinaryIO, path: str, tiff: tifffile.TiffPage, axes: str | None) -> Page:
    """Read what page `tiff` announces; UsageError where its planes can be frames or colours."""
    orientation, notes = oriented(_tag(tiff, _ORIENTATION, UPRIGHT))
    if not _by_tifffile(tiff):
        return _describe_by_pillow(file, path, tiff, notes)
    if tiff.dtype is None:
        raise ReadError(path, f"has {tiff.bitspersample}-bit samples of an unknown kind", "Save it as 8 or 16 bits")
    planes, channels, more = _layout(path, tiff, axes)
    height, width = (tiff.imagewidth, tiff.imagelength) if swaps(orientation) else (tiff.imagelength, tiff.imagewidth)
    if tiff.photometric == _WHITE_IS_ZERO:
        more += (_INVERTED if tiff.dtype.kind in "bu" else "white-is-zero left as it is",)
    dtype = supported(path, tiff.dtype)
    return Page(tiff, Size(height, width, channels), dtype, orientation, planes, notes=notes + more)


def frame_of(file: BinaryIO, path: str, page: Page, plane: int) -> NDArray[Any]:
    """Decode frame `plane` of `page`."""
    if page.by_pillow:
        return pixels(_image(file, page.tiff.index))
    _require_segments(path, page.tiff)
    return finish(page, page.tiff.asarray(maxworkers=1), plane)


def finish(page: Page, array: NDArray[Any], plane: int) -> NDArray[Any]:
    """Turn decoded samples of a page into frame `plane`: one plane, no alpha, black is zero, upright."""
    if page.planes > 1:
        array = array[plane]
    elif page.tiff.axes == "SYX":
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3:
        array = array[..., : page.size.channels] if page.size.channels > 1 else array[..., 0]
    return upright(plain(_black_is_zero(page.tiff, array)), page.orientation)


def _black_is_zero(tiff: tifffile.TiffPage, array: NDArray[Any]) -> NDArray[Any]:
    if tiff.photometric != _WHITE_IS_ZERO or array.dtype.kind not in "bu":
        return array
    return ~array if array.dtype.kind == "b" else array.dtype.type((1 << tiff.bitspersample) - 1) - array


def _by_tifffile(tiff: tifffile.TiffPage) -> bool:
    codec = tiff.compression == _UNCOMPRESSED or tiff.compression in tifffile.TIFF.DECOMPRESSORS
    colours = tiff.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
    return codec and colours and tiff.predictor in _PREDICTORS


def _layout(path: str, tiff: tifffile.TiffPage, axes: str | None) -> tuple[int, int, tuple[str, ...]]:
    """Frames in the page, channels of each, and notes."""
    samples = tiff.samplesperpixel
    if tiff.axes == "YX":
        return 1, 1, ()
    if tiff.axes == "SYX" and axes is not None:
        return (1, samples, ()) if "C" in axes else (samples, 1, ())
    if tiff.axes == "YXS":
        known = _chunky(tiff, samples)
        if known is not None:
            return known
        if axes in ("YXC", "TYXC"):
            return 1, samples, ()
    if tiff.axes not in ("SYX", "YXS"):
        raise ReadError(path, f"has pages with axes {tiff.axes}", "Save it as pages of rows and columns")
    raise UsageError(f"pages of shape {tiff.shape} can be read in more than one way", _MEND, where=path)


def _chunky(tiff: tifffile.TiffPage, samples: int) -> tuple[int, int, tuple[str, ...]] | None:
    if tiff.photometric == _RGB and samples in (3, 4):
        return 1, 3, ("alpha dropped",) if samples == 4 else ()
    if tiff.photometric != _RGB and samples == 2 and tiff.extrasamples:
        return 1, 1, ("alpha dropped",)
    return None


def _describe_by_pillow(file: BinaryIO, path: str, tiff: tifffile.TiffPage, notes: tuple[str, ...]) -> Page:
    image = _image(file, tiff.index)
    mode = mode_of(path, image.mode)
    if tiff.bitspersample > 8 and (mode.dtype == "uint8" or tiff.photometric == _WHITE_IS_ZERO):
        raise ReadError(
            path, "has 16-bit colours in a compression that would cut them to 8 bits", "Save it with deflate or none"
        )
    width, height = image.size
    inverted = (_INVERTED,) if tiff.photometric == _WHITE_IS_ZERO else ()
    return Page(
        tiff,
        Size(height, width, mode.channels),
        np.dtype(mode.dtype),
        by_pillow=True,
        notes=notes + inverted + ((mode.note,) if mode.note else ()),
    )


def _image(file: BinaryIO, index: int) -> Image.Image:
    file.seek(0)
    image = Image.open(file, formats=["TIFF"])
    image.seek(index)
    return image


def _require_segments(path: str, tiff: tifffile.TiffPage) -> None:
    """Refuse a page whose strips or tiles are not all in the file: tifffile would fill them with zeros."""
    size = tiff.parent.filehandle.size
    ends = [offset + count for offset, count in zip(tiff.dataoffsets, tiff.databytecounts, strict=False)]
    if len(ends) < math.prod(tiff.chunked) or 0 in tiff.databytecounts or max(ends) > size:
        raise ReadError(path, "a part of its pixels is not in the file", "Copy it again or write it again")


def _tag(tiff: tifffile.TiffPage, code: int, default: int) -> int:
    value = tiff.tags.valueof(code, default)
    return value if isinstance(value, int) else default
