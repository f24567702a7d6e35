"""`kizu eval`: what a results folder is worth against a truth."""

from pathlib import Path

import click

from kizu.cli import debug_option
from kizu.cli.summary import say_document

PROTOCOLS = ("kizu", "cdnet", "basicirstd", "rpcanet")  # here, so that help loads nothing


@click.command("eval")
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--truth",
    metavar="DIR",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of true masks, named or numbered like the frames.",
)
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    default="kizu",
    show_default=True,
    help="What the true masks mean (not black is a defect; the grey levels of CDnet) and what the numbers are: "
    "kizu's, or those of a code that others publish with.",
)
@debug_option
def command(folder: Path, truth: Path, protocol: str) -> None:
    """Measure a results folder against true masks."""
    from kizu.pipeline.evaluate import evaluate

    say_document(evaluate(folder, truth, protocol=protocol))
