"""`kizu detect`: images, a matrix or a table in, a results folder out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from kizu.cli import DONE, debug_option
from kizu.cli.options import Noise, Size
from kizu.cli.progress import shown
from kizu.cli.summary import (
    SOME_SKIPPED,
    document_of,
    exit_code,
    say,
    say_document,
    say_path,
    say_plan,
    say_sentences,
    say_skipped,
)

if TYPE_CHECKING:
    from kizu.detect.maps import Sign
    from kizu.pipeline.manifest import Outcome
    from kizu.pipeline.options import Align, Options


@click.command("detect")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="Results folder, exactly this one.")
@click.option(
    "--model",
    metavar="NAME|MODEL",
    help="rpca, rdl, patch-pcp, ipi, rows, auto, or a folder that kizu fit made.  [default: rpca; rows for a table]",
)
@click.option(
    "--noise",
    metavar="auto|none|σ",
    type=Noise(),
    default="auto",
    show_default=True,
    help="Scale of the dense noise, in grey levels.",
)
@click.option("--lam", type=float, help="Weight of the anomaly.  [default: 1/√max(frames, pixels)]")
@click.option("--rank", type=int, help="Largest rank of the background.  [default: 4; a matrix has no limit]")
@click.option(
    "--false-alarms", type=float, help="The rule: expected false regions per defect-free image.  [default: 0.1]"
)
@click.option(
    "--fdr", type=float, help="The rule: share of false pixels among the flagged.  [default for a matrix: 0.02]"
)
@click.option("--z", type=float, help="The rule: a plain level of the standardised map.")
@click.option("--background", metavar="OUT0", help="Judge against the background of an earlier run.")
@click.option("--ignore", metavar="MASK", help="Picture of the frame's size: what is not black is never judged.")
@click.option(
    "--align",
    type=click.Choice(["auto", "none", "translation"]),
    default="auto",
    show_default=True,
    help="Correct shifts above half a pixel, never, or always.",
)
@click.option("--recursive", is_flag=True, default=False, help="Look into folders of folders.")
@click.option("--axes", metavar="TYX", help="What the axes of an array are: TYX, TYXC, YX, YXC, CYX or TCYX.")
@click.option("--resize", metavar="WxH", type=Size(), help="Scale every frame to this size.")
@click.option("--skip-odd", is_flag=True, default=False, help="Leave out frames of an unusual size.")
@click.option("--min-area", type=int, help="Smallest region in pixels.")
@click.option(
    "--sign",
    type=click.Choice(["both", "dark", "bright"]),
    default="both",
    show_default=True,
    help="Which way an anomaly differs from the background.",
)
@click.option("--memory", metavar="SIZE", help="Need no more than this, such as 2G: on disk if it must be.")
@click.option("--jobs", type=int, default=2, show_default=True, help="Threads; any number gives the same bytes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the null that false alarms are counted on.")
@click.option("--resume", is_flag=True, default=False, help="Go on with an interrupted run.")
@click.option("--overwrite", is_flag=True, default=False, help="Replace the results in OUT.")
@click.option("--dry-run", is_flag=True, default=False, help="Say what would be read and needed; write nothing.")
@click.option("--truth", type=click.Path(exists=True, file_okay=False), help="Folder of true masks: adds metrics.")
@click.option(
    "--protocol",
    type=click.Choice(["kizu", "cdnet", "basicirstd", "rpcanet"]),
    default="kizu",
    show_default=True,
    help="What the true masks mean.",
)
@click.option("--json", "as_json", is_flag=True, default=False, help="Print one JSON document.")
@click.option("--quiet", is_flag=True, default=False, help="No progress and no summary.")
@click.option("--strict", is_flag=True, default=False, help="Exit with 6 if the background is not proven.")
@click.option("--fail-on-defect", is_flag=True, default=False, help="Exit with 10 if anything is found.")
@debug_option
def command(
    inputs: tuple[str, ...], output: str | None, model: str | None, noise: float | Literal["auto"] | None,
    lam: float | None, rank: int | None, false_alarms: float | None, fdr: float | None, z: float | None,
    background: str | None, ignore: str | None, align: "Align", recursive: bool, axes: str | None,
    resize: tuple[int, int] | None, skip_odd: bool, min_area: int | None, sign: "Sign", memory: str | None,
    jobs: int, seed: int, resume: bool, overwrite: bool, dry_run: bool, truth: str | None, protocol: str,
    as_json: bool, quiet: bool, strict: bool, fail_on_defect: bool,
) -> int:  # fmt: skip
    """Find what does not belong in images, in a matrix or in a table."""
    from kizu.pipeline.options import Options

    options = Options(
        model=model, noise=noise, lam=lam, rank=rank, false_alarms=false_alarms, fdr=fdr, z=z, background=background,
        ignore=ignore, align=align, recursive=recursive, axes=axes, resize=resize, skip_odd=skip_odd,
        min_area=min_area, sign=sign, memory=memory, jobs=jobs, seed=seed, resume=resume, overwrite=overwrite,
    )  # fmt: skip
    if dry_run:
        return _plan(options, inputs, output, as_json=as_json)
    if output is None:
        raise click.UsageError("Missing option '-o'.", ctx=click.get_current_context())
    outcome, metrics = _inspect(options, inputs, output, truth, protocol=protocol, quiet=quiet)
    say_skipped(outcome.run["skipped"])
    say_sentences(outcome, metrics, quiet=quiet, strict=strict)
    say_document(document_of(outcome, metrics)) if as_json else say_path(outcome.report)
    return exit_code(outcome.run, strict=strict, fail_on_defect=fail_on_defect)


def _plan(options: "Options", inputs: Sequence[str], output: str | None, *, as_json: bool) -> int:
    from kizu.pipeline.plan import plan

    planned = plan(inputs, options, output)
    say_skipped(planned["skipped"])
    say_document(planned) if as_json else say_plan(planned)
    return SOME_SKIPPED if planned["skipped"] else DONE


def _inspect(
    options: "Options", inputs: Sequence[str], output: str, truth: str | None, *, protocol: str, quiet: bool
) -> tuple["Outcome", dict[str, Any] | None]:
    from kizu.pipeline.evaluate import evaluate
    from kizu.pipeline.road import inspect_as

    with shown(quiet=quiet) as progress:
        say_memory: Callable[[str], object] = str if quiet else say
        outcome = inspect_as(options, inputs, Path(output), progress, say_memory)
    metrics = None if truth is None else evaluate(outcome.folder, Path(truth), protocol=protocol)
    return outcome, metrics
