"""The look of the figures that matplotlib draws: the colours and shapes of the pages, and a font for the language."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from kizu.errors import ParameterError, UsageError
from kizu.explain.lesson import LANGS, Lang

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TONES = {
    "first": "#b3261e",
    "second": "#0b57a4",
    "third": "#00755e",
    "fourth": "#8a5a00",
    "fifth": "#7a3e9d",
    "sixth": "#3c434a",
}
INK, SOFT, LINE = "#1c2024", "#5a626b", "#dcdfe3"
SHAPES = {"first": "o", "second": "s", "third": "^", "fourth": "D", "fifth": "v", "sixth": "P"}
DASHES = {
    "first": "-",
    "second": (0, (6, 3)),
    "third": (0, (1.5, 2.5)),
    "fourth": (0, (8, 2, 1, 2)),
    "fifth": (0, (3, 2)),
    "sixth": (0, (1, 3)),
}
JAPANESE = (
    *("Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans JP", "Hiragino Sans", "Hiragino Kaku Gothic ProN"),
    *("Yu Gothic", "Meiryo", "BIZ UDGothic", "MS Gothic", "IPAexGothic", "IPAGothic", "TakaoGothic", "VL Gothic"),
)
DPI = 150
STYLE: dict[Any, Any] = {
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "axes.labelcolor": SOFT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 11.0,
    "grid.color": LINE,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.0,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@dataclass(frozen=True)
class Sheet:
    """Where a figure is drawn, and the language in which its words can be written there."""

    lang: Lang

    def axes(self, rows: int = 1, columns: int = 1, *, size: tuple[float, float], **grid: Any) -> "tuple[Figure, Any]":
        """A figure of `size` inches and its axes, an array (rows, columns)."""
        figure = _figure(size)
        return figure, figure.subplots(rows, columns, squeeze=False, **grid)

    def mosaic(self, layout: Sequence[Sequence[str]], *, size: tuple[float, float]) -> "tuple[Figure, Any]":
        """A figure of `size` inches and its axes by the names that `layout` gives to their places."""
        figure = _figure(size)
        return figure, figure.subplot_mosaic([[*row] for row in layout])


def _figure(size: tuple[float, float]) -> "Figure":
    """A figure that a notebook shows whether or not pyplot was imported."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        def _repr_png_(self) -> bytes:
            return saved(self, "png")

    return Picture(figsize=size)


def saved(figure: "Figure", kind: Literal["svg", "png"]) -> bytes:
    """The figure as a file; the same figure is the same bytes."""
    import matplotlib

    file = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "kizu"}):
        figure.savefig(file, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()


@contextmanager
def drawing(lang: Lang) -> Iterator[Sheet]:
    """While this is open figures get kizu's look. Without a Japanese font their words are English, with a warning."""
    if lang not in LANGS:
        raise ParameterError("lang", lang, " or ".join(map(repr, LANGS)))
    try:
        import matplotlib
    except ImportError:
        raise UsageError("matplotlib is not installed", "Run: pip install 'kizu[plot]'", where="explain") from None
    font = japanese_font() if lang == "ja" else None
    if lang == "ja" and font is None:
        what = "no Japanese font is installed: the words in the figure are English"
        warnings.warn(f"{what}. Install one, for example Noto Sans CJK JP", stacklevel=4)
    family = [font, "DejaVu Sans"] if font else ["DejaVu Sans"]
    with matplotlib.rc_context({**STYLE, "font.family": family}):
        yield Sheet("ja" if font else "en")


def japanese_font() -> str | None:
    """The first of JAPANESE that is there, also if it was installed after matplotlib made its list of fonts."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    def first() -> str | None:
        there = set(fontManager.get_font_names())
        return next((name for name in JAPANESE if name in there), None)

    if found := first():
        return found
    for path in {*findSystemFonts()} - {entry.fname for entry in fontManager.ttflist}:
        with suppress(Exception):  # what matplotlib cannot read is no font for it
            fontManager.addfont(path)
    return first()


def curve(tone: str, **more: Any) -> dict[str, Any]:
    """How matplotlib draws a curve of this tone."""
    return {"color": TONES[tone], "linestyle": DASHES[tone], "marker": SHAPES[tone], **more}
