"""`kizu fit`: good pictures or a good table in, a model folder out."""

from typing import TYPE_CHECKING, Literal

import click

from kizu.cli import DONE, debug_option
from kizu.cli.options import Noise, Size
from kizu.cli.progress import shown
from kizu.cli.summary import SOME_SKIPPED, say, say_document, say_path, say_skipped

if TYPE_CHECKING:
    from kizu.detect.maps import Sign
    from kizu.pipeline.fit import Fitted
    from kizu.pipeline.options import Align

MANY = 2.0
"""So many times as many suspicious inputs as expected, and at least so many more, are worth a warning."""


@click.command("fit")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="MODEL", required=True, help="Model folder, exactly this one.")
@click.option(
    "--model", metavar="NAME", help="rpca, surface, rdl, patch-pcp or rows.  [default: what the inputs look like]"
)
@click.option("--noise", metavar="auto|none|σ", type=Noise(), default="auto", show_default=True, help="Noise scale.")
@click.option("--lam", type=float, help="Weight of the anomaly.")
@click.option("--rank", type=int, help="Largest rank of the background of one scene.  [default: 4]")
@click.option("--ignore", metavar="MASK", help="Picture of the frame's size: what is not black is never judged.")
@click.option(
    "--align", type=click.Choice(["auto", "none", "translation"]), default="auto", show_default=True,
    help="Correct shifts above half a pixel, never, or always.",
)  # fmt: skip
@click.option("--recursive", is_flag=True, default=False, help="Look into folders of folders.")
@click.option("--axes", metavar="TYX", help="What the axes of an array are: TYX, TYXC, YX, YXC, CYX or TCYX.")
@click.option("--resize", metavar="WxH", type=Size(), help="Scale every frame to this size.")
@click.option("--skip-odd", is_flag=True, default=False, help="Leave out frames of an unusual size.")
@click.option("--min-area", type=int, help="Smallest region in pixels.")
@click.option(
    "--sign", type=click.Choice(["both", "dark", "bright"]), default="both", show_default=True,
    help="Which way an anomaly differs from the background.",
)  # fmt: skip
@click.option("--memory", metavar="SIZE", help="Need no more than this, such as 2G.")
@click.option("--jobs", type=int, default=2, show_default=True, help="Threads; any number gives the same bytes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of whatever is drawn by chance.")
@click.option("--overwrite", is_flag=True, default=False, help="Replace the model in MODEL.")
@click.option("--json", "as_json", is_flag=True, default=False, help="Print one JSON document.")
@click.option("--quiet", is_flag=True, default=False, help="No progress and no summary.")
@debug_option
def command(
    inputs: tuple[str, ...], output: str, model: str | None, noise: float | Literal["auto"] | None, lam: float | None,
    rank: int | None, ignore: str | None, align: "Align", recursive: bool, axes: str | None,
    resize: tuple[int, int] | None, skip_odd: bool, min_area: int | None, sign: "Sign", memory: str | None,
    jobs: int, seed: int, overwrite: bool, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Learn what is usual from good images or a good table, for detect --model."""
    from kizu.pipeline.fit import fit

    with shown(quiet=quiet) as progress:
        fitted = fit(
            inputs, output, model=model, noise=noise, lam=lam, rank=rank, ignore=ignore, align=align,
            recursive=recursive, axes=axes, resize=resize, skip_odd=skip_odd, min_area=min_area, sign=sign,
            memory=memory, jobs=jobs, seed=seed, overwrite=overwrite, progress=progress,
        )  # fmt: skip
    skipped = [one.__dict__ for one in fitted.skipped]
    say_skipped(skipped)
    if not quiet:
        for line in sentences(fitted):
            say(line)
    document = {**fitted._asdict(), "folder": str(fitted.folder), "skipped": skipped}
    say_document(document) if as_json else say_path(fitted.folder)
    return SOME_SKIPPED if skipped else DONE


def sentences(fitted: "Fitted") -> list[str]:
    """What was learned, and which of the good inputs look wrong."""
    from kizu.report.words import count

    lines = [f"learned from {count(fitted.inputs, 'input')}: {fitted.model['what']}, {fitted.model['why']}"]
    lines += [f"warning: {text}" for text in fitted.warnings]
    number = len(fitted.suspicious)
    if number:
        few = f"{', '.join(fitted.suspicious[:5])}{' and others' if number > 5 else ''}"
        known = f"about {fitted.expected:.2g} such would be expected if all are good"
        lines.append(f"{count(number, 'input')} of the good ones would be called defective ({few}); {known}")
    if number > max(MANY * fitted.expected, fitted.expected + MANY):
        lines.append("warning: that is more than chance. Look at them, and fit again without those that are not good")
    return lines
