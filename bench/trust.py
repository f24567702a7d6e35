"""Kill, interrupt and mistreat the command: `python bench/trust.py --kills 20 --interrupts 10 --malformed 200`.

A killed or interrupted run that is resumed must leave the bytes of one that was left alone; Ctrl-C must end it
within two seconds, with code 130 and one line; a damaged file must end a run with code 0, 2, 3 or 4 and, unless
it is 0, with one line that names it. Exit code 1 where one did not hold.
"""

import argparse
import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from fuzz import damaged, seeds
from PIL import Image

from kizu.cli import run
from kizu.scenes import Defect, dot, photographs, plaster

FRAMES, SIZE = 24, (40, 48)
OPTIONS = ("--quiet", "--false-alarms", "0.001")
SLOWEST = 2.0
LONGEST = 120.0


class Row(NamedTuple):
    """A line of the table: what was done how often, how often it went wrong, and its slowest case in seconds."""

    name: str
    count: int
    faults: int
    slowest: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="runs killed at a random moment, then resumed")
    parser.add_argument("--interrupts", type=int, default=10, help="runs interrupted by Ctrl-C, then resumed")
    parser.add_argument("--malformed", type=int, default=200, help="runs on a damaged file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stop = Stop(folder, np.random.default_rng(options.seed))
        rows = [
            stop.often("kill -9, resume", options.kills, stop.kill),
            stop.often("Ctrl-C, resume", options.interrupts, stop.interrupt),
            malformed(folder, options.malformed, options.seed),
        ]
    sys.stdout.write(table(rows))
    return int(any(row.faults for row in rows))


class Stop:
    """Runs of one small batch that are stopped at random moments while they write."""

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self.folder = folder
        self.rng = rng
        self.frames = render(folder / "frames")
        started = time.perf_counter()
        code, said = finish(begin(self.frames, folder / "whole"))
        self.seconds = time.perf_counter() - started
        if code:
            raise SystemExit(f"an undisturbed run ends with {code}: {said}")
        self.whole = tree(folder / "whole")

    def often(self, name: str, count: int, stop: Callable[[subprocess.Popen[str], float], str]) -> Row:
        faults, slowest = 0, 0.0
        for number in range(count):
            started = time.perf_counter()
            fault = self.once(self.folder / f"{name[:4]}{number}", stop)
            slowest = max(slowest, time.perf_counter() - started)
            faults += bool(fault)
            if fault:
                sys.stdout.write(f"{name}, run {number}: {fault}\n")
        return Row(name, count, faults, slowest)

    def once(self, out: Path, stop: Callable[[subprocess.Popen[str], float], str]) -> str:
        """Start a run, stop it, resume it, compare; returns what went wrong."""
        process = begin(self.frames, out)
        fault = stop(process, self.wait_for_work(process, out))
        code, said = finish(begin(self.frames, out, "--resume"))
        if code:
            fault = fault or f"resuming it ends with {code}: {said}"
        elif tree(out) != self.whole:
            fault = fault or f"other bytes in {sorted(different(tree(out), self.whole))[:3]}"
        shutil.rmtree(out)
        return fault

    def wait_for_work(self, process: subprocess.Popen[str], out: Path) -> float:
        """Wait until the run has opened its folder, then for a random part of what it takes; returns the time."""
        while process.poll() is None and not (out / "log.json").exists():
            time.sleep(0.005)
        time.sleep(float(self.rng.uniform(0, self.seconds / 2)))
        return time.perf_counter()

    def kill(self, process: subprocess.Popen[str], _now: float) -> str:
        process.kill()
        finish(process)
        return ""

    def interrupt(self, process: subprocess.Popen[str], now: float) -> str:
        process.send_signal(signal.SIGINT)
        code, said = finish(process)
        seconds = time.perf_counter() - now
        if code == 0:
            return ""  # it had ended by itself
        if code != 130 or said.count("\n") != 1 or "--resume" not in said:
            return f"Ctrl-C ends it with {code}: {said}"
        return f"Ctrl-C takes {seconds:.1f} s" if seconds > SLOWEST else ""


def malformed(folder: Path, count: int, seed: int) -> Row:
    """Run the command on damaged files, alone and among good ones, in a few processes."""
    good, mixed = folder / "seeds", folder / "damaged"
    for path in (good, mixed):
        path.mkdir()
    files = [path for _, path in damaged(seeds(good), mixed, count, seed)]
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(mistreat, files, (folder / "outs" / str(n) for n in range(count))))
    for file, (fault, _) in zip(files, found, strict=True):
        if fault:
            sys.stdout.write(f"{file.name}: {fault}\n")
    return Row("damaged file", count, sum(bool(fault) for fault, _ in found), max((s for _, s in found), default=0.0))


def mistreat(file: Path, out: Path) -> tuple[str, float]:
    """Run the command on one damaged file: what went wrong, and the seconds that it took."""
    said = io.StringIO()
    started = time.perf_counter()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        code = run(["detect", str(file), "-o", str(out), *OPTIONS])
    seconds = time.perf_counter() - started
    lines = said.getvalue().splitlines()
    if code not in (0, 2, 3, 4):
        return f"code {code}: {lines}", seconds
    if code and (len(lines) != 1 or file.name not in lines[0]):
        return f"code {code} without one line that names the file: {lines}", seconds
    return (f"code 0 with {lines}" if lines and not code else ""), seconds


def render(folder: Path) -> Path:
    """A small wall, photographed often, with one dark dot."""
    rng = np.random.default_rng(0)
    defect = Defect(5, dot(SIZE, (15.0, 20.0), 3.0), -40.0)
    folder.mkdir()
    for number, frame in enumerate(photographs(plaster(*SIZE, rng), FRAMES, (defect,), rng)):
        Image.fromarray(frame).save(folder / f"part{number:03d}.png")
    return folder


def begin(frames: Path, out: Path, *more: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "kizu", "detect", str(frames), "-o", str(out), *OPTIONS, *more]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and stderr."""
    said = process.communicate(timeout=LONGEST)[1]
    return process.returncode, said


def tree(folder: Path) -> dict[str, bytes]:
    """Every file that promises the same bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != "log.json"}


def different(one: dict[str, bytes], other: dict[str, bytes]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def table(rows: list[Row]) -> str:
    lines = [f"{'what':18}{'count':>8}{'faults':>8}{'slowest s':>11}"]
    lines += [f"{row.name:18}{row.count:8}{row.faults:8}{row.slowest:11.2f}" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
