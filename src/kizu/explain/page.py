"""A lesson as one HTML file: the style, the script and the data inside it, and a policy that allows nothing else."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kizu.engines.blas import one_thread
from kizu.explain.interface import INTERFACE
from kizu.explain.lesson import Choice, Lang, Lesson, Plot, Slider
from kizu.explain.listing import listing
from kizu.explain.mathml import mathml
from kizu.explain.sketches import drawn
from kizu.explain.table import lesson
from kizu.explain.wording import filled

SCRIPTS = ("prox.js", "chart.js", "stage.js")


class Built(NamedTuple):
    """What a page shows that is the same in every language: computed once."""

    lesson: Lesson
    numbers: Mapping[str, float]
    data: Mapping[str, Any]
    sketch: Markup


def built(topic: str) -> Built:
    """Compute everything that the pages of the lesson `topic` show."""
    chosen = lesson(topic)
    with one_thread():  # the same bits, and so the same bytes, whatever else the machine does
        return Built(chosen, chosen.numbers(), chosen.data(), drawn(chosen.sketch()))


def lesson_page(made: Built, lang: Lang, langs: Sequence[Lang], gallery: Sequence[Built]) -> str:
    """The page of one lesson. `langs` are the languages in which it is written, `gallery` the lessons beside it."""
    shown = made.lesson
    words = shown.words[lang]
    topics = [other.lesson.topic for other in gallery]
    here = topics.index(shown.topic) if shown.topic in topics else 0
    neighbours = {"before": gallery[here - 1 : here], "after": gallery[here + 1 : here + 2]}
    return _rendered(
        "lesson.html",
        lang,
        langs,
        script="".join([*map(_template, SCRIPTS), _beside(f"{shown.topic}.js")]),
        name=shown.topic,
        lesson=shown,
        words=words,
        title=words.title,
        paragraph=Markup(filled(words.paragraph, made.numbers)),
        formulas=[Markup(mathml(line)) for line in shown.formula],
        listing=listing(shown.code),
        data=_json({"data": made.data, "words": dict(words.said)}),
        gallery=bool(gallery),
        neighbours=neighbours,
    )


def index_page(gallery: Sequence[Built], lang: Lang, langs: Sequence[Lang]) -> str:
    """The page that leads to every lesson."""
    return _rendered("index.html", lang, langs, script="", name="index", title=INTERFACE[lang]["title"], cards=gallery)


def _rendered(template: str, lang: Lang, langs: Sequence[Lang], *, script: str, **context: Any) -> str:
    style = _template("explain.css")
    return (
        _templates()
        .get_template(template)
        .render(
            **context,
            lang=lang,
            others=[other for other in langs if other != lang],
            ui=INTERFACE[lang],
            names={other: INTERFACE[other]["name"] for other in langs},
            version=version("kizu"),
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def _template(name: str) -> str:
    return (files("kizu.explain") / "templates" / name).read_text("utf-8")


def _beside(name: str) -> str:
    return (files("kizu.explain") / "lessons" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(document: Mapping[str, Any]) -> Markup:
    """JSON that may stand inside a script element: no tag can end it."""
    text = json.dumps(document, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return {"shape": value.shape, "base64": base64.b64encode(value.tobytes()).decode()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("kizu.explain"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests |= {
        "slider": lambda control: isinstance(control, Slider),
        "choice": lambda control: isinstance(control, Choice),
        "plot": lambda place: isinstance(place, Plot),
    }
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment
