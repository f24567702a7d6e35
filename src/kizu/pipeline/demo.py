"""A first look: walls whose two defects are known, through the whole road and held against the truth."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from kizu.detect.metrics import region_hits
from kizu.errors import UsageError
from kizu.files import write_bytes
from kizu.io.png import png_bytes
from kizu.io.results import Saved, read_results
from kizu.pipeline.manifest import Outcome
from kizu.pipeline.refit import Progress
from kizu.pipeline.road import inspect
from kizu.scenes import walls
from kizu.stack import Stack
from kizu.typing import Bools

FALSE_ALARMS = 0.001
"""Of a hundred walls a tenth of a region would be false: at the default of 0.1, ten would be."""


class Demo(NamedTuple):
    """What was planted and what was found: (frame name, number of regions there) each.

    `missed` are frames with a planted defect that no region touches; `elsewhere` counts the regions
    that touch no planted defect.
    """

    outcome: Outcome
    frames: Path
    planted: tuple[str, ...]
    found: dict[str, int]
    missed: tuple[str, ...]
    elsewhere: int

    @property
    def matches(self) -> bool:
        return not self.missed and self.elsewhere == 0


def demo(out: Path, *, overwrite: bool, progress: Progress) -> Demo:
    """Render a hundred walls into the folder beside `out` (its name and "-frames"), inspect them, compare.

    The frames stay, so that a person can look at them; UsageError if that folder holds anything else.
    """
    stack, truth = walls(0)
    frames = out.with_name(f"{out.name}-frames")
    render(stack, frames)
    outcome = inspect([str(frames)], out, false_alarms=FALSE_ALARMS, overwrite=overwrite, progress=progress)
    saved = read_results(outcome.folder)
    masks = np.stack([saved.mask(row["name"]) for row in saved.results])
    return compare(outcome, frames, saved, masks, truth)


def render(stack: Stack, folder: Path) -> None:
    """Write every frame as wall-000.png and so on."""
    names = [f"wall-{index:03d}.png" for index in range(stack.used)]
    strangers = sorted({path.name for path in folder.iterdir()} - set(names)) if folder.is_dir() else []
    if strangers:
        raise UsageError(
            f"holds files that are not the demo's ({len(strangers)}, such as {strangers[0]})",
            "Choose another -o",
            where=str(folder),
        )
    for name, frame in zip(names, stack.frames, strict=True):
        write_bytes(folder / name, png_bytes(frame))


def compare(outcome: Outcome, frames: Path, saved: Saved, masks: Bools, truth: Bools) -> Demo:
    """Hold `masks` (frames, height, width) against `truth`."""
    names = [row["name"] for row in saved.results]
    planted = [t for t in range(len(truth)) if truth[t].any()]
    touched, regions = region_hits(truth, masks)
    return Demo(
        outcome=outcome,
        frames=frames,
        planted=tuple(names[t] for t in planted),
        found={row["name"]: row["regions"] for row in saved.results if row["regions"]},
        missed=tuple(names[t] for t in planted if not (masks[t] & truth[t]).any()),
        elsewhere=regions - touched,
    )
