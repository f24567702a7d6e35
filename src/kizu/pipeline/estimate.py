"""What a run will need, said before anything large is allocated."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kizu.detect.null import MAPS
from kizu.engines.disk import MAPPED
from kizu.engines.protocol import BLOCK_ENTRIES
from kizu.engines.threads import DEFAULT_JOBS
from kizu.errors import ParameterError, ResourceError
from kizu.io.surveying import Survey
from kizu.lowrank.blocks import working_dtype
from kizu.pipeline.options import Align

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
LIBRARIES = 90 << 20
"""Python with NumPy, SciPy and the parts of scikit-image that are used."""
FACTORS = 14 + 14
"""Rows of the background's long factor that a step holds: the old and the new."""
REFIT, NULLS = 10, 16
"""Bytes per pixel of every frame: z, masks and their successors; z, maps in half precision, masks, running sums."""
NULL_MAPS, SORTED = 2, 1.3
"""Times the null maps: themselves and smoothed; and the values of one scale in order, which are in memory always."""
BLOCK_COPIES = 12
"""Of a block in the type to compute in, while its medians are sought."""
CANVAS = 1.15
"""Pixels of a canvas of a moving camera beside those of a frame."""
MOVED_BYTES = 4
"""Of an entry that was resampled."""
FRAME_COPIES = 24
"""Of a frame in float32, while it is decided on, drawn and written."""
FIXED_SECONDS = 3.0
SECONDS_PER_ENTRY = 2.6e-7
SECONDS_PER_NULL_PIXEL = 4e-7
"""Two cores of 2025: 400 colour frames of 320 × 240 take about half a minute."""


class Estimate(NamedTuple):
    """What a run needs: bytes of memory at its peak, and seconds on two cores (within a factor of two).

    `memory` where all is kept in memory, `moving` if the camera moves then; `on_disk` where what is as large
    as the images is kept in `scratch` bytes of disk, without what is read ahead.
    """

    frames: int
    height: int
    width: int
    channels: int
    dtype: str
    memory: int
    moving: int
    on_disk: int
    scratch: int
    seconds: float

    @property
    def what(self) -> str:
        return f"{self.frames} frames of {self.width}x{self.height}x{self.channels}"


def estimate(
    survey: Survey, resize: tuple[int, int] | None = None, *, align: Align = "auto", jobs: int = DEFAULT_JOBS
) -> Estimate:
    """From headers alone."""
    first = max(survey.files, key=lambda file: file.frames)
    width, height = resize if resize else (first.width, first.height)
    channels = max(file.channels for file in survey.files)
    pixels, frames = height * width, survey.frames
    declared = sum(f.frames * f.height * f.width * channels for f in survey.files)
    entry_bytes = max(1, survey.total_bytes // max(1, declared))
    entries, maps = frames * pixels * channels, MAPS * pixels * 4
    frame = jobs * FRAME_COPIES * pixels * channels * 4
    blocks = jobs * BLOCK_COPIES * BLOCK_ENTRIES * working_dtype(np.dtype(first.dtype)).itemsize

    def peak(canvas: float, stacks: float) -> float:
        """Of the stages that hold most: refit, null, writing."""
        factors = FACTORS * canvas * pixels * channels * 4
        refit = stacks + REFIT * canvas * frames * pixels + factors + blocks
        return max(refit, stacks + NULLS * canvas * frames * pixels + canvas * (NULL_MAPS + SORTED) * maps + frame)

    still = (2 if channels > 1 else 1) * entries * entry_bytes
    moving = entries * (entry_bytes + CANVAS * MOVED_BYTES)
    return Estimate(
        frames=frames,
        height=height,
        width=width,
        channels=channels,
        dtype=first.dtype,
        memory=int(LIBRARIES + peak(1.0, still)),
        moving=int(LIBRARIES + (peak(1.0, still) if align == "none" else peak(CANVAS, moving))),
        on_disk=int(LIBRARIES + MAPPED + max(FACTORS * pixels * channels * 4 + blocks, SORTED * maps + frame)),
        scratch=int(
            (still if align == "none" else moving)
            + CANVAS * (NULLS + REFIT) * frames * pixels
            + CANVAS * NULL_MAPS * maps
        ),
        seconds=round(FIXED_SECONDS + SECONDS_PER_ENTRY * entries + SECONDS_PER_NULL_PIXEL * MAPS * pixels, 1),
    )


def refuse_beyond(budget: str | None, memory: int, what: str, mend: str) -> None:
    """ResourceError where `memory` bytes are more than the budget, or than what is free."""
    allowed = parse_size(budget) if budget else available_memory()
    if allowed is None or memory <= allowed:
        return
    raise ResourceError(f"{what} need about {readable(memory)} of memory, {granted(allowed, budget)}", mend)


def granted(allowed: int, budget: str | None) -> str:
    """How much memory there is, and who says so."""
    return f"{readable(allowed)} {'allowed by --memory' if budget else 'free'}"


def parse_size(text: str) -> int:
    """Bytes of "2G", "500M" or a plain number."""
    cleaned = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = cleaned[-1:] if cleaned[-1:] in UNITS and cleaned[-1:].isalpha() else ""
    try:
        value = float(cleaned.removesuffix(unit))
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ParameterError("memory", text, "a size such as 2G or 500M")
    return int(value * UNITS[unit])


def available_memory() -> int | None:
    """Free memory in bytes, where the system says."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") + _reclaimable()
    except (ValueError, OSError, AttributeError):
        return None


def _reclaimable() -> int:
    """Memory that the kernel holds as file cache and gives back when asked (Linux)."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Cached:", "SReclaimable:")))
    except OSError:
        return 0


def readable(size: float) -> str:
    """Bytes as a person says them."""
    return f"{size / (1 << 30):.1f} GB" if size >= 1 << 30 else f"{size / (1 << 20):.0f} MB"
