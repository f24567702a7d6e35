"""What does each stage of RPCANet do, and do its parts add up to the picture?"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kizu.explain.drawing import INK, curve, drawing
from kizu.explain.lesson import Choice, Film, Lang, Lesson, Panel, Plot, Words
from kizu.explain.lessons.rpcanet_parts import COUNT, SIZE, archive, courses, measured, signed
from kizu.parameters import default_lam, stable_thresholds
from kizu.prox import singular_value_threshold, soft_threshold
from kizu.typing import Bools, Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGMA = 2.0
"""Grey levels of the noise in the rendered skies."""
FULL, FULL_NOISE, FULL_LOGIT = 60.0, 12.0, 8.0
"""What takes the full colour: grey levels of S and of E, and the logit."""


def stages(picture: Floats, tau: float, theta: float, count: int) -> Iterator[tuple[Floats, Floats]]:
    """Background and anomaly after each stage of robust PCA: each takes what the other leaves."""
    anomaly = np.zeros_like(picture)
    for _ in range(count):
        background = singular_value_threshold(picture - anomaly, tau)
        anomaly = soft_threshold(picture - background, theta)
        yield background, anomaly


def seen(picture: Floats, background: Floats, anomaly: Floats, truth: Bools) -> Mapping[str, float]:
    """Share of the picture that is left for the noise, range and size of the anomaly, and how well it is placed."""
    found, left = anomaly != 0, picture - background - anomaly
    return {
        "left": float(np.linalg.norm(left) / np.linalg.norm(picture)),
        "low": float(anomaly.min()),
        "high": float(anomaly.max()),
        "nonzero": int(found.sum()),
        "iou": float((found & truth).sum() / max(1, (found | truth).sum())),
    }


@cache
def split() -> Mapping[str, Mapping[str, NDArray[Any]]]:
    """Pictures and truth (scenes, height, width), and by each method the parts (scenes, stages, height, width)."""
    kept = archive()
    pictures = kept["picture"]
    tau, theta = (one.value for one in stable_thresholds(*SIZE, SIGMA, default_lam(*SIZE, 1.0).value))
    classical = np.array([[*stages(picture, tau, theta, COUNT)] for picture in pictures])
    parts = {
        "rpca": (classical[:, :, 0], classical[:, :, 1], np.zeros_like(classical[:, :, 0])),
        "exact": (kept["background"], kept["sparse"], kept["logit"]),
    }
    whole = pictures[:, None]
    return {
        "scene": {"picture": pictures, "mask": kept["mask"]},
        **{
            name: {"background": b, "anomaly": s, "noise": whole - b - s, "logit": z}
            for name, (b, s, z) in parts.items()
        },
    }


def shown(method: str) -> Mapping[str, NDArray[np.uint8]]:
    """The parts as bytes for the panels."""
    parts = split()[method]
    return {
        "background": np.clip(np.rint(parts["background"]), 0, 255).astype(np.uint8),
        "anomaly": signed(parts["anomaly"], FULL),
        "noise": signed(parts["noise"], FULL_NOISE),
        "logit": signed(parts["logit"], FULL_LOGIT),
    }


def told(method: str) -> Mapping[str, list[list[float]]]:
    """What is said of each scene and stage."""
    scene, parts = split()["scene"], split()[method]
    rows = [
        [seen(scene["picture"][i], parts["background"][i, k], parts["anomaly"][i, k], mask) for k in range(COUNT)]
        for i, mask in enumerate(scene["mask"])
    ]
    return {name: [[row[name] for row in one] for one in rows] for name in rows[0][0]}


def rpcanet(*, stage: int = COUNT, scene: int = 0, method: str = "exact", lang: Lang = "en") -> "Figure":
    """Draw the parts of one picture after `stage`, and what was measured of both networks, stage by stage."""
    names, plots = ("background", "anomaly", "noise", "logit"), ("left", "span", "share")
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        layout = [[name for name in ("picture", *names) for _ in range(3)], [name for name in plots for _ in range(5)]]
        figure, axes = sheet.mosaic(layout, size=(12, 6.4))
        axes["picture"].imshow(split()["scene"]["picture"][scene], cmap="gray", vmin=0, vmax=255)
        for name in names:
            grey = name == "background"
            look = {"cmap": "gray", "vmax": 255} if grey else {"cmap": "RdBu_r", "vmax": 254}
            axes[name].imshow(shown(method)[name][scene, stage - 1], vmin=0, **look)
        for network, tones in (("published", ("first", "fourth")), ("exact", ("third", "second"))):
            course = courses()[network]
            ks, word = np.arange(1, len(course["left"]) + 1), words.said[network]
            spans = {"b": "background", "t" if network == "published" else "s": "target"}
            axes["left"].semilogy(ks, course["left"], label=word, **curve(tones[0]))
            axes["share"].semilogy(ks, course["share"], label=word, **curve(tones[0]))
            for (letter, part), tone in zip(spans.items(), reversed(tones), strict=True):
                axes["span"].semilogy(ks, course[part], label=words.said[f"{network}_{letter}"], **curve(tone))
        for name in plots:
            axes[name].axvline(stage, color=INK, linewidth=0.8)
            axes[name].set(xlabel=words.said["stage"])
            axes[name].legend(frameon=False, fontsize=8)
        for name, ax in axes.items():
            ax.set_title(words.labels[name], fontsize=9)
            if name not in plots:
                ax.axis("off")
    return figure


def numbers() -> Mapping[str, float]:
    made, (theirs, ours) = measured(), (measured()[name][-1] for name in ("published", "exact"))
    return {
        **{name: made[name] for name in ("pictures", "side", "steps", "sum", "rank")},
        **{name: theirs[name] for name in ("background_low", "background_high", "sparse_low", "sparse_high")},
        **{f"their_{name}": theirs[name] for name in ("left", "nonzero", "rank", "iou")},
        **{f"our_{name}": ours[name] for name in ("left", "nonzero", "iou")},
        "stages": len(made["published"]), "small": 0.01, "classical": max(map(max, told("rpca")["nonzero"])),
    }  # fmt: skip


def data() -> Mapping[str, Any]:
    methods = ("rpca", "exact")
    scene = split()["scene"]
    return {
        "picture": scene["picture"].astype(np.uint8),
        "mask": scene["mask"].astype(np.uint8),
        "methods": {name: {"parts": shown(name), "measured": told(name)} for name in methods},
        **courses(),
    }


def sketch() -> NDArray[np.uint8]:
    """A picture and the anomaly in it."""
    made = split()
    parts = made["scene"]["picture"][0], 127 + 2 * made["exact"]["anomaly"][0, -1]
    return np.asarray(np.clip(np.hstack(parts), 0, 255), dtype=np.uint8)


ENGLISH = Words(
    title="Inside RPCANet",
    question="What does each stage of RPCANet do, and do its parts add up to the picture?",
    paragraph=(
        "Robust PCA takes turns: the background B is what singular value thresholding leaves of D − T, the sparse"
        " part T what soft thresholding leaves of D − B. RPCANet, a network of {stages} stages, keeps the turns and"
        " <strong>puts networks where the proximal operators were</strong>: F makes B, G makes T. A third one, H,"
        " redraws the picture D from B + T after every stage, and from then on nothing ties the two to the picture"
        " that came in. <strong>So they were measured</strong>, with the weights that its authors published, on"
        " {pictures} skies with small targets that kizu rendered, {side} pixels wide, with grey values from 0 to 1"
        " (medians). After the last stage B reaches from {background_low:d} to {background_high:d} and T from"
        " {sparse_low:d} to {sparse_high:d}; {their_nonzero:%} of T is not 0; {their_rank:d} singular values of B are"
        " above {small:%} of the largest ({rank:d} of the picture’s own); and B + T misses the picture by"
        " {their_left:d} times its size. That does not make it a bad detector: T is a logit, and where it is above 0"
        " it finds targets on pictures of a kind it never saw (IoU {their_iou:2}). But T is not how bright a target"
        " is, and B is not the ground below it. <strong>The exact network</strong> keeps D. Its stages are layers of"
        " robust PCA on the picture’s patches; the last is a network that stands in for a prox. S is a soft threshold"
        " of the residual R = D − B, and how much it takes off, the network says by a logit z of its own. So S is in"
        " grey levels and not 0 exactly where z > 0, and E is the rest: B + S + E is D, wrong by at most {sum:1} of"
        " its largest value. On the way the thresholds fall and S takes the noise along; to tell a target from it is"
        " what the network has learned. In the end {our_nonzero:2%} of S is not 0, and B + S misses the picture by"
        " {our_left:1%} (IoU {our_iou:2}). It had {steps} steps of training on such skies and the other one none, so"
        " the two IoU are no contest. What exact parts are good for shows in E: whatever was neither background nor"
        " anomaly is there to be seen, the rim of a target, or one that was overlooked. Robust PCA has the same"
        " guarantee, and no idea of a target: on these pictures it calls up to {classical} pixels anomalous."
    ),
    labels={
        "stage": "stage",
        "scene": "picture",
        "method": "split by",
        "picture": "D: the picture (targets outlined)",
        "background": "B: background",
        "anomaly": "S: anomaly (red: brighter)",
        "noise": "E = D − B − S: noise",
        "logit": "z: the network’s logit (red: above 0)",
        "found": "Where S is not 0",
        "left": "‖D − B − S‖ / ‖D‖",
        "span": "Span of the values (D: at most 1)",
        "share": "Pixels of S or T that are not 0",
    },
    said={
        "stage": "stage",
        "ratio": "times ‖D‖",
        "grey": "grey values",
        "percent": "%",
        "published": "RPCANet",
        "exact": "ExactRPCANet",
        "rpca": "Robust PCA",
        "published_b": "RPCANet: B",
        "published_t": "RPCANet: T",
        "exact_b": "exact: B",
        "exact_s": "exact: S",
        "now": (
            "{name}, stage {k}: {nonzero} pixels of S are not 0, from {low} to {high} grey levels (IoU {iou}). E is"
            " {left} of D, and B + S + E = D."
        ),
        "nothing": "{name}, stage {k}: S is 0 everywhere, no target is found. E is {left} of D, and B + S + E = D.",
        "theirs": " The published network’s B + T is off by {published} times D at this stage.",
    },
)
JAPANESE = Words(
    title="RPCANet の中身",
    question="RPCANet の各段は何をしているのか。分けた成分を足すと元の画像に戻るのか",
    paragraph=(
        "ロバスト PCA は交互に進みます。D − T に特異値しきい値演算を施したものが背景 B、D − B にソフトしきい値を施"
        "したものがスパース成分 T です。RPCANet はこの手順を {stages} 段のネットワークに展開し、<strong>近接作用素"
        "の代わりにネットワークを置きました</strong>。B を作るのが F、T を作るのが G です。さらに 3 つ目の H が、段"
        "ごとに B + T から画像 D を描き直します。ここから先、B と T を入力画像に結びつけるものは何もありません。"
        "<strong>そこで測ってみました。</strong>著者が公開した重みを使い、kizu が描いた小さな標的のある空 "
        "{pictures} 枚(幅 {side} 画素、画素値は 0 から 1)に適用した結果の中央値です。最後の段では、B は "
        "{background_low:d} から {background_high:d}、T は {sparse_low:d} から {sparse_high:d} に及び、T の "
        "{their_nonzero:%} が 0 ではありません。最大の {small:%} を超える特異値は B に {their_rank:d} 個あり(元の画"
        "像では {rank:d} 個)、B + T と画像との差は画像の大きさの {their_left:d} 倍です。検出器として劣るという話で"
        "はありません。T はロジットであり、学習に使われたことのない種類の画像でも、0 を超えた場所に標的を見つけます"
        "(IoU {their_iou:2})。ただ、T は標的の明るさではなく、B はその下の地ではないのです。<strong>厳密版のネット"
        "ワーク</strong>は D を描き直しません。各段は画像を切り分けたパッチに対するロバスト PCA の層で、最後の段だ"
        "け、近接作用素の代わりにネットワークを置きます。S は残差 R = D − B のソフトしきい値で、どれだけ削るかを、"
        "別に出力するロジット z でネットワークが決めます。だから S の単位は階調で、0 でないのは z > 0 の画素だけで"
        "す。残りが E なので、B + S + E は D に一致し、誤差は最大でも D の最大値の {sum:1} 倍です。途中の段では、し"
        "きい値が下がるにつれて S に雑音も入ります。標的と雑音を見分けることを、ネットワークが学んでいるのです。最"
        "後の段では S の {our_nonzero:2%} が 0 でなく、B + S と画像との差は {our_left:1%} です(IoU {our_iou:2})。こ"
        "ちらは同じ種類の空で {steps} 回学習し、RPCANet はまったくしていないので、IoU の優劣は比べられません。厳密"
        "に分ける利点は E に現れます。背景にも異常にも入らなかったものは、標的の縁も、見落とされた標的も、すべて E "
        "に見えるのです。ロバスト PCA も足せば元に戻りますが、標的がどんなものかを知らないので、この画像では最大 "
        "{classical} 画素を異常とみなします。"
    ),
    labels={
        "stage": "段",
        "scene": "画像",
        "method": "分け方",
        "picture": "D: 画像(枠は標的)",
        "background": "B: 背景",
        "anomaly": "S: 異常(赤は明るい)",
        "noise": "E = D − B − S: 雑音",
        "logit": "z: ネットワークのロジット(赤は正)",
        "found": "S が 0 でない画素",
        "left": "‖D − B − S‖ / ‖D‖",
        "span": "値の幅(D では 1 以下)",
        "share": "S、T の 0 でない画素",
    },
    said={
        "stage": "段",
        "ratio": "‖D‖ に対する比",
        "grey": "画素値",
        "percent": "%",
        "published": "RPCANet",
        "exact": "ExactRPCANet",
        "rpca": "ロバスト PCA",
        "published_b": "RPCANet の B",
        "published_t": "RPCANet の T",
        "exact_b": "厳密版の B",
        "exact_s": "厳密版の S",
        "now": (
            "{name}、{k} 段目: S は {nonzero} 画素が 0 でなく、{low} から {high} 階調です(IoU {iou})。E の大きさは D の"
            " {left} で、B + S + E = D です。"
        ),
        "nothing": (
            "{name}、{k} 段目: S はすべて 0 で、標的は見つかっていません。E の大きさは D の {left} で、B + S + E = D で"
            "す。"
        ),
        "theirs": "公開された RPCANet では、この段の B + T と D との差は D の {published} 倍です。",
    },
)
LESSON = Lesson(
    topic="rpcanet",
    figure=rpcanet,
    code=(stages, seen),
    formula=(
        "\\text{robust PCA}  B ← \\SVT(D − T, τ),  T ← \\soft(D − B, θ)",
        "\\text{RPCANet}  q = D − T,  B ← q + F(q)",
        "x = T + D − B,  T ← x − ε G(x),  D ← H(B + T)",
        "\\text{exact}  B ← \\text{robust PCA}(D),  R = D − B",
        "z = G(R, D),  S ← \\soft(R, |R| e^{−z}),  E = D − B − S",
    ),
    controls=(
        Film("stage", count=COUNT, start=COUNT - 1, rate=1.0, shown=tuple(map(str, range(1, COUNT + 1)))),
        Choice("scene", shown=("1", "2")),
        Choice("method", shown=("robust PCA", "ExactRPCANet"), start=1),
    ),
    places=(
        *(Panel(name, *SIZE) for name in ("picture", "background", "anomaly", "found", "noise", "logit")),
        *(Plot(name, columns=4, ratio=0.8) for name in ("left", "span", "share")),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
