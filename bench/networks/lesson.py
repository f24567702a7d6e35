"""Train what the lesson "lista" shows, and put its numbers beside it: `python bench/networks/lesson.py`.

ALISTA learns two numbers per layer from codes that are known, HyperLISTA's three are tuned on as many as validate it.
Takes a few minutes on one core; writes src/kizu/explain/lessons/lista.json.
"""

import argparse
import json
import sys

import numpy as np

from kizu.explain.lessons.lista_problem import LAM, LAYERS, NONZERO, TRAINED, dictionary, drawn
from kizu.networks.coders import BATCH, CODERS
from kizu.networks.coding_task import Batch, CodingTask, pairs
from kizu.networks.training import Seen, train
from kizu.solvers import hyper_lista

TRAINING, JUDGES = 1, 2
"""Seeds; the samples that the lesson shows have another."""
JUDGED, STEPS = 1000, 1500


def run(steps: int, draws: int) -> dict[str, object]:
    """The numbers of both, and their errors on samples that judged, in decibels."""
    atoms = dictionary().T
    coder = CODERS["alista"]
    network = coder.make(atoms, LAYERS, lam=LAM)

    def batch(step: int) -> Batch:
        y, codes = drawn(BATCH, NONZERO, (TRAINING, step))
        return pairs(network, y.T, codes.T)

    y, codes = drawn(JUDGED, NONZERO, (JUDGES, 0))
    done = train(network, CodingTask(batch, pairs(network, y.T, codes.T)), coder.recipe(LAYERS, steps), callback=_say)
    numbers = [network.numbers(k) for k in range(LAYERS)]
    tuned = hyper_lista.tune(atoms.T, y, codes, layers=LAYERS, draws=draws)
    return {
        "command": "python bench/networks/lesson.py",
        **{
            name: [float(f"{float(one[name].detach()):.6g}") for one in numbers]
            for name in ("step_size", "lam", "share")
        },
        "hyper": [float(f"{value:.6g}") for value in tuned[:3]],
        "judged": {"alista": round(10 / np.log(10) * done.log[-1].best, 1), "hyper": round(tuned.error, 1)},
    }


def _say(seen: Seen, steps: int) -> None:
    print(f"step {seen.step} of {steps}, {max(seen.depth, 0) or LAYERS} layers: {seen.measure:.2f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--draws", type=int, default=150)
    options = parser.parse_args()
    made = run(options.steps, options.draws)
    TRAINED.write_text(json.dumps(made, indent=1) + "\n")
    print(json.dumps(made["judged"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
