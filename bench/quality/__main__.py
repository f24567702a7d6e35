"""Score kizu on real data beside peers in the same run: `KIZU_DATA=… python bench/quality [NAME…]`.

No label is used but for scoring, and no set has options of its own. kizu runs from the command line, as processes of
their own; README.md in bench/ says what is read and what must be reached. Prints Markdown, writes
bench/out/quality.json, and exits with 1 where a figure misses its limit.
"""

import argparse
import json
import math
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # this package by its name, and the benches weave and tables

import numpy as np
import scipy

import kizu
from quality import cloth, pointer, rows, targets, tiles, tiles_ablation, videos
from quality.kinds import Asked, Check, Found, Kind, SkippedError
from quality.runs import OUT

KINDS: dict[str, Kind] = {
    "videos": videos.KIND,
    "weave": cloth.KIND,
    "magnetic_tile": tiles.KIND,
    "tiles-ablation": tiles_ablation.KIND,
    "sirst": targets.KIND,
    "rows": rows.KIND,
    "dictionary": pointer.KIND,
}


def main() -> int:
    """Measure kind by kind; what was found is kept after each."""
    options = _options()
    data = Path(os.environ["KIZU_DATA"]) if os.environ.get("KIZU_DATA") else None
    document: dict[str, Any] = {"machine": machine(), "smoke": options.smoke, "kinds": {}}
    print(f"Measured on: {document['machine']}.", flush=True)
    checks: list[Check] = []
    for title, kind in KINDS.items():
        names = _wanted(title, kind, options.names)
        if not names:
            continue
        started = time.monotonic()
        try:
            found = kind.measure(Asked(data, names, options.smoke))
        except SkippedError as why:
            found = Found(f"Skipped: {why}.", {"skipped": str(why)})
        seconds = time.monotonic() - started
        print(f"\n## {title}\n\n{found.text}\n\n{seconds:.0f} s.", flush=True)
        checks += found.checks
        document["kinds"][title] = _entry(found, seconds)
        OUT.mkdir(exist_ok=True)
        (OUT / "quality.json").write_text(json.dumps(_finite(document), indent=1) + "\n")
    print("".join(f"\n{_line(check)}" for check in checks))
    return int(any(not check.held for check in checks) and not options.smoke)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python bench/quality", description=__doc__)
    known = list(dict.fromkeys(name for title, kind in KINDS.items() for name in (title, *kind.names)))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all but tiles-ablation")
    parser.add_argument("--smoke", action="store_true", help="a few inputs of each: whether everything works, not how")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"NAME: {', '.join(unknown)} not among {', '.join(known)}")
    return options


def _wanted(title: str, kind: Kind, asked: list[str]) -> tuple[str, ...]:
    """The kind's names that were asked for."""
    if title in asked or (not asked and kind.default):
        return kind.names
    return tuple(name for name in kind.names if name in asked)


def machine() -> str:
    versions = f"kizu {kizu.__version__}, Python {platform.python_version()}, NumPy {np.__version__}, SciPy"
    threads = os.environ.get("OMP_NUM_THREADS", "as many as cores")
    return f"{platform.machine()}, {os.cpu_count()} cores; {versions} {scipy.__version__}, BLAS threads {threads}"


def _entry(found: Found, seconds: float) -> dict[str, Any]:
    checks = [
        {"what": c.what, "value": c.value, "least": c.least, "most": c.most, "held": c.held} for c in found.checks
    ]
    return {"seconds": round(seconds, 1), "checks": checks, "figures": found.figures}


def _finite(value: Any) -> Any:
    """Arrays as lists, and nothing for a number that does not exist."""
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line(check: Check) -> str:
    return f"{'reaches' if check.held else 'MISSES '} {check.what}: {check.value:.4g}, wanted {check.wanted}"


if __name__ == "__main__":
    sys.exit(main())
