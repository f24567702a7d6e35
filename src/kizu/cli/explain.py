"""`kizu explain`: the lessons as pages that a browser opens, or as figures."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kizu.cli import debug_option
from kizu.cli.summary import say_path

if TYPE_CHECKING:
    from kizu.explain.lesson import Lang

LANGS: "tuple[Lang, ...]" = ("ja", "en")


@click.command("explain")
@click.argument("topic", metavar="[TOPIC]", required=False)
@click.option("--lang", type=click.Choice(LANGS), default=None, help="One language only; both otherwise.")
@click.option("--static", is_flag=True, default=False, help="Write the figures as SVG and PNG instead of pages.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("kizu-explain"),
    show_default=True,
    help="Folder for the files.",
)
@debug_option
def command(topic: str | None, lang: "Lang | None", static: bool, output: Path) -> None:
    """Write pages with sliders that show why it works, in Japanese and English.

    Each page is one file that needs no network. Without TOPIC: every lesson, and a page that leads to them.
    """
    from kizu.explain.table import TOPICS
    from kizu.explain.write import write_figures, write_gallery, write_page

    langs: tuple[Lang, ...] = (lang,) if lang else LANGS
    if static:
        for path in write_figures((topic,) if topic else TOPICS, output, langs):
            say_path(path)
        return
    if topic:
        write_page(topic, output, langs)
    else:
        write_gallery(output, langs)
    say_path(output / f"{topic or 'index'}.{lang or preferred(os.environ)}.html")


def preferred(environment: Mapping[str, str]) -> "Lang":
    """The language of the locale, by the variable that POSIX asks first; English where it is not Japanese."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "ja" if locale.startswith("ja") else "en"
