"""`kizu demo`: a first look at what kizu does, on pictures whose truth is known."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kizu.cli import BUG, DONE, debug_option
from kizu.cli.progress import shown
from kizu.cli.summary import say, say_path

if TYPE_CHECKING:
    from kizu.pipeline.demo import Demo


@click.command("demo")
@click.option("-o", "--output", metavar="OUT", type=click.Path(path_type=Path), required=True, help="Results folder.")
@click.option("--overwrite", is_flag=True, default=False, help="Replace the results in OUT.")
@debug_option
def command(output: Path, overwrite: bool) -> int:
    """Render a hundred walls with two defects and find them."""
    from kizu.pipeline.demo import demo

    with shown(quiet=False) as progress:
        done = demo(output, overwrite=overwrite, progress=progress)
    for line in sentences(done):
        say(line)
    say_path(done.outcome.report)
    return DONE if done.matches else BUG


def sentences(done: "Demo") -> list[str]:
    """What was planted, what was found, and whether that is the same."""
    from kizu.pipeline.demo import FALSE_ALARMS
    from kizu.report.words import count

    found = (f"{count(regions, 'region')} in {name}" for name, regions in done.found.items())
    return [
        f"the frames are in {done.frames}; they were judged at --false-alarms {FALSE_ALARMS}",
        f"planted: a defect in {' and in '.join(done.planted)}",
        f"found: {' and '.join(found) or 'nothing'}",
        "every planted defect was found, and nothing else" if done.matches else _mismatch(done),
    ]


def _mismatch(done: "Demo") -> str:
    missed = f"missed: {', '.join(done.missed) or 'none'}; regions elsewhere: {done.elsewhere}"
    return f"{missed}. This is a bug in kizu: please report it with run.json."
