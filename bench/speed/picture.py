"""How many times as long the others take, as one picture."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from arena import Row

INK, FAINT = "#1f2933", "#d5dbe1"
COLOURS = {
    "NumPy IALM": "#8c3b2e",
    "pyrpca": "#d1703c",
    "randomized IALM": "#2f6f8f",
    "R rrpca": "#6b8e4e",
    "tensorly": "#7a5c99",
    "sporco": "#b08a2e",
}
HELD, HELD_NAME = "#555f6b", "NumPy IALM, μ held"
WHOLE = 9.95
"""From here on a ratio has no decimals."""
ROOM = 1.8
"""To the right, for the numbers."""
LABELS = {
    "P1 1000": "1000 × 1000, rank 50\nfloat64, no noise",
    "P1 2000": "2000 × 2000, rank 100\nfloat64, no noise",
    "P2 f64": "320 × 240 × 200 video\nfloat64, no noise",
    "P2 f32": "320 × 240 × 200 video\nfloat32, no noise",
    "P2s noisy u8": "176 × 144 × 200, noisy\nkizu: uint8, model with noise",
    "P2s noisy f64": "176 × 144 × 200, noisy\nfloat64, both to gap 1e-4",
}


def draw(rows: list[Row], path: Path) -> None:
    """One line per contest, one point per contestant; bars from the least to the most of the runs."""
    names = [name for name in LABELS if any(row.contest.name == name for row in rows)]
    figure, axes = plt.subplots(figsize=(9, 0.9 * len(names) + 1.6), layout="constrained")
    for place, name in enumerate(names):
        own = next(row.wall for row in rows if row.contest.name == name)
        meant = sorted((row for row in rows if row.contest.name == name and _shown(row)), key=_length)
        for offset, row in enumerate(meant):
            _point(axes, row, own, place + 0.13 * (offset - (len(meant) - 1) / 2))
    axes.axvline(1, color=INK, linewidth=1)
    axes.text(1.04, -0.55, "kizu", color=INK, fontsize=10, va="center")
    axes.set(xscale="log", yticks=range(len(names)), yticklabels=[LABELS[name] for name in names])
    axes.set(xlim=(0.8, ROOM * axes.get_xlim()[1]), ylim=(len(names) - 0.4, -0.7))
    axes.set_xlabel("times as long as kizu (log scale)", color=INK)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="x", which="major", color=FAINT, linewidth=0.8)
    axes.hlines([place + 0.5 for place in range(len(names) - 1)], 0, 1, FAINT, transform=axes.get_yaxis_transform())
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _legend(figure, axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    by_name = dict(zip(labels, handles, strict=True))
    order = [name for name in (*COLOURS, HELD_NAME) if name in by_name]
    chosen = [by_name[name] for name in order]
    figure.legend(chosen, order, loc="outside upper center", ncols=4, frameon=False, fontsize=9)


def _shown(row: Row) -> bool:
    """The others, where they ran, or ran until they were stopped."""
    return not row.entry.contestant.startswith("kizu") and row.status in ("ran", "capped")


def _length(row: Row) -> float:
    return row.ratio if row.ratios else float("inf")


def _point(axes: Axes, row: Row, own: float, y: float) -> None:
    held = row.entry.group == "held"
    name = HELD_NAME if held else row.entry.contestant
    colour = HELD if held else COLOURS[name]
    if row.ratios:
        x, text = max(row.ratios), f"{row.ratio:.0f}" if row.ratio >= WHOLE else f"{row.ratio:.1f}"
        spread = [[row.ratio - min(row.ratios)], [x - row.ratio]]
        axes.errorbar(row.ratio, y, xerr=spread, fmt="o", markersize=6, elinewidth=1.5, color=colour, label=name)
        text += f"  ({row.entry.contestant.split('held ')[1]})" if held else ""
    else:
        x, text = row.entry.cap / own, f"> {row.entry.cap / own:.0f}"
        axes.plot(x, y, ">", markersize=6, markerfacecolor="none", color=colour, label=name)
    near = {"xytext": (6, -0.5), "textcoords": "offset points", "va": "center_baseline", "fontsize": 8, "color": INK}
    axes.annotate(text, (x, y), **near)
