"""Which coefficients does each penalty let in as λ falls, and when?"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kizu.datafits import Quadratic
from kizu.explain.drawing import INK, SOFT, TONES, drawing
from kizu.explain.lesson import Film, Lang, Lesson, Plot, Stroke, Tone, Words
from kizu.numerals import pretty
from kizu.penalties import L1, L2, ElasticNet, Penalty
from kizu.solvers import coordinate_descent
from kizu.solvers.composite import Problem
from kizu.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OBSERVATIONS, TRUE, NOISE = 60, (3.0, 3.0, -2.5, 1.5, *[0.0] * 8), 0.25
APART = 0.35
"""How much the second feature differs from the first, its twin."""
SHARES = 2.0 ** (-np.arange(41) / 5)
"""λ in units of the smallest at which the lasso has no coefficient."""
START = 6
TOL = 1e-8
TRUE_TONES: tuple[Tone, ...] = ("first", "second", "third", "fourth")
OTHERS: Tone = "soft"
TONES_OF = (*TRUE_TONES, *[OTHERS] * (len(TRUE) - len(TRUE_TONES)))
PENALTIES: dict[str, Callable[[float], Penalty]] = {
    "lasso": L1,
    "elastic": lambda lam: ElasticNet(2 * lam, 0.5),  # the sum of the other two
    "ridge": L2,
}


def walked(penalty: Callable[[float], Penalty], a: Floats, y: Floats, lams: Floats) -> tuple[Floats, Floats]:
    """The coefficients (lams, features) as λ falls, each from where the one before has stopped, and their gaps."""
    x, rows, gaps = None, [], []
    for lam in lams:
        found = coordinate_descent.solve(Problem(Quadratic(y), penalty(lam), a), tol=TOL, start=x)
        x = found.state.x
        rows.append(x)
        gaps.append(found.certificate.relative_gap)
    return np.array(rows), np.array(gaps)


class Regression(NamedTuple):
    """What the twins have in common, the largest λ, and the coefficients of each penalty along its share of it."""

    correlation: float
    most: float
    paths: Mapping[str, Floats]
    gaps: Mapping[str, Floats]


@cache
def regression() -> Regression:
    """Draw data of which four features are true, two of them twins, and walk along λ with each penalty."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((OBSERVATIONS, len(TRUE)))
    a[:, 1] = a[:, 0] + APART * rng.standard_normal(OBSERVATIONS)
    a /= np.linalg.norm(a, axis=0)
    y = a @ TRUE + NOISE * rng.standard_normal(OBSERVATIONS)
    most = float(np.abs(a.T @ y).max())
    walks = {name: walked(penalty, a, y, most * SHARES) for name, penalty in PENALTIES.items()}
    paths, gaps = ({name: walk[k] for name, walk in walks.items()} for k in (0, 1))
    return Regression(float(a[:, 0] @ a[:, 1]), most, paths, gaps)


def entered(coefficients: Floats) -> Floats:
    """The step at which each coefficient is not 0 for the first time; the number of steps if it never is."""
    there = coefficients != 0
    return np.where(there.any(axis=0), there.argmax(axis=0), len(there))


def path(*, share: float = float(SHARES[START]), lang: Lang = "en") -> "Figure":
    """Draw the coefficients along λ for each penalty, and below those at the step nearest to `share` of λmax."""
    made, step = regression(), int(np.argmin(np.abs(np.log(SHARES / share))))
    features = np.arange(1, len(TRUE) + 1)
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        figure, axes = sheet.axes(2, 3, size=(11, 6.4), height_ratios=(3, 2))
        for (above, below), (name, coefficients) in zip(axes.T, made.paths.items(), strict=True):
            for values, tone in zip(coefficients.T, TONES_OF, strict=True):
                colour, width = TONES.get(tone, SOFT), 0.9 if tone == "soft" else 1.8
                above.semilogx(SHARES, values, color=colour, linewidth=width)
            above.axvline(SHARES[step], color=INK, linewidth=0.8)
            above.set(xlim=(1.0, SHARES[-1]), title=words.labels[name], xlabel=words.said["share"])
            below.plot(features, TRUE, "o", color="white", markeredgecolor=SOFT, label=words.said["true"])
            below.vlines(features, 0.0, coefficients[step], colors=[TONES.get(tone, SOFT) for tone in TONES_OF])
            below.scatter(features, coefficients[step], c=[TONES.get(tone, SOFT) for tone in TONES_OF], zorder=3)
            below.set(ylim=(-3.3, 3.8), title=words.labels[f"{name}_now"], xlabel=words.said["feature"])
        axes[1, 0].legend(frameon=False, fontsize=9)
    return figure


def numbers() -> Mapping[str, float]:
    made = regression()
    lasso, elastic = made.paths["lasso"], made.paths["elastic"]
    right = SHARES[((lasso != 0) == (np.array(TRUE) != 0)).all(axis=1)]
    return {
        "features": len(TRUE),
        "true": np.count_nonzero(TRUE),
        "correlation": made.correlation,
        "from": right[0],
        "to": right[-1],
        "share": SHARES[entered(lasso)[0] - 1],
        "alone": lasso[entered(lasso)[0] - 1, 1],
        "one": elastic[entered(lasso)[0] - 1, 0],
        "other": elastic[entered(lasso)[0] - 1, 1],
        "biased": lasso[np.argmax(right[0] == SHARES), 2],
        "truth": TRUE[2],
        "gap": max(gaps.max() for gaps in made.gaps.values()),
    }


def data() -> Mapping[str, Any]:
    made = regression()
    return {
        "shares": SHARES,
        "most": made.most,
        "true": TRUE,
        "tones": TONES_OF,
        "paths": {name: rows.T for name, rows in made.paths.items()},
        "gaps": made.gaps,
        "entered": {name: entered(rows) for name, rows in made.paths.items()},
    }


def sketch() -> tuple[Stroke, ...]:
    lasso, x = regression().paths["lasso"], -np.log(SHARES)
    order = sorted(range(len(TRUE)), key=lambda j: TONES_OF[j] != "soft")
    return tuple(Stroke(x, lasso[:, j], TONES_OF[j]) for j in order)


ENGLISH = Words(
    title="Coefficients along λ",
    question="Which coefficients does each penalty let in as λ falls, and when?",
    paragraph=(
        "A regression on {features} features of which {true} are true. The first two of them are twins, with a"
        " correlation of {correlation:2}. λ falls from left to right; at its largest value, max|Aᵀy|, the lasso has"
        " no coefficient at all. <strong>Lasso</strong>: one after the other comes in, and from {from:2} to {to:2}"
        " of that λ exactly the true ones are there. It chooses, also between twins: at {share:2} one of them has"
        " {alone:3} and the other is 0, although both are equally true. <strong>Ridge</strong>: all {features} are"
        " there from the start and none is ever 0; it shares out fairly and chooses nothing. <strong>Elastic"
        " net</strong>: the sum of both penalties does both. It has zeros like the lasso, but the twins come in"
        " together, with {one:2} and {other:2} at the same λ. All of them pay for it with shorter coefficients:"
        " where the lasso is right for the first time, {biased:2} stands for {truth}. (Every point of these paths is"
        " proven optimal to a duality gap of {gap:1}.)"
    ),
    labels={
        "step": "λ / λmax",
        "lasso": "Lasso: λ‖x‖₁",
        "elastic": "Elastic net: λ‖x‖₁ + ½λ‖x‖²",
        "ridge": "Ridge: ½λ‖x‖²",
        "lasso_now": "Lasso at this λ",
        "elastic_now": "Elastic net at this λ",
        "ridge_now": "Ridge at this λ",
    },
    said={
        "share": "λ / λmax, falling",
        "feature": "feature",
        "true": "true value",
        "twin": "twin {k}",
        "others": "no true effect",
        "now": (
            "λ = {share} λmax. Non-zero of {count}: lasso {lasso}, elastic net {elastic}, ridge {ridge}. The twins:"
            " {l1} and {l2}, {e1} and {e2}, {r1} and {r2}. Gap at most {gap}."
        ),
    },
)
JAPANESE = Words(
    title="λ と係数の経路",
    question="λ を下げていくと、どの正則化で、どの係数が、いつ現れるのか",
    paragraph=(
        "{features} 個の特徴量による回帰です。本当に効いているのは {true} 個で、そのうち最初の 2 つは相関が"
        " {correlation:2} もある双子です。λ は左から右へ小さくなります。左端の λ = max|Aᵀy| では、ラッソの係数はすべ"
        "て 0 です。<strong>ラッソ</strong>では係数が 1 つずつ現れ、その λ の {from:2} 倍から {to:2} 倍までの間、本"
        "当に効いている係数だけが残ります。ラッソは選ぶのです。双子のあいだでも選び、{share:2} 倍のところでは一方が"
        " {alone:3}、もう一方は 0 です。どちらも同じように効いているのに、です。<strong>リッジ</strong>では初めから"
        " {features} 個すべてが現れ、0 になるものは 1 つもありません。双子にも公平に分けますが、選びません。<strong>"
        "エラスティックネット</strong>は両方の和で、両方の性質をもちます。ラッソのように 0 を作りながら、双子は同時"
        "に現れ、同じ λ で {one:2} と {other:2} です。ただし、どれも係数が縮みます。ラッソが正しく選ぶ最初の λ では、"
        "真の値が {truth} の係数は {biased:2} にすぎません。(どの点も、双対ギャップ {gap:1} 以下で最適であることを証"
        "明してあります。)"
    ),
    labels={
        "step": "λ / λmax",
        "lasso": "ラッソ: λ‖x‖₁",
        "elastic": "エラスティックネット: λ‖x‖₁ + ½λ‖x‖²",
        "ridge": "リッジ: ½λ‖x‖²",
        "lasso_now": "この λ でのラッソ",
        "elastic_now": "この λ でのエラスティックネット",
        "ridge_now": "この λ でのリッジ",
    },
    said={
        "share": "λ / λmax(右ほど小さい)",
        "feature": "特徴量",
        "true": "真の値",
        "twin": "双子の {k}",
        "others": "効いていない係数",
        "now": (
            "λ = {share} λmax。{count} 個のうち 0 でないのは、ラッソ {lasso} 個、エラスティックネット {elastic} 個、"
            "リッジ {ridge} 個。双子は順に {l1} と {l2}、{e1} と {e2}、{r1} と {r2}。双対ギャップ {gap} 以下。"
        ),
    },
)
LESSON = Lesson(
    topic="path",
    figure=path,
    code=(walked,),
    formula=(
        "\\under{\\min}{x}  \\frac{1}{2} ‖y − A x‖^2 + g(x)",
        "\\text{L1}  g(x) = λ ‖x‖_1",
        "\\text{L2}  g(x) = \\frac{1}{2} λ ‖x‖^2",
        "\\text{L1 + L2}  g(x) = λ ‖x‖_1 + \\frac{1}{2} λ ‖x‖^2",
        "λ_{\\max} = \\max |A^⊤ y|",
    ),
    controls=(Film("step", count=len(SHARES), start=START, rate=3.0, shown=tuple(pretty(s, 3) for s in SHARES)),),
    places=(
        *(Plot(name, columns=4, ratio=0.86) for name in PENALTIES),
        *(Plot(f"{name}_now", columns=4, ratio=0.5) for name in PENALTIES),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
