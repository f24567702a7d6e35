"""Why is S ≠ 0 not a mask when there is noise, and what is?"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from kizu.calibration import fit_null, scale_dof
from kizu.explain.drawing import TONES, curve, drawing
from kizu.explain.lesson import Choice, Film, Lang, Lesson, Panel, Plot, Stroke, Words
from kizu.models.decomposition import Decomposition
from kizu.models.flag import Flags, flag
from kizu.models.robust_pca import robust_pca
from kizu.scenes import BIAS, GAIN, Defect, dot, plaster, truth
from kizu.typing import Bools, Floats, Integers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WALLS, HEIGHT, WIDTH = 100, 36, 48
SHOWN = 37
"""The wall in the picture: it has a strong dot, a weak one and a very weak one."""
DOTS = ((11.0, 12.0, -40.0), (24.0, 24.0, -16.0), (11.0, 36.0, -8.0))
ELSEWHERE = tuple(np.linspace(-6.0, -40.0, 24))
"""Depths of the dots in other walls, for the rates to be measured on."""
RADIUS = 2.5
SIGMAS = (1.0, 2.0, 4.0, 8.0)
RATES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
SIGMA, RATE = SIGMAS[1], RATES[3]
EDGES = np.arange(0.0, 12.01, 0.25)
"""Bins of |z|; the last one has all beyond."""
FULL = 8.0
"""|z| that takes the full colour."""


def decided(matrix: Integers, rates: Sequence[float]) -> tuple[Decomposition, list[Flags]]:
    """The split of `matrix` (photographs, pixels), and the decision at each false-discovery rate."""
    found = robust_pca(matrix)
    return found, [flag(found, fdr=rate) for rate in rates]


def judged(mask: Bools, defect: Bools) -> dict[str, float]:
    """Shares: of the marked pixels that are false, of the defect that is found, of the clean pixels that are marked."""
    false = mask & ~defect
    return {
        "wrong": float(false.sum() / max(1, mask.sum())),
        "found": float(mask[defect].mean()),
        "share": float(false.sum() / (~defect).sum()),
    }


def exposed(
    wall: Floats, count: int, defects: Sequence[Defect], rng: np.random.Generator, sigma: float = 0.0
) -> Floats:
    """`count` photographs (count, height, width) of `wall` as `scenes` takes them, with this noise and not rounded."""
    scene = np.repeat(wall[None], count, axis=0)
    for defect in defects:
        scene[defect.frame] += defect.depth * defect.mask
    gain, bias = (rng.uniform(*limits, (count, 1, 1)) for limits in (GAIN, BIAS))
    return np.asarray(gain * scene + bias + sigma * rng.standard_normal(scene.shape))


class Case(NamedTuple):
    """One level of noise. `good`, `bad` and `null` count |z| in bins: clean pixels, defects, what the null expects."""

    observed: Integers
    defect: Bools
    flags: list[Flags]
    nonzero: Bools
    level: float
    good: Floats
    bad: Floats
    null: Floats


@cache
def case(sigma: float, rates: tuple[float, ...] = RATES) -> Case:
    """Photograph the walls with noise `sigma`, split them and decide."""
    rng, shape = np.random.default_rng(0), (HEIGHT, WIDTH)
    wall, places = plaster(*shape, rng), rng.uniform(6.0, np.array(shape) - 6.0, (len(ELSEWHERE), 2))
    defects = [Defect(SHOWN, dot(shape, (y, x), RADIUS), depth) for y, x, depth in DOTS]
    for n, (depth, (y, x)) in enumerate(zip(ELSEWHERE, places, strict=True)):
        defects.append(Defect(SHOWN + 1 + 2 * n, dot(shape, (y, x), RADIUS), depth))
    frames = np.clip(np.rint(exposed(wall, WALLS, defects, rng, sigma)), 0, 255).astype(np.uint8)
    matrix, defect = frames.reshape(WALLS, -1), truth(tuple(defects), frames.shape).reshape(WALLS, -1)
    found, flags = decided(matrix, rates)
    level = found.parameters["tau_anomaly"].value / found.sigma
    z = np.minimum(np.abs(flags[0].score), EDGES[-1] - 1e-9)
    good, bad = (np.histogram(z[where], EDGES)[0] for where in (~defect, defect))
    tail = fit_null(flags[0].score, most_dof=scale_dof(WALLS)).p_value(np.append(EDGES[:-1], np.inf))
    return Case(matrix, defect, flags, found.anomaly != 0, level, good, bad, -np.diff(tail) * good.sum())


def noise(*, sigma: float = SIGMA, fdr: float = RATE, lang: Lang = "en") -> "Figure":
    """Draw the law of |z| with both thresholds, what the rates promise and keep, and one wall with both masks."""
    made, here = case(sigma), case(sigma, (fdr,)).flags[0]
    marks = {"nonzero": made.nonzero, "flagged": here.mask}
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        names = ("observed", "nonzero", "score", "flagged")
        top = [name for name in ("law", "kept") for _ in range(6)]
        figure, axes = sheet.mosaic([top, [name for name in names for _ in range(3)]], size=(11, 6.2))
        law, kept, centres = axes["law"], axes["kept"], (EDGES[1:] + EDGES[:-1]) / 2
        for name, tone in (("good", "second"), ("null", "sixth"), ("bad", "first")):
            counts = np.maximum(getattr(made, name), 0.1)
            law.semilogy(centres, counts, label=words.said[name], **curve(tone, marker=""))
        law.axvline(made.level, color=TONES["fifth"], label=words.said["entry"])
        law.axvline(here.threshold, color=TONES["third"], label=words.said["threshold"])
        law.set(ylim=(0.5, 1e5), xlabel="|z|", ylabel=words.said["pixels"], title=words.labels["law"])
        results = [judged(flags.mask, made.defect) for flags in made.flags]
        kept.semilogx(RATES, [100 * rate for rate in RATES], label=words.said["promised"], **curve("sixth", marker=""))
        kept.semilogx(RATES, [100 * one["wrong"] for one in results], label=words.said["wrong"], **curve("first"))
        kept.semilogx(RATES, [100 * one["found"] for one in results], label=words.said["found"], **curve("third"))
        kept.set(xlabel=words.said["rate"], ylabel="%", title=words.labels["kept"])
        pictures = {"observed": made.observed, "score": made.flags[0].score, **marks}
        for name in names:
            look = {"cmap": "RdBu_r", "vmin": -FULL, "vmax": FULL} if name == "score" else {"cmap": "gray"}
            axes[name].imshow(pictures[name][SHOWN].reshape(HEIGHT, WIDTH), **look)
            axes[name].set_title(words.labels[name], fontsize=10)
            axes[name].axis("off")
        for ax in (law, kept):
            ax.legend(frameon=False, fontsize=9)
    return figure


def numbers() -> Mapping[str, float]:
    made = case(SIGMA)
    chosen = made.flags[RATES.index(RATE)]
    raw, kept = (judged(mask, made.defect) for mask in (made.nonzero, chosen.mask))
    return {
        "level": made.level,
        "theory": 2 * ndtr(-made.level),
        "share": raw["share"],
        "wrong": raw["wrong"],
        "rate": RATE,
        "kept": kept["wrong"],
        "found": kept["found"],
        "threshold": chosen.threshold,
        "marked": int(chosen.mask.sum()),
    }


def data() -> Mapping[str, Any]:
    cases = [case(sigma) for sigma in SIGMAS]

    def film(rows: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        return np.array([np.rint(row[SHOWN]).astype(np.uint8).reshape(HEIGHT, WIDTH) for row in rows])

    return {
        "rates": RATES,
        "sigmas": SIGMAS,
        "edges": EDGES,
        "observed": film([one.observed for one in cases]),
        "defect": film([cases[0].defect]),
        "nonzero": film([255 * one.nonzero for one in cases]),
        "score": film([127 + 127 * np.clip(one.flags[0].score / FULL, -1, 1) for one in cases]),
        "flagged": film([255 * flags.mask for one in cases for flags in one.flags]),
        **{name: [getattr(one, name) for one in cases] for name in ("level", "good", "bad", "null")},
        "thresholds": [[flags.threshold if flags.mask.any() else None for flags in one.flags] for one in cases],
        "marked": [[int(flags.mask.sum()) for flags in one.flags] for one in cases],
        "judged": [[judged(flags.mask, one.defect) for flags in one.flags] for one in cases],
        "raw": [judged(one.nonzero, one.defect) for one in cases],
    }


def sketch() -> tuple[Stroke, ...]:
    made, x = case(SIGMA), EDGES[:-1]
    good, bad = (np.log10(np.maximum(counts, 0.8)) for counts in (made.good, made.bad))
    limit = np.full(2, made.flags[RATES.index(RATE)].threshold)
    ground = np.array([good.min(), good.max()])
    return Stroke(limit, ground, "third"), Stroke(x, bad, "first"), Stroke(x, good, "second")


ENGLISH = Words(
    title="Noise and the mask",
    question="With noise, why is S ≠ 0 not a mask, and what is?",
    paragraph=(
        "With noise M = L + S + E, and S takes what is left of a pixel beyond a threshold, here {level:3} times the"
        " noise. Noise alone goes beyond that in {theory:1%} of all pixels, so S ≠ 0 marks {share:1%} of the clean"
        " ones, and {wrong:1%} of what it marks is wrong. That is no fault of the solver: its threshold weighs S"
        " against L, it decides nothing. <strong>A decision takes a second look at M − L.</strong> Divided by the"
        " robust scale of its column it becomes z, which says how odd a pixel is in units of its own noise. What z"
        " does without a defect is fitted to the bulk of the pixels themselves (dashed), so every z has a p-value,"
        " and the rule of Benjamini and Hochberg finds the threshold beyond which a share q of the marked pixels is"
        " expected to be false. At q = {rate:%} that is |z| ≥ {threshold:3}: {marked} pixels are marked, {kept:1%}"
        " of them falsely, and {found:%} of the defect pixels are among them. Now add noise. Weak dots get lost,"
        " because no rule can tell them from noise any more. But the promise is kept on average, at every level: q"
        " is the share of false marks that is <em>expected</em>, and one set of pictures may lie above it, as"
        " {kept:1%} does here, or below."
    ),
    labels={
        "rate": "false-discovery rate q",
        "sigma": "noise σ (grey levels)",
        "law": "How many pixels have which |z|",
        "kept": "What q promises, and what comes of it",
        "observed": "M, dots outlined",
        "nonzero": "S ≠ 0",
        "score": "z",
        "flagged": "flag(d, fdr=q)",
    },
    said={
        "good": "clean pixels",
        "bad": "defects",
        "null": "expected of noise",
        "entry": "S ≠ 0 from here",
        "threshold": "marked from here",
        "pixels": "pixels",
        "rate": "false-discovery rate q",
        "promised": "promised: q",
        "wrong": "false among the marked",
        "found": "found of the defects",
        "raw": "false where S ≠ 0",
        "now": (
            "σ = {sigma}, q = {rate} %: {raw} % of the marks of S ≠ 0 are false. Beyond |z| = {threshold} there are"
            " {marked} marks, {wrong} % of them false, with {found} % of the defect pixels."
        ),
        "empty": "σ = {sigma}, q = {rate} %: {raw} % of the marks of S ≠ 0 are false. No pixel stands out far enough.",
    },
)
JAPANESE = Words(
    title="雑音とマスク",
    question="雑音があると、S ≠ 0 はなぜマスクにならないのか。代わりに何を使うのか",
    paragraph=(
        "雑音があるときは M = L + S + E と分けます。S に入るのは残差のうちしきい値を超えた分で、この例のしきい値は雑"
        "音の標準偏差の {level:3} 倍です。雑音だけでも {theory:1%} の画素がこれを超えるので、S ≠ 0 は正常な画素の"
        " {share:1%} に印を付けてしまい、その印の {wrong:1%} は誤りです。ソルバーが悪いのではありません。このしきい"
        "値は S と L の釣り合いを決めるもので、異常かどうかを判定するものではないのです。<strong>判定には、残差 M −"
        " L をもう一度見直します。</strong>列ごとのロバストな尺度で割った z は、その画素が自身の雑音の何倍ずれている"
        "かを表します。欠陥がないときの z の分布は、大多数を占める画素自身に当てはめて求めます(破線)。これで z を p "
        "値に直せるので、あとはベンジャミニとホッホベルクの方法で、印を付けた画素に占める誤りの割合の期待値が q にな"
        "るしきい値を選びます。q = {rate:%} なら |z| ≥ {threshold:3} です。印は {marked} 画素に付き、その {kept:1%} "
        "が誤りで、欠陥の画素の {found:%} が見つかりました。次に雑音を強くしてみてください。淡い点は、どんな規則でも"
        "雑音と区別できなくなって見失われます。それでも、どの雑音の強さでも、約束は平均すると守られます。q は誤りの"
        "割合の<em>期待値</em>なので、1 組の画像だけを見れば、ここでの {kept:1%} のように上回ることも、下回ることも"
        "あります。"
    ),
    labels={
        "rate": "偽発見率 q",
        "sigma": "雑音 σ(階調)",
        "law": "|z| ごとの画素数",
        "kept": "q の約束と実際",
        "observed": "M(輪郭が本当の点)",
        "nonzero": "S ≠ 0",
        "score": "z",
        "flagged": "flag(d, fdr=q)",
    },
    said={
        "good": "正常な画素",
        "bad": "欠陥",
        "null": "雑音だけのときの予測",
        "entry": "ここから S ≠ 0",
        "threshold": "ここから印",
        "pixels": "画素数",
        "rate": "偽発見率 q",
        "promised": "約束した q",
        "wrong": "印のうちの誤り",
        "found": "見つかった欠陥",
        "raw": "S ≠ 0 のうちの誤り",
        "now": (
            "σ = {sigma}、q = {rate} %: S ≠ 0 の印は {raw} % が誤りです。|z| が {threshold} 以上の {marked} 画素では"
            "誤りは {wrong} %、見つかる欠陥は {found} % です。"
        ),
        "empty": "σ = {sigma}、q = {rate} %: S ≠ 0 の印は {raw} % が誤りです。基準を満たすほど際立つ画素はありません。",
    },
)
LESSON = Lesson(
    topic="noise",
    figure=noise,
    code=(decided, judged),
    formula=(
        "S = \\soft(M − L, τ_S),  τ_S = λ (√m + √n) σ",
        "z_{i j} = \\frac{M_{i j} − L_{i j}}{s_j},  p = P(|Z| ≥ |z|)",
        "p ≤ p_{(K)},  K = \\max (k: p_{(k)} ≤ \\frac{k}{m n} q)",
    ),
    controls=(
        Film("rate", count=len(RATES), start=RATES.index(RATE), rate=1.0, shown=tuple(f"{100 * q:g} %" for q in RATES)),
        Choice("sigma", shown=tuple(f"{s:g}" for s in SIGMAS), start=SIGMAS.index(SIGMA)),
    ),
    places=(
        *(Panel(name, HEIGHT, WIDTH, columns=3) for name in ("observed", "nonzero", "score", "flagged")),
        *(Plot(name, columns=6, ratio=0.56) for name in ("law", "kept")),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
