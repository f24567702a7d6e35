"""The small pictures on the cards of the gallery, as SVG or as an image inside the page."""

import base64
from io import BytesIO

import numpy as np
from markupsafe import Markup
from PIL import Image

from kizu.explain.lesson import Sketch, Stroke
from kizu.typing import Floats

WIDTH, HEIGHT, MARGIN = 320.0, 180.0, 14.0


def drawn(sketch: Sketch) -> Markup:
    """The picture as markup; its colours are those of the style sheet."""
    if isinstance(sketch, np.ndarray):
        file = BytesIO()
        Image.fromarray(sketch).save(file, "PNG")
        return Markup('<img alt="" src="data:image/png;base64,{}">').format(base64.b64encode(file.getvalue()).decode())
    x = _placed([stroke.x for stroke in sketch], MARGIN, WIDTH - MARGIN)
    y = _placed([stroke.y for stroke in sketch], HEIGHT - MARGIN, MARGIN)
    shapes = Markup("").join(_shape(*one) for one in zip(sketch, x, y, strict=True))
    return Markup('<svg viewBox="0 0 {:g} {:g}" aria-hidden="true">{}</svg>').format(WIDTH, HEIGHT, shapes)


def _placed(arrays: list[Floats], low: float, high: float) -> list[Floats]:
    everything = np.concatenate(arrays)
    least, most = float(everything.min()), float(everything.max())
    return [low + (array - least) / ((most - least) or 1.0) * (high - low) for array in arrays]


def _shape(stroke: Stroke, x: Floats, y: Floats) -> Markup:
    if stroke.dots:
        path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
    else:
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + ("z" if stroke.closed else "")
    return Markup('<path class="curve {}{}" d="{}"/>').format(stroke.tone, " dotted" if stroke.dots else "", path)
