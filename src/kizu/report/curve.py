"""A learning curve as one SVG file: the loss on training data and the measure on validation data, against steps."""

import math
from collections.abc import Sequence
from importlib.resources import files

from markupsafe import Markup

from kizu.report.charts import chart
from kizu.report.write import templates


def curve(steps: Sequence[int], losses: Sequence[float], measures: Sequence[float], measure: str) -> str:
    """The drawing, two panels one above the other; in the second the best value is marked."""
    panels = [
        chart("Loss on training data", "step", "loss", {"loss": list(zip(steps, losses, strict=True))}),
        chart(
            f"{measure} on validation data; smaller is better",
            "step",
            measure,
            {measure: list(zip(steps, measures, strict=True))},
        ),
    ]
    known = [(m, n) for n, m in enumerate(measures) if math.isfinite(m)]
    best = min(known)[1] if known else None
    marks = panels[1].series[0].marks
    shown = [n for n, m in enumerate(measures) if math.isfinite(m)]
    at = None if best is None else marks[shown.index(best)]
    style = Markup((files("kizu.report") / "templates" / "curve.css").read_text("utf-8"))
    label = "" if best is None else f"best: {measures[best]:.4g} at step {steps[best]}"
    return templates().get_template("curve.svg").render(panels=panels, best=at, label=label, style=style)
