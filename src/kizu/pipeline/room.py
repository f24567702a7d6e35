"""Where a run keeps what is as large as its images: in memory where that is enough, else on disk."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from kizu.engines.disk import WINDOW_MEMORY
from kizu.errors import ResourceError
from kizu.pipeline.estimate import Estimate, available_memory, granted, parse_size, readable
from kizu.pipeline.options import IN_MEMORY, Room

READ = 2
"""What blocks read beside each other: the images, and which of their entries are known."""
LEAST_WINDOWS = 12 << 20
"""Bytes of each that are read ahead, at least."""
MARGIN = 1.1
"""The memory that is free is not all ours."""


class Choice(NamedTuple):
    """Where a run goes, and what it says about it: bytes of memory and of disk that it needs."""

    room: Room
    memory: int
    disk: int
    sentence: str

    @property
    def document(self) -> dict[str, Any]:
        where = "memory" if self.room.folder is None else "disk"
        return {"where": where, "memory": self.memory, "disk": self.disk, "said": self.sentence}


def choose(need: Estimate, memory: str | None, out: Path) -> Choice:
    """In memory if that is enough even where the camera moves; otherwise with scratch beside `out`.

    `memory` is a budget such as "2G"; without one it is what is free.

    ResourceError if the least that a run on disk needs is more than there is, of memory or of disk.
    """
    folder = out.resolve().parent
    allowed = parse_size(memory) if memory else available_memory()
    if allowed is None:
        return Choice(IN_MEMORY, need.memory, 0, f"{need.what} need {_in_memory(need)}")
    there = granted(allowed, memory)
    if need.moving * (1.0 if memory else MARGIN) <= allowed:
        return Choice(IN_MEMORY, need.memory, 0, f"{need.what} need {_in_memory(need)}, {there}")
    least = need.on_disk + READ * LEAST_WINDOWS
    if least > allowed:
        raise ResourceError(
            f"{need.what} need about {readable(least)} of memory with all else on disk, {there}",
            "Allow more, or give smaller frames with --resize WxH",
        )
    free = shutil.disk_usage(_existing(folder)).free
    if need.scratch > free:
        raise ResourceError(
            f"{need.what} need about {readable(need.scratch)} of scratch, {readable(free)} are free",
            "Free some, or use -o on a larger disk",
            where=str(folder),
        )
    windows = min(WINDOW_MEMORY, (allowed - need.on_disk) // READ)
    most = need.on_disk + READ * windows
    sentence = (
        f"{need.what} need about {readable(most)} of memory and {readable(need.scratch)} of scratch in {folder}, "
        f"{there}; all in memory would be {_in_memory(need)}"
    )
    return Choice(Room(folder, windows), most, need.scratch, sentence)


def _in_memory(need: Estimate) -> str:
    more = f" ({readable(need.moving)} if the camera moves)" if need.moving > need.memory else ""
    return f"about {readable(need.memory)} of memory{more}"


def _existing(folder: Path) -> Path:
    """The folder, or what it will be made in."""
    return folder if folder.exists() or folder == folder.parent else _existing(folder.parent)
