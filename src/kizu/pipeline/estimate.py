"""What a run will need, said before anything large is allocated."""

import os
from pathlib import Path
from typing import NamedTuple

from kizu.detect.maps import SIZES
from kizu.detect.null import MAPS
from kizu.engines.protocol import BLOCK_ENTRIES
from kizu.errors import ParameterError, ResourceError
from kizu.io.surveying import Survey

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
LIBRARIES = 180 << 20
"""Python with NumPy, SciPy, scikit-learn and their buffers."""
FACTORS = 14 + 14
"""Rows of the background's long factor that a step holds: the old and the new."""
FIXED_SECONDS = 3.0
SECONDS_PER_ENTRY = 2.6e-7
SECONDS_PER_NULL_PIXEL = 4e-7
"""Two cores of 2025: 400 colour frames of 320 × 240 take about half a minute."""


class Estimate(NamedTuple):
    """Frames and their size, bytes of memory at the peak, and seconds on two cores (within a factor of two)."""

    frames: int
    height: int
    width: int
    channels: int
    dtype: str
    memory: int
    seconds: float


def estimate(survey: Survey, resize: tuple[int, int] | None) -> Estimate:
    """From headers alone."""
    first = max(survey.files, key=lambda file: file.frames)
    width, height = resize if resize else (first.width, first.height)
    channels = max(file.channels for file in survey.files)
    pixels, frames = height * width, survey.frames
    entries = frames * pixels * channels
    entry_bytes = max(
        1, survey.total_bytes // max(1, sum(f.frames * f.height * f.width * f.channels for f in survey.files))
    )
    stacks = 2 * entries * entry_bytes
    per_pixel = 4 + 1 + 1 + 1 + 4  # z, mask, its successor, excluded, running sums
    nulls = MAPS * pixels * 4 * (2 + len(SIZES) // 2)
    factors = FACTORS * pixels * channels * 4
    blocks = 2 * 12 * BLOCK_ENTRIES * 8
    return Estimate(
        frames=frames,
        height=height,
        width=width,
        channels=channels,
        dtype=first.dtype,
        memory=int(LIBRARIES + stacks + per_pixel * frames * pixels + nulls + factors + blocks),
        seconds=round(FIXED_SECONDS + SECONDS_PER_ENTRY * entries + SECONDS_PER_NULL_PIXEL * MAPS * pixels, 1),
    )


def check_memory(need: Estimate, budget: str | None) -> None:
    """Refuse a run that would not fit, before it starts."""
    what = f"{need.frames} frames of {need.width}x{need.height}x{need.channels}"
    refuse_beyond(budget, need.memory, what, "Give fewer frames, or smaller ones with --resize WxH")


def refuse_beyond(budget: str | None, memory: int, what: str, mend: str) -> None:
    """ResourceError where `memory` bytes are more than the budget, or than what is free."""
    allowed = parse_size(budget) if budget else available_memory()
    if allowed is None or memory <= allowed:
        return
    whose = "allowed by --memory" if budget else "free"
    raise ResourceError(f"{what} need about {readable(memory)} of memory, {readable(allowed)} {whose}", mend)


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
