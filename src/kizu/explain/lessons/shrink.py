"""Why does L1 stop at zero, and L2 only come near it?  The experiment of the study note that kizu grew from."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from kizu.explain.drawing import INK, TONES, curve, drawing
from kizu.explain.lesson import Lang, Lesson, Plot, Slider, Stroke, Words
from kizu.penalties import L1, L2
from kizu.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

START = {"start": 1.5, "target": 0.0, "step_size": 0.1, "lam": 0.2}
ITERATIONS = 50
NEAR = 20
"""Iterations that the enlargement shows, the last ones."""


def paths(
    start: float = 1.5, target: float = 0.0, step_size: float = 0.1, lam: float = 0.2, iterations: int = 50
) -> Floats:
    """x before and after every iteration on ½(x − target)²: by ISTA with λ|x|, by gradient descent with λx²."""
    l1, l2 = L1(lam), L2(2 * lam)  # kizu's L2 is ½·lam·x²
    x = np.full((iterations + 1, 2), start)
    for now, following in pairwise(x):
        moved = now - step_size * (now - target)
        following[:1] = l1.prox(moved[:1], step_size)
        following[1:] = moved[1:] - step_size * l2.gradient(now[1:])
    return x


def reached(xs: Floats) -> int:
    """The first iteration from which on x is exactly 0; the number of values if there is none."""
    nonzero = np.flatnonzero(xs)
    return int(nonzero[-1]) + 1 if nonzero.size else 0


def shrink(
    *,
    start: float = START["start"],
    target: float = START["target"],
    step_size: float = START["step_size"],
    lam: float = START["lam"],
    iterations: int = ITERATIONS,
    lang: Lang = "en",
) -> "Figure":
    """Draw x after every iteration with L1 and with L2, and the last iterations enlarged."""
    l1, l2 = paths(start, target, step_size, lam, iterations).T
    with drawing(lang) as sheet:
        said = LESSON.words[sheet.lang].said
        figure, axes = sheet.axes(1, 2, size=(11, 4.4), width_ratios=(2, 1))
        for ax, first in zip(axes.flat, (0, max(0, iterations - NEAR)), strict=True):
            ks = np.arange(first, iterations + 1)
            ax.axhline(0.0, color=INK, linewidth=0.8)
            ax.plot(ks, l2[first:], label=said["l2"], **curve("second"))
            ax.plot(ks, l1[first:], label=said["l1"], **curve("first"))
            ax.set(xlabel=said["iteration"], ylabel=said["value"])
        if (hit := reached(l1)) <= iterations:
            axes[0, 0].axvline(hit, color=TONES["first"], linewidth=0.8, linestyle=":")
            axes[0, 0].text(
                hit + 0.5, max(l1.max(), l2.max()), said["zero"].format(k=hit), color=TONES["first"], va="top"
            )
        axes[0, 0].legend(frameon=False)
        axes[0, 1].set_title(LESSON.words[sheet.lang].labels["near"])
    return figure


def numbers() -> Mapping[str, float]:
    l1, l2 = paths().T
    return {
        **START,
        "iterations": ITERATIONS,
        "hit": reached(l1),
        "left": l2[-1],
        "factor": 1 - START["step_size"] * (1 + 2 * START["lam"]),
        "ridge": 2 * START["lam"],
    }


def data() -> Mapping[str, Any]:
    return {"iterations": ITERATIONS, "near": NEAR}


def sketch() -> tuple[Stroke, ...]:
    l1, l2 = paths().T
    ks = np.arange(ITERATIONS + 1.0)
    return (
        Stroke(ks[[0, -1]], np.zeros(2), "soft"),
        Stroke(ks[:40], l2[:40], "second", dots=True),
        Stroke(ks[:40], l1[:40], "first", dots=True),
    )


ENGLISH = Words(
    title="Shrinking to zero",
    question="Why does L1 stop at exactly zero, and L2 only come near it?",
    paragraph=(
        "Both curves start at {start} and are drawn towards the target {target} by the data. On top of that each is"
        " shrunk by its penalty. <strong>L1</strong> takes the same amount off in every step, step size × λ, however"
        " small x has become; the soft threshold stops it at zero, and from iteration {hit} on x <em>is</em> zero."
        " <strong>L2</strong> takes off a share: every step multiplies x by {factor}, and after {iterations}"
        " iterations {left:2} is left, small but not zero. That is the whole difference, and the reason why a sparse"
        " anomaly is asked for with L1. Now move the target: as long as it is no larger than λ, L1 still ends at"
        " zero; beyond, it ends λ short of the target. (The gradient of the ridge here is 2λx, as in the note that"
        " kizu grew from. In kizu’s convention, ½·lam·x², that is <code>L2(lam={ridge})</code>.)"
    ),
    labels={
        "start": "start x₀",
        "target": "target (where the data pull)",
        "step_size": "step size η",
        "lam": "strength λ",
        "steps": "x after every iteration",
        "near": "Near zero: the last iterations",
    },
    said={
        "iteration": "iteration",
        "value": "x",
        "l1": "L1: ISTA",
        "l2": "L2: gradient descent",
        "target": "target",
        "zero": "exactly 0 from iteration {k} on",
        "reaches": "L1 is exactly 0 from iteration {k} on.",
        "pulled": "L1 is at {x} after {k} iterations: the target is farther from 0 than λ, so it is not held at 0.",
        "underway": "L1 is at {x} after {k} iterations, still on its way to 0.",
        "ridge": "L2 is at {x} after {k} iterations, not 0.",
        "ridge_zero": "L2 is at 0 after {k} iterations, which these values bring about by chance.",
    },
)
JAPANESE = Words(
    title="0 への縮み方",
    question="L1 はちょうど 0 で止まるのに、L2 はなぜ 0 に近づくだけなのか",
    paragraph=(
        "どちらの点も {start} から出発し、データに引かれて目標 {target} へ向かいます。そのうえで、1 回ごとに正則化の"
        "分だけ縮められます。<strong>L1</strong> が差し引く量は、x がどれほど小さくなっても毎回同じ「ステップ幅 × λ」"
        "です。0 をまたぎそうになるとソフトしきい値が 0 で止めるので、{hit} 回目からは<em>ちょうど</em> 0 です。"
        "<strong>L2</strong> が差し引くのは x に比例した量です。1 回ごとに x が {factor} 倍になるだけなので、"
        "{iterations} 回繰り返しても {left:2} が残り、小さくはなっても 0 にはなりません。違いはこれだけで、スパース"
        "な異常を求めるときに L1 を使う理由もここにあります。次に目標を動かしてみてください。目標の大きさが λ 以下な"
        "ら L1 はやはり 0 に落ち着き、λ を超えると目標より λ だけ手前で止まります。(リッジの勾配は、kizu のもとにな"
        "ったノートに合わせて 2λx としました。½·lam·x² と書く kizu の流儀では <code>L2(lam={ridge})</code> にあたり"
        "ます。)"
    ),
    labels={
        "start": "出発点 x₀",
        "target": "目標(データが引く先)",
        "step_size": "ステップ幅 η",
        "lam": "正則化の強さ λ",
        "steps": "反復ごとの x",
        "near": "0 の近くを拡大(終わりの部分)",
    },
    said={
        "iteration": "反復回数",
        "value": "x",
        "l1": "L1: ISTA",
        "l2": "L2: 勾配降下法",
        "target": "目標",
        "zero": "{k} 回目からちょうど 0",
        "reaches": "L1 は {k} 回目からちょうど 0 です。",
        "pulled": "L1 は {k} 回目に {x} です。目標が λ より遠いので、0 には留まりません。",
        "underway": "L1 は {k} 回目に {x} で、まだ 0 へ向かう途中です。",
        "ridge": "L2 は {k} 回目に {x} で、0 ではありません。",
        "ridge_zero": "L2 は {k} 回目に 0 です。この値の組み合わせで偶然そうなります。",
    },
)
LESSON = Lesson(
    topic="shrink",
    figure=shrink,
    code=(paths,),
    formula=(
        "\\text{L1}  x_{k+1} = \\soft(x_k − η (x_k − t), η λ)",
        "\\phantom{\\text{L1}}  \\soft(u, θ) = \\sign(u) \\max(|u| − θ, 0)",
        "\\text{L2}  x_{k+1} = x_k − η (x_k − t + 2 λ x_k)",
    ),
    controls=(
        Slider("lam", 0.0, 1.0, 0.01, START["lam"]),
        Slider("step_size", 0.02, 0.6, 0.01, START["step_size"]),
        Slider("start", -2.0, 2.0, 0.05, START["start"]),
        Slider("target", -1.0, 1.0, 0.05, START["target"]),
    ),
    places=(Plot("steps", columns=8, ratio=0.5), Plot("near", columns=4, ratio=1.03)),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
