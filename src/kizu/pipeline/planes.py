"""Registered frames as blocks of a matrix: frames × (channels·pixels), exposure divided out on the way.

The frames stay in their own dtype where the camera is still; where it moves they are resampled once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect.register import Registration, canvas, to_canvas
from kizu.engines.protocol import Engine
from kizu.lowrank.blocks import Block, working_dtype
from kizu.typing import Bools, Floats

FEWEST_FRAMES, FEWEST_SHARE = 10, 0.1
"""A place on the canvas that fewer frames see (or this share of them) is unknown in all of them."""


@dataclass(frozen=True)
class Planes:
    """Frames on one canvas, a plane per channel.

    `pixels` (frames, channels, height, width), finite everywhere; `seen` (frames, height, width) or None
    where every frame sees everything; `margins` (y, x) by which the canvas exceeds a frame on each side.
    """

    pixels: NDArray[Any]
    seen: Bools | None
    margins: tuple[int, int]

    @property
    def frames(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        return int(self.pixels.shape[2]), int(self.pixels.shape[3])

    @property
    def columns(self) -> int:
        """Channels · pixels."""
        return int(np.prod(self.pixels.shape[1:]))

    def pictures(self) -> list[NDArray[Any]]:
        """Every frame as (height, width, channels), as registration wants them: views."""
        return [frame.transpose(1, 2, 0) for frame in self.pixels]


def planes_of(frames: NDArray[Any], registration: Registration, *, ignore: Bools | None, engine: Engine) -> Planes:
    """Put `frames` (frames, height, width[, channels]) on the common canvas.

    NaN pixels, those in `ignore` (height, width), and those that a frame does not see are not seen.
    """
    frames = frames[..., None] if frames.ndim == 3 else frames
    if registration.still:
        pixels = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
        seen = _seen_still(pixels, ignore)
        if pixels.dtype.kind == "f" and seen is not None:
            pixels = np.where(seen[:, None], pixels, pixels.dtype.type(0))
        return Planes(pixels, seen, (0, 0))
    return _moved(frames, registration, ignore, engine)


def _seen_still(pixels: NDArray[Any], ignore: Bools | None) -> Bools | None:
    seen = None if ignore is None else np.broadcast_to(~ignore, (len(pixels), *ignore.shape))
    if pixels.dtype.kind == "f":
        finite = ~np.isnan(pixels).any(axis=1)
        if not finite.all():
            seen = finite if seen is None else finite & seen
    return seen


def _moved(frames: NDArray[Any], registration: Registration, ignore: Bools | None, engine: Engine) -> Planes:
    count, height, width, channels = frames.shape
    margins = canvas(registration, height, width)
    size = height + 2 * margins[0], width + 2 * margins[1]
    pixels = np.zeros((count, channels, *size), np.float32)
    seen = np.zeros((count, *size), np.bool_)

    def place(index: int) -> None:
        picture = frames[index].astype(np.float32)
        if ignore is not None:
            picture[ignore] = np.nan
        values, sees = to_canvas(picture, registration.shifts[index], margins)
        seen[index] = sees & ~np.isnan(values).any(axis=-1)
        pixels[index] = np.where(seen[index], values.transpose(2, 0, 1), 0)

    engine.map(place, range(count))
    seen &= seen.sum(axis=0) >= fewest_frames(count)
    return Planes(pixels, seen, margins)


def fewest_frames(count: int) -> int:
    """Frames that must see a place of the canvas before anything there can be called odd."""
    return max(min(FEWEST_FRAMES, count // 2), round(FEWEST_SHARE * count), 1)


@dataclass(frozen=True)
class ExposedBlocks:
    """Blocks of u = (x − bias) / gain; entries with `known` False hold 0 and count as missing.

    `known` (frames, height, width) or None; `gains` and `biases` (frames, channels).
    """

    planes: Planes
    gains: Floats
    biases: Floats
    known: Bools | None

    @property
    def shape(self) -> tuple[int, int]:
        return self.planes.frames, self.planes.columns

    @property
    def dtype(self) -> "np.dtype[Any]":
        return working_dtype(self.planes.pixels.dtype)

    def read(self, start: int, stop: int) -> Block:
        known = None if self.known is None else self.mask(self.known, start, stop)
        pieces = list(self._pieces(start, stop))
        if len(pieces) > 1:
            return Block(start, stop, self._corrected(start, stop), known, self.dtype)
        channel, first, last = pieces[0]
        return Block(start, stop, self._flat[:, channel, first:last], known, self.dtype, *self._exposure(channel))

    @property
    def _flat(self) -> NDArray[Any]:
        return self.planes.pixels.reshape(self.planes.frames, self.planes.channels, -1)

    def _exposure(self, channel: int) -> tuple[Floats, Floats]:
        """Scale and offset per frame that divide out the exposure of a channel."""
        gain, bias = self.gains[:, channel], self.biases[:, channel]
        return (1.0 / gain).astype(self.dtype), (-bias / gain).astype(self.dtype)

    def mask(self, mask: Bools, start: int, stop: int) -> Bools:
        """Columns `start:stop` of a mask (frames, height, width) that is the same in every channel."""
        flat = mask.reshape(len(mask), -1)
        parts = [flat[:, a:b] for _, a, b in self._pieces(start, stop)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _corrected(self, start: int, stop: int) -> Floats:
        out = np.empty((self.planes.frames, stop - start), self.dtype)
        at = 0
        for channel, a, b in self._pieces(start, stop):
            scale, offset = self._exposure(channel)
            piece = out[:, at : at + b - a]
            np.multiply(self._flat[:, channel, a:b], scale[:, None], out=piece)
            piece += offset[:, None]
            at += b - a
        return out

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """(channel, first pixel, last pixel + 1) of the columns `start:stop`."""
        pixels = self.planes.size[0] * self.planes.size[1]
        while start < stop:
            channel, first = divmod(start, pixels)
            last = min(pixels, first + stop - start)
            yield channel, first, last
            start += last - first
