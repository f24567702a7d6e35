"""Why does the pull of x² fade near zero, and that of |x| not?  And what do other penalties make of a number?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kizu.explain.drawing import SOFT, TONES, curve, drawing
from kizu.explain.lesson import Lang, Lesson, Plot, Slider, Stroke, Tone, Words
from kizu.penalties import L1, L2, MCP, SCAD, ElasticNet
from kizu.prox import hard_threshold
from kizu.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REACH = 4.0
LAM, RATIO, INPUT = 1.0, 0.5, 0.8
NEAR, FAR = 0.01, 3.8
"""Where the paragraph compares pulls, and the input that it follows through the penalties."""
TONE: Mapping[str, Tone] = {
    "ridge": "second",
    "l1": "first",
    "elastic": "third",
    "hard": "fourth",
    "scad": "fifth",
    "mcp": "sixth",
}
TOGETHER = {"ridge": 1.55, "l1": -2.6, "elastic": 3.1, "scad": 2.4}
"""The penalties whose pulls are drawn in one picture, and where along x each is labelled."""


def shrunk(v: Floats, lam: float = 1.0, ratio: float = 0.5) -> dict[str, Floats]:
    """What a proximal step of size 1 makes of `v` with each penalty; v minus that is the penalty's pull there."""
    return {
        "ridge": L2(lam).prox(v, 1.0),
        "l1": L1(lam).prox(v, 1.0),
        "elastic": ElasticNet(lam, ratio).prox(v, 1.0),
        "hard": hard_threshold(v, lam),
        "scad": SCAD(lam, a=3.7).prox(v, 1.0),
        "mcp": MCP(lam, gamma=3.0).prox(v, 1.0),
    }


def pull(*, v: float = INPUT, lam: float = LAM, ratio: float = RATIO, lang: Lang = "en") -> "Figure":
    """Draw the pulls of four penalties and the line of the data, and what all six make of their input."""
    inputs = np.linspace(-2 * REACH, 2 * REACH, 1601)
    results, here = shrunk(inputs, lam, ratio), shrunk(np.array([v]), lam, ratio)
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        names = list(results)
        layout = [["pull"] * 3 + names[:3], ["pull"] * 3 + names[3:]]
        figure, axes = sheet.mosaic(layout, size=(12, 5.6))
        for name in TOGETHER:
            axes["pull"].plot(
                results[name], inputs - results[name], label=words.said[name], **curve(TONE[name], marker="")
            )
            axes["pull"].plot(here[name], v - here[name], **curve(TONE[name], markersize=8))
        axes["pull"].axline((0, v), slope=-1, color=SOFT, label=words.said["data"])
        axes["pull"].set(xlim=(-REACH, REACH), ylim=(-2.6, 2.6), xlabel=words.said["x"], ylabel=words.said["force"])
        axes["pull"].legend(frameon=False, loc="lower right")
        for name, result in results.items():
            torn = np.where(np.abs(np.diff(result, prepend=result[0])) > REACH / 20, np.nan, result)
            axes[name].plot(inputs, inputs, color=SOFT, linewidth=0.8)
            axes[name].plot(inputs, torn, **curve(TONE[name], marker="", linestyle="-"))
            axes[name].plot([v, v], [v, here[name][0]], color=TONES[TONE[name]])
            axes[name].plot(v, here[name], **curve(TONE[name], markersize=7))
            axes[name].set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", title=words.labels[name])
    return figure


def numbers() -> Mapping[str, float]:
    near, far = shrunk(np.array([INPUT]), LAM, RATIO), shrunk(np.array([FAR]), LAM, RATIO)
    square = L2(2.0)  # kizu's ½·lam·x² with lam = 2 is x²
    return {
        "near": NEAR,
        "fades": float(np.asarray(square.gradient(np.asarray(NEAR)))),
        "input": INPUT,
        "half": float(near["ridge"][0]),
        "far": FAR,
        "short": float(far["l1"][0]),
        "whole": float(far["scad"][0]),
        "lam": LAM,
    }


def data() -> Mapping[str, Any]:
    return {"reach": REACH, "a": 3.7, "gamma": 3.0, "tones": TONE, "together": list(TOGETHER), "labels": TOGETHER}


def sketch() -> tuple[Stroke, ...]:
    v = np.linspace(-REACH, REACH, 161)
    results = shrunk(v)
    zero = np.zeros(2)
    axes = Stroke(v[[0, -1]] / 2, zero, "soft"), Stroke(zero, v[[0, -1]] / 2, "soft")
    pulls = (
        Stroke(x[abs(x) <= 2], (v - x)[abs(x) <= 2], TONE[name])
        for name, x in results.items()
        if name in ("ridge", "l1")
    )
    return (*axes, *pulls)


ENGLISH = Words(
    title="The pull to zero",
    question="Why does the pull of x² fade near zero, and that of |x| not?",
    paragraph=(
        "The gradient of x² at {near} is {fades}: the nearer to zero, the weaker the pull. That of |x| is 1 at"
        " {near} as it is anywhere else, and at zero it jumps from one side to the other. A proximal step ends where"
        " two pulls balance: that of the data, v − x, a falling line, and that of the penalty. Follow the crossings."
        " With <strong>L1</strong> the line crosses the jump as long as |v| ≤ λ, so the result is exactly 0: the"
        " dead zone of the soft threshold, shaded on the right. The ridge has no jump and no dead zone, {input}"
        " becomes {half}. The elastic net (L1 + L2) does both. What is kept is shortened, though: at v = {far} L1"
        " gives {short}, λ too little. SCAD and MCP let go of large numbers ({far} stays {whole:3}), and the hard"
        " threshold keeps or kills. The price is that they are not convex: what a solver finds with them depends on"
        " where it starts."
    ),
    labels={
        "v": "input v",
        "lam": "strength λ",
        "ratio": "share of L1 in the elastic net",
        "pull": "Two pulls balance where the lines cross",
        "ridge": "Ridge (L2)",
        "l1": "Soft threshold (L1)",
        "elastic": "Elastic net",
        "hard": "Hard threshold",
        "scad": "SCAD",
        "mcp": "MCP",
    },
    said={
        "input": "input v",
        "x": "x",
        "force": "pull towards 0",
        "data": "data: v − x",
        "ridge": "ridge",
        "l1": "L1",
        "elastic": "L1 + L2",
        "scad": "SCAD",
        "dead": (
            "v = {v} is no farther from 0 than λ = {lam}: L1, hard threshold, SCAD and MCP give 0; ridge {ridge},"
            " elastic net {elastic}."
        ),
        "alive": (
            "v = {v} becomes {l1} with L1, {ridge} with ridge, {elastic} with the elastic net, {hard} with the hard"
            " threshold, {scad} with SCAD and {mcp} with MCP."
        ),
    },
)
JAPANESE = Words(
    title="0 へ引く力",
    question="x² が 0 へ引く力は弱まっていくのに、|x| の力はなぜ衰えないのか",
    paragraph=(
        "x² の勾配は x = {near} で {fades} です。0 に近づくほど引く力は弱まります。|x| の勾配の大きさは x = {near} "
        "でも、ほかのどこでも 1 で、0 をまたぐと向きだけが変わります。近接演算の行き先は、2 つの力がつり合う点です。"
        "データが引く力 v − x(右下がりの直線)と正則化が引く力の交点を見てください。<strong>L1</strong> では |v| ≤ λ "
        "のあいだ直線が 0 でのジャンプ(縦の線)と交わるので、結果はちょうど 0 です。右の図の塗った範囲がソフトしきい"
        "値の不感帯(デッドゾーン)です。リッジにはジャンプがないので不感帯もなく、{input} は {half} になるだけです。"
        "エラスティックネット(L1 + L2)は両方の性質をもちます。ただし L1 は残す値も λ だけ縮めます(v = {far} は"
        " {short} になる)。SCAD と MCP は大きな値には手を出さず({far} は {whole:3} のまま)、ハードしきい値は残すか消"
        "すかのどちらかです。その代わり凸ではないので、得られる解は出発点によって変わることがあります。"
    ),
    labels={
        "v": "入力 v",
        "lam": "正則化の強さ λ",
        "ratio": "エラスティックネットの L1 の割合",
        "pull": "2 つの力がつり合うのは線の交点",
        "ridge": "リッジ(L2)",
        "l1": "ソフトしきい値(L1)",
        "elastic": "エラスティックネット",
        "hard": "ハードしきい値",
        "scad": "SCAD",
        "mcp": "MCP",
    },
    said={
        "input": "入力 v",
        "x": "x",
        "force": "0 へ引く力",
        "data": "データ: v − x",
        "ridge": "リッジ",
        "l1": "L1",
        "elastic": "L1 + L2",
        "scad": "SCAD",
        "dead": (
            "v = {v} は λ = {lam} を超えないので、L1、ハードしきい値、SCAD、MCP の結果は 0 です。リッジは {ridge}、"
            "エラスティックネットは {elastic} になります。"
        ),
        "alive": (
            "v = {v} は、L1 で {l1}、リッジで {ridge}、エラスティックネットで {elastic}、ハードしきい値で {hard}、"
            "SCAD で {scad}、MCP で {mcp} になります。"
        ),
    },
)
LESSON = Lesson(
    topic="pull",
    figure=pull,
    code=(shrunk,),
    formula=(
        "\\prox(v) = \\under{\\argmin}{x}  \\frac{1}{2} (x − v)^2 + g(x)",
        "v − x ∈ ∂ g(x)",
        "\\text{L1}  g = λ |x|,  ∂ g(0) = [{−λ}, λ]",
        "\\text{L2}  g = \\frac{1}{2} λ x^2,  ∂ g(x) = λ x",
    ),
    controls=(
        Slider("v", -REACH, REACH, 0.05, INPUT),
        Slider("lam", 0.0, 2.0, 0.05, LAM),
        Slider("ratio", 0.0, 1.0, 0.05, RATIO),
    ),
    places=(
        Plot("pull", columns=6, ratio=0.8, rows=2),
        *(Plot(name, columns=2, ratio=1.0) for name in TONE),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
