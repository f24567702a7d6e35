"""How does robust PCA drive a black dot out of one of a hundred walls, iteration by iteration?"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.certificates import certificate
from kizu.engines.blas import one_thread
from kizu.explain.drawing import INK, curve, drawing
from kizu.explain.lesson import Film, Lang, Lesson, Panel, Plot, Words
from kizu.explain.lessons.noise import exposed
from kizu.parameters import default_lam
from kizu.prox import singular_value_threshold, soft_threshold
from kizu.scenes import Defect, dot, plaster, truth
from kizu.solvers.ialm import GROWTH
from kizu.typing import Bools, Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WALLS, HEIGHT, WIDTH = 100, 48, 64
DOTTED = Defect(frame=37, mask=dot((HEIGHT, WIDTH), (19.0, 41.0), 3.0), depth=-80.0)
GOOD = 12
"""The wall without a dot that is shown beside it."""
ITERATIONS = 20
FULL = 80.0
"""Grey levels that take the full colour in the picture of the anomaly."""
SMALL = 1e-9
"""Singular values below this share of the first are 0 to rounding."""


def iterations(matrix: Floats, lam: float, count: int = ITERATIONS) -> Iterator[tuple[Floats, Floats, Floats, float]]:
    """Background L, anomaly S and multiplier Y after each iteration of IALM on `matrix` (walls, pixels), and its μ."""
    largest = float(np.linalg.norm(matrix, 2))
    mu, anomaly, y = 1.25 / largest, np.zeros_like(matrix), matrix / max(largest, np.abs(matrix).max() / lam)
    for _ in range(count):
        background = singular_value_threshold(matrix - anomaly + y / mu, 1 / mu)
        anomaly = soft_threshold(matrix - background + y / mu, lam / mu)
        y = y + mu * (matrix - background - anomaly)
        yield background, anomaly, y, mu
        mu *= GROWTH


class Run(NamedTuple):
    """λ and, for each iteration, two walls (2, pixels) of M, L, S and Y, and what is counted. `gap`: what Y proves."""

    matrix: Floats
    defect: Bools
    lam: float
    gap: float
    parts: Mapping[str, Floats]
    rank: Floats
    nonzero: Floats
    filled: Floats
    residual: Floats
    mu: Floats


@cache
def run() -> Run:
    rng = np.random.default_rng(0)
    frames = exposed(plaster(HEIGHT, WIDTH, rng), WALLS, [DOTTED], rng)
    m, defect = frames.reshape(WALLS, -1), truth((DOTTED,), frames.shape).reshape(WALLS, -1)
    lam, gap, two, kept = default_lam(*m.shape, 1.0).value, 1.0, [DOTTED.frame, GOOD], []
    with one_thread():
        for low, sparse, y, mu in iterations(m, lam):
            values, residual = (
                np.linalg.svd(low, compute_uv=False),
                np.linalg.norm(m - low - sparse) / np.linalg.norm(m),
            )
            counts = np.sum(values > SMALL * values[0]), np.count_nonzero(sparse), -y[defect].mean() / lam, residual, mu
            kept.append((low[two], sparse[two], y[two], *counts))
            bound = float(np.sum(m * y)) / max(1.0, np.linalg.norm(y, 2), np.abs(y).max() / lam)
            gap = certificate(values.sum() + lam * np.abs(sparse).sum(), bound, bound="Y").relative_gap
    background, anomaly, multiplier, *counted = map(np.array, zip(*kept, strict=True))
    parts = {"matrix": m[None, two], "background": background, "anomaly": anomaly, "multiplier": multiplier}
    return Run(m, defect, lam, gap, parts, *counted)


def pictures() -> Mapping[str, NDArray[np.uint8]]:
    """What the panels show, bytes (iterations, 2, height, width): grey levels, and blue to red for S and Y."""
    parts, whole = dict(run().parts), {"anomaly": FULL, "multiplier": run().lam}
    parts |= {name: 127 + 127 * np.clip(parts[name] / full, -1, 1) for name, full in whole.items()}
    return {
        name: np.clip(np.rint(part), 0, 255).astype(np.uint8).reshape(-1, 2, HEIGHT, WIDTH)
        for name, part in parts.items()
    }


def walls(*, iteration: int = ITERATIONS, lang: Lang = "en") -> "Figure":
    """Draw two walls of M, L, S and Y after `iteration`, one of them with the dot, and the course of all iterations."""
    made, ks = run(), np.arange(1, ITERATIONS + 1)
    courses = {
        "counts": {"nonzero": (made.nonzero, "first"), "rank": (made.rank, "second")},
        "full": {"full": (100 * made.filled, "fourth")},
        "course": {"residual": (made.residual, "third"), "mu": (made.mu / made.mu[0], "fifth")},
    }
    rows = [[f"{name}{wall}" for name in made.parts for _ in range(3)] for wall in (0, 1)]
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        figure, axes = sheet.mosaic([*rows, [name for name in courses for _ in range(4)]], size=(11, 7.6))
        for name, film in pictures().items():
            signed = name in ("anomaly", "multiplier")
            look = {"cmap": "RdBu_r", "vmax": 254} if signed else {"cmap": "gray", "vmax": 255}
            for wall, picture in enumerate(film[min(iteration, len(film)) - 1]):
                axes[f"{name}{wall}"].imshow(picture, vmin=0, **look)
                axes[f"{name}{wall}"].set_title(words.labels[f"{name}{wall}"], fontsize=9)
                axes[f"{name}{wall}"].axis("off")
        for name, curves in courses.items():
            for label, (values, tone) in curves.items():
                axes[name].plot(ks, values, label=words.said[label], **curve(tone))
            axes[name].axvline(iteration, color=INK, linewidth=0.8)
            axes[name].set_title(words.labels[name], fontsize=10)
            axes[name].set(xlabel=words.said["iteration"], yscale="log" if name == "course" else "linear")
            axes[name].legend(frameon=False, fontsize=9)
    return figure


def numbers() -> Mapping[str, float]:
    made = run()
    return {
        "walls": WALLS,
        "dot": int(made.defect.sum()),
        "opens": np.argmax(made.nonzero > 0) + 1,
        "second": np.argmax(made.rank == made.rank[-1]) + 1,
        "iterations": ITERATIONS,
        **{name: getattr(made, name)[-1] for name in ("nonzero", "rank", "residual")},
        "first": made.lam / made.mu[0],
        "gap": made.gap,
    }


def data() -> Mapping[str, Any]:
    made, counted = run(), numbers()
    return {
        "pictures": pictures(),
        **{name: getattr(made, name) for name in ("rank", "nonzero", "filled", "residual")},
        **{name: counted[name] for name in ("opens", "second", "dot")},
        "growth": made.mu / made.mu[0],
        "level": made.lam / made.mu,
    }


def sketch() -> NDArray[np.uint8]:
    """Twelve of the walls, among them the one with the dot."""
    frames = np.clip(run().matrix[DOTTED.frame - 5 : DOTTED.frame + 7], 0, 255)
    sheet = frames.reshape(3, 4, HEIGHT, WIDTH).transpose(0, 2, 1, 3).reshape(3 * HEIGHT, 4 * WIDTH)
    return np.asarray(np.rint(sheet), dtype=np.uint8)


ENGLISH = Words(
    title="A hundred walls",
    question="How does robust PCA drive a black dot out of one of a hundred walls?",
    paragraph=(
        "{walls} photographs of one wall, each exposed a little differently, lie in the rows of M. One of them has a"
        " black dot of {dot} pixels. The augmented Lagrangian method splits M into L + S by taking turns: singular"
        " value thresholding makes the background L out of what is left when S is taken away, soft thresholding"
        " makes the anomaly S out of what is left when L is taken away, and the multiplier <strong>Y keeps the"
        " books</strong>: whatever neither has taken is added to it, and comes back in the next turn. Watch the dot."
        " L refuses it from the start, but S is empty as well, because its threshold λ/μ is {first:d} grey levels."
        " So the dot piles up in Y, until it reaches the limit λ: after iteration {opens} S opens and takes the dot,"
        " all {nonzero} pixels of it and no others. Meanwhile μ grows and the thresholds fall. From iteration"
        " {second} on L is allowed rank {rank}, one for the wall and one for its brightness, and the books balance:"
        " after {iterations} iterations L + S misses M by {residual:1} of its size. Nor is Y thrown away: divided,"
        " if need be, so that no entry of it is beyond λ and no singular value beyond 1 (in the end that changes"
        " almost nothing), it bounds what any other split would cost. This one is within {gap:1} of the best (its"
        " duality gap). There is no noise in these pictures; what noise changes is the question of the lesson"
        " <code>noise</code>."
    ),
    labels={
        "iteration": "iteration",
        "matrix0": "M: the wall with the dot",
        "background0": "L: background",
        "anomaly0": "S: anomaly (blue: darker)",
        "multiplier0": "Y: the books (full colour: λ)",
        "matrix1": "M: a good wall",
        "background1": "L: background",
        "anomaly1": "S: anomaly",
        "multiplier1": "Y: the books",
        "counts": "How much is in L and S",
        "full": "How full Y is at the dot",
        "course": "How far L + S is from M",
    },
    said={
        "iteration": "iteration",
        "nonzero": "pixels of S that are not 0",
        "rank": "rank of L",
        "full": "% of the limit λ",
        "limit": "limit λ",
        "opens": "S opens",
        "residual": "‖M − L − S‖ / ‖M‖",
        "mu": "μ, from 1 on",
        "waiting": (
            "Iteration {k}: L is the wall without the dot, S is still empty (threshold {level} grey levels). The dot"
            " piles up in Y: {share} % of λ."
        ),
        "opening": "Iteration {k}: at the dot Y has reached its limit λ. S opens: {nonzero} pixels, all of the dot.",
        "taking": (
            "Iteration {k}: S holds the dot ({nonzero} pixels). L has rank {rank}; the brightness of each wall is"
            " still in neither ({residual} of M)."
        ),
        "done": (
            "Iteration {k}: L has rank {rank}, S is the dot and nothing else ({nonzero} pixels). L + S misses M by"
            " {residual}."
        ),
    },
)
JAPANESE = Words(
    title="100 枚の壁",
    question="100 枚の壁のうち 1 枚だけにある黒い点を、ロバスト PCA はどうやって追い出すのか",
    paragraph=(
        "同じ壁を写した {walls} 枚の画像を、行列 M の行に並べました。露出は 1 枚ごとに少しずつ違い、1 枚にだけ {dot}"
        " 画素の黒い点があります。拡張ラグランジュ法は、M を L + S に分ける作業を交互に進めます。S を除いた残りから"
        "特異値しきい値演算で背景 L を作り、L を除いた残りからソフトしきい値演算で異常 S を作ります。どちらにも入ら"
        "なかった分は、<strong>ラグランジュ乗数 Y という帳簿</strong>に書き足され、次の反復に持ち越されます。点の行"
        "方を追ってみましょう。L は最初から点を受け入れません。しかし S も空のままです。S のしきい値 λ/μ が"
        " {first:d} 階調もあるからです。行き場のない点は Y に積もっていき、上限 λ に達した {opens} 回目に S が開いて、"
        "点の {nonzero} 画素だけを余さず引き取ります。その間にも μ は大きくなり、2 つのしきい値は下がり続けます。"
        "{second} 回目からは L のランクが {rank} になり(壁の模様と、画像ごとの明るさ)、帳尻が合います。{iterations} "
        "回目には、M と L + S の差は M の大きさの {residual:1} しかありません。Y には最後にもう 1 つ役目があります。"
        "どの成分も λ を、どの特異値も 1 を超えないように割っておくと(最後にはほとんど変わりません)、ほかのどんな分"
        "け方をしても目的関数がこれより下がらないという下界になるのです。この分け方と最適な分け方との差は、比にして"
        " {gap:1} 以下です(双対ギャップ)。この画像には雑音がありません。雑音があるとどうなるかは、レッスン"
        " <code>noise</code> で扱います。"
    ),
    labels={
        "iteration": "反復回数",
        "matrix0": "M: 点のある壁",
        "background0": "L: 背景",
        "anomaly0": "S: 異常(青は暗い)",
        "multiplier0": "Y: 帳簿(濃い色が λ)",
        "matrix1": "M: 正常な壁",
        "background1": "L: 背景",
        "anomaly1": "S: 異常",
        "multiplier1": "Y: 帳簿",
        "counts": "L と S の中身",
        "full": "点の位置で Y がどこまで満ちたか",
        "course": "L + S は M からどれだけ離れているか",
    },
    said={
        "iteration": "反復回数",
        "nonzero": "S の 0 でない画素数",
        "rank": "L のランク",
        "full": "上限 λ に対する割合(%)",
        "limit": "上限 λ",
        "opens": "S が開く",
        "residual": "‖M − L − S‖ / ‖M‖",
        "mu": "μ(はじめを 1 とする)",
        "waiting": (
            "{k} 回目: L は点のない壁、S はまだ空です(しきい値 {level} 階調)。点は Y に積もり、λ の {share} % です。"
        ),
        "opening": "{k} 回目: 点の位置で Y が上限 λ に達し、S が開きました。{nonzero} 画素、点のすべてです。",
        "taking": (
            "{k} 回目: S には点({nonzero} 画素)が入っています。L のランクは {rank} で、画像ごとの明るさはまだどちら"
            "にも入っていません(M の {residual})。"
        ),
        "done": (
            "{k} 回目: L のランクは {rank}、S は点だけ({nonzero} 画素)です。M と L + S の差は M の {residual} です。"
        ),
    },
)
LESSON = Lesson(
    topic="walls",
    figure=walls,
    code=(iterations,),
    formula=(
        "\\min ‖L‖_∗ + λ ‖S‖_1  \\text{s.t.}  L + S = M",
        "L ← \\SVT(M − S + \\frac{Y}{μ}, \\frac{1}{μ})",
        "S ← \\soft(M − L + \\frac{Y}{μ}, \\frac{λ}{μ})",
        "Y ← Y + μ (M − L − S)",
    ),
    controls=(
        Film(
            "iteration",
            count=ITERATIONS,
            start=ITERATIONS - 1,
            rate=1.5,
            shown=tuple(map(str, range(1, ITERATIONS + 1))),
        ),
    ),
    places=(
        *(
            Panel(f"{name}{wall}", HEIGHT, WIDTH, columns=3)
            for wall in (0, 1)
            for name in ("matrix", "background", "anomaly", "multiplier")
        ),
        *(Plot(name, columns=4, ratio=0.6) for name in ("counts", "full", "course")),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
