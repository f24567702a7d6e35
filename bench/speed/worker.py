"""One contestant in a process of its own: `worker.py SPEC` (JSON) prints one line of JSON.

Timed is the call alone, on a matrix that lies in memory, after a small problem has warmed everything up. Peak
memory is what the process grew by during the call; the judging comes after both.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import judge
import problems
from contestants import CONTESTANTS

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
WARM = (20, 30)


def main(spec: dict[str, Any]) -> dict[str, Any]:
    """Run, then judge."""
    contestant, folder = CONTESTANTS[spec["contestant"]], Path(spec["folder"])
    matrix = np.load(folder / f"{spec['data']}.npy").astype(spec["dtype"], copy=False)
    _warm_up(contestant.run, matrix.dtype)
    before = _reset_peak()
    begun = time.perf_counter()
    finish = contestant.run(matrix, spec["tol"])
    seconds = time.perf_counter() - begun
    peak = _memory("VmHWM")
    begun = time.perf_counter()
    answer = finish()
    shown = time.perf_counter() - begun
    if answer.seconds is not None:  # it ran elsewhere
        seconds, peak = answer.seconds, None
    told = {"seconds": seconds, "peak": None if peak is None or before is None else peak - before}
    told |= {name: getattr(answer, name) for name in ("iterations", "proof", "spare", "rank")} | {"shown": shown}
    return told | (_judged(matrix, folder, answer, contestant.model) if spec["judge"] else {})


def _judged(matrix: NDArray[Any], folder: Path, answer: judge.Answer, model: str) -> dict[str, Any]:
    truth = problems.load_truth(folder)
    if model == "stable":
        return judge.stable(matrix, truth, answer, problems.SIGMA)._asdict()
    return judge.exact(matrix, truth, answer)._asdict()


def _warm_up(run: Any, dtype: "np.dtype[Any]") -> None:
    """Imports, thread pools and pages that the first call of anything pays for."""
    small = np.random.default_rng(0).normal(100, 10, WARM)
    small[::5, ::7] += 100
    run(small.astype(dtype), 1e-2)


def _reset_peak() -> int | None:
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:  # not Linux, or not allowed
        return None
    return _memory("VmRSS")


def _memory(name: str) -> int | None:
    """Bytes."""
    if not STATUS.exists():
        return None
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
