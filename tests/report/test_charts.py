"""Charts: marks inside the drawing, in the order of the data, and labels that say what lies where."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.numerals import pretty
from kizu.report.charts import BARS, BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDE, WIDTH, chart, decades, strip, ticks

POSITIVE = st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=30)
VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)


@given(POSITIVE, st.booleans())
def test_marks_stay_inside_and_keep_their_order(values, log):
    marks = chart("t", "x", "y", {"a": list(enumerate(values, start=1))}, log=log).series[0].marks
    assert all(LEFT <= m.x <= WIDTH - RIGHT and TOP <= m.y <= HEIGHT - BOTTOM for m in marks)
    # Drawings are rounded to a hundredth of a unit.
    order = sorted(range(len(values)), key=values.__getitem__)
    assert all(marks[low].y >= marks[high].y for low, high in pairwise(order))


@given(VALUES)
def test_ticks_are_few_and_inside(values):
    found = ticks(values)
    low, high = min(values), max(values)
    assert 1 <= len(found) <= 8
    pad = 0 if high > low else abs(high) / 2 or 0.5
    slack = 1e-9 * max(abs(low), abs(high), 1)
    assert all(low - pad - slack <= v <= high + pad + slack for v in found)


@given(POSITIVE)
def test_decades_are_powers_of_ten_or_few(values):
    found = decades(values)
    assert len(found) <= 8
    if max(values) / min(values) > 1000:
        assert all(math.log10(v) == pytest.approx(round(math.log10(v)), abs=1e-9) for v in found)
        assert found


def test_a_logarithmic_axis_has_no_place_for_zero():
    made = chart("t", "x", "y", {"after": [(1, 5.0), (2, 0.0), (3, math.nan)]}, log=True)
    assert [m.title for m in made.series[0].marks] == ["1: 5"]


def test_nothing_to_draw_is_an_empty_chart():
    made = chart("t", "x", "y", {"a": []}, log=True)
    assert made.series[0].marks == ()
    assert made.y_ticks == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "10⁻⁵"), (2.5e-7, "2.5·10⁻⁷"), (0.5, "0.5"), (-3, "−3"), (0, "0"), (2e12, "2·10¹²"), (-1e9, "−1·10⁹")],
)
def test_labels_read_as_people_write(value, text):
    assert pretty(value) == text


@given(st.lists(st.tuples(st.floats(-5, 1e6), st.booleans()), min_size=1, max_size=40))
def test_one_bar_per_image(drawn):
    scores, flagged = zip(*drawn, strict=True)
    made = strip(scores, flagged, [str(i) for i in range(len(scores))])
    assert [bar.flagged for bar in made.bars] == list(flagged)
    assert made.per_bar == 1
    assert all(bar.x >= LEFT and bar.x + bar.width <= WIDE - RIGHT + 0.02 for bar in made.bars)
    assert all(bar.y >= TOP and bar.y + bar.height <= HEIGHT - BOTTOM + 0.02 for bar in made.bars)


def test_a_bar_of_many_images_shows_the_worst():
    count = 3 * BARS
    scores = [1.0] * count
    flagged = [False] * count
    flagged[4] = True
    scores[8] = 9.0
    made = strip(scores, flagged, [f"n{i}" for i in range(count)])
    assert (len(made.bars), made.per_bar) == (BARS, 3)
    assert made.bars[1].flagged
    assert made.bars[1].title.startswith("5: n4")
    assert made.bars[2].title == "9: n8, score 9"
