"""How large should λ be, and what happens on either side?"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.explain.drawing import INK, TONES, curve, drawing
from kizu.explain.lesson import Film, Lang, Lesson, Panel, Plot, Stroke, Words
from kizu.explain.lessons.noise import exposed
from kizu.models.path import Path, Point, robust_pca_path
from kizu.numerals import pretty
from kizu.parameters import default_lam
from kizu.scenes import Defect, dot, plaster, truth
from kizu.typing import Bools, Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WALLS, HEIGHT, WIDTH = 100, 36, 48
DOTS = {
    name: Defect(frame, dot((HEIGHT, WIDTH), centre, radius), -60.0)
    for name, frame, centre, radius in (
        ("small", 20, (12.0, 14.0), 1.5),
        ("medium", 37, (14.0, 31.0), 2.5),
        ("large", 71, (19.0, 24.0), 6.0),
    )
}
RATIOS = 2.0 ** (np.arange(-20, 22) / 4)
"""λ in units of the default."""
START = int(np.argmin(np.abs(RATIOS - 1)))
TOL = 1e-4
"""Relative gap of every point: the lesson is built in a second."""
FULL = 60.0
"""Grey levels that take the full colour in the picture of the anomaly."""


def judged(path: Path, defect: Bools) -> Iterator[tuple[Point, float, float]]:
    """Every point of `path` with the precision and the recall of S ≠ 0, of which `defect` is the truth."""
    for point in path:
        mask = point.decomposition.anomaly != 0
        hits = np.count_nonzero(mask & defect)
        yield point, hits / np.count_nonzero(mask) if mask.any() else np.nan, hits / np.count_nonzero(defect)


def walked(matrix: Floats, ratios: Sequence[float]) -> Path:
    """Robust PCA of `matrix` (photographs, pixels) at λ = ratio·λ₀, each point with its duality gap."""
    photographs, pixels = matrix.shape
    lams = [ratio * default_lam(photographs, pixels, 1.0).value for ratio in ratios]
    return robust_pca_path(matrix, lams=lams, noise=None, tol=TOL)


class Course(NamedTuple):
    """The path, as shares and counts, with the walls that have a dot (3, pixels); `cliffs` and `gap` are ratios."""

    cliffs: tuple[float, float]
    precision: Floats
    recall: Floats
    rank: Floats
    share: Floats
    gap: Floats
    backgrounds: Floats
    anomalies: Floats


@cache
def course(ratios: tuple[float, ...] = tuple(RATIOS)) -> Course:
    """Photograph the walls without noise and walk along λ."""
    rng = np.random.default_rng(0)
    frames = exposed(plaster(HEIGHT, WIDTH, rng), WALLS, tuple(DOTS.values()), rng)
    matrix, defect = frames.reshape(WALLS, -1), truth(tuple(DOTS.values()), frames.shape).reshape(WALLS, -1)
    path, shown = walked(matrix, ratios), [one.frame for one in DOTS.values()]
    rows = []
    for point, precision, recall in judged(path, defect):
        parts = point.decomposition.background[shown], point.decomposition.anomaly[shown]
        rows.append((precision, recall, point.rank, point.share, point.relative_gap, *parts))
    cliffs = path.lower.value / path.default.value, path.upper.value / path.default.value
    return Course(cliffs, *map(np.array, zip(*rows, strict=True)))


def leaves() -> dict[str, float]:
    """Where each dot leaves S for L, as a ratio: at λ = 1/√(its pixels)."""
    unit = default_lam(WALLS, HEIGHT * WIDTH, 1.0).value
    return {name: 1.0 / np.sqrt(one.mask.sum()) / unit for name, one in DOTS.items()}


def lam(*, ratio: float = 1.0, lang: Lang = "en") -> "Figure":
    """Draw precision, recall and rank along λ/λ₀ with both cliffs, and three walls at λ = ratio·λ₀."""
    made, here = course(), course((ratio,))
    names = [f"{part}_{name}" for name in DOTS for part in ("background", "anomaly")]
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        figure, axes = sheet.mosaic([["shares"] * 4 + ["rank"] * 2, names], size=(11, 5.4))
        for name, tone in (("precision", "first"), ("recall", "third")):
            axes["shares"].semilogx(RATIOS, 100 * getattr(made, name), label=words.said[name], **curve(tone))
        axes["rank"].semilogx(RATIOS, made.rank, **curve("second"))
        for ax in (axes["shares"], axes["rank"]):
            ax.axvspan(RATIOS[0], made.cliffs[0], color=TONES["fourth"], alpha=0.15, linewidth=0)
            ax.axvspan(made.cliffs[1], RATIOS[-1], color=TONES["fourth"], alpha=0.15, linewidth=0)
            ax.axvline(ratio, color=INK, linewidth=0.8)
            ax.set(xlabel=words.said["ratio"])
        axes["shares"].set(ylabel="%", title=words.labels["shares"])
        axes["rank"].set(title=words.labels["rank"])
        axes["shares"].legend(frameon=False)
        for name, picture in zip(names, chain(*zip(here.backgrounds[0], here.anomalies[0], strict=True)), strict=True):
            signed = name.startswith("anomaly")
            look = (
                {"cmap": "RdBu_r", "vmin": -FULL, "vmax": FULL} if signed else {"cmap": "gray", "vmin": 0, "vmax": 255}
            )
            axes[name].imshow(picture.reshape(HEIGHT, WIDTH), **look)
            axes[name].set_title(words.labels[name], fontsize=9)
            axes[name].axis("off")
    return figure


def numbers() -> Mapping[str, float]:
    made = course()
    right = RATIOS[(made.precision == 1) & (made.recall == 1)]
    return {
        "walls": WALLS,
        "dots": len(DOTS),
        **{name: int(one.mask.sum()) for name, one in DOTS.items()},
        **{f"{name}_leaves": ratio for name, ratio in leaves().items()},
        "low": made.cliffs[0],
        "high": made.cliffs[1],
        "from": right[0],
        "to": right[-1],
        "gap": TOL,
    }


def data() -> Mapping[str, Any]:
    made = course()

    def film(parts: Floats) -> NDArray[np.uint8]:
        return np.clip(np.rint(parts), 0, 255).astype(np.uint8).reshape(len(RATIOS), len(DOTS), HEIGHT, WIDTH)

    return {
        "ratios": RATIOS,
        "precision": [None if np.isnan(one) else float(one) for one in made.precision],
        "recall": made.recall,
        "rank": made.rank,
        "share": made.share,
        "gap": made.gap,
        "cliffs": made.cliffs,
        "dots": [{"name": name, "pixels": int(DOTS[name].mask.sum()), "leaves": at} for name, at in leaves().items()],
        "background": film(made.backgrounds),
        "anomaly": film(127 + 127 * np.clip(made.anomalies / FULL, -1, 1)),
    }


def sketch() -> tuple[Stroke, ...]:
    made, x = course(), np.log(RATIOS)
    known = ~np.isnan(made.precision)
    cliffs = tuple(Stroke(np.log(np.full(2, cliff)), np.array([0.0, 1.0]), "fourth") for cliff in made.cliffs)
    return (*cliffs, Stroke(x, made.recall, "third"), Stroke(x[known], made.precision[known], "first"))


ENGLISH = Words(
    title="How large is λ?",
    question="How large should λ be, and what happens on either side?",
    paragraph=(
        "λ is the price of a pixel in S, in units of singular values of L. {walls} photographs of one wall; {dots}"
        " of them have a dot, of {small}, {medium} and {large} pixels. <strong>Too cheap</strong>, and S takes what"
        " belongs to the wall: precision falls, and up to {low:2} λ₀, the first cliff, L is empty. <strong>Too"
        " dear</strong>, and the dots move into L, the <em>largest</em> first: k pixels of depth d cost λkd in S,"
        " but only d√k in L, as one more singular value. So a dot changes sides near λ = 1/√k, here at about"
        " {large_leaves:2}, {medium_leaves:2} and {small_leaves:2} λ₀, and the rank of L counts them. From {high:3}"
        " λ₀ on, the second cliff, S is empty. Between the cliffs there is a wide plain: from {from:2} to {to:2} λ₀"
        " all dots are in S, and nothing else is. The default, λ₀ = 1/√max(m, n), lies in it and knows nothing but"
        " the size of the matrix. By the same count it finds any dot as long as it is smaller than a whole picture."
        " (Every point is proven to within {gap:1} of the optimum. There is no noise here: see the lesson"
        " <code>noise</code>.)"
    ),
    labels={
        "step": "λ / λ₀",
        "shares": "Precision and recall of S ≠ 0",
        "rank": "Rank of L",
        "background_small": "L: small dot",
        "background_medium": "L: medium dot",
        "background_large": "L: large dot",
        "anomaly_small": "S: small dot",
        "anomaly_medium": "S: medium dot",
        "anomaly_large": "S: large dot",
    },
    said={
        "ratio": "λ / λ₀",
        "share": "%",
        "precision": "precision",
        "recall": "recall",
        "low": "L = 0",
        "high": "S = 0",
        "default": "default λ₀",
        "pixels": "{k} px",
        "gone": "λ = {ratio} λ₀: the background is empty, L = 0, and all of M is called anomaly.",
        "leaking": (
            "λ = {ratio} λ₀: the wall leaks into S, which takes {share} % of all pixels. Precision {precision} %,"
            " recall {recall} %."
        ),
        "right": (
            "λ = {ratio} λ₀: S is the three dots and nothing else. Precision and recall {recall} %, rank of L"
            " {rank}, gap {gap}."
        ),
        "hidden": (
            "λ = {ratio} λ₀: dots hide in L, the largest first: {count} of three (rank {rank}). Recall {recall} %,"
            " precision {precision} %."
        ),
        "empty": "λ = {ratio} λ₀: S = 0. All three dots are called background (rank {rank}).",
    },
)
JAPANESE = Words(
    title="λ の大きさ",
    question="λ はどのくらいの大きさがよいのか。小さすぎたり大きすぎたりすると何が起こるのか",
    paragraph=(
        "λ は、L の特異値を物差しにした、S の 1 画素あたりの値段です。同じ壁を写した {walls} 枚の画像のうち {dots} "
        "枚に、それぞれ {small}、{medium}、{large} 画素の点があります。<strong>安すぎる</strong>と、S は壁の一部まで"
        "引き取ってしまい、適合率が下がります。{low:2} λ₀ までは L が空で、ここが 1 つ目の崖です。<strong>高すぎる"
        "</strong>と、点は L に移ります。しかも<em>大きい</em>点が先です。深さ d の点 k 画素は、S に置けば λkd かか"
        "りますが、L なら特異値が 1 つ増えるだけの d√k で済むからです。そのため点は λ = 1/√k のあたりを境に移り(この"
        "例ではおよそ {large_leaves:2}、{medium_leaves:2}、{small_leaves:2} λ₀)、そのたびに L のランクが 1 つ増えま"
        "す。{high:3} λ₀ から先は S が空で、ここが 2 つ目の崖です。崖と崖の間には広い平地があります。{from:2} λ₀ か"
        "ら {to:2} λ₀ までは、すべての点が S に入り、ほかには何も入りません。既定値 λ₀ = 1/√max(m, n) は行列の大きさ"
        "だけで決まりますが、この平地の中にあります。同じ計算から、画像 1 枚より小さい点なら見つかる値だとわかります。"
        "(どの点でも、最適値との差が比にして {gap:1} 以下であることを証明してあります。雑音のある場合はレッスン"
        " <code>noise</code> で扱います。)"
    ),
    labels={
        "step": "λ / λ₀",
        "shares": "S ≠ 0 の適合率と再現率",
        "rank": "L のランク",
        "background_small": "L: 小さい点",
        "background_medium": "L: 中くらいの点",
        "background_large": "L: 大きい点",
        "anomaly_small": "S: 小さい点",
        "anomaly_medium": "S: 中くらいの点",
        "anomaly_large": "S: 大きい点",
    },
    said={
        "ratio": "λ / λ₀",
        "share": "%",
        "precision": "適合率",
        "recall": "再現率",
        "low": "L = 0",
        "high": "S = 0",
        "default": "既定値 λ₀",
        "pixels": "{k} 画素",
        "gone": "λ = {ratio} λ₀: 背景は空(L = 0)で、M の全体が異常になります。",
        "leaking": (
            "λ = {ratio} λ₀: 壁が S に漏れ、全画素の {share} % が異常になります。適合率 {precision} %、再現率"
            " {recall} %。"
        ),
        "right": (
            "λ = {ratio} λ₀: S には 3 つの点だけが入っています。適合率、再現率とも {recall} %、L のランクは {rank}、"
            "双対ギャップは {gap} です。"
        ),
        "hidden": (
            "λ = {ratio} λ₀: 3 つの点のうち、大きいほうから {count} つが L に隠れました(ランク {rank})。再現率"
            " {recall} %、適合率 {precision} %。"
        ),
        "empty": "λ = {ratio} λ₀: S = 0。3 つの点はすべて背景とみなされます(ランク {rank})。",
    },
)
LESSON = Lesson(
    topic="lam",
    figure=lam,
    code=(walked, judged),
    formula=(
        "λ_0 = \\frac{1}{\\sqrt{\\max(m, n)}}",
        "L = 0 ⟺ λ ≤ \\frac{1}{‖\\sign M‖_2}",
        "S = 0 ⟺ λ ≥ \\max |U V^⊤|,  M = U Σ V^⊤",
        "λ k d = d \\sqrt{k} ⟺ λ = \\frac{1}{\\sqrt{k}}",
    ),
    controls=(Film("step", count=len(RATIOS), start=START, rate=4.0, shown=tuple(pretty(r, 3) for r in RATIOS)),),
    places=(
        Plot("shares", columns=8, ratio=0.4),
        Plot("rank", columns=4, ratio=0.82),
        *(Panel(f"{part}_{name}", HEIGHT, WIDTH, columns=2) for name in DOTS for part in ("background", "anomaly")),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
