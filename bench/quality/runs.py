"""Runs of `kizu` as a user makes them: processes of their own, with their seconds, memory and results folder."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kizu.io.results import Saved, read_results

OUT = Path(__file__).parents[1] / "out"
MEBIBYTE = 1 << 20


class Cost(NamedTuple):
    """Seconds of wall and of CPU time of a run, and the peak memory of the largest of its processes."""

    seconds: float
    cpu: float
    mebibytes: float


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kizu", *map(str, arguments)]


def watched(*arguments: object) -> Cost:
    """`kizu ARGUMENTS`, start to end. SystemExit where it fails or leaves an input out."""
    started = time.monotonic()
    process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"kizu {arguments[0]} ends with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / MEBIBYTE)


def cleared(name: str) -> Path:
    """A path below bench/out/ that nothing is at, in a folder that is there."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def detect(name: str, inputs: Iterable[object], *options: object) -> tuple[Saved, Cost]:
    """`kizu detect INPUTS OPTIONS` into bench/out/NAME."""
    out = cleared(name)
    cost = watched("detect", *inputs, "-o", out, "--quiet", *options)
    return read_results(out), cost
