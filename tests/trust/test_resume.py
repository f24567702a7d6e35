"""Runs that are killed, interrupted or given damaged files: the battery of bench/trust.py, in small."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runs import environment

TRUST = Path(__file__).parents[2] / "bench" / "trust.py"


def battery(*counts: str) -> list[list[str]]:
    """The rows of the table, in words: what, how often, faults, seconds."""
    done = subprocess.run(
        [sys.executable, str(TRUST), *counts],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.split() for line in done.stdout.splitlines()[1:]]


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_stopped_run_resumes_to_the_same_bytes():
    killed, interrupted, _ = battery("--kills", "4", "--interrupts", "1", "--malformed", "0")
    assert killed[-3:-1] == ["4", "0"]
    assert interrupted[-3:-1] == ["1", "0"]


def test_damaged_files_end_in_one_line():
    *_, damaged = battery("--kills", "0", "--interrupts", "0", "--malformed", "15", "--seed", "3")
    assert damaged[:-1] == ["damaged", "file", "15", "0"]
