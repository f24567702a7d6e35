"""Which solver is fastest, and by which measure?"""

from collections.abc import Callable, Mapping
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kizu.datafits import Quadratic
from kizu.engines.blas import one_thread
from kizu.errors import IncompatibleError
from kizu.explain.drawing import INK, curve, drawing
from kizu.explain.lesson import Choice, Film, Lang, Lesson, Plot, Stroke, Tone, Words
from kizu.penalties import L1, L2
from kizu.solvers import admm, coordinate_descent, fista, gradient_descent, ista, sgd
from kizu.solvers.composite import Problem, Trace
from kizu.solvers.loop import Solution
from kizu.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTESTANTS: dict[str, tuple[Callable[..., Solution[Any, Trace]], Tone]] = {  # the solver, and its colour
    "gradient_descent": (gradient_descent.solve, "fourth"),
    "sgd": (sgd.solve, "fifth"),
    "ista": (ista.solve, "first"),
    "fista": (fista.solve, "second"),
    "admm": (admm.solve, "third"),
    "coordinate_descent": (coordinate_descent.solve, "sixth"),
}
HEATS = {"lasso": L1, "ridge": L2}
ROWS, COLUMNS, TRUE, NOISE = 300, 200, 20, 0.1
ALIKE = 0.9
"""Correlation of neighbouring features: it makes the problem hard, its condition number is in the thousands."""
SHARE = 0.05
"""λ as a share of the smallest at which the lasso is 0."""
TOL = 1e-9
MOST = 500
GOAL = 1e-6
REPEATS = 3
"""Of which the fastest counts: what else the machine does only makes a run slower."""
MOMENTS = 41
"""How many there are of a heat, from the first iteration of anyone to the last."""
PLACES = ("gap_steps", "gap_time", "cost_steps", "cost_time")


def timed(solve: Callable[..., Any], problem: Problem) -> tuple[tuple[Trace, ...], Floats]:
    """The history of one run from 0, and the milliseconds that had passed after each iteration."""
    stamps = [perf_counter()]
    found = solve(problem, tol=TOL, max_iter=MOST, callback=lambda _: stamps.append(perf_counter()))
    return found.history, 1e3 * (np.array(stamps[1:]) - stamps[0])


def started(
    problem: Problem, contestants: Mapping[str, Callable[..., Any]]
) -> dict[str, tuple[tuple[Trace, ...], Floats]]:
    """What each contestant did, its best times of a few runs; who refuses the problem is missing."""
    runs = {}
    for name, solve in contestants.items():
        try:
            repeated = [timed(solve, problem) for _ in range(REPEATS)]
        except IncompatibleError:  # "needs a penalty with a gradient, and the problem is (Quadratic, L1, ndarray)"
            continue
        runs[name] = repeated[0][0], np.min([times for _, times in repeated], axis=0)
    return runs


class Run(NamedTuple):
    """After each iteration: the gap, the cost above the best bound that anyone proved, relative, and milliseconds."""

    gap: Floats
    cost: Floats
    time: Floats

    @property
    def steps(self) -> Floats:
        return np.arange(1.0, len(self.gap) + 1)


@cache
def heats() -> dict[str, dict[str, Run]]:
    """Make the problem and let everyone start in both heats."""
    rng = np.random.default_rng(0)
    a, truth = rng.standard_normal((ROWS, COLUMNS)), np.zeros(COLUMNS)
    for j in range(1, COLUMNS):
        a[:, j] = ALIKE * a[:, j - 1] + np.sqrt(1 - ALIKE**2) * a[:, j]
    a /= np.sqrt(ROWS)
    truth[rng.choice(COLUMNS, TRUE, replace=False)] = 3 * rng.standard_normal(TRUE)
    y = a @ truth + NOISE * rng.standard_normal(ROWS)
    lam, solvers = SHARE * float(np.abs(a.T @ y).max()), {name: solve for name, (solve, _) in CONTESTANTS.items()}
    with one_thread():
        raced = {heat: started(Problem(Quadratic(y), penalty(lam), a), solvers) for heat, penalty in HEATS.items()}
    return {heat: summed(runs) for heat, runs in raced.items()}


def summed(runs: Mapping[str, tuple[tuple[Trace, ...], Floats]]) -> dict[str, Run]:
    best = max(history[-1].dual for history, _ in runs.values())
    return {
        name: Run(
            np.array([seen.relative_gap for seen in history]),
            np.array([max(1.0 - best / seen.objective, 0.0) for seen in history]),
            times,
        )
        for name, (history, times) in runs.items()
    }


def moments(runs: Mapping[str, Run]) -> Floats:
    """Milliseconds at which a heat is shown: it ends when the last is done."""
    return np.geomspace(min(run.time[0] for run in runs.values()), max(run.time[-1] for run in runs.values()), MOMENTS)


def race(*, heat: str = "lasso", lang: Lang = "en") -> "Figure":
    """Draw the gap and the cost above the optimum of every contestant, against iterations and against time."""
    with drawing(lang) as sheet:
        words = LESSON.words[sheet.lang]
        figure, axes = sheet.axes(2, 2, size=(11, 7.4), sharey="row")
        for ax, place in zip(axes.flat, PLACES, strict=True):
            what, against = place.split("_")
            for name, run in heats()[heat].items():
                x = run.steps if against == "steps" else run.time
                ax.loglog(x, getattr(run, what), label=words.said[name], **curve(CONTESTANTS[name][1], marker=""))
            ax.axhline(GOAL, color=INK, linewidth=0.6)
            ax.set(title=words.labels[place], xlabel=words.said[against], ylim=(TOL, 100))
        axes[0, 0].legend(frameon=False, fontsize=9)
    return figure


def numbers() -> Mapping[str, float]:
    lasso, ridge = heats()["lasso"], heats()["ridge"]
    slow, wanders = lasso["ista"].gap[-1], ridge["sgd"].gap[-1]
    quoted = {"rows": ROWS, "columns": COLUMNS, "most": MOST, "goal": GOAL, "repeats": REPEATS, "slow": slow}
    for heat, runs in (("lasso", lasso), ("ridge", ridge)):
        for name in ("fista", "admm", "coordinate_descent"):
            steps = int(np.argmax(runs[name].gap <= GOAL))  # each of them arrives: see the tests
            quoted |= {f"{heat}_{name}": steps + 1, f"{heat}_{name}_ms": runs[name].time[steps]}
    return {**quoted, "wanders": wanders}


def data() -> Mapping[str, Any]:
    return {
        "heats": {heat: {name: run._asdict() for name, run in runs.items()} for heat, runs in heats().items()},
        "tones": {name: tone for name, (_, tone) in CONTESTANTS.items()},
        "moments": {heat: moments(runs) for heat, runs in heats().items()},
        "goal": GOAL,
        "least": TOL,
        "most": MOST,
    }


def sketch() -> tuple[Stroke, ...]:
    shown = {name: np.maximum(run.gap, TOL) for name, run in heats()["lasso"].items()}
    return tuple(
        Stroke(np.log(np.arange(1.0, len(gap) + 1)), np.log(gap), CONTESTANTS[name][1]) for name, gap in shown.items()
    )


ENGLISH = Words(
    title="The race",
    question="Which solver is fastest, and by which measure?",
    paragraph=(
        "One regression, {rows} observations of {columns} features of which neighbours are much alike, and everyone"
        " starts at 0. <strong>The L1 heat</strong> (lasso): gradient descent and SGD may not start, because |x| has"
        " no gradient at 0; kizu refuses them by name. ISTA takes a gradient step and a soft threshold; after {most}"
        " iterations its gap is still {slow:1}. FISTA adds momentum and is within {goal:1} after {lasso_fista:d}"
        " iterations, ADMM, which gives datafit and penalty a copy each, after {lasso_admm:d}. Coordinate descent"
        " sets one unknown after the other to its own optimum and needs {lasso_coordinate_descent:d} rounds. (A"
        " round looks at every unknown at least once; kizu’s compiled kernel moves the few that may move again and"
        " again within it, until they have settled.) <strong>The L2 heat</strong> (ridge): nothing has a corner, and"
        " all may start. Gradient descent and ISTA run side by side. SGD looks at a few observations at a time, has"
        " to shorten its steps for that, and is at a gap of {wanders:1} in the end. <strong>An iteration is no unit"
        " of work</strong>: on the ridge FISTA needs {ridge_fista:d} iterations and {ridge_fista_ms:2} ms,"
        " coordinate descent {ridge_coordinate_descent:d} rounds and {ridge_coordinate_descent_ms:2} ms, because"
        " there every unknown moves in every round. Note also the rows: how far above the optimum a solver is can"
        " only be known afterwards. The gap is known on the way, and it is never smaller. (Whoever has not arrived"
        " after {most} iterations is stopped. The times were measured on the machine that wrote this page, the best"
        " of {repeats} runs, proofs included.)"
    ),
    labels={
        "heat": "heat: penalty",
        "moment": "time since the start",
        "gap_steps": "Duality gap against iterations",
        "gap_time": "Duality gap against time",
        "cost_steps": "Cost above the optimum against iterations",
        "cost_time": "Cost above the optimum against time",
    },
    said={
        "steps": "iterations (rounds, epochs)",
        "time": "milliseconds",
        "gradient_descent": "gradient descent",
        "sgd": "SGD",
        "ista": "ISTA",
        "fista": "FISTA",
        "admm": "ADMM",
        "coordinate_descent": "coordinate descent",
        "and": ", ",
        "goal": "goal",
        "place": "{name} {gap}",
        "waiting": "{name} –",
        "moment": "{time} ms",
        "now": "Gap after {time} ms: {places}.",
        "stopped": " Stopped after {most} iterations: {names}.",
        "refused": " Not allowed to start: {names} (|x| has no gradient at 0).",
    },
)
JAPANESE = Words(
    title="ソルバーの競走",
    question="いちばん速いソルバーはどれか。何で測るかで答えは変わるか",
    paragraph=(
        "観測 {rows} 個、特徴量 {columns} 個の回帰を、全員が 0 から解きます。隣り合う特徴量がよく似ていて、楽な問題"
        "ではありません。<strong>L1 の部</strong>(ラッソ)では、勾配降下法と SGD は出走できません。|x| は 0 で勾配を"
        "もたないからで、kizu は名指しで断ります。ISTA は勾配ステップとソフトしきい値を繰り返しますが、{most} 回たっ"
        "ても双対ギャップが {slow:1} あります。慣性を加えた FISTA は {lasso_fista:d} 回、データ項と正則化項に別々の"
        "変数をもたせる ADMM は {lasso_admm:d} 回で {goal:1} に達します。未知数を 1 つずつ、それだけの最適値に置き換"
        "えていく座標降下法は {lasso_coordinate_descent:d} 巡で済みます(1 巡ではすべての未知数を少なくとも 1 回は調"
        "べます。kizu のコンパイル済みカーネルは、動きそうな少数の未知数を、落ち着くまで同じ巡の中で何度も更新します)。"
        "<strong>L2 の部</strong>(リッジ)には角がなく、全員が出走できます。勾配降下法と ISTA はほとんど並んで進みま"
        "す。一度に少しの観測しか見ない SGD は、その分だけステップを短くしていかなければならず、最後の双対ギャップは"
        " {wanders:1} です。<strong>反復 1 回の手間は同じではありません。</strong>リッジで FISTA は {ridge_fista:d} "
        "回に {ridge_fista_ms:2} ミリ秒、座標降下法は {ridge_coordinate_descent:d} 巡に"
        " {ridge_coordinate_descent_ms:2} ミリ秒かかります。リッジではどの巡でもすべての未知数が動くからです。上下の"
        "段も見比べてください。最適値との差は、解き終わってからでないとわかりません。双対ギャップは途中でわかり、そ"
        "の差を下回ることがありません。({most} 回で終わらなければそこで打ち切ります。時間は、このページを書き出した"
        "計算機で測ったもので、{repeats} 回のうちの最短です。証明の時間も含みます。)"
    ),
    labels={
        "heat": "種目(正則化)",
        "moment": "出走からの時間",
        "gap_steps": "双対ギャップと反復回数",
        "gap_time": "双対ギャップと時間",
        "cost_steps": "最適値との差と反復回数",
        "cost_time": "最適値との差と時間",
    },
    said={
        "steps": "反復回数(巡、エポック)",
        "time": "ミリ秒",
        "gradient_descent": "勾配降下法",
        "sgd": "SGD",
        "ista": "ISTA",
        "fista": "FISTA",
        "admm": "ADMM",
        "coordinate_descent": "座標降下法",
        "and": "、",
        "goal": "目標",
        "place": "{name} {gap}",
        "waiting": "{name} –",
        "moment": "{time} ミリ秒",
        "now": "{time} ミリ秒後の双対ギャップ: {places}。",
        "stopped": "{names} は {most} 回で打ち切られました。",
        "refused": "{names} は出走できません。|x| は 0 で勾配をもたないからです。",
    },
)
LESSON = Lesson(
    topic="race",
    figure=race,
    code=(timed, started),
    formula=(
        "\\under{\\min}{x}  \\frac{1}{2} ‖y − A x‖^2 + g(x)",
        "\\text{L1}  g(x) = λ ‖x‖_1  \\text{L2}  g(x) = \\frac{1}{2} λ ‖x‖^2",
        "\\text{ISTA}  x ← \\prox_g (x − η A^⊤ (A x − y), η)",
        "\\text{FISTA}  v = x + β (x − x_−),  x ← \\prox_g (v − η A^⊤ (A v − y), η)",
        "\\text{SGD}  x ← x − η_k (\\frac{m}{|B|} A_B^⊤ (A_B x − y_B) + ∇g(x))",
    ),
    controls=(
        Film(
            "moment",
            count=MOMENTS,
            start=MOMENTS - 1,
            rate=6.0,
        ),
        Choice("heat", shown=("L1", "L2")),
    ),
    places=tuple(Plot(place, columns=6, ratio=0.5) for place in PLACES),
    words={"en": ENGLISH, "ja": JAPANESE},
    numbers=numbers,
    data=data,
    sketch=sketch,
)
