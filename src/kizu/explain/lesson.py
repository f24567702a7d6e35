"""What a lesson is: a question, controls, places for pictures, words in two languages, and the code behind it all.

Nothing here computes or draws. `page` turns a lesson into a file; its script draws into the plots and panels that are
declared here, from `data` and from the values of the controls.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from kizu.typing import Floats

Lang = Literal["en", "ja"]
LANGS: tuple[Lang, ...] = get_args(Lang)
Tone = Literal["first", "second", "third", "fourth", "fifth", "sixth", "soft"]


@dataclass(frozen=True)
class Slider:
    """A number from `low` to `high` in steps of `step`, `start` at first."""

    name: str
    low: float
    high: float
    step: float
    start: float


@dataclass(frozen=True)
class Film:
    """A step from 0 to `count` − 1, with a button that plays `rate` of them a second.

    The script is given the step; what it stands for, a frame or a value of a grid, is an array of `data`. `shown`
    are the words for each step, the step's number if there are none and the script gives none.
    """

    name: str
    count: int
    start: int = 0
    rate: float = 8.0
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """One of a few steps with names, all in view: radio buttons. The script is given the step, from 0."""

    name: str
    shown: tuple[str, ...]
    start: int = 0


@dataclass(frozen=True)
class Plot:
    """A chart, `columns` of twelve wide where there is room, `ratio` times as high as wide, beside `rows` of others."""

    name: str
    columns: int = 12
    ratio: float = 0.5
    rows: int = 1


@dataclass(frozen=True)
class Panel:
    """An image of `height` × `width` pixels, `columns` of twelve wide where there is room."""

    name: str
    height: int
    width: int
    columns: int = 4


@dataclass(frozen=True)
class Stroke:
    """A curve, or dots, of the small picture on the card of the gallery; `tone` is its colour."""

    x: Floats
    y: Floats
    tone: Tone
    dots: bool = False
    closed: bool = False


Sketch = Sequence[Stroke] | NDArray[Any]
"""What a card shows: strokes in one frame, or a picture in grey levels (height, width) of uint8."""


@dataclass(frozen=True)
class Words:
    """A lesson in one language.

    `paragraph` may hold HTML, and in braces names of `numbers` with how they are written (see `wording`).
    `labels` has one text for each control, plot and panel, `said` the sentences and words that the script uses, with
    names in braces for what it fills in. Both languages have the same names.
    """

    title: str
    question: str
    paragraph: str
    labels: Mapping[str, str]
    said: Mapping[str, str]


@dataclass(frozen=True)
class Lesson:
    """One question, and everything that its page and its figure need.

    `code` are the functions that the page shows: `figure`, `data` and `numbers` are computed by them. `formula` is
    written as `mathml` reads it, one line each. `data` is handed to the script as JSON (uint8 arrays as bytes).
    """

    topic: str
    figure: Callable[..., Any]
    code: tuple[Callable[..., Any], ...]
    formula: tuple[str, ...]
    controls: tuple[Slider | Film | Choice, ...]
    places: tuple[Plot | Panel, ...]
    words: Mapping[Lang, Words]
    numbers: Callable[[], Mapping[str, float]]
    data: Callable[[], Mapping[str, Any]]
    sketch: Callable[[], Sketch]
