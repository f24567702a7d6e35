"""The page of a table: what is on it, whatever the columns are called."""

import re

import numpy as np
import pytest

from kizu.pipeline.road import inspect
from kizu.report.charts import strip
from kizu.report.rows_charts import GLYPH, histogram, range_of, threshold_in_strip
from kizu.report.words import table

NULL = {"median": 1.0, "scale": 1.0, "shape": 0.1}


def made(folder, names, *, planted=True, count=200):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((count, 1)) + 0.5 * rng.standard_normal((count, len(names)))
    if planted:
        values[17, 1] += 20
    lines = [["label", *names], *([f"<i>{n}", *map(str, row)] for n, row in enumerate(values))]
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines]
    (folder / "t.csv").write_text("\n".join(quoted) + "\n")
    return inspect(str(folder / "t.csv"), folder / "out")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return made(tmp_path_factory.mktemp("page"), ["alpha", "beta", "gamma"])


def test_the_page_names_rows_columns_and_values(done):
    page = done.report.read_text("utf-8")
    assert "1 of 200 rows has an anomaly" in page
    assert page.count("<article") == 5  # the flagged row, and the next oddest
    assert page.count('<article class="flagged"') == 1
    first = page[page.index("<article") : page.index("</article>")]
    assert "&lt;i&gt;17 (line 19)" in first
    assert first.index("beta") < min(first.index("alpha"), first.index("gamma"))
    assert "A table of 200 rows and 3 columns of numbers that tell rows apart; every value is known." in page
    assert "No split was optimised, so there is nothing to prove." in page


@pytest.mark.parametrize(
    "name",
    ["<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "{{7*7}}", "' onmouseover='x", "=1+1", "\u202eexe"],
)
def test_names_are_text_and_nothing_else(tmp_path, name):
    page = made(tmp_path, ["a", name, "b"]).report.read_text("utf-8")
    assert "<img" not in page and "<svg onload" not in page
    assert not re.search(r"<[a-z]+[^>]* on[a-z]+=", page)
    assert "\u202e" not in page and "49" not in re.findall(r'scope="row">(\d+)<', page)
    assert not re.search(r"<[a-z]+[^>]* style=", page)
    assert "http://" not in page and "https://" not in page


def test_nothing_flagged_still_shows_the_oddest(tmp_path):
    outcome = made(tmp_path, ["a", "b"], planted=False)
    page = outcome.report.read_text("utf-8")
    if not outcome.run["summary"]["anomalous"]:
        assert "No row is flagged. These are the oddest ones all the same." in page
        assert 'id="columns"' not in page
    assert page.count("<article") >= 5


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_without_a_complaint(done, browser, scheme):
    page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 900})
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(done.report.as_uri())
    wide = page.evaluate("document.documentElement.scrollWidth")
    bars = page.locator("svg.share rect").count()
    page.close()
    assert said == []
    assert wide <= 390
    assert bars > 0


# --- drawings


def test_a_histogram_has_every_row_and_its_threshold():
    scores = np.r_[np.random.default_rng(0).gamma(3, 1, 500), 30.0]
    drawn = histogram(scores, NULL, 20.0)
    counts = [int(bar.title.rsplit(" ", 1)[1]) for bar in drawn.bars]
    assert sum(counts) == 501
    assert [bar.flagged for bar in drawn.bars] == [False] * (len(counts) - 1) + [True]
    assert max(bar.x for bar in drawn.bars[:-1]) < drawn.threshold < drawn.bars[-1].x
    heights = [y for _, y in drawn.expected]
    assert heights == sorted(heights)  # fewer and fewer: lower and lower


def test_ranges_put_the_value_where_it_is():
    usual = {"low": 0.0, "median": 1.0, "high": 4.0}
    inside, above, below = (range_of(value, usual) for value in (2.0, 40.0, -4.0))
    assert inside.left < inside.middle < inside.mark < inside.left + inside.width
    assert above.mark > above.left + above.width and below.mark < below.left
    for drawn in (inside, above, below, range_of(np.nan, usual), range_of(1e308, {**usual, "low": -1e308})):
        assert all(0 <= number <= GLYPH for number in drawn)
    assert all(0 <= number <= GLYPH for number in range_of(3.0, {"low": 3.0, "median": 3.0, "high": 3.0}))


def test_the_threshold_lies_between_the_scores_it_parts():
    assert threshold_in_strip([1.0, 9.0], None) is None
    assert threshold_in_strip([1.0, 9.0], 10.0) is None
    scores = [1.0, 9.0, 5.0]
    assert threshold_in_strip(scores, 5.0) == strip(scores, [False] * 3, ["a", "b", "c"]).bars[2].y


def test_words_of_a_table():
    shape = {"rows": 1, "columns": [{}], "known": 0.75}
    assert (
        table(shape) == "A table of 1 row and 1 column of numbers that tell rows apart; 25 % of the values are unknown."
    )
