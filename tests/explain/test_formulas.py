"""What a page computes by itself is what the library computes, to 1e-12."""

import numpy as np
import pytest

from kizu.explain.lessons.corner import BALLS
from kizu.explain.lessons.corner import touch as touches
from kizu.explain.lessons.shrink import paths
from kizu.penalties import L1, L2, MCP, SCAD, ElasticNet
from kizu.prox import hard_threshold, soft_threshold

CLOSE = 1e-12
BY_SHARE = {share: penalty for penalty, _, share in BALLS.values()}


def number(function):
    """`function` of an array as one of a number."""
    return lambda x, *rest: float(function(np.array([x]), *rest)[0])


def draw(*ranges):
    """Make rows of random numbers, each in its own range."""
    return lambda rng, count: rng.uniform(*zip(*ranges, strict=True), (count, len(ranges))).tolist()


def optima(rng, count):
    shares = rng.choice([*BY_SHARE], count)
    return [[*rng.uniform(-2.2, 2.2, 2), share, rng.uniform(-0.7, 0.7)] for share in shares]


def steps(rng, count):
    return [[*row, 50] for row in rng.uniform((-2, -1, 0.02, 0), (2, 1, 0.6, 1), (count, 4)).tolist()]


def spectra(rng, count):
    return [[(10 ** rng.uniform(0, 5, 20)).tolist(), 10 ** rng.uniform(0, 5)] for _ in range(count)]


def touch(c1, c2, share, correlation):
    return touches(np.array([[c1, c2]]), BY_SHARE[share], correlation, iterations=200)[0]


x, lam, step = (-6, 6), (0, 2), (0.05, 5)
FORMULAS = [  # lesson, its formula, the library's, random arguments, how many
    ("shrink", "ista", lambda *a: paths(*a)[:, 0], steps, 100),
    ("shrink", "descent", lambda *a: paths(*a)[:, 1], steps, 100),
    ("pull", "softThreshold", number(soft_threshold), draw(x, lam), 1000),
    ("pull", "ridgeShrink", number(lambda v, w: L2(w).prox(v, 1.0)), draw(x, lam), 1000),
    ("pull", "elasticShrink", number(lambda v, w, r, t: ElasticNet(w, r).prox(v, t)), draw(x, lam, (0, 1), step), 1000),
    ("pull", "hardThreshold", number(hard_threshold), draw(x, lam), 1000),
    ("pull", "scadThreshold", number(lambda v, w, a, t: SCAD(w, a).prox(v, t)), draw(x, lam, (2.1, 5), step), 1000),
    ("pull", "mcpThreshold", number(lambda v, w, g, t: MCP(w, g).prox(v, t)), draw(x, lam, (0.5, 5), step), 1000),
    ("corner", "touch", touch, optima, 15),
    ("svt", "thresholded", lambda s, tau: L1(tau).prox(np.array(s), 1.0), spectra, 100),
]


@pytest.fixture(scope="module")
def pages(browser, gallery):
    """The page of a lesson, opened once."""
    there = {path.name.split(".")[0]: path for path in gallery.glob("*.en.html") if path.name != "index.en.html"}
    opened = {topic: browser.new_page() for topic in there}
    for topic, page in opened.items():
        page.goto(there[topic].as_uri())
    yield opened
    for page in opened.values():
        page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("topic", "name", "library", "arguments", "count"),
    FORMULAS,
    ids=[f"{topic}-{name}" for topic, name, *_ in FORMULAS],
)
def test_the_page_computes_what_the_library_does(pages, topic, name, library, arguments, count):
    rows = arguments(np.random.default_rng(0), count)
    got = pages[topic].evaluate(f"(rows) => rows.map((row) => kizu.formulas.{name}(...row))", rows)
    want = [library(*row) for row in rows]
    np.testing.assert_allclose(np.array(got), np.array(want), rtol=0, atol=CLOSE)


@pytest.mark.browser
def test_every_formula_of_every_page_is_among_them(pages):
    there = {(topic, name) for topic, page in pages.items() for name in page.evaluate("Object.keys(kizu.formulas)")}
    assert there == {(topic, name) for topic, name, *_ in FORMULAS}
