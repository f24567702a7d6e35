import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "false_alarms.py"


def test_walls_without_defects_have_the_stated_rate_of_false_regions() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, str(BENCH), "--quick", "--noise", "gauss", "rounded"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()[2:]]
    assert [row[1] for row in rows] == ["gauss", "rounded"]
    assert all(0.5 <= float(row[4]) <= 2 for row in rows)
