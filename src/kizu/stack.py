"""Frames with their names: the one place that turns pictures into a matrix and back."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ShapeError


@dataclass(frozen=True)
class Skipped:
    """An input that was not used, and why: one line of what is wrong and what to do."""

    source: str
    what: str
    mend: str


@dataclass(frozen=True)
class Source:
    """One input file. `declared` frames are announced by the file, `decoded` could be read."""

    path: str
    sha256: str
    declared: int
    decoded: int


@dataclass(frozen=True)
class Stack:
    """Same-size frames in their own dtype.

    `frames` has shape (frames, height, width) or (frames, height, width, channels).
    `names` are the output names (`<rel>`, without suffix, '/' between folders), one per frame;
    `origins` is one (source path, index within it) per frame, in input order.
    `quantum` is the step of integer input in grey levels (1 for integers, None for floats): the
    only absolute number that any later stage may use.
    `decoded` counts frames that could be read, `declared` those that the inputs announced;
    `used` is what is here. Nothing is lost in silence: `skipped` names the difference.
    """

    frames: NDArray[Any]
    names: tuple[str, ...]
    origins: tuple[tuple[str, int], ...]
    quantum: float | None = None
    sources: tuple[Source, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.frames.ndim not in (3, 4):
            raise ShapeError(
                f"a stack has axes (frame, height, width[, channel]), got shape {self.frames.shape}",
                "Reshape the array",
            )
        if not len(self.frames) == len(self.names) == len(self.origins):
            raise ShapeError(
                f"{len(self.frames)} frames, {len(self.names)} names, {len(self.origins)} origins",
                "Give one name and one origin per frame",
            )

    @property
    def declared(self) -> int:
        return sum(s.declared for s in self.sources) if self.sources else len(self.frames)

    @property
    def decoded(self) -> int:
        return sum(s.decoded for s in self.sources) if self.sources else len(self.frames)

    @property
    def used(self) -> int:
        return len(self.frames)

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def channels(self) -> int:
        return int(self.frames.shape[3]) if self.frames.ndim == 4 else 1

    def to_matrix(self) -> NDArray[Any]:
        """The frames as a matrix (frames, height·width·channels): a view, in their own dtype."""
        return self.frames.reshape(len(self.frames), -1)

    def with_frames(self, frames: NDArray[Any]) -> "Stack":
        """The same names and origins around other pixels."""
        return replace(self, frames=frames)


def stack_of(frames: NDArray[Any], *, name: str = "frame") -> Stack:
    """Wrap an array (frames, height, width[, channels]) that comes from no file."""
    frames = np.asarray(frames)
    count = len(frames)
    width = max(6, len(str(count)))
    return Stack(
        frames=frames,
        names=tuple(f"{name}/{i:0{width}d}" for i in range(count)),
        origins=tuple((name, i) for i in range(count)),
        quantum=1.0 if np.issubdtype(frames.dtype, np.integer) else None,
    )
