"""How far a run is, on stderr: a bar for a person, a line every ten seconds for a log, nothing if asked."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

SECONDS = 10.0
"""Between two lines where stderr is not a terminal."""
STAGES = {
    "read": "Reading",
    "register": "Aligning",
    "refit": "Separating",
    "learn": "Learning",
    "look": "Looking",
    "plant": "Planting",
    "project": "Comparing",
    "certify": "Proving",
    "calibrate": "Calibrating",
    "write": "Writing",
}


class Progress(Protocol):
    """What is called with (stage, done, total)."""

    def __call__(self, stage: str, done: int, total: int, /) -> None: ...


@contextmanager
def shown(*, quiet: bool) -> Iterator[Progress]:
    """The progress that fits stderr."""
    if quiet:
        yield lambda stage, done, total: None
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield bar
    else:
        yield lines(time.monotonic())


def lines(last: float) -> Progress:
    """One line now and then, so that a log shows that something moves; a short run prints none."""

    def say(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS:
            last = now
            of = f" of {total}" if total else ""
            click.echo(f"kizu: {STAGES.get(stage, stage).lower()}, {done}{of}", err=True)

    return say


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(STAGES["read"])
        yield lambda stage, done, total: bar.update(
            task, description=STAGES.get(stage, stage), completed=done, total=total or None
        )
