"""Measure whether the stated false-alarm rate is the one that is seen, and what is found at it.

`python bench/false_alarms.py` renders defect-free walls under six kinds of noise, judges every frame by the whole
road, and prints false regions per image over the rate that was asked for: a figure of 1 is a promise kept to the
letter. Then it plants defects in a third of the images and prints how many are found. The command exits with 1 if
a ratio counted on 50 expected regions is outside [0.5, 2], or if a kind of defect is missed at its highest contrast.
"""

import argparse
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from kizu.detect.decide import Rule, decide
from kizu.detect.regions import regions_of
from kizu.pipeline import road
from kizu.pipeline.find import find
from kizu.pipeline.found import Found
from kizu.pipeline.options import Options
from kizu.scenes import dot, plaster, scratch
from kizu.stack import stack_of
from kizu.typing import Bools, Floats

HEIGHT, WIDTH = 96, 80
RATES = (0.1, 1.0)
LIMITS, COUNTED = (0.5, 2.0), 50.0
"""Of seen / stated, where at least this many regions were expected."""
RECALL = 0.9
"""Of every kind of defect at its highest contrast."""
SEEDS = {20: 40, 50: 16, 400: 4}
"""Stacks per length: at least 800 frames, so that at least 80 false regions are expected of every cell."""
QUICK_SEEDS = {20: 3}
POWER_SEEDS, POWER_FRAMES, SPOILT = 4, 50, 0.3
FALSE_SHARE, LEVEL = 0.05, 3.0
SIGMA = 2.0
"""Grey levels of noise, where the kind of noise does not say otherwise."""

Noise = Callable[[Floats, tuple[int, int, int], np.random.Generator], "np.ndarray[Any, Any]"]


def _gauss(wall: Floats, shape: tuple[int, int, int], rng: np.random.Generator) -> Floats:
    return wall + SIGMA * rng.standard_normal(shape)


def _blurred(wall: Floats, shape: tuple[int, int, int], rng: np.random.Generator) -> Floats:
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), (0, 1, 1))
    return np.asarray(wall + SIGMA / noise.std() * noise)


def _poisson(wall: Floats, shape: tuple[int, int, int], rng: np.random.Generator) -> Floats:
    return rng.poisson(np.broadcast_to(np.maximum(wall - 100, 1.0), shape)).astype(np.float64)


def _laplace(wall: Floats, shape: tuple[int, int, int], rng: np.random.Generator) -> Floats:
    return wall + rng.laplace(scale=SIGMA / np.sqrt(2), size=shape)


def _rounded(wall: Floats, shape: tuple[int, int, int], rng: np.random.Generator) -> "np.ndarray[Any, Any]":
    return np.clip(np.rint(wall + 0.3 * rng.standard_normal(shape)), 0, 255).astype(np.uint8)


def _columns(wall: Floats, shape: tuple[int, int, int], rng: np.random.Generator) -> Floats:
    return wall + SIGMA * rng.uniform(0.5, 2.0, shape[2]) * rng.standard_normal(shape)


NOISES: Mapping[str, Noise] = {
    "gauss": _gauss,
    "blurred": _blurred,
    "poisson": _poisson,
    "laplace": _laplace,
    "rounded": _rounded,
    "columns": _columns,
}


class Cell(NamedTuple):
    """One stack to render: a kind of noise, a number of frames and a seed."""

    noise: str
    frames: int
    seed: int


class Scene(NamedTuple):
    """A wall under noise, before it becomes frames."""

    wall: Floats
    shape: tuple[int, int, int]
    rng: np.random.Generator


def scene(cell: Cell) -> Scene:
    rng = np.random.default_rng([cell.frames, cell.seed, list(NOISES).index(cell.noise)])
    smooth = ndimage.gaussian_filter(plaster(HEIGHT, WIDTH, rng), 1.0)
    return Scene(smooth, (cell.frames, HEIGHT, WIDTH), rng)


def default_options() -> Options:
    defaults = {name: p.default for name, p in inspect.signature(road.inspect).parameters.items()}
    fields = {name: value for name, value in defaults.items() if name in Options.__dataclass_fields__}
    return Options(**{**fields, "jobs": 1})


class Judged(NamedTuple):
    """What the road knows before it decides."""

    z: Floats
    seen: Bools | None
    found: Found

    def mask(self, rule: Rule, t: int) -> tuple[Bools, int]:
        """The mask of frame `t` and its number of regions."""
        seen = None if self.seen is None else self.seen[t]
        decision = decide(self.z[t], seen, self.found.nulls, rule, "both")
        return decision.mask, len(regions_of(decision.mask, decision.score, self.z[t], decision.expected))


def judged(frames: "np.ndarray[Any, Any]") -> Judged:
    stored = frames if frames.dtype == np.uint8 else frames.astype(np.float32)
    found, field = find(stack_of(stored), None, default_options(), road.quiet)
    return Judged(field.z, field.seen, found)


def false_regions(cell: Cell) -> tuple[Cell, list[int]]:
    """False regions of a defect-free stack at each of `RATES`."""
    made = scene(cell)
    run = judged(NOISES[cell.noise](*made))
    rules = [Rule("false_alarms", rate) for rate in RATES]
    return cell, [sum(run.mask(rule, t)[1] for t in range(cell.frames)) for rule in rules]


DEFECTS: Mapping[str, tuple[Callable[[float, float], Bools], tuple[float, ...]]] = {
    "dot of 2 px": (lambda y, x: _block(y, x, 1, 2), (4.0, 6.0, 8.0, 12.0)),
    "scratch 40 x 2": (lambda y, x: scratch((HEIGHT, WIDTH), (y, x), 0.6, 40.0, 2.0), (2.0, 3.0, 4.0, 6.0)),
    "blob 12 x 12": (lambda y, x: _block(y, x, 12, 12), (1.0, 1.5, 2.0, 3.0)),
    "stain of 30": (lambda y, x: dot((HEIGHT, WIDTH), (y, x), 15.0), (0.5, 1.0, 1.5, 2.0)),
}
"""Their shape around (y, x), and contrasts in standard deviations of the noise."""


def _block(y: float, x: float, height: int, width: int) -> Bools:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    top, left = int(y) - height // 2, int(x) - width // 2
    mask[top : top + height, left : left + width] = True
    return mask


class Planted(NamedTuple):
    """One kind of defect at one contrast, in 30 % of the frames of one stack."""

    name: str
    contrast: float
    seed: int


def power(planted: Planted) -> tuple[Planted, "np.ndarray[Any, Any]"]:
    """(planted, found, flagged by FDR, falsely so, false regions at z, clean frames)."""
    made = scene(Cell("gauss", POWER_FRAMES, 1000 + planted.seed))
    truth = np.zeros(made.shape, np.bool_)
    spoilt = made.rng.choice(POWER_FRAMES, round(SPOILT * POWER_FRAMES), replace=False)
    for t in spoilt:
        truth[t] = DEFECTS[planted.name][0](*made.rng.uniform(20, (HEIGHT - 20, WIDTH - 20)))
    run = judged(NOISES["gauss"](*made) + SIGMA * planted.contrast * truth)
    hits = sum(bool((run.mask(Rule("false_alarms", 0.1), t)[0] & truth[t]).any()) for t in spoilt)
    flagged = np.stack([run.mask(Rule("fdr", FALSE_SHARE), t)[0] for t in range(POWER_FRAMES)])
    clean = np.setdiff1d(np.arange(POWER_FRAMES), spoilt)
    at_level = sum(run.mask(Rule("z", LEVEL), int(t))[1] for t in clean)
    wrong = flagged & ~truth
    return planted, np.array([len(spoilt), hits, flagged.sum(), wrong.sum(), at_level, len(clean)])


def rates_table(counts: Mapping[tuple[str, int], Sequence[float]], frames: Mapping[tuple[str, int], int]) -> str:
    lines = ["| noise | frames | " + " | ".join(f"seen / stated at {rate:g}" for rate in RATES) + " | counted |"]
    lines.append("|---|---|" + "---|" * (len(RATES) + 1))
    for key, seen in counts.items():
        ratios = [f"{count / (rate * frames[key]):.2f}" for count, rate in zip(seen, RATES, strict=True)]
        lines.append(f"| {key[0]} | {key[1]} | {' | '.join(ratios)} | {frames[key]} images |")
    return "\n".join(lines)


def calibration(pool: Any, noises: Sequence[str], seeds: Mapping[int, int]) -> bool:
    """Print the table of rates; whether all of them are within the limits."""
    cells = [Cell(noise, frames, seed) for frames in seeds for noise in noises for seed in range(seeds[frames])]
    keys = [(noise, frames) for noise in noises for frames in seeds]
    counts = {key: np.zeros(len(RATES)) for key in keys}
    for cell, seen in pool.imap_unordered(false_regions, sorted(cells, key=lambda c: -c.frames)):
        counts[cell.noise, cell.frames] += seen
    frames = {(noise, length): length * seeds[length] for noise, length in keys}
    sys.stdout.write(rates_table(counts, frames) + "\n")
    expected = np.array([np.array(RATES) * frames[key] for key in keys])
    ratios = np.array([counts[key] for key in keys]) / expected
    return bool(((ratios >= LIMITS[0]) & (ratios <= LIMITS[1]) | (expected < COUNTED)).all())


def detection(pool: Any, seeds: int) -> bool:
    """Print what is found of the planted defects; whether the clearest of each kind are."""
    plans = [
        Planted(name, c, seed) for name, (_, contrasts) in DEFECTS.items() for c in contrasts for seed in range(seeds)
    ]
    totals: dict[tuple[str, float], Any] = {(p.name, p.contrast): np.zeros(6) for p in plans}
    for planted, numbers in pool.imap_unordered(power, plans):
        totals[planted.name, planted.contrast] += numbers
    head = f"recall at 0.1 | false share of pixels at --fdr {FALSE_SHARE:g} | regions per clean image at --z {LEVEL:g}"
    sys.stdout.write(f"\n| defect in {SPOILT:.0%} of the images | contrast | {head} |\n|---|---|---|---|---|\n")
    for (name, contrast), (planted, hits, flagged, wrong, at_level, clean) in totals.items():
        row = f"{hits / planted:.2f} | {wrong / max(flagged, 1):.3f} of {flagged:.0f} | {at_level / clean:.3f}"
        sys.stdout.write(f"| {name} | {contrast:g} sigma | {row} |\n")
    clearest = [totals[name, contrasts[-1]] for name, (_, contrasts) in DEFECTS.items()]
    return all(hits >= RECALL * planted for planted, hits, *_ in clearest)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 frames, few seeds, no planted defects")
    parser.add_argument("--noise", nargs="+", choices=list(NOISES), default=list(NOISES))
    parser.add_argument("--frames", nargs="+", type=int, choices=list(SEEDS), default=list(SEEDS))
    parser.add_argument("--only", choices=("rates", "defects"))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    held = True
    with get_context("spawn").Pool(options.jobs) as pool:
        if options.only != "defects":
            seeds = QUICK_SEEDS if options.quick else {n: SEEDS[n] for n in options.frames}
            held = calibration(pool, options.noise, seeds)
        if options.only != "rates" and not options.quick:
            held &= detection(pool, POWER_SEEDS)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
