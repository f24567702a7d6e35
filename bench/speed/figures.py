"""The figures that kizu is to reach, and what was seen."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from arena import Row

WHOLE = ("NumPy IALM", "pyrpca")
RANDOM = ("randomized IALM",)
HELD = tuple(f"NumPy IALM, μ held at {c} μ₀" for c in (30, 100, 300))


class Target(NamedTuple):
    """The least ratio of kizu's head row in `contest` against the fastest of `against`; `key` names it in words."""

    key: str
    contest: str
    against: tuple[str, ...]
    least: float


class Figure(NamedTuple):
    """`key` and `wanted` as in the words of :mod:`tables`; `held` None where nothing was measured."""

    key: str
    wanted: str
    seen: str
    held: bool | None


TARGETS = (
    Target("P2 f64, fast / full SVD", "P2 f64", WHOLE, 40),
    Target("P2 f32, fast / randomized", "P2 f32", RANDOM, 20),
    Target("P2s noisy uint8, stable / full SVD", "P2s noisy u8", WHOLE[:1], 100),
    Target("P2s noisy f64, certified / best held μ", "P2s noisy f64", HELD, 8),
    Target("P1 1000, fast / full SVD", "P1 1000", WHOLE, 25),
    Target("P1 1000, fast / randomized", "P1 1000", RANDOM, 3.5),
    Target("P1 2000, fast / full SVD", "P1 2000", WHOLE, 25),
    Target("P1 2000, fast / randomized", "P1 2000", RANDOM, 3.5),
)
STEPS, SECONDS, ROOM, STEP, THREADS, LINEAR = 25, 3.0, 0.6e9, 2.0, 1.6, 1.1
KERNEL = {"uint8": 4.0, "float32": 3.2}


def figures(rows: list[Row], probes: dict[str, Any]) -> list[Figure]:
    """Of everything that was measured."""
    found = {(row.contest.name, row.entry): row for row in rows if row.status == "ran"}
    return [
        *(figure for target in TARGETS for figure in _ratios(target, list(found.values()))),
        *_stable(list(found.values())),
        *(figure for name, make in MAKE.items() if name in probes for figure in make(probes[name])),
    ]


def _ratios(target: Target, rows: list[Row]) -> Iterator[Figure]:
    """Against the fastest there is: the least favourable ratio."""
    meant = [row for row in rows if row.contest.name == target.contest and row.entry.contestant in target.against]
    if meant:
        row = min(meant, key=lambda row: row.ratio)
        seen = f"{row.ratio:.1f} ({min(row.ratios):.1f} to {max(row.ratios):.1f}): {row.entry.contestant}"
        yield Figure(target.key, f"≥ {target.least:g}", seen, row.ratio >= target.least)


def _stable(rows: list[Row]) -> Iterator[Figure]:
    for row in rows:
        if row.contest.name in ("P2 f64", "P3 noisy u8") and row.entry == row.contest.entries[0]:
            yield Figure(f"{row.contest.name}, dense", "", f"{row.told['shown']:.2f}", None)
        if row.contest.name == "P2s noisy u8" and row.entry.contestant == "kizu stable" and row.entry.tol < 1e-5:
            steps = row.told["iterations"]
            yield Figure("P2s noisy uint8, steps to a gap of 1e-6", f"≤ {STEPS}", str(steps), steps <= STEPS)
        if row.contest.name == "P3 noisy u8":
            yield Figure("P3 uint8, seconds", f"≤ {SECONDS:g}", f"{row.wall:.2f}", row.wall <= SECONDS)
            if row.told["peak"] is not None:
                peak = row.told["peak"]
                yield Figure("P3 uint8, memory beyond the data", "≤ 0.6 GB", f"{peak / 1e9:.2f} GB", peak <= ROOM)


def _floor(seen: dict[str, float]) -> Iterator[Figure]:
    rates = ", ".join(
        f"{name} {seen[key]:.0f}" for name, key in (("read", "read"), ("copy", "copy"), ("b += a", "add"))
    )
    yield Figure("GB/s, two threads", "", rates, None)
    told = f"{seen['step']:.2f} ({seen['least']:.2f} to {seen['most']:.2f})"
    yield Figure("low-rank step / b += a", f"≤ {STEP:g}", told, seen["step"] <= STEP)


def _huber(seen: dict[str, dict[str, list[float]]]) -> Iterator[Figure]:
    for dtype, ratios in seen.items():
        for name, least in (("twin", KERNEL[dtype]), ("threads", THREADS)):
            middle, low, high = ratios[name]
            told = f"{middle:.2f} ({low:.2f} to {high:.2f})"
            yield Figure(f"Huber pass {dtype}, {name}", f"≥ {least:g}", told, middle >= least)


def _growth(seen: dict[str, Any]) -> Iterator[Figure]:
    for name, fit in seen.items():
        span = f"{fit['of'][0]:,} to {fit['of'][-1]:,}"
        told = f"n^{fit['exponent']:.2f}, per step n^{fit['per_step']:.2f} ({span})"
        yield Figure(f"growth with {name}", f"≤ n^{LINEAR:g}", told, fit["exponent"] <= LINEAR)


MAKE: dict[str, Callable[[Any], Iterator[Figure]]] = {"floor": _floor, "huber": _huber, "growth": _growth}
