"""How many times as long the others take, as one picture."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from arena import Row
from contestants import CONTESTANTS

INK, FAINT = "#1f2933", "#d5dbe1"
COLOURS = {
    "NumPy IALM": "#8c3b2e",
    "pyrpca": "#d1703c",
    "randomized IALM": "#2f6f8f",
    "R rrpca": "#6b8e4e",
    "tensorly": "#7a5c99",
    "sporco": "#b08a2e",
}
HELD = "#555f6b"
LABELS = {
    "P1 1000": "1000 × 1000, rank 50\nfloat64, exact",
    "P1 2000": "2000 × 2000, rank 100\nfloat64, exact",
    "P2 f64": "320 × 240 × 200 video\nfloat64, exact",
    "P2 f32": "320 × 240 × 200 video\nfloat32, exact",
    "P2s noisy u8": "176 × 144 × 200, noisy\nkizu reads uint8, with noise",
    "P2s noisy f64": "176 × 144 × 200, noisy\nfloat64, both to a gap of 1e-4",
}


def draw(rows: list[Row], path: Path) -> None:
    """One line per contest, one point per contestant; bars from the least to the most of the runs."""
    names = [name for name in LABELS if any(row.contest.name == name for row in rows)]
    figure, axes = plt.subplots(figsize=(9, 0.9 * len(names) + 1.6), layout="constrained")
    for place, name in enumerate(names):
        meant = [row for row in rows if row.contest.name == name and _shown(row)]
        for offset, row in enumerate(sorted(meant, key=_length)):
            _point(axes, row, place + 0.13 * (offset - (len(meant) - 1) / 2))
    axes.axvline(1, color=INK, linewidth=1)
    axes.text(1.04, len(names) - 0.45, "kizu", color=INK, fontsize=10, va="center")
    axes.set(xscale="log", yticks=range(len(names)), yticklabels=[LABELS[name] for name in names], xlim=(0.8, None))
    axes.set_ylim(len(names) - 0.3, -0.6)
    axes.set_xlabel("times as long as kizu (log scale)", color=INK)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="x", which="major", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _shown(row: Row) -> bool:
    own = row.entry.contestant.startswith("kizu")
    return (
        not own and (bool(row.ratios) or row.status == "capped") and CONTESTANTS[row.entry.contestant].model == "exact"
    )


def _length(row: Row) -> float:
    return row.ratio if row.ratios else float("inf")


def _point(axes: plt.Axes, row: Row, y: float) -> None:
    name = row.entry.contestant
    held = row.entry.group == "held"
    style = {"color": HELD if held else COLOURS[name], "label": "NumPy IALM, μ held" if held else name}
    if row.ratios:
        low, high = row.ratio - min(row.ratios), max(row.ratios) - row.ratio
        axes.errorbar(row.ratio, y, xerr=[[low], [high]], fmt="o", markersize=6, elinewidth=1.5, **style)
        axes.annotate(f"{row.ratio:.0f}" if row.ratio >= 10 else f"{row.ratio:.1f}", (max(row.ratios), y), **NEAR)


NEAR = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "fontsize": 8, "color": INK}
