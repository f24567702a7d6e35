"""The learning curve is a drawing that any viewer shows, and marks the best."""

import math
from xml.etree import ElementTree

from kizu.report.curve import curve

SVG = "{http://www.w3.org/2000/svg}"


def test_it_draws_both_curves_and_marks_the_best():
    drawn = ElementTree.fromstring(curve([10, 20, 30], [3.0, 2.0, 1.0], [0.5, 0.2, 0.3], "1 − score").strip())
    points = [line.get("points").split() for line in drawn.iter(f"{SVG}polyline")]
    assert [len(one) for one in points] == [3, 3]
    (best,) = drawn.iter(f"{SVG}circle")
    assert points[1][1].split(",")[0] == best.get("cx")
    assert "best: 0.2 at step 20" in "".join(drawn.itertext())
    assert "\n" in drawn.find(f"{SVG}style").text and "\\n" not in drawn.find(f"{SVG}style").text


def test_what_is_not_finite_has_no_place():
    drawn = curve([10, 20], [math.nan, 1.0], [math.nan, 0.4], "error")
    assert "best: 0.4 at step 20" in drawn and "nan" not in drawn
    assert "<circle" not in curve([10], [1.0], [math.nan], "error")
