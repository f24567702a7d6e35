"""What should be taken off the singular values of an image stack, and how much?"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from kizu.explain.drawing import SOFT, TONES, curve, drawing
from kizu.explain.lesson import Film, Lang, Lesson, Panel, Plot, Stroke, Words
from kizu.numerals import pretty
from kizu.parameters import stable_thresholds
from kizu.prox import soft_threshold
from kizu.scenes import NOISE, Defect, dot, photographs, plaster, truth
from kizu.typing import Bools, Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WALLS, HEIGHT, WIDTH = 100, 48, 64
DOTTED = Defect(frame=37, mask=dot((HEIGHT, WIDTH), (19.0, 41.0), 3.0), depth=-40.0)
LEVEL = 4 * NOISE
"""Grey levels up to which a difference from the background is not called anomaly."""
SHOWN = 24
"""Singular values in the picture, the first ones."""
EDGE = float(stable_thresholds(WALLS, HEIGHT * WIDTH, NOISE, 1.0)[0].value)
"""The largest singular value of the noise alone: the threshold that kizu takes."""
GRID = 10 ** np.linspace(1, 5, 41)
START = int(np.argmin(np.abs(np.log(GRID / EDGE)))) + 1
TAUS = np.array([0.0, *GRID[: START - 1], EDGE, *GRID[START:]])
"""No threshold, and a grid of which the step that is nearest to the edge of the noise is the edge itself."""
FEW = 0.01
"""The share of false alarms below which a threshold is called usable."""
FULL = 40.0
"""Grey levels that take the full colour in the picture of the anomaly."""


def splits(matrix: Floats, taus: Floats, level: float) -> Iterator[tuple[Floats, Floats]]:
    """Background and anomaly of `matrix` (frames, pixels) at each threshold of the singular values."""
    u, s, vh = np.linalg.svd(matrix, full_matrices=False)
    for tau in taus:
        background = (u * soft_threshold(s, tau)) @ vh  # in one call: prox.singular_value_threshold(matrix, tau)
        yield background, soft_threshold(matrix - background, level)


class Scene(NamedTuple):
    """A hundred walls, one with a black dot, as rows; where the dot is; singular values; what comes of TAUS."""

    matrix: Floats
    defect: Bools
    values: Floats
    backgrounds: Floats
    anomalies: Floats
    missed: Floats
    false: Floats
    cliffs: tuple[float, float]
    dotted: int


@cache
def scene() -> Scene:
    """Render the walls and split them at every step of the grid; frames are kept of the wall with the dot only."""
    rng = np.random.default_rng(0)
    frames = photographs(plaster(HEIGHT, WIDTH, rng), WALLS, (DOTTED,), rng)
    matrix = frames.reshape(WALLS, -1).astype(float)
    defect = truth((DOTTED,), frames.shape).reshape(WALLS, -1)
    u, values, vh = np.linalg.svd(matrix, full_matrices=False)
    kept = [
        (background[DOTTED.frame], anomaly[DOTTED.frame], np.mean(anomaly[defect] == 0), np.mean(anomaly[~defect] != 0))
        for background, anomaly in splits(matrix, TAUS, LEVEL)
    ]
    backgrounds, anomalies, missed, false = map(np.array, zip(*kept, strict=True))
    dotted = int(np.argmax(u[DOTTED.frame] ** 2))
    edges = (_lower_cliff(u, values, vh), float(values[0]))
    return Scene(matrix, defect, values, backgrounds, anomalies, missed, false, edges, dotted)


def _lower_cliff(u: Floats, s: Floats, vh: Floats) -> float:
    """The threshold up to which nothing is called anomaly."""
    return float(brentq(lambda tau: np.abs((u * np.minimum(s, tau)) @ vh).max() - LEVEL, 0.0, s[1], rtol=1e-6))


def svt(*, tau: float | None = None, lang: Lang = "en") -> "Figure":
    """Draw singular values before and after the threshold `tau`, and what is missed and falsely flagged along it."""
    made = scene()
    tau = EDGE if tau is None else tau
    background, anomaly = (part[DOTTED.frame] for part in next(splits(made.matrix, np.array([tau]), LEVEL)))
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        top = ["values"] * 3 + ["errors"] * 3
        figure, axes = sheet.mosaic([top, ["observed"] * 2 + ["background"] * 2 + ["anomaly"] * 2], size=(11, 6.4))
        ranks = np.arange(1, SHOWN + 1)
        values, errors = axes["values"], axes["errors"]
        values.semilogy(ranks, made.values[:SHOWN], "o", color="white", markeredgecolor=TONES["second"])
        values.semilogy(ranks, soft_threshold(made.values, tau)[:SHOWN], "s", color=TONES["second"])
        values.axhspan(1.0, max(tau, 1.0), color=TONES["first"], alpha=0.14, linewidth=0)
        values.set(ylim=(1.0, 2e5), xlabel=words.said["rank"].format(shown=SHOWN), ylabel=words.said["value"])
        places = np.maximum(TAUS, 1.0)
        errors.semilogx(places, 100 * made.missed, label=words.said["missed"], **curve("fifth"))
        errors.semilogx(places, 100 * made.false, label=words.said["false"], **curve("first"))
        for cliff, name in zip(made.cliffs, ("low", "high"), strict=True):
            errors.axvline(cliff, color=SOFT, linewidth=1.0)
            errors.text(cliff, 50, f"{words.said[name]} ", color=SOFT, ha="right")
        errors.axvline(max(tau, 1.0), color=TONES["second"], linewidth=1.0)
        errors.set(xlabel=words.said["tau"], ylabel=words.said["share"])
        errors.legend(frameon=False)
        pictures = {"observed": made.matrix[DOTTED.frame], "background": background, "anomaly": anomaly}
        for name, picture in pictures.items():
            look = (
                {"cmap": "RdBu_r", "vmin": -FULL, "vmax": FULL}
                if name == "anomaly"
                else {"cmap": "gray", "vmin": 0, "vmax": 255}
            )
            axes[name].imshow(picture.reshape(HEIGHT, WIDTH), **look)
            axes[name].set_title(words.labels[name])
            axes[name].axis("off")
    return figure


def numbers() -> Mapping[str, float]:
    made = scene()
    low, high = made.cliffs
    usable = TAUS[(made.missed == 0) & (made.false < FEW)]
    return {
        "walls": WALLS,
        "dotted": made.dotted + 1,
        "first": made.values[0],
        "dot": made.values[made.dotted],
        "low": low,
        "high": high,
        "edge": EDGE,
        "level": LEVEL,
        "times": LEVEL / NOISE,
        "few": FEW,
        "from": usable[0],
        "to": usable[-1],
    }


def data() -> Mapping[str, Any]:
    made = scene()
    grey = np.clip(np.rint(made.backgrounds), 0, 255).astype(np.uint8)
    signed = np.clip(np.rint(127 + 127 * made.anomalies / FULL), 0, 254).astype(np.uint8)
    shape = (len(TAUS), HEIGHT, WIDTH)
    return {
        "taus": TAUS,
        "values": made.values,
        "shown": SHOWN,
        "missed": made.missed,
        "false": made.false,
        "cliffs": made.cliffs,
        "edge": EDGE,
        "few": FEW,
        "dotted": made.dotted,
        "observed": made.matrix[DOTTED.frame].astype(np.uint8),
        "backgrounds": grey.reshape(shape),
        "anomalies": signed.reshape(shape),
    }


def sketch() -> tuple[Stroke, ...]:
    made = scene()
    ranks = np.arange(1.0, 21.0)
    levels = np.log10(made.values[:20])
    threshold = np.log10(np.full(2, EDGE))
    stems = tuple(
        Stroke(np.full(2, rank), np.array([1.5, level]), "second" if level > threshold[0] + 0.05 else "soft")
        for rank, level in zip(ranks, levels, strict=True)
    )
    return (*stems, Stroke(ranks, levels, "second", dots=True), Stroke(ranks[[0, -1]], threshold, "first"))


ENGLISH = Words(
    title="Singular value thresholding",
    question="What should be taken off the singular values, and how much?",
    paragraph=(
        "In the rows of a matrix lie {walls} photographs of one wall; one of them shows a black dot. What all of"
        " them share is in the first singular value ({first:d}). The dot is in one photograph only, so its own is"
        " far smaller, {dot:d} (no. {dotted}). Thresholding takes τ off every singular value, which drives the dot"
        " out of the background L, and what is taken from L turns up in S = M − L. It does not erase anomalies, it"
        " drives them out. (One step leaves a shade of the dot in L; robust PCA repeats it until none is left.)"
        " <strong>Too weak</strong>, and the dot hides in the background: up to τ = {low:3}, the first cliff, S is"
        " empty; with no threshold at all L is M itself. <strong>Too strong</strong>, and the wall itself is eaten"
        " and raises false alarms; from τ = {high:d}, the second cliff, L = 0 and all of M is called anomaly. That"
        " is only where nothing is left, though. Of the steps on this page those from τ = {from:d} to {to:d} miss"
        " nothing and raise fewer than {few:%} false alarms. kizu takes the largest singular value that noise alone"
        " would have, here {edge:d}. (Differences of up to {level} grey levels, {times} times the noise, are not"
        " counted.)"
    ),
    labels={
        "step": "threshold τ",
        "values": "Singular values before (○) and after (■) the threshold",
        "errors": "What goes wrong along τ",
        "observed": "M: the wall with the dot",
        "background": "L: background",
        "anomaly": "S: anomaly (blue: darker, red: brighter)",
    },
    said={
        "rank": "number of the singular value (the first {shown})",
        "value": "singular value",
        "tau": "threshold τ",
        "share": "% of the pixels",
        "edge": "noise alone reaches up to here",
        "wall": "the wall, common to all",
        "dot": "the dot",
        "missed": "missed",
        "false": "false alarms",
        "cancel": "the wall in L is as dark as the dot",
        "low": "S = 0",
        "high": "L = 0",
        "none": "No threshold: all singular values stay, L is M itself, and S = 0. The dot is not found.",
        "hidden": "τ = {tau}, {kept} singular values stay: the dot hides in the background, S = 0, {missed} missed.",
        "weak": "τ = {tau}, {kept} singular values stay: {missed} of the dot is missed.",
        "right": "τ = {tau}, {kept} singular values stay: the whole dot is in S, and {wrong} of the other pixels.",
        "eaten": (
            "τ = {tau}: the background is being eaten. {wrong} of the good pixels are false alarms, {missed} of the"
            " dot is missed."
        ),
        "inverted": (
            "τ = {tau}: the wall in L is by now as dark as the dot: all but the dot is called anomaly ({wrong})."
        ),
        "gone": "τ = {tau}: no singular value stays, L = 0, and all of M is called anomaly.",
    },
)
JAPANESE = Words(
    title="特異値しきい値演算",
    question="特異値しきい値演算は何を削るのか。どこまで削ればよいのか",
    paragraph=(
        "同じ壁を写した {walls} 枚の画像を行列の行に並べました。そのうち 1 枚にだけ黒い点があります。全部に共通する"
        "壁は第 1 特異値({first:d})に集まります。点は 1 枚にしか現れないので、その特異値はずっと小さく、{dotted} 番"
        "目の {dot:d} です。しきい値演算はすべての特異値から τ を差し引き、点を背景 L から追い出します。L から削られ"
        "た分は S = M − L に現れます。つまり異常を消すのではなく、背景からあぶり出す演算です(1 回では L に点の影が残"
        "りますが、ロバスト PCA はこれを繰り返して消していきます)。<strong>削り足りない</strong>と、点は背景に隠れた"
        "ままになります(見逃し)。τ = {low:3} までは S が空で、ここが 1 つ目の崖です。しきい値演算をしなければ L は M"
        " そのもので、S = 0 です。<strong>削りすぎる</strong>と、壁そのものが L から削られて S に漏れます(誤報)。τ ="
        " {high:d} から先が 2 つ目の崖で、L = 0 となり M の全体が異常になります。ただし、そこは L に何も残らなくなる"
        "点にすぎません。見逃しがなく、誤報も {few:%} に満たないのは、このページの目盛りでは τ = {from:d} から"
        " {to:d} までです。kizu は雑音だけのときの最大特異値、この例では {edge:d} を τ とします。(雑音の {times} 倍"
        "にあたる {level} 階調までの差は異常とみなしていません。)"
    ),
    labels={
        "step": "しきい値 τ",
        "values": "しきい値演算の前(○)と後(■)の特異値",
        "errors": "τ による失敗の割合",
        "observed": "M: 点のある壁",
        "background": "L: 背景",
        "anomaly": "S: 異常(青は暗い、赤は明るい)",
    },
    said={
        "rank": "特異値の番号(最初の {shown} 個)",
        "value": "特異値",
        "tau": "しきい値 τ",
        "share": "画素の割合(%)",
        "edge": "雑音だけならここまで",
        "wall": "共通する壁",
        "dot": "黒い点",
        "missed": "見逃し",
        "false": "誤報",
        "cancel": "L の壁が点と同じ暗さになる",
        "low": "S = 0",
        "high": "L = 0",
        "none": "しきい値なし: 特異値がすべて残り、L は M そのもの、S = 0 です。点は見つかりません。",
        "hidden": "τ = {tau}、残る特異値は {kept} 個: 点は背景に隠れ、S = 0 です(見逃し {missed})。",
        "weak": "τ = {tau}、残る特異値は {kept} 個: 点の {missed} を見逃しています。",
        "right": "τ = {tau}、残る特異値は {kept} 個: 点はすべて S に入り、ほかの画素の誤報は {wrong} です。",
        "eaten": (
            "τ = {tau}: 背景が削られています。正常な画素の {wrong} が誤報になり、点の {missed} を見逃しています。"
        ),
        "inverted": "τ = {tau}: L の壁が暗くなって点と同じ明るさになり、点以外がすべて異常になります({wrong})。",
        "gone": "τ = {tau}: 特異値は 1 つも残らず、L = 0 です。M の全体が異常になります。",
    },
)
LESSON = Lesson(
    topic="svt",
    figure=svt,
    code=(splits,),
    formula=(
        "M = U Σ V^⊤,  Σ = \\diag(σ_1, σ_2, …)",
        "L = U \\diag(\\max(σ_i − τ, 0)) V^⊤",
        "S = \\soft(M − L, θ)",
    ),
    controls=(Film("step", count=len(TAUS), start=START, rate=5.0, shown=tuple(pretty(tau, 3) for tau in TAUS)),),
    places=(
        Plot("values", columns=6, ratio=0.46),
        Plot("errors", columns=6, ratio=0.46),
        *(Panel(name, HEIGHT, WIDTH) for name in ("observed", "background", "anomaly")),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
