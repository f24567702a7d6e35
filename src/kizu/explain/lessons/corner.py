"""Why do solutions with L1 lie on an axis?  Contours of the datafit meet a diamond, a circle, and what is between."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kizu.explain.drawing import INK, SOFT, TONES, curve, drawing
from kizu.explain.lesson import Lang, Lesson, Plot, Slider, Stroke, Tone, Words
from kizu.penalties import L1, L2, ElasticNet, Penalty
from kizu.typing import Bools, Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPTIMUM, CORRELATION = (1.7, 0.4), 0.5
BALLS: Mapping[str, tuple[Callable[[Any], Penalty], Tone, float]] = {
    "diamond": (L1, "first", 1.0),
    "elastic": (ElasticNet, "third", 0.5),
    "circle": (L2, "second", 0.0),
}
"""Each penalty as a function of lam, its tone, and its share of L1."""
RANDOM, SEED, NEAREST, FARTHEST = 300, 4, 1.05, 2.2
REACH = 2.4


def touch(optima: Floats, penalty: Callable[[Any], Penalty], correlation: float = 0.5, iterations: int = 60) -> Floats:
    """Where contours of ½(x − c)ᵀH(x − c) around each optimum c (n, 2) first meet the ball through (1, 0)."""
    hessian = np.array([[1.0, correlation], [correlation, 1.0]])
    step, radius = 1.0 / (1.0 + abs(correlation)), penalty(1.0).value(np.array([1.0, 0.0]))
    low, high = np.zeros((len(optima), 1)), np.full((len(optima), 1), 16.0)
    x = optima
    for _ in range(60):  # bisection for the λ that makes the ball as large as it is
        lam = (low + high) / 2
        for _ in range(iterations):  # ISTA
            x = penalty(lam).prox(x - step * (x - optima) @ hessian, step)
        outside = np.array([[penalty(1.0).value(row) > radius] for row in x])
        low, high = np.where(outside, lam, low), np.where(outside, high, lam)
    return x


def scattered() -> Floats:
    """Random optima outside all balls (n, 2)."""
    rng = np.random.default_rng(SEED)
    angle, size = rng.uniform(0, 2 * np.pi, RANDOM), rng.uniform(NEAREST, FARTHEST, RANDOM)
    return np.column_stack([size * np.cos(angle), size * np.sin(angle)])


def on_axis(points: Floats) -> Bools:
    """Which of `points` (n, 2) have a coordinate that is exactly 0."""
    return np.asarray((points == 0).any(axis=1))


def outline(share: float) -> Floats:
    """The ball that reaches (1, 0), with this share of L1: points around it (2, n)."""
    angle = np.linspace(0, 2 * np.pi, 241)
    direction = np.stack([np.cos(angle), np.sin(angle)])
    flat, bent, whole = share * np.abs(direction).sum(axis=0), 0.5 * (1 - share), share + 0.5 * (1 - share)
    reach = whole / flat if bent == 0 else (np.sqrt(flat**2 + 4 * bent * whole) - flat) / (2 * bent)
    return np.asarray(reach * direction)


def corner(*, optimum: tuple[float, float] = OPTIMUM, correlation: float = CORRELATION, lang: Lang = "en") -> "Figure":
    """Draw the three balls, the contour that touches each of them, and which random optima land on an axis."""
    optima = scattered()
    axis = np.linspace(-REACH, REACH, 121)
    x, y = np.meshgrid(axis - optimum[0], axis - optimum[1])
    datafit = x**2 + 2 * correlation * x * y + y**2
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        figure, axes = sheet.mosaic([list(BALLS)], size=(12, 4.4))
        for name, (penalty, tone, share) in BALLS.items():
            ax, landed = axes[name], on_axis(touch(optima, penalty, correlation))
            met = touch(np.array([optimum]), penalty, correlation)[0]
            away = met - optimum
            level = away @ away + 2 * correlation * away[0] * away[1]
            ax.scatter(*optima[~landed].T, s=4, color=SOFT, alpha=0.5)
            ax.scatter(*optima[landed].T, s=6, color=TONES[tone])
            ax.fill(*outline(share), facecolor=TONES[tone] + "24", edgecolor=TONES[tone], linewidth=1.8)
            if level > 0:
                ax.contour(
                    axis, axis, datafit, level * np.array([0.11, 0.44, 1.0]), colors=INK, linewidths=(0.8, 0.8, 1.6)
                )
            ax.plot(*optimum, "o", color="white", markeredgecolor=INK, markersize=9)
            ax.plot(*met, **curve(tone, markersize=9))
            title = f"{words.labels[name]}\n{words.said['share'].format(share=f'{landed.mean():.0%}')}"
            ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", title=title, xlabel="x₁", ylabel="x₂")
    return figure


def numbers() -> Mapping[str, float]:
    optima = scattered()
    shares = {
        name: float(on_axis(touch(optima, penalty, CORRELATION)).mean()) for name, (penalty, _, _) in BALLS.items()
    }
    return {**shares, "count": RANDOM}


def data() -> Mapping[str, Any]:
    balls = {name: {"tone": tone, "ratio": share} for name, (_, tone, share) in BALLS.items()}
    return {"balls": balls, "optima": scattered(), "reach": REACH}


def sketch() -> tuple[Stroke, ...]:
    t = np.linspace(0, 2 * np.pi, 81)
    met = touch(np.array([OPTIMUM]), L1, CORRELATION)[0]
    away = met - OPTIMUM
    level = away @ away + 2 * CORRELATION * away[0] * away[1]
    along, across = np.sqrt(level / (1 + CORRELATION)) * np.cos(t), np.sqrt(level / (1 - CORRELATION)) * np.sin(t)
    ellipse = np.stack([along + across, along - across]) / np.sqrt(2)
    return (
        Stroke(np.array([-2.9, 4.2]), np.zeros(2), "soft"),
        Stroke(np.zeros(2), np.array([-1.6, 2.2]), "soft"),
        *(Stroke(outline(share)[0], outline(share)[1], tone, closed=True) for _, tone, share in BALLS.values()),
        *(Stroke(OPTIMUM[0] + part * ellipse[0], OPTIMUM[1] + part * ellipse[1], "sixth") for part in (0.4, 1.0)),
        Stroke(met[:1], met[1:], "first", dots=True),
    )


ENGLISH = Words(
    title="Corners",
    question="Why do solutions with L1 lie on an axis?",
    paragraph=(
        "The contours are those of the datafit, an ellipse grown from its optimum until it touches the ball that the"
        " penalty allows. The diamond of <strong>L1</strong> has corners on the axes, and a corner is met from a"
        " whole wedge of directions: where it is, one coordinate is exactly 0. The circle of <strong>L2</strong> has"
        " no corners, and where it is touched both coordinates are needed, except by chance. The ball of the elastic"
        " net is bulged and still has corners, only blunter ones. The dots are {count} random optima; those in"
        " colour lead to a point on an axis: {diamond:%} with the diamond, {elastic:%} with the elastic net,"
        " {circle:%} with the circle. Drag the optimum and watch how long the diamond holds on to its corner. (For"
        " every ball there is a λ whose penalised problem has the same solution; the code looks for it.)"
    ),
    labels={
        "c1": "optimum, x₁",
        "c2": "optimum, x₂",
        "rho": "correlation (tilt of the ellipse)",
        "diamond": "L1: diamond",
        "elastic": "Elastic net: in between",
        "circle": "L2: circle",
    },
    said={
        "optimum": "optimum of the datafit",
        "share": "{share} on an axis",
        "diamond": "diamond",
        "elastic": "elastic net",
        "circle": "circle",
        "and": ", ",
        "now": "Optimum ({c1}, {c2}).",
        "axis": " Met on an axis, one coordinate is exactly 0: {balls}.",
        "between": " Met between the axes, no coordinate is 0: {balls}.",
        "inside": " The optimum is inside and is the solution itself: {balls}.",
    },
)
JAPANESE = Words(
    title="カド",
    question="L1 の解はなぜ軸の上に乗るのか",
    paragraph=(
        "楕円はデータ項の等高線です。最適点から広げていき、正則化が許す範囲(球)に最初に触れたところが解になります。"
        "<strong>L1</strong> のひし形は軸の上にカドがあり、カドには広い範囲の方向から触れます。カドでは一方の座標が"
        "ちょうど 0 です。<strong>L2</strong> の円にはカドがなく、偶然を除けば、どこで触れても両方の座標が残ります。"
        "エラスティックネットの球はふくらんでいますが、鈍いカドが残っています。点は乱数で選んだ {count} 個の最適点で、"
        "色の付いたものは解が軸の上に乗ります。割合はひし形で {diamond:%}、エラスティックネットで {elastic:%}、円で"
        " {circle:%} です。最適点を動かして、ひし形がどこまでカドを手放さないかを見てください。(どの球にも、正則化項"
        "として加えたときに同じ解を与える λ があります。下のコードはその λ を探しています。)"
    ),
    labels={
        "c1": "最適点の x₁",
        "c2": "最適点の x₂",
        "rho": "相関(楕円の傾き)",
        "diamond": "L1: ひし形",
        "elastic": "エラスティックネット: 中間",
        "circle": "L2: 円",
    },
    said={
        "optimum": "データ項の最適点",
        "share": "{share} が軸の上",
        "diamond": "ひし形",
        "elastic": "エラスティックネット",
        "circle": "円",
        "and": "と",
        "now": "最適点は ({c1}, {c2}) です。",
        "axis": "{balls}は軸の上で触れ、一方の座標がちょうど 0 になります。",
        "between": "{balls}は軸と軸の間で触れ、どちらの座標も 0 になりません。",
        "inside": "{balls}は最適点を内側に含むので、最適点がそのまま解になります。",
    },
)
LESSON = Lesson(
    topic="corner",
    figure=corner,
    code=(touch,),
    formula=(
        "\\under{\\min}{x}  \\frac{1}{2} (x_1 − c_1)^2 + ρ (x_1 − c_1) (x_2 − c_2) + \\frac{1}{2} (x_2 − c_2)^2",
        "\\text{L1}  |x_1| + |x_2| ≤ 1",
        "\\text{L1 + L2}  \\frac{1}{2} (|x_1| + |x_2|) + \\frac{1}{4} (x_1^2 + x_2^2) ≤ \\frac{3}{4}",
        "\\text{L2}  x_1^2 + x_2^2 ≤ 1",
    ),
    controls=(
        Slider("c1", -2.2, 2.2, 0.05, OPTIMUM[0]),
        Slider("c2", -2.2, 2.2, 0.05, OPTIMUM[1]),
        Slider("rho", -0.8, 0.8, 0.05, CORRELATION),
    ),
    places=tuple(Plot(name, columns=4, ratio=1.0) for name in BALLS),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
