"""The figures for a notebook, a slide or a paper."""

import subprocess
import sys

import matplotlib
import pytest
from matplotlib.figure import Figure

import kizu
from kizu.errors import ParameterError, UsageError
from kizu.explain import drawing
from kizu.explain.table import TOPICS, lesson
from kizu.explain.write import write_figures

matplotlib.use("Agg")
FONT = drawing.japanese_font()


@pytest.mark.parametrize(
    "lang", ["en", pytest.param("ja", marks=pytest.mark.skipif(not FONT, reason="no Japanese font"))]
)
@pytest.mark.parametrize("topic", TOPICS)
def test_every_lesson_draws_a_figure(topic, lang):
    figure = lesson(topic).figure(lang=lang)
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")  # a glyph that the font lacks would be a warning, and so an error


def test_a_figure_takes_numbers():
    figure = kizu.explain.shrink(lam=0.5, iterations=10)
    assert len(figure.axes[0].lines[1].get_xdata()) == 11


def test_a_language_that_there_is_not_is_refused():
    with pytest.raises(ParameterError, match=r"lang: got 'fr'\. Use 'en' or 'ja'\."):
        kizu.explain.shrink(lang="fr")


def test_without_a_japanese_font_the_words_are_english_and_a_warning_says_so(monkeypatch):
    monkeypatch.setattr(drawing, "JAPANESE", ("no such font",))
    with pytest.warns(UserWarning, match="no Japanese font is installed: the words in the figure are English"):
        figure = kizu.explain.shrink(lang="ja")
    assert figure.axes[0].get_xlabel() == "iteration"


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"matplotlib is not installed\. Run: pip install 'kizu\[plot\]'\."):
        kizu.explain.shrink()


def test_static_figures_are_the_same_bytes_again(tmp_path):
    paths = write_figures(["shrink"], tmp_path, ["en"])
    assert [path.name for path in paths] == ["shrink.en.svg", "shrink.en.png"]
    first = [path.read_bytes() for path in paths]
    assert first[0].startswith(b"<?xml")
    assert [path.read_bytes() for path in write_figures(["shrink"], tmp_path, ["en"])] == first


def test_pages_need_no_matplotlib(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from pathlib import Path; from kizu.explain.write import write_gallery\n"
        f"write_gallery(Path({str(tmp_path)!r}), ['en'])"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "index.en.html").is_file()
