"""The bench of speed does what it says, on tiny problems: every row complete, certified, near the truth. No timing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """What was printed, what was written, and what is printed from that."""
    folder = tmp_path_factory.mktemp("speed")
    numbers = folder / "numbers.json"
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])

    def run(*arguments):
        command = [sys.executable, str(ROOT / "bench" / "speed"), *map(str, arguments)]
        return subprocess.run(
            command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True, timeout=300
        ).stdout

    printed = run("--smoke", "--folder", folder, "--write", numbers)
    return printed, json.loads(numbers.read_text(encoding="utf-8")), run("--smoke", "--read", numbers)


def test_sparse_codes_of_everyone_here_are_judged():
    spec = {"problem": "sparse", "dtype": "float64", "samples": 400, "judge": True}
    seen = {}
    for contestant in ("kizu", "cd"):
        line = [
            sys.executable,
            str(ROOT / "bench" / "speed" / "coding.py"),
            json.dumps(spec | {"contestant": contestant}),
        ]
        done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=300)
        seen[contestant] = json.loads(done.stdout)
    assert seen["kizu"]["samples"] == 400
    assert seen["kizu"]["gap"] <= 1e-5
    assert 3 < seen["kizu"]["nonzeros"] < 8
    assert seen["cd"]["gap"] < 1e-6
    assert all(row["seconds"] > 0 for row in seen.values())


def ran(numbers):
    return [row for row in numbers["rows"] if row["status"] == "ran"]


def test_everyone_ran_or_is_named_as_absent(smoke):
    printed, numbers, _ = smoke
    assert {row["status"] for row in numbers["rows"]} <= {"ran", "absent"}
    assert {row["contestant"] for row in ran(numbers)} >= {"kizu fast", "kizu certified", "kizu stable", "NumPy IALM"}
    for row in numbers["rows"]:
        assert (row["contestant"] != "R rrpca") or row["status"] == "ran" or "install.packages" in printed


def test_tables_are_complete(smoke):
    printed, numbers, _ = smoke
    tables = [block.splitlines() for block in printed.split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
    assert len(tables[1]) == len(numbers["rows"]) + 2
    assert "nan" not in printed and "inf" not in printed


def test_numbers_come_back_from_the_file(smoke):
    printed, _, again = smoke
    assert again == printed


def test_kizus_certificates_hold_and_the_bench_agrees(smoke):
    for row in ran(smoke[1]):
        if row["contestant"] in {"kizu certified", "kizu stable"}:
            assert 0 <= row["told"]["proof"] <= row["tol"]
        if row["contestant"] == "kizu stable":  # its dual point follows from L, so the bench has the same
            assert row["gap"] == pytest.approx(row["told"]["proof"], rel=0.01, abs=1e-6)
        assert row["gap"] < 0.05
        if row["told"]["dual"] is not None:
            assert row["told"]["dual"] <= row["told"]["primal"] * (1 + 1e-12)


def test_every_answer_is_near_what_was_planted(smoke):
    for row in ran(smoke[1]):
        noisy = "video" in row["contest"]
        assert row["told"]["low"] <= (0.03 if noisy else 1e-4)
        assert row["told"]["sparse"] <= (0.35 if noisy else 1e-5)


def test_times_ratios_and_floors_are_numbers(smoke):
    _, numbers, _ = smoke
    for row in ran(numbers):
        assert min(row["seconds"]) > 0
        assert all(ratio > 0 for ratio in row["ratios"])
        assert bool(row["ratios"]) == (row["contestant"] not in {"kizu fast", "kizu certified", "kizu stable"})
    assert set(numbers["probes"]) == {"floor", "huber", "growth"}
    assert all(value > 0 for value in numbers["probes"]["floor"].values())
