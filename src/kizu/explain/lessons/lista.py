"""What is a layer of LISTA, and what does training change about it?"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kizu.explain.drawing import INK, curve, drawing
from kizu.explain.lesson import Choice, Film, Lang, Lesson, Plot, Stroke, Tone, Words
from kizu.explain.lessons import lista_problem as problem
from kizu.models.sparse_code import sparse_code
from kizu.prox import soft_threshold, support_threshold
from kizu.solvers.analytic_weight import analytic_weight
from kizu.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, SEED = 200, 3
TIMES, DOUBLE, MANY = 10.0, 2, 8
TESTS = {"same": (1.0, 1), "loud": (TIMES, 1), "double": (1.0, DOUBLE), "many": (1.0, MANY)}
"""What the samples are multiplied by, and how many times as many entries are not 0 as in training."""
CODERS = ("ista", "fista", "alista", "hyper")
COSTS = (0.01, 30.0)
TONES: dict[str, Tone] = {
    "ista": "first", "fista": "second", "alista": "third", "hyper": "fourth", "absolute": "fifth", "safe": "sixth"
}  # fmt: skip


def layers(y: Floats, w1: Floats, w2: Floats, thresholds: Sequence[Floats]) -> Iterator[Floats]:
    """Codes of y after each layer, from 0. ISTA: w1 = Aᵀ/L, w2 = I − AᵀA/L, thresholds λ/L."""
    x = np.zeros_like(w1 @ y)
    yield x
    for threshold in thresholds:
        x = soft_threshold(w1 @ y + w2 @ x, threshold)
        yield x


def alista(A: Floats, y: Floats, scale: Floats, numbers: Mapping[str, list[float]]) -> Iterator[Floats]:
    """The same with two trained numbers per layer, step size t and λ; a share of the entries passes unshrunk."""
    weight, x = analytic_weight(A), np.zeros((A.shape[1], y.shape[1]))
    yield x
    for t, lam, share in zip(numbers["step_size"], numbers["lam"], numbers["share"], strict=True):
        x = support_threshold(x - t * weight.T @ (A @ x - y), t * lam * scale, share, axis=0)
        yield x


class Trial(NamedTuple):
    """One sample's true code and what each coder makes of it, and of all samples the error (dB) and cost, by layers.

    `cost` is that of the lasso above its minimum, relative; `taken` the share of samples whose code is FISTA's in the
    end; `floor` the error of the minimum itself; `same` how far untrained layers are from ISTA at most.
    """

    truth: Floats
    codes: Mapping[str, Floats]
    error: Mapping[str, Floats]
    cost: Mapping[str, Floats]
    taken: Floats
    floor: float
    same: float


@cache
def tried(name: str) -> Trial:
    """Code samples by every coder, with every number of layers."""
    (factor, times), A = TESTS[name], problem.dictionary()
    y, truth = (factor * part for part in problem.drawn(SAMPLES, times * problem.NONZERO, (SEED, times)))
    scale, power = np.linalg.norm(y, axis=0), np.sum(truth**2)
    usual = np.linalg.norm(problem.drawn(SAMPLES, problem.NONZERO, (SEED, 1))[0], axis=0).mean()
    found: dict[str, list[Floats]] = {
        "ista": [*layers(y, *problem.untrained(A, scale))],
        "fista": [*problem.fista(A, y, scale)],
        "alista": [*alista(A, y, scale, problem.trained())],
        "hyper": [*problem.hyper_lista(A, y)],
        "absolute": [*alista(A, y, usual, problem.trained())],
    }
    cost = {coder: np.array([problem.costs(A, x, y, scale) for x in xs]) for coder, xs in found.items()}
    kept = cost["alista"] <= cost["fista"]
    cost["safe"] = np.minimum(cost["alista"], cost["fista"])
    found["safe"] = [np.where(*parts) for parts in zip(kept, found["alista"], found["fista"], strict=True)]
    best = sparse_code((y / scale).T, A.T, lam=problem.LAM, tol=1e-6)
    return Trial(
        truth[:, 0],
        {coder: np.array([x[:, 0] for x in found[coder]]) for coder in CODERS},
        {coder: np.array([decibels(x - truth, power) for x in xs]) for coder, xs in found.items()},
        {coder: each.sum(axis=1) / best.objective.sum() - 1 for coder, each in cost.items()},
        1 - np.mean(kept, axis=1),
        decibels(best.codes.T * scale - truth, power),
        float(np.abs(np.array([*problem.iterated(A, y, scale)]) - found["ista"]).max()),
    )


def decibels(wrong: Floats, power: float) -> float:
    return float(10 * np.log10(np.sum(wrong**2) / power))


def lista(*, depth: int = problem.LAYERS, test: str = "same", coder: str = "alista", lang: Lang = "en") -> "Figure":
    """Draw error and cost of all coders by layers, one code after `depth` of them, and what ALISTA has learned."""
    made, ks = tried(test), np.arange(problem.LAYERS + 1)
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        figure, axes = sheet.mosaic([["error", "cost"], ["codes", "codes"], ["step", "threshold"]], size=(11, 8.6))
        for name, tone in TONES.items():
            axes["error"].plot(ks, made.error[name], label=words.said[name], **curve(tone))
            axes["cost"].semilogy(ks, made.cost[name], **curve(tone))
        axes["error"].legend(frameon=False, fontsize=9)
        axes["error"].axvline(depth, color=INK, linewidth=0.8)
        axes["codes"].vlines(np.arange(problem.ATOMS), 0, made.codes[coder][depth], color="#00755e")
        axes["codes"].plot(made.truth, "o", color="none", markeredgecolor=INK)
        for name, values, usual in zip(("step", "threshold"), problem.learned(), problem.classical(), strict=True):
            axes[name].plot(ks[1:], values, label=words.said["alista"], **curve("third"))
            axes[name].plot(ks[1:], [usual] * problem.LAYERS, label=words.said["ista"], **curve("first"))
        axes["threshold"].set(yscale="log")
        axes["cost"].set(ylim=COSTS)
        for name, ax in axes.items():
            ax.set_title(words.labels[name], fontsize=10)
            ax.set(xlabel=words.said["atom" if name == "codes" else "layers"])
    return figure


def numbers() -> Mapping[str, float]:
    made = {name: tried(name) for name in TESTS}
    same, many, steps = made["same"], made["many"], problem.learned()[0]
    return {
        "features": problem.FEATURES, "atoms": problem.ATOMS, "nonzero": problem.NONZERO, "layers": problem.LAYERS,
        "learned": 2 * problem.LAYERS, "three": len(problem.trained()["hyper"]), "same": same.same,
        **{name: same.error[name][-1] for name in (*CODERS, "safe")},
        "size": 1 / problem.classical()[0], "usual": problem.classical()[0], "short": steps.min(), "long": steps.max(),
        "floor": same.floor, "above": same.cost["alista"][-1], "times": TIMES, "double": DOUBLE, "many": MANY,
        "absolute": made["loud"].error["absolute"][-1], "double_alista": made["double"].error["alista"][-1],
        **{f"many_{name}": many.error[name][-1] for name in ("fista", "alista")},
        "taken": many.taken[-1], "taken_same": same.taken[-1],
    }  # fmt: skip


def data() -> Mapping[str, Any]:
    steps, thresholds = problem.learned()
    return {
        "tests": {
            name: {
                "truth": made.truth.round(4),
                "codes": {coder: codes.round(4) for coder, codes in made.codes.items()},
                "error": made.error,
                "cost": made.cost,
                "taken": made.taken,
            }
            for name, made in ((name, tried(name)) for name in TESTS)
        },
        "tones": TONES,
        "coders": CODERS,
        "costs": COSTS,
        "learned": {"step": steps, "threshold": thresholds},
        "classical": dict(zip(("step", "threshold"), problem.classical(), strict=True)),
    }


def sketch() -> tuple[Stroke, ...]:
    ks = np.arange(problem.LAYERS + 1.0)
    return tuple(Stroke(ks, tried("same").error[coder], TONES[coder]) for coder in CODERS)


ENGLISH = Words(
    title="From ISTA to LISTA",
    question="What is a layer of LISTA, and what does training change about it?",
    paragraph=(
        "Of a sample y = A x, {features} numbers, the code x is to be found: {atoms} entries, all but {nonzero} of them"
        " 0. ISTA goes a step downhill, then shrinks. Multiplied out, <strong>its step is a layer</strong>:"
        " W₁y + W₂x, and a soft threshold θ for an activation, where W₁ = Aᵀ/L, W₂ = I − AᵀA/L, θ = λ/L and L = ‖A‖² ="
        " {size:3}. {layers} such layers and as many iterations of ISTA differ by {same:1} at most. <strong>Training"
        " changes the numbers and nothing else.</strong> LISTA learns both matrices and the thresholds. ALISTA keeps a"
        " matrix that follows from A and learns a step size and a threshold per layer, {learned} numbers (its largest"
        " entries pass unshrunk); HyperLISTA does with {three}. After {layers} layers ISTA has an error of {ista:d} dB,"
        " FISTA {fista:d}, ALISTA"
        " {alista:d}, HyperLISTA {hyper:d}. Look at what was learned: thresholds are high at first, so that only what"
        " is certain comes through, and fall by and by; steps are long, {short:2} to {long:2} where ISTA has"
        " {usual:2}. <strong>What was not learned</strong> is the lasso: taught true codes, ALISTA finds codes, and"
        " its cost stays {above:1%} above the minimum, to which FISTA comes ever closer. (The minimum itself is at"
        " {floor:d} dB, since λ shortens every entry.) <strong>And where nobody trained it?</strong> Samples {times}"
        " times as large change nothing, because thresholds are relative to ‖y‖; were they fixed, the same numbers"
        " would end at {absolute:d} dB. With {double} times as many entries ALISTA is at {double_alista:d} dB, with"
        " {many} times at {many_alista:2}, worse than FISTA ({many_fista:2}). That is what the safeguard is for: it"
        " runs FISTA too and keeps, sample by sample, the code that costs less, there FISTA’s in {taken:%} of the"
        " cases. It guards the cost, mind, and not the code: it takes {taken_same:1%} of FISTA’s on familiar samples"
        " as well, and that leaves {safe:d} dB."
    ),
    labels={
        "depth": "layers",
        "test": "entries of x that are not 0 (× size)",
        "coder": "code in the picture",
        "error": "Error of the codes",
        "cost": "Cost above the lasso’s minimum",
        "codes": "One code: found (stems) and true (○)",
        "step": "Step size",
        "threshold": "Threshold, relative to ‖y‖",
    },
    said={
        "layers": "layers, or iterations",
        "atom": "entry",
        "error": "NMSE, dB",
        "cost": "relative",
        "ista": "ISTA",
        "fista": "FISTA",
        "alista": "ALISTA",
        "hyper": "HyperLISTA",
        "absolute": "fixed thresholds",
        "safe": "with safeguard",
        "none": "No layer yet: every code is 0, an error of {error} dB.",
        "now": (
            "After {k} layers: {places} dB. The safeguard takes FISTA’s code for {taken} of the samples. The"
            " picture’s code of {name} has {count} entries that are not 0; {true} would be right."
        ),
        "place": "{name} {error}",
        "and": ", ",
    },
)
JAPANESE = Words(
    title="ISTA から LISTA へ",
    question="LISTA の層とは何か。学習で何が変わるのか",
    paragraph=(
        "{features} 個の数からなるサンプル y = A x から、{atoms} 成分の符号 x を求めます。0 でない成分は {nonzero} 個"
        "だけです。ISTA は坂を 1 歩下り、ソフトしきい値で縮めます。式を展開すると、<strong>この 1 歩がそのまま「層」"
        "になっています</strong>。W₁y + W₂x を計算し、活性化関数としてソフトしきい値 θ を掛けるのです。ここで W₁ ="
        " Aᵀ/L、W₂ = I − AᵀA/L、θ = λ/L、L = ‖A‖² = {size:3} です。この層を {layers} 枚重ねた結果と、ISTA を同じ回数"
        "だけ反復した結果の差は、最大でも {same:1} です。<strong>学習で変わるのは、中の数だけです。</strong>LISTA は"
        " 2 つの行列としきい値をすべて学習します。ALISTA の行列は A から決まり、学習するのは層ごとのステップ幅としき"
        "い値、合わせて {learned} 個の数だけです(大きい成分は縮めずに通します)。HyperLISTA は {three} 個で済ませます。"
        "{layers} 層での誤差は、ISTA"
        " が {ista:d} dB、FISTA が {fista:d} dB、ALISTA が {alista:d} dB、HyperLISTA が {hyper:d} dB です。学習された"
        "数を見てください。しきい値は初めの層で高く、確かな成分だけを通し、あとの層ほど低くなります。ステップ幅は、"
        "ISTA の {usual:2} に対して {short:2} から {long:2} と、ずっと大きくなりました。<strong>ただし、ラッソの解き"
        "方を学んだわけではありません。</strong>正しい符号を手本にした ALISTA は符号を当てるのであって、コスト(ラッ"
        "ソの目的関数)は最小値より {above:1%} 高いままです。FISTA は最小値に近づき続けます(λ が成分を縮めるので、"
        "最小値での誤差も {floor:d} dB あります)。<strong>学習になかったサンプルではどうでしょう。</strong>大きさが"
        " {times} 倍になっても、しきい値が ‖y‖ に比例するので何も変わりません。しきい値を固定すると、同じ数のままで"
        "も {absolute:d} dB まで悪化します。0 でない成分が {double} 倍になると ALISTA の誤差は {double_alista:d} dB、"
        "{many} 倍では {many_alista:2} dB となり、FISTA({many_fista:2} dB)に負けます。そこで安全装置の出番です。"
        "FISTA も走らせ、サンプルごとにコストの低いほうの符号を採ります。{many} 倍のときは {taken:%} が FISTA の符号"
        "になりました。ただし、守られるのはコストであって、符号の正しさではありません。学習と同じサンプルでも"
        " {taken_same:1%} は FISTA の符号に替わり、全体の誤差は {safe:d} dB になります。"
    ),
    labels={
        "depth": "層の数",
        "test": "x の 0 でない成分の数(× 大きさ)",
        "coder": "図に示す符号",
        "error": "符号の誤差",
        "cost": "ラッソの最小値からのコストの超過",
        "codes": "ある 1 つの符号: 求めた値(縦線)と正解(○)",
        "step": "ステップ幅",
        "threshold": "しきい値(‖y‖ に対する比)",
    },
    said={
        "layers": "層の数、または反復回数",
        "atom": "成分の番号",
        "error": "NMSE(dB)",
        "cost": "比",
        "ista": "ISTA",
        "fista": "FISTA",
        "alista": "ALISTA",
        "hyper": "HyperLISTA",
        "absolute": "しきい値を固定",
        "safe": "安全装置つき",
        "none": "層がまだないので、符号はすべて 0、誤差は {error} dB です。",
        "now": (
            "{k} 層での誤差(dB): {places}。安全装置は、サンプルの {taken} で FISTA の符号を採ります。図の {name} の"
            "符号には 0 でない成分が {count} 個あります(正解は {true} 個)。"
        ),
        "place": "{name} {error}",
        "and": "、",
    },
)
LESSON = Lesson(
    topic="lista",
    figure=lista,
    code=(layers, alista),
    formula=(
        "\\text{ISTA}  x ← \\soft(x − \\frac{1}{L} A^⊤ (A x − y), \\frac{λ}{L})",
        "\\text{LISTA}  x ← \\soft(W_1 y + W_2 x, θ_k)",
        "\\text{ALISTA}  x ← \\soft(x − t_k W^⊤ (A x − y), t_k λ_k ‖y‖)",
        "\\under{\\min}{W}  ‖W^⊤ A‖_F^2  \\text{s.t.}  w_i^⊤ a_i = 1",
    ),
    controls=(
        Film("depth", count=problem.LAYERS + 1, start=problem.LAYERS, rate=2.0),
        Choice(
            "test", shown=tuple(f"{n * problem.NONZERO}" + (f", ×{c:g}" if c != 1 else "") for c, n in TESTS.values())
        ),
        Choice("coder", shown=("ISTA", "FISTA", "ALISTA", "HyperLISTA"), start=2),
    ),
    places=(
        *(Plot(name, columns=6, ratio=0.6) for name in ("error", "cost")),
        Plot("codes", ratio=0.22),
        *(Plot(name, columns=6, ratio=0.34) for name in ("step", "threshold")),
    ),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
