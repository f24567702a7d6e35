"""The contest of sparse codes: rounds of short runs, kizu and the others in turn, one thread each; what was seen.

Times are the least of all rounds, in microseconds of the processor per sample: other work on the machine only adds.
Slow contestants get the first samples only; non-zeros, objective and gap are of the samples that each was timed on.
"""

import json
import subprocess
import sys
from typing import Any, NamedTuple

import arena
from coding import CONTESTANTS, PROBLEMS
from figures import Figure

DTYPES = ("float32", "float64")
SMALL = 400
"""Samples of a first look that asks whether everything works."""
TARGETS = (("spams", "float32", 2.2), ("spams", "float64", 1.0), ("cd", "float64", 18.0))
"""How many times as long as kizu the other takes at least, on the problem that is sparse. scikit-learn's descent wants
a tolerance that float32 does not reach, and there runs on to its last iteration."""
HEAD = (
    *("problem", "contestant", "dtype", "threads", "× kizu", "µs per sample", "samples timed"),
    *("their non-zeros", "their objective", "their largest gap"),
)


class Row(NamedTuple):
    """One contestant on one problem; `told` of its first run, empty where it is absent."""

    problem: str
    contestant: str
    dtype: str
    seconds: float
    ratio: float
    told: dict[str, Any]


def rows(repeats: int, *, smoke: bool) -> list[Row]:
    """Everyone on every problem."""
    return [
        row
        for problem in PROBLEMS
        for dtype in DTYPES
        for row in _rows(problem, dtype, 1 if smoke else repeats, SMALL if smoke else PROBLEMS[problem].samples)
    ]


def _rows(problem: str, dtype: str, repeats: int, samples: int) -> list[Row]:
    told: dict[str, list[dict[str, Any]]] = {key: [] for key in CONTESTANTS}
    for turn in range(repeats):
        for key in [key for key, contestant in CONTESTANTS.items() if contestant.present]:
            spec = {"problem": problem, "contestant": key, "dtype": dtype, "samples": samples, "judge": turn == 0}
            told[key] += _run(spec)
    least = {key: min((run["seconds"] for run in runs), default=0.0) for key, runs in told.items()}
    return [
        Row(problem, key, dtype, least[key], least[key] / least["kizu"], runs[0] if runs else {})
        for key, runs in told.items()
    ]


def _run(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """What the run said; nothing where it failed."""
    print(f"  {spec['problem']}, {spec['dtype']}: {spec['contestant']}", end="", file=sys.stderr, flush=True)
    try:
        seen = arena.call([str(arena.HERE / "coding.py"), json.dumps(spec)], 1)
    except subprocess.CalledProcessError as error:
        print(f"  failed\n{error.stderr}", file=sys.stderr)
        return []
    print(f"  {seen['seconds'] * 1e6:.3g} µs", file=sys.stderr, flush=True)
    return [seen]


def table(rows: list[Row]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and lines."""
    return HEAD, [_cells(row) for row in rows]


def _cells(row: Row) -> tuple[str, ...]:
    problem, told = PROBLEMS[row.problem], row.told
    shape = f"{row.problem}: {problem.what}, {problem.side**2} × {problem.atoms}, λ = {problem.lam:g}"
    who = shape, CONTESTANTS[row.contestant].name, row.dtype, "1"
    if not told:
        return (*who, "absent", *[""] * (len(HEAD) - len(who) - 1))
    numbers = f"{row.ratio:.3g}", f"{row.seconds * 1e6:.3g}", f"{told['samples']:,}", f"{told['nonzeros']:.1f}"
    return (*who, *numbers, f"{told['objective']:.9f}", f"{told['gap']:.1e}")


def figures(rows: list[Row]) -> list[Figure]:
    """The ratios to reach."""
    found = {(row.contestant, row.dtype): row for row in rows if row.problem == "sparse" and row.told}
    return [
        Figure(
            f"sparse codes, {dtype}, one thread: against {CONTESTANTS[key].name}",
            f"≥ {least:g}",
            f"{found[key, dtype].ratio:.1f}",
            found[key, dtype].ratio >= least,
        )
        for key, dtype, least in TARGETS
        if (key, dtype) in found
    ]
