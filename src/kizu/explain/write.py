"""Lessons → files: pages that need nothing but a browser, and the same figures for a slide or a paper."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from kizu.errors import ResourceError, UsageError
from kizu.explain.drawing import saved
from kizu.explain.lesson import LANGS, Lang
from kizu.explain.page import built, index_page, lesson_page
from kizu.explain.table import TOPICS, lesson
from kizu.files import write_bytes, write_text

KINDS: tuple[Literal["svg", "png"], ...] = ("svg", "png")


def look_at(folder: Path) -> None:
    """Say now, and not after all has been computed, that `folder` can be no folder or take no files."""
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise UsageError("is a file, not a folder", "Choose another -o", where=str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise ResourceError("cannot write (Permission denied)", "Choose another -o", where=str(there))


def write_page(topic: str, folder: Path, langs: Sequence[Lang] = LANGS) -> None:
    """Write the page of one lesson in each of `langs`, `folder`/`topic`.`lang`.html."""
    chosen = lesson(topic)
    look_at(folder)
    made = built(chosen.topic)
    for lang in langs:
        write_text(folder / f"{topic}.{lang}.html", lesson_page(made, lang, langs, ()))


def write_gallery(folder: Path, langs: Sequence[Lang] = LANGS) -> None:
    """Write every lesson, and last the page that leads to them, `folder`/index.`lang`.html."""
    look_at(folder)
    gallery = [built(topic) for topic in TOPICS]
    for lang in langs:
        for made in gallery:
            write_text(folder / f"{made.lesson.topic}.{lang}.html", lesson_page(made, lang, langs, gallery))
        write_text(folder / f"index.{lang}.html", index_page(gallery, lang, langs))


def write_figures(topics: Sequence[str], folder: Path, langs: Sequence[Lang] = LANGS) -> list[Path]:
    """Write the figure of each lesson as SVG and PNG, without its sliders; returns the files."""
    lessons, written = [(topic, lesson(topic)) for topic in topics], []
    look_at(folder)
    for topic, chosen in lessons:
        for lang in langs:
            figure = chosen.figure(lang=lang)
            for kind in KINDS:
                written.append(folder / f"{topic}.{lang}.{kind}")
                write_bytes(written[-1], saved(figure, kind))
    return written
