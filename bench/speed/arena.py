"""Run the contests: every contestant in a process of its own, each after a fresh run of the one it is held against."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import problems
from contestants import CONTESTANTS
from contests import Contest, Entry

HERE = Path(__file__).parent
OWN_THREADS = 2
"""kizu's, and the most that the others get: they run with one and with two, and keep what suits them."""
SPARE_SECONDS = 30.0
"""For loading and judging, on top of the seconds that a contestant may take."""
WIDE_VECTORS = "SkylakeX"
"""OpenBLAS's kernels for AVX-512, which it does not choose by itself on every CPU that has it."""


class Row(NamedTuple):
    """One line of the table; `seconds` and `ratios` of every run, `told` what the first one said."""

    contest: Contest
    entry: Entry
    status: str  # "ran", "absent", "capped", "failed"
    threads: int = 0
    seconds: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()
    told: dict[str, Any] = {}  # noqa: RUF012 - never changed
    gap: float | None = None

    @property
    def wall(self) -> float:
        return float(np.median(self.seconds))

    @property
    def ratio(self) -> float:
        return float(np.median(self.ratios))


def rows(contest: Contest, root: Path, repeats: int) -> list[Row]:
    """All of a contest, kizu's first."""
    first = _first_round(contest, root)
    head, others = first[0], first[1:]
    going = [row for row in others if row.status == "ran" and not row.entry.once]
    for group in {row.entry.group for row in others if row.entry.group}:
        ran = [row for row in others if row.entry.group == group and row.status == "ran"]
        going += [min(ran, key=lambda row: row.wall)] if ran else []
    more = {id(row): [] for row in going}
    for _ in range(repeats - 1):
        for row in going:
            pair = [_run(contest, r.entry, root, r.threads, judge=False)["seconds"] for r in (head, row)]
            more[id(row)].append(pair)
        if not going:
            more.setdefault(id(head), []).append(
                [_run(contest, head.entry, root, head.threads, judge=False)["seconds"]]
            )
    alone = [pair[0] for pairs in more.values() for pair in pairs]
    rows = [head._replace(seconds=(*head.seconds, *alone))] + [_longer(row, more.get(id(row), [])) for row in others]
    return _judged(rows)


def _first_round(contest: Contest, root: Path) -> list[Row]:
    """Everyone once, with one and with two threads; the better stays."""
    head = _once(contest, contest.entries[0], root, OWN_THREADS)
    rows, own = [head], list(head.seconds)
    for entry in contest.entries[1:]:
        if not CONTESTANTS[entry.contestant].present:
            rows.append(Row(contest, entry, "absent"))
            continue
        tries = []
        for threads in _threads(contest, entry):
            own.append(_run(contest, head.entry, root, OWN_THREADS, judge=False)["seconds"])
            row = _once(contest, entry, root, threads)
            tries.append(row._replace(ratios=tuple(s / own[-1] for s in row.seconds)))
            if row.status != "ran":
                break
        rows.append(min(tries, key=lambda row: row.wall if row.seconds else np.inf))
    rows[0] = head._replace(seconds=tuple(own))
    return rows


def _threads(contest: Contest, entry: Entry) -> tuple[int, ...]:
    if entry.contestant.startswith("kizu"):
        return (OWN_THREADS,)
    return (OWN_THREADS, 1) if contest.choose else (1,)


def _longer(row: Row, pairs: list[list[float]]) -> Row:
    return row._replace(
        seconds=(*row.seconds, *(other for _, other in pairs)),
        ratios=(*row.ratios, *(other / own for own, other in pairs)),
    )


def _judged(rows: list[Row]) -> list[Row]:
    """The harness's own gap: from the answer's primal value, and the best dual value of the same problem."""
    best: dict[tuple[str, str], float] = {}
    for row in rows:
        if row.told.get("dual") is not None:
            best[_same(row)] = max(row.told["dual"], best.get(_same(row), -np.inf))
    return [
        row._replace(gap=max(0.0, 1 - best[_same(row)] / row.told["primal"]))
        if row.status == "ran" and _same(row) in best
        else row
        for row in rows
    ]


def _same(row: Row) -> tuple[str, str]:
    """Rows of one problem have one optimum: the model, and the data as rounded."""
    return CONTESTANTS[row.entry.contestant].model, row.contest.data


def _once(contest: Contest, entry: Entry, root: Path, threads: int) -> Row:
    try:
        told = _run(contest, entry, root, threads, judge=True)
    except subprocess.TimeoutExpired:
        return Row(contest, entry, "capped", threads)
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return Row(contest, entry, "failed", threads)
    return Row(contest, entry, "ran", threads, (told["seconds"],), (), told)


def _run(contest: Contest, entry: Entry, root: Path, threads: int, *, judge: bool) -> dict[str, Any]:
    spec = {"contestant": entry.contestant, "tol": entry.tol, "dtype": entry.dtype or contest.data, "judge": judge}
    spec |= {"data": contest.data, "folder": str(problems.made(root, contest.problem, contest.noisy, contest.data))}
    print(f"  {contest.name}: {entry.contestant}, {entry.mode}, {threads} threads", end="", file=sys.stderr, flush=True)
    told = call([str(HERE / "worker.py"), json.dumps(spec)], threads, entry.cap + SPARE_SECONDS)
    print(f"  {told['seconds']:.3g} s", file=sys.stderr, flush=True)
    return told


def call(arguments: list[str], threads: int, cap: float | None = None) -> dict[str, Any]:
    """A program of this folder, as JSON, with `threads` for BLAS."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
    environment = os.environ | {name: str(threads) for name in names}
    if "avx512f" in _flags():
        environment["OPENBLAS_CORETYPE"] = WIDE_VECTORS
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True, timeout=cap
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def machine() -> str:
    """One line: CPU, cores, what runs on it."""
    import scipy

    import kizu.native

    lines = [line for line in _cpuinfo() if line.startswith("model name")]
    name = lines[0].split(":")[1].strip() if lines else platform.processor()
    blas = f", OPENBLAS_CORETYPE={WIDE_VECTORS}" if "avx512f" in _flags() else ""
    parts = [f"{name}, {os.cpu_count()} cores", f"kernels {kizu.native.instructions()}"]
    return "; ".join(
        [*parts, f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}{blas}"]
    )


def _flags() -> set[str]:
    return {flag for line in _cpuinfo() if line.startswith("flags") for flag in line.split()}


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
