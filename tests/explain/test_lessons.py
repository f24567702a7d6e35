"""What holds for every lesson: two languages of one structure, numbers that are computed, code that runs."""

import inspect
import re
import string
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import kizu
from kizu.errors import UsageError
from kizu.explain.lesson import LANGS, Choice, Film, Plot
from kizu.explain.listing import listing
from kizu.explain.page import built, lesson_page
from kizu.explain.table import TOPICS, home, lesson
from kizu.explain.wording import filled

FIELDS = string.Formatter()
TYPED = re.compile(r"L1|L2|x²|2λx|\d つ|(?<![\d.])[01](?!\.?\d)")
"""Digits that are names, small counts in Japanese, and the numbers of which a formula speaks."""


class Skeleton(HTMLParser):
    """The tags of a page with what is the same in every language."""

    KEPT = ("id", "class", "data-name", "data-plot", "data-panel", "min", "max", "step", "value", "type", "role")

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, *(given.get(name) for name in self.KEPT)))


def fields(text):
    return sorted(name for _, name, _, _ in FIELDS.parse(text) if name)


@pytest.fixture(scope="module", params=TOPICS)
def chosen(request):
    return lesson(request.param)


@pytest.fixture(scope="module")
def pages(chosen):
    made = built(chosen.topic)
    return {lang: lesson_page(made, lang, LANGS, ()) for lang in LANGS}


# --- words


def test_both_languages_have_the_same_words_and_fill_in_the_same_numbers(chosen):
    one, other = (chosen.words[lang] for lang in LANGS)
    assert one.labels.keys() == other.labels.keys()
    assert one.said.keys() == other.said.keys()
    assert set(fields(one.paragraph)) == set(fields(other.paragraph)) <= set(chosen.numbers())
    for key, text in one.said.items():
        assert set(fields(text)) == set(fields(other.said[key])), key


def test_both_pages_have_the_same_structure(pages):
    one, other = (
        [tag for tag in Skeleton(pages[lang]).tags if tag[0] not in {"strong", "em", "code", "a"}] for lang in LANGS
    )
    assert one == other


def test_everything_that_is_placed_has_a_label_and_nothing_else_has(chosen):
    placed = [*(control.name for control in chosen.controls), *(place.name for place in chosen.places)]
    assert sorted(placed) == sorted(chosen.words["en"].labels)
    for control in chosen.controls:
        if isinstance(control, Film):
            assert len(control.shown) in (0, control.count)
            assert 0 <= control.start < control.count
        elif isinstance(control, Choice):
            assert 0 <= control.start < len(control.shown)
        else:
            assert control.low <= control.start <= control.high
    assert all(place.columns in range(2, 10) or place.columns == 12 for place in chosen.places)
    assert any(isinstance(place, Plot) for place in chosen.places) or len(chosen.places) > 1


def test_every_word_is_used(chosen):
    source = Path(inspect.getsourcefile(import_module(home(chosen.topic))))
    text = source.read_text("utf-8") + source.with_suffix(".js").read_text("utf-8")
    for key in chosen.words["en"].said:
        assert len(re.findall(rf"\b{key}\b", text)) > len(LANGS), key


# --- numbers


def test_numbers_are_never_typed(chosen):
    for words in chosen.words.values():
        plain = TYPED.sub("", re.sub(r"\{[^}]*\}|<[^>]*>", "", words.paragraph))
        assert not re.search(r"\d", plain), re.findall(r".{12}\d.{12}", plain)


def test_the_page_quotes_the_numbers_that_are_computed(chosen, pages):
    for lang, page in pages.items():
        assert filled(chosen.words[lang].paragraph, chosen.numbers()) in page


def test_computing_again_gives_the_same_page(chosen, pages):
    made = built(chosen.topic)
    assert {lang: lesson_page(made, lang, LANGS, ()) for lang in LANGS} == pages


# --- code


def test_the_code_that_is_shown_stands_alone(chosen):
    shown = listing(chosen.code)
    names = {}
    exec(compile(shown, chosen.topic, "exec"), names)
    for function in chosen.code:
        assert inspect.getsource(function).strip() in shown
        assert {name for name in function.__code__.co_names if name in function.__globals__} <= names.keys()
    assert len(shown.splitlines()) <= 40
    assert max(map(len, shown.splitlines())) <= 120


def test_what_is_shown_is_what_the_figure_and_the_data_use(chosen, monkeypatch):
    module = import_module(home(chosen.topic))
    called = []
    for function in chosen.code:
        monkeypatch.setattr(module, function.__name__, lambda *a, f=function, **k: (called.append(f), f(*a, **k))[1])
    for cached in (value for value in vars(module).values() if hasattr(value, "cache_clear")):
        cached.cache_clear()
    chosen.figure()
    assert called
    called.clear()
    for cached in (value for value in vars(module).values() if hasattr(value, "cache_clear")):
        cached.cache_clear()
    chosen.numbers()
    assert called


# --- names


def test_every_lesson_is_a_name_of_the_package():
    assert set(TOPICS) <= set(dir(kizu.explain))
    for topic in TOPICS:
        assert getattr(kizu.explain, topic) is lesson(topic).figure
        assert lesson(topic).topic == topic


def test_a_lesson_that_there_is_not():
    with pytest.raises(AttributeError, match="no attribute 'shrunk'"):
        kizu.explain.shrunk  # noqa: B018
    with pytest.raises(UsageError, match=r"no lesson is called 'shrunk'\. Choose one of shrink, pull, corner"):
        lesson("shrunk")


# --- what each lesson claims, by another way


def test_shrink_reproduces_the_closed_forms():
    from kizu.explain.lessons.shrink import paths

    l1, l2 = paths().T
    k = np.arange(51)
    np.testing.assert_allclose(l2, 1.5 * (1 - 0.1 * (1 + 2 * 0.2)) ** k, rtol=1e-13)
    np.testing.assert_allclose(l1, np.maximum(1.7 * 0.9**k - 0.2, 0.0), atol=1e-15)
    hit = int(np.ceil(np.log(0.2 / 1.7) / np.log(0.9)))
    assert (l1[:hit] > 0).all()
    assert (l1[hit:] == 0).all()
    assert (l2 > 0).all()
    numbers = lesson("shrink").numbers()
    assert (numbers["hit"], numbers["ridge"]) == (hit, 0.4)
    assert numbers["left"] == pytest.approx(1.5 * 0.86**50)
    assert numbers["factor"] == pytest.approx(0.86)


def test_pull_quotes_the_pulls_and_what_a_step_leaves():
    numbers = lesson("pull").numbers()
    assert numbers["fades"] == pytest.approx(2 * numbers["near"])
    assert numbers["half"] == pytest.approx(numbers["input"] / 2)
    assert numbers["short"] == pytest.approx(numbers["far"] - numbers["lam"])
    assert numbers["whole"] == numbers["far"]


def test_corner_touches_where_the_gradient_is_normal_to_the_ball():
    from kizu.explain.lessons.corner import scattered, touch
    from kizu.penalties import L1, L2

    optima, hessian = scattered(), np.array([[1, 0.5], [0.5, 1]])
    diamond, circle = touch(optima, L1), touch(optima, L2)
    np.testing.assert_allclose(np.abs(diamond).sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(circle, axis=1), 1.0, atol=1e-9)
    force = (optima - circle) @ hessian
    np.testing.assert_allclose(force[:, 0] * circle[:, 1], force[:, 1] * circle[:, 0], atol=1e-6)
    force = (optima - diamond) @ hessian
    steeper = np.abs(force).argmax(axis=1)
    assert (np.take_along_axis(diamond, steeper[:, None], axis=1) != 0).all()
    numbers = lesson("corner").numbers()
    assert numbers["diamond"] == np.mean((diamond == 0).any(axis=1))
    assert numbers["circle"] == 0 < numbers["elastic"] < numbers["diamond"]


def test_svt_is_the_thresholding_of_the_library_and_its_cliffs_are_cliffs():
    from kizu.explain.lessons.svt import LEVEL, scene, splits
    from kizu.prox import singular_value_threshold

    made = scene()
    low, high = made.cliffs
    taus = np.array([0.0, low * 0.999, low * 1.001, 126.0, high * 0.999, high])
    parts = list(splits(made.matrix, taus, LEVEL))
    for tau, (background, _) in zip(taus, parts, strict=True):
        np.testing.assert_allclose(background, singular_value_threshold(made.matrix, tau), atol=1e-9)
    backgrounds, anomalies = zip(*parts, strict=True)
    np.testing.assert_allclose(backgrounds[0], made.matrix, atol=1e-9)
    assert [bool(anomaly.any()) for anomaly in anomalies] == [False, False, True, True, True, True]
    assert [bool(background.any()) for background in backgrounds] == [True, True, True, True, True, False]
    assert np.abs(made.matrix - backgrounds[3])[made.defect].min() > LEVEL


def test_svt_starts_where_kizu_would_and_quotes_a_range_that_is_usable():
    from kizu.explain.lessons.svt import EDGE, FEW, START, TAUS, WALLS, scene
    from kizu.parameters import stable_thresholds
    from kizu.scenes import NOISE

    made, quoted = scene(), lesson("svt").numbers()
    assert TAUS[START] == EDGE == stable_thresholds(WALLS, made.matrix.shape[1], NOISE, 1.0)[0].value
    assert (np.diff(TAUS) > 0).all()
    inside = (quoted["from"] <= TAUS) & (quoted["to"] >= TAUS)
    assert inside[START]
    assert (made.missed[inside] == 0).all()
    assert (made.false[inside] < FEW).all()
    assert ((made.missed > 0) | (made.false >= FEW))[~inside].all()
