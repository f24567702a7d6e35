"""`kizu plant`: which model to use, tried on planted defects."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kizu.cli import debug_option
from kizu.cli.progress import shown
from kizu.cli.summary import say, say_document

if TYPE_CHECKING:
    from kizu.pipeline.plant import PlantReport


@click.command("plant")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", type=click.Path(path_type=Path), help="Folder for numbers and pictures.")
@click.option("--models", metavar="NAME,...", help="rpca, rdl, patch-pcp, ipi.  [default: those that suit the inputs]")
@click.option("--false-alarms", type=float, help="Expected false regions per defect-free image.  [default: 0.1]")
@click.option("--recursive", is_flag=True, default=False, help="Look into folders of folders.")
@click.option("--axes", metavar="TYX", help="What the axes of an array are: TYX, TYXC, YX, YXC, CYX or TCYX.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is planted and where.")
@click.option("--jobs", type=int, default=2, show_default=True, help="Threads.")
@click.option("--json", "as_json", is_flag=True, default=False, help="Print one JSON document.")
@click.option("--quiet", is_flag=True, default=False, help="No progress and no summary.")
@debug_option
def command(
    inputs: tuple[str, ...], output: Path | None, models: str | None, false_alarms: float | None, recursive: bool,
    axes: str | None, seed: int, jobs: int, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Plant defects into the inputs and see which model finds them."""
    from kizu.io.tables import finite
    from kizu.pipeline.plant import plant
    from kizu.pipeline.plant_outputs import require_room, write_planting

    if output is not None:
        require_room(output)
    with shown(quiet=quiet) as progress:
        report = plant(
            inputs, models=None if models is None else models.split(","), false_alarms=false_alarms,
            recursive=recursive, axes=axes, seed=seed, jobs=jobs, progress=progress,
        )  # fmt: skip
    if output is not None:
        write_planting(report, output)
    for line in [] if quiet else report.sentences:
        say(line)
    if as_json:
        say_document(finite(report.document))
    else:
        for line in lines(report):
            click.echo(line)


def lines(report: "PlantReport") -> list[str]:
    """One row per candidate, recall by kind, size and contrast, and what to run."""
    from kizu.pipeline.plant import BY
    from kizu.pipeline.plant_score import BUDGET

    if not report.rows:
        return [report.command]
    names = [row.candidate.words for row in report.rows]
    heads = ["", f"at {BUDGET:g} elsewhere", "by its mask", "elsewhere", "seconds"]
    cells = [
        [share(row.recall_at_budget), share(row.recall), f"{row.elsewhere:.2f}", f"{row.seconds:.1f}"]
        for row in report.rows
    ]
    found = table(heads, [[name, *rest] for name, rest in zip(names, cells, strict=True)])
    for by in BY:
        parts = [report.recalls(row, by) for row in report.rows]
        heads = [f"by {by}", *(f"{part[by]} ({part['planted']})" for part in parts[0])]
        rows = [[name, *(share(one["recall"]) for one in part)] for name, part in zip(names, parts, strict=True)]
        found += ["", *table(heads, rows)]
    return [*found, "", report.command]


def share(value: float) -> str:
    return f"{100 * value:.0f} %"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, names to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in (heads, *rows)
    ]
