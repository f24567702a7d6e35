"""Formulas, numbers and listings as text."""

import numpy as np
import pytest

from kizu.explain.lesson import Stroke
from kizu.explain.lessons.shrink import paths
from kizu.explain.listing import listing
from kizu.explain.mathml import mathml
from kizu.explain.sketches import drawn
from kizu.explain.wording import filled
from kizu.numerals import pretty


@pytest.mark.parametrize(
    ("line", "inside"),
    [
        ("x_k", "<msub><mi>x</mi><mi>k</mi></msub>"),
        ("x^2", "<msup><mi>x</mi><mn>2</mn></msup>"),
        ("x_{k+1}^2", "<msubsup><mi>x</mi><mrow><mi>k</mi><mo>+</mo><mn>1</mn></mrow><mn>2</mn></msubsup>"),
        ("\\frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        ("\\soft(u)", '<mi mathvariant="normal">soft</mi><mo stretchy="false" lspace="0" rspace="0">(</mo>'),
        ("\\text{a < b}", "<mtext>a &lt; b</mtext>"),
        ("x  y", '<mspace width="1em"/>'),
        ("a ≤ 1.5", "<mi>a</mi><mo>≤</mo><mn>1.5</mn>"),
        ("\\sqrt{x}", "<msqrt><mrow><mi>x</mi></mrow></msqrt>"),
    ],
)
def test_a_formula_is_read_as_it_is_written(line, inside):
    assert inside in mathml(line)


@pytest.mark.parametrize("line", ["x_", "\\frac{1}", "\\frac{1}{2", "{x"])
def test_a_formula_that_is_not_whole_is_refused(line):
    with pytest.raises(ValueError, match="formula"):
        mathml(line)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.1, 6, "0.1"),
        (-2.5, 6, "−2.5"),
        (0.000796, 2, "0.0008"),
        (7.96e-7, 2, "8·10⁻⁷"),
        (1e20, 6, "10²⁰"),
        (0, 3, "0"),
    ],
)
def test_numbers_are_written_as_a_person_does(value, digits, text):
    assert pretty(value, digits) == text


def test_fields_say_how_a_number_is_written():
    assert filled("{a} {a:2} {a:d} {a:%} {a:1%}", {"a": 0.5678}) == "0.5678 0.57 1 57\u00a0% 56.8\u00a0%"
    assert filled("{n}", {"n": 21}) == "21"
    with pytest.raises(KeyError):
        filled("{a}", {})


@pytest.mark.browser
def test_a_page_writes_numbers_as_python_does(opened):
    rng = np.random.default_rng(0)
    values = [*(rng.choice([-1, 1], 500) * 10 ** rng.uniform(-9, 9, 500)), 0.0, 1.0, 1e3, 999.5, 0.00012345, 123456.0]
    rows = [[value, digits] for value in map(float, values) for digits in (1, 3, 5)]
    got = opened("shrink.en.html").evaluate("(rows) => rows.map((row) => kizu.pretty(...row))", rows)
    assert got == [pretty(*row) for row in rows]


def test_a_listing_has_the_imports_that_it_uses_and_no_others():
    lines = listing([paths]).splitlines()
    assert lines[:4] == [
        "from itertools import pairwise",
        "import numpy as np",
        "from kizu.penalties import L1, L2",
        "from kizu.typing import Floats",
    ]
    assert lines[6].startswith("def paths(")


def test_a_sketch_fits_its_frame():
    x = np.linspace(-7.0, 3.0, 5)
    path = str(drawn((Stroke(x, x**2, "first"), Stroke(x, -x, "second", dots=True))))
    assert 'class="curve first" d="M14.0 ' in path
    assert 'class="curve second dotted"' in path
    assert str(drawn(np.zeros((4, 5), np.uint8))).startswith('<img alt="" src="data:image/png;base64,')
