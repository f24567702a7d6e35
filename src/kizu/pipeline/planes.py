"""Registered frames as blocks of a matrix: frames × (channels·pixels), exposure divided out on the way.

The frames stay in their own dtype where the camera is still; where it moves they are resampled once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect.register import Registration, canvas, to_canvas
from kizu.engines.protocol import Engine, filled
from kizu.engines.threads import DEFAULT
from kizu.lowrank.blocks import Block, Columns, working_dtype
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
        return _still(frames.transpose(0, 3, 1, 2), ignore, engine)
    return _moved(frames, registration, ignore, engine)


def _still(pixels: NDArray[Any], ignore: Bools | None, engine: Engine) -> Planes:
    if not pixels.flags.c_contiguous:
        channels_last = pixels
        pixels = filled(engine, pixels.shape, pixels.dtype, lambda t: channels_last[t])
    seen = _seen_still(pixels, ignore, engine)
    if pixels.dtype.kind == "f" and seen is not None:
        some, zero = pixels, pixels.dtype.type(0)
        pixels = filled(engine, pixels.shape, pixels.dtype, lambda t: np.where(seen[t], some[t], zero))
    return Planes(pixels, seen, (0, 0))


def _seen_still(pixels: NDArray[Any], ignore: Bools | None, engine: Engine) -> Bools | None:
    shape = len(pixels), *pixels.shape[2:]
    seen = None if ignore is None else np.broadcast_to(~ignore, shape)

    def finite(t: int) -> Bools:
        known: Bools = ~np.isnan(pixels[t]).any(axis=0)
        return known if ignore is None else known & ~ignore

    if pixels.dtype.kind == "f" and any(engine.map(lambda t: bool(np.isnan(pixels[t]).any()), range(len(pixels)))):
        return filled(engine, shape, np.bool_, finite)
    return seen


def _moved(frames: NDArray[Any], registration: Registration, ignore: Bools | None, engine: Engine) -> Planes:
    count, height, width, channels = frames.shape
    margins = canvas(registration, height, width)
    size = height + 2 * margins[0], width + 2 * margins[1]
    pixels = engine.empty((count, channels, *size), np.float32)
    seen = engine.empty((count, *size), np.bool_)

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
    engine: Engine = DEFAULT

    @property
    def shape(self) -> tuple[int, int]:
        return self.planes.frames, self.planes.columns

    @property
    def dtype(self) -> "np.dtype[Any]":
        return working_dtype(self.planes.pixels.dtype)

    def read(self, start: int, stop: int) -> Block:
        known = None if self.known is None else self.mask(start, stop)
        pieces = list(self._pieces(start, stop))
        if len(pieces) > 1:
            return Block(start, stop, self._corrected(start, stop), known, self.dtype)
        channel = pieces[0][0]
        return Block(start, stop, self._pixels[:, start:stop], known, self.dtype, *self._exposure(channel))

    @cached_property
    def _pixels(self) -> Columns:
        return self.engine.columns(self.planes.pixels.reshape(self.planes.frames, -1))

    @cached_property
    def _known(self) -> Columns:
        assert self.known is not None
        return self.engine.columns(self.known.reshape(len(self.known), -1))

    def _exposure(self, channel: int) -> tuple[Floats, Floats]:
        """Scale and offset per frame that divide out the exposure of a channel."""
        gain, bias = self.gains[:, channel], self.biases[:, channel]
        return (1.0 / gain).astype(self.dtype), (-bias / gain).astype(self.dtype)

    def mask(self, start: int, stop: int) -> Bools:
        """Columns `start:stop` of `known`, which is the same in every channel."""
        parts = [self._known[:, a:b] for _, a, b in self._pieces(start, stop)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _corrected(self, start: int, stop: int) -> Floats:
        out, raw = np.empty((self.planes.frames, stop - start), self.dtype), self._pixels[:, start:stop]
        at = 0
        for channel, a, b in self._pieces(start, stop):
            scale, offset = self._exposure(channel)
            piece = out[:, at : at + b - a]
            np.multiply(raw[:, at : at + b - a], scale[:, None], out=piece)
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
