"""Train networks and score them on data that took no part: `python bench/networks NAME… [--seeds 3] [--smoke]`.

Prints Markdown and exits with 1 where a figure misses its limit. CPU seconds are those of the process; one thread
(`OMP_NUM_THREADS=1`) on a quiet machine makes them comparable.
"""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # this package by its name

BENCHES: dict[str, str] = {
    "lista": "networks.lista",
    "rpca": "networks.rpca",
    "pictures": "networks.pictures",
}
"""A name, and the module whose `run(seeds, smoke)` prints its tables and returns what missed its limit."""


def main() -> int:
    """Run those that were asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="python bench/networks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--seeds", type=int, default=3, help="how many draws of data and training")
    parser.add_argument(
        "--smoke", action="store_true", help="tiny: whether everything works, not how; nothing is judged"
    )
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHES]:
        parser.error(f"NAME: {', '.join(unknown)} not among {', '.join(BENCHES)}")
    missed: list[str] = []
    for name in options.names or BENCHES:
        print(f"\n## {name}\n", flush=True)
        run: Callable[[int, bool], list[str]] = import_module(BENCHES[name]).run
        missed += run(options.seeds, options.smoke)
    print("".join(f"\nMISSES  {line}" for line in missed))
    return int(bool(missed) and not options.smoke)


if __name__ == "__main__":
    sys.exit(main())
