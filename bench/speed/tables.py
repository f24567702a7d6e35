"""Rows and figures as Markdown, and into the documentation."""

from pathlib import Path

import words
from arena import Row
from contestants import CONTESTANTS
from figures import Figure

BEGIN, END = "<!-- bench/speed: begin -->", "<!-- bench/speed: end -->"
DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"en": DOCS / "speed.md", "ja": DOCS / "speed.ja.md"}


def table(rows: list[Row], language: str = "en") -> str:
    """The contests."""
    return markdown(words.HEAD[language], [_cells(row, language) for row in rows])


def figures(seen: list[Figure], language: str = "en") -> str:
    """Targets and what was seen."""
    names = words.FIGURE_JA if language == "ja" else words.FIGURE_EN
    lines = [(names.get(f.key, f.key), f.wanted, f.seen, words.VERDICT[language][f.held]) for f in seen]
    return markdown(words.FIGURES[language], lines)


def write_docs(rows: list[Row], seen: list[Figure], machine: str) -> None:
    """Between the markers of both pages."""
    for language, page in PAGES.items():
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        parts = words.MACHINE[language].format(machine), figures(seen, language), table(rows, language)
        page.write_text(before + "\n\n".join([BEGIN, *parts, END]) + after, encoding="utf-8")


def _cells(row: Row, language: str) -> tuple[str, ...]:
    contest, entry, told = row.contest, row.entry, row.told
    name = words.CONTESTANT.get(entry.contestant, {}).get(language, entry.contestant)
    word, number = entry.mode.split(" ")
    problem = words.PROBLEM[language][contest.noisy].format(contest.problem)
    who = (problem, name, f"{words.STOPS[language][word]} {number}", entry.dtype or contest.data)
    if row.status != "ran":
        install = CONTESTANTS[entry.contestant].install
        state = words.STATUS[language][row.status].format(install=install, cap=entry.cap)
        return (*who, *[""] * 7, state, "", "")
    proofs = tuple("" if gap is None else f"{gap:.1e}" for gap in (told["proof"], row.gap))
    errors = f"{told['low']:.1e}", f"{told['sparse']:.1e}"
    counts = str(row.threads), str(told["iterations"]), "" if told["rank"] is None else str(told["rank"])
    ratio = f"{_times(row.ratio)} ({_times(min(row.ratios))} – {_times(max(row.ratios))})" if row.ratios else "1"
    peak = "" if told["peak"] is None else f"{told['peak'] / 1e6:.0f}"
    return (*who, *counts, *proofs, *errors, f"{row.wall:.3g}", ratio, peak)


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.1f}"


def markdown(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ("---",) * len(head), *lines))
