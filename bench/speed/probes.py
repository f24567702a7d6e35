"""Parts of kizu against what the machine allows: `probes.py NAME,NAME [small]` prints JSON.

floor   GB/s of read, copy and b += a, and a low-rank step against b += a of the same two matrices
huber   the pass over the data of the stable model against its twin in NumPy, and two threads against one
growth  seconds to a certified result against pixels and against frames, with fitted exponents
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import problems
from kizu import robust_pca
from kizu.engines.threads import Threads
from kizu.lowrank import augmented, huber
from kizu.typing import Floats

REPEATS = 9
SHAPE, RANK = (300, 400_000), 4
"""Frames × pixels and rank of the low-rank step: far beyond any cache."""
HUBER_SHAPE, HUBER_RANK, CLIP = (200, 76_800), 8, 5.0
SMALL = 1 / 16
"""Of the pixels, for a first look."""
PIXELS = ((72, 88), (144, 176), (288, 352), (576, 704))
FRAMES = (100, 200, 400, 800)
PICTURE, COUNT = (144, 176), 200
TOL = 1e-4


def floor(small: bool) -> dict[str, float]:
    """Seconds of interleaved repeats, as GB/s; the step as a multiple of its floor."""
    width = int(SHAPE[1] * (SMALL if small else 1))
    rng = np.random.default_rng(0)
    m = rng.standard_normal((SHAPE[0], width), np.float32)
    w, left = m.copy(), np.linalg.qr(rng.standard_normal((SHAPE[0], RANK)))[0].astype(np.float32)
    lam = 1 / float(np.sqrt(width))
    engine = Threads()
    spans = engine.spans(m.shape)
    rows = [(i, i + 1) for i in range(SHAPE[0])]
    numbers = augmented.Numbers(1.0, 1.0, 1.0, lam)
    works: dict[str, Callable[[], Any]] = {
        "read": lambda: engine.map(lambda at: np.dot(m[at[0]], m[at[0]]), rows),
        "copy": lambda: engine.map(lambda at: np.copyto(w[at[0]], m[at[0]]), rows),
        "add": lambda: engine.map(lambda at: np.add(w[at[0]], m[at[0]], out=w[at[0]]), rows),
        "step": lambda: engine.map(
            lambda at: augmented.walk(m[:, at[0] : at[1]], w[:, at[0] : at[1]], None, left, left, left, numbers), spans
        ),
    }
    seconds = _interleaved(works)
    streams = {"read": 1, "copy": 2, "add": 3}
    told = {name: streams[name] * m.nbytes / float(np.median(seconds[name])) / 1e9 for name in streams}
    ratios = seconds["step"] / seconds["add"]
    return told | {"step": float(np.median(ratios)), "least": float(ratios.min()), "most": float(ratios.max())}


def kernel(small: bool) -> dict[str, dict[str, list[float]]]:
    """(median, least, most) of twin / kernel on one thread, and of one thread / two."""
    n, width = HUBER_SHAPE[0], int(HUBER_SHAPE[1] * (SMALL if small else 1))
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((n, HUBER_RANK)), rng.standard_normal((HUBER_RANK, width))
    grey = np.clip(125 + 20 * rng.standard_normal((n, width)), 0, 255)
    factors = left.astype(np.float32), 10 * right.astype(np.float32)
    return {name: _passes(grey.astype(name), *factors) for name in ("uint8", "float32")}


def _passes(raw: NDArray[Any], left: Floats, right: Floats) -> dict[str, list[float]]:
    basis, one, two = np.linalg.qr(left)[0], Threads(1), Threads()
    spans = two.spans((raw.shape[0], raw.shape[1]))

    def run(engine: Threads, level: int | None) -> None:
        def part(at: tuple[int, int]) -> Any:
            here = slice(*at)
            return huber.walk(raw[:, here], None, None, None, left, right[:, here], basis, CLIP, level=level)

        engine.map(part, spans)

    seconds = _interleaved({"twin": lambda: run(one, 0), "one": lambda: run(one, None), "two": lambda: run(two, None)})
    return {"twin": _range(seconds["twin"] / seconds["one"]), "threads": _range(seconds["one"] / seconds["two"])}


def growth(small: bool) -> dict[str, Any]:
    """8-bit video with noise to a gap of 1e-4: exponents of seconds, and of seconds per step."""
    sizes = {
        "pixels": [problems.Video(*size, COUNT) for size in PIXELS[: 2 if small else None]],
        "frames": [problems.Video(*PICTURE, count) for count in FRAMES[: 2 if small else None]],
    }
    return {name: _grown(kinds, name) for name, kinds in sizes.items()}


def _grown(kinds: list[problems.Video], name: str) -> dict[str, Any]:
    of = [kind.frames if name == "frames" else kind.height * kind.width for kind in kinds]
    seconds, steps = [], []
    for kind in kinds:
        truth = problems.truth_of(kind)
        matrix = np.empty(truth.support.shape, np.uint8)
        problems.fill(matrix, truth, noisy=True)
        found = robust_pca(matrix, noise=problems.SIGMA, tol=TOL)
        times = _interleaved({"it": lambda m=matrix: robust_pca(m, noise=problems.SIGMA, tol=TOL)}, 5)["it"]
        seconds.append(float(np.median(times)))
        steps.append(len(found.history))
    per_step = [s / k for s, k in zip(seconds, steps, strict=True)]
    fits = {"exponent": _slope(of, seconds), "per_step": _slope(of, per_step)}
    return {"of": of, "seconds": seconds, "steps": steps} | fits


def _interleaved(works: dict[str, Callable[[], Any]], repeats: int = REPEATS) -> dict[str, Floats]:
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(repeats):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begun)
    return {name: np.array(times) for name, times in seconds.items()}


def _range(values: Floats) -> list[float]:
    return [float(np.median(values)), float(values.min()), float(values.max())]


def _slope(x: list[int], y: list[float]) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


PROBES = {"floor": floor, "huber": kernel, "growth": growth}

if __name__ == "__main__":
    chosen, little = sys.argv[1].split(","), "small" in sys.argv[2:]
    print(json.dumps({name: PROBES[name](little) for name in chosen}))
