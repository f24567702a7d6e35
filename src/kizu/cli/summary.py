"""What a run says at its end: a few sentences for a person, one document for a program, one exit code."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kizu.cli import DONE
from kizu.errors import printable

if TYPE_CHECKING:
    from kizu.pipeline.manifest import Outcome

Document = Mapping[str, Any]
SOME_SKIPPED, NOT_CONVERGED, DEFECTS = 4, 6, 10


def say_sentences(outcome: "Outcome", metrics: Document | None, *, quiet: bool, strict: bool) -> None:
    """Headline, promise, warnings and notes on stderr; when quiet, only what `strict` objects to."""
    from kizu.report import words

    run = outcome.run
    lines = [] if run["converged"] or (quiet and not strict) else [words.proof(run)]
    if not quiet:
        lines += [f"{words.headline(run)}: {words.pieces(run)}. {words.promise(run)}"]
        lines += [f"warning: {text}" for text in run["warnings"]]
        lines += [f"note: {text.rstrip('.')}." for text in run["notes"]]
        lines += [] if metrics is None else [_measured(metrics)]
    for line in lines:
        say(line)


def _measured(metrics: Document) -> str:
    names = ("precision", "recall", "f1", "region_recall", "auroc")
    numbers = ", ".join(f"{name} {metrics[name]:.3f}" for name in names if metrics[name] is not None)
    frames = f"{metrics['frames']} frames ({len(metrics['unpaired'])} unpaired, protocol {metrics['protocol']})"
    return f"against the truth of {frames}: {numbers}"


def say_skipped(skipped: Sequence[Document]) -> None:
    """One line for each input that was left out; it is an error, so it is said even when all else is quiet."""
    for row in skipped:
        say(f"{row['source']}: {row['what'].rstrip('.')}. {row['mend'].rstrip('.')}.")


def say_plan(planned: Document) -> None:
    """What a dry run found, on stdout: it is what was asked for."""
    from kizu.pipeline.estimate import readable

    for name, value in planned.items():
        text = readable(value) if name in {"memory", "disk"} else value
        if not isinstance(text, list):
            click.echo(f"{name:<10}{text}")


def say_path(page: Path) -> None:
    """The page to open, on stdout, in the very bytes of its name."""
    click.echo(os.fsencode(page))


def say_document(document: Document) -> None:
    """One JSON document on stdout, in ASCII: names need not be text."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def document_of(outcome: "Outcome", metrics: Document | None) -> dict[str, Any]:
    """What `--json` prints: where the results are, and the parts of run.json that a program decides by."""
    from kizu.io.tables import finite

    names = ("summary", "frames", "decision", "certificate", "stopped", "converged", "warnings", "notes", "skipped")
    document = {
        "folder": str(outcome.folder),
        "report": str(outcome.report),
        **{name: outcome.run[name] for name in names if name in outcome.run},
        **({} if metrics is None else {"metrics": metrics}),
    }
    return dict(finite(document))


def exit_code(run: Document, *, strict: bool, fail_on_defect: bool) -> int:
    """The first that applies: not proven (6), defects (10), inputs left out (4), done (0)."""
    if strict and not run["converged"]:
        return NOT_CONVERGED
    if fail_on_defect and run["summary"]["anomalous"]:
        return DEFECTS
    return SOME_SKIPPED if run["skipped"] else DONE


def say(line: str) -> None:
    click.echo(f"kizu: {printable(line)}", err=True)
