"""kizu against everything installable, in one interleaved run: `python bench/speed`.

Prints one Markdown table of the contests and one of the figures to reach, and exits with 1 if one is missed.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import arena
import coding_contest
import store
import tables
from contests import CONTESTS, SMOKE
from figures import figures

ROOT = Path(__file__).parents[1] / "out" / "speed"
PICTURE = tables.DOCS / "pictures" / "speed.png"
PROBES = ("floor", "huber", "growth")
REPEATS, FEW = 5, 3


def main() -> int:
    """Measure, print, and write what was asked for."""
    options = _options()
    if options.coding:
        return _coding(options)
    rows, probes, machine = store.read(options.read) if options.read else _measured(options)
    seen = figures(rows, probes)
    for text in (machine, tables.figures(seen), tables.table(rows)):
        print(text, end="\n\n")
    if options.write:
        store.write(options.write, rows, probes, machine)
    if options.write_docs:
        import picture  # matplotlib is a requirement of this alone

        picture.draw(rows, PICTURE)
        tables.write_docs(rows, seen, machine)
    return int(any(figure.held is False for figure in seen) and not options.smoke)


def _coding(options: argparse.Namespace) -> int:
    rows = coding_contest.rows(options.repeats, smoke=options.smoke)
    seen = coding_contest.figures(rows)
    for text in (arena.machine(), tables.figures(seen), tables.markdown(*coding_contest.table(rows))):
        print(text, end="\n\n")
    return int(any(figure.held is False for figure in seen) and not options.smoke)


def _measured(options: argparse.Namespace) -> tuple[list[arena.Row], dict[str, Any], str]:
    contests = SMOKE if options.smoke else [c for c in CONTESTS if c.quick or not options.quick]
    only = options.only or [contest.name for contest in contests] + list(PROBES)
    rows = []
    for contest in contests:
        if contest.name in only:
            rows += arena.rows(contest, options.folder, options.repeats)
    small = ["small"] if options.smoke or options.quick else []
    wanted = ",".join(name for name in PROBES if name in only)
    probes = arena.call([str(arena.HERE / "probes.py"), wanted, *small], arena.OWN_THREADS) if wanted else {}
    return rows, probes, arena.machine()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python bench/speed", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {[c.name for c in CONTESTS] + list(PROBES)}")
    parser.add_argument("--coding", action="store_true", help="the contest of sparse codes, and nothing else")
    parser.add_argument("--quick", action="store_true", help="the short contests, and small probes")
    parser.add_argument("--smoke", action="store_true", help="tiny problems: whether everything works, not how fast")
    parser.add_argument("--repeats", type=int, help=f"rounds; default {REPEATS}, {FEW} with --quick")
    parser.add_argument("--folder", type=Path, default=ROOT, help="where rendered problems are kept")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write every number there, as JSON")
    parser.add_argument("--read", type=Path, metavar="FILE", help="do not measure: take the numbers from there")
    parser.add_argument("--write-docs", action="store_true", help="put tables and picture into docs/")
    options = parser.parse_args()
    options.repeats = options.repeats or (1 if options.smoke else FEW if options.quick else REPEATS)
    return options


if __name__ == "__main__":
    sys.exit(main())
