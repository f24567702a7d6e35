"""`kizu train`: a network and what to train it on in, a model folder out."""

from typing import TYPE_CHECKING

import click

from kizu.cli import DONE, debug_option
from kizu.cli.progress import shown
from kizu.cli.summary import SOME_SKIPPED, say, say_document, say_path, say_skipped

if TYPE_CHECKING:
    from kizu.networks.catalogue import Learn
    from kizu.pipeline.train import Trained


class Networks(click.Command):
    """Its help lists the networks."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from kizu.networks.catalogue import NETWORKS

        with formatter.section("Networks"):
            formatter.write_dl([(word, network.title) for word, network in NETWORKS.items()])


@click.command("train", cls=Networks)
@click.argument("network", metavar="NETWORK")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", metavar="MODEL", required=True, help="Model folder, exactly this one.")
@click.option(
    "--learn", type=click.Choice(["labels", "planted", "distil", "self"]),
    help="From masks, planted defects, the converged solver, or the objective.  [default: what DATA allow]",
)  # fmt: skip
@click.option("--masks", metavar="DIR", help="Folder of masks.  [default: masks/ beside images/]")
@click.option("--dictionary", metavar="FILE", help="Atoms of a sparse coder, .npy.  [default: learned from DATA]")
@click.option("--layers", type=int, help="Layers of the network.  [default: its own]")
@click.option("--rank", type=int, help="Rank of the background.  [default: estimated]")
@click.option("--steps", type=int, help="Steps of training.  [default: the network's own]")
@click.option(
    "--validation", type=float, default=0.2, show_default=True, help="Share of DATA that is not trained on."
)  # fmt: skip
@click.option("--recursive", is_flag=True, default=False, help="Look into folders of folders.")
@click.option("--axes", metavar="TYX", help="What the axes of an array are: TYX, TYXC, YX, YXC, CYX or TCYX.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, batches and the split.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to train."
)  # fmt: skip
@click.option("--jobs", type=int, default=2, show_default=True, help="Threads; another number, other last digits.")
@click.option("--resume", is_flag=True, default=False, help="Go on with an interrupted training.")
@click.option("--overwrite", is_flag=True, default=False, help="Replace the training in MODEL.")
@click.option("--json", "as_json", is_flag=True, default=False, help="Print one JSON document.")
@click.option("--quiet", is_flag=True, default=False, help="No progress and no summary.")
@debug_option
def command(
    network: str, data: str, output: str, learn: "Learn | None", masks: str | None, dictionary: str | None,
    layers: int | None, rank: int | None, steps: int | None, validation: float, recursive: bool, axes: str | None,
    seed: int, device: str, jobs: int, resume: bool, overwrite: bool, as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Train an unfolded network on your own data, for detect --model."""
    from kizu.io.tables import finite
    from kizu.pipeline.train import train

    with shown(quiet=quiet) as progress:
        trained = train(
            network, data, output, learn=learn, masks=masks, dictionary=dictionary, layers=layers, rank=rank,
            steps=steps, validation=validation, recursive=recursive, axes=axes, seed=seed, device=device, jobs=jobs,
            resume=resume, overwrite=overwrite, progress=progress,
        )  # fmt: skip
    skipped = [one.__dict__ for one in trained.skipped]
    say_skipped(skipped)
    if not quiet:
        for line in sentences(trained):
            say(line)
    document = {**trained._asdict(), "folder": str(trained.folder), "skipped": skipped}
    say_document(finite(document)) if as_json else say_path(trained.folder)
    return SOME_SKIPPED if skipped else DONE


def sentences(trained: "Trained") -> list[str]:
    """What was learned from what, why it ended, and how good it is where it was not trained."""
    parts = ", ".join(f"{count} {part}" for part, count in trained.examples.items())
    lines = [
        f"{trained.network}, {trained.parameters} weights, {trained.what} ({parts}; {trained.split})",
        f"{trained.steps} steps, best {trained.measure} {trained.best:.4g} on validation data",
    ]
    for part, numbers in trained.metrics.items():
        if isinstance(numbers, dict):
            shown = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items() if isinstance(value, float))
            lines.append(f"{part}: {shown}")
    return [*lines, *(f"warning: {text}" for text in trained.warnings)]
