"""What is run against what: a contest is one problem, one of kizu's modes first, and the others against it."""

from typing import NamedTuple

STUBBORN = 120.0
"""Seconds that a contestant may take where one is known to need minutes: longer, and "> 120" is the result."""
LONG = 1200.0


class Entry(NamedTuple):
    """One contestant at one tolerance; `dtype` None is the contest's own.

    Of entries of one `group` only the best goes on after the first round. `once` is for those whose single run
    takes longer than all others together.
    """

    contestant: str
    tol: float
    dtype: str | None = None
    group: str = ""
    cap: float = LONG
    once: bool = False

    @property
    def mode(self) -> str:
        if self.contestant == "kizu fast" or not (self.contestant.startswith("kizu") or self.group):
            return f"residual {self.tol:.0e}".replace("e-0", "e-")
        return f"gap {self.tol:.0e}".replace("e-0", "e-")


class Contest(NamedTuple):
    """The first entry is kizu's, and what the ratios of all others refer to. Data are made as `data`.

    `quick`: belongs to a first look. `choose`: the others run with one thread and with two, and keep what suits them.
    """

    name: str
    problem: str
    noisy: bool
    data: str
    entries: tuple[Entry, ...]
    quick: bool = True
    choose: bool = True


def _held(tol: float) -> tuple[Entry, ...]:
    return tuple(Entry(f"NumPy IALM, μ held at {c} μ₀", tol, group="held", once=True) for c in (30, 100, 300))


def _slow(tol: float, *names: str) -> tuple[Entry, ...]:
    return tuple(Entry(name, tol, cap=STUBBORN, once=True) for name in names)


CONTESTS = (
    Contest(
        "P1 1000",
        "P1 1000",
        False,
        "float64",
        (
            Entry("kizu fast", 1e-7),
            Entry("kizu certified", 1e-4),
            Entry("NumPy IALM", 1e-7),
            Entry("randomized IALM", 1e-7),
            Entry("pyrpca", 1e-7),
            Entry("R rrpca", 1e-7),
            *_slow(1e-7, "tensorly", "sporco"),
        ),
    ),
    Contest(
        "P1 2000",
        "P1 2000",
        False,
        "float64",
        (
            Entry("kizu fast", 1e-7),
            Entry("NumPy IALM", 1e-7),
            Entry("randomized IALM", 1e-7),
            Entry("pyrpca", 1e-7),
        ),
        quick=False,
    ),
    Contest(
        "P2 f64",
        "P2",
        False,
        "float64",
        (
            Entry("kizu fast", 1e-7),
            Entry("kizu certified", 1e-4),
            Entry("NumPy IALM", 1e-7),
            Entry("randomized IALM", 1e-7),
            Entry("pyrpca", 1e-7),
            Entry("R rrpca", 1e-7),
            *_slow(1e-7, "tensorly", "sporco"),
        ),
        quick=False,
    ),
    Contest(
        "P2 f32",
        "P2",
        False,
        "float32",
        (Entry("kizu fast", 1e-6), Entry("NumPy IALM", 1e-6), Entry("randomized IALM", 1e-6), Entry("pyrpca", 1e-6)),
        quick=False,
    ),
    Contest(
        "P2s noisy u8",
        "P2s",
        True,
        "uint8",
        (
            Entry("kizu stable", 1e-4),
            Entry("kizu stable", 1e-6),
            Entry("NumPy IALM", 1e-7, "float64"),
            Entry("randomized IALM", 1e-7, "float64"),
            Entry("pyrpca", 1e-7, "float64"),
            Entry("R rrpca", 1e-7, "float64"),
            *(entry._replace(dtype="float64") for entry in _slow(1e-7, "tensorly", "sporco")),
        ),
    ),
    Contest(
        "P2s noisy f64",
        "P2s",
        True,
        "float64",
        (Entry("kizu certified", 1e-4), Entry("kizu fast", 1e-7), Entry("kizu stable", 1e-4), *_held(1e-4)),
        quick=False,
    ),
    Contest(
        "P2 noisy u8",
        "P2",
        True,
        "uint8",
        (Entry("kizu stable", 1e-4), Entry("kizu stable", 1e-6), Entry("kizu stable", 1e-4, "float32")),
    ),
    Contest("P3 noisy u8", "P3", True, "uint8", (Entry("kizu stable", 1e-4),), quick=False),
    Contest("P3 f32", "P3", False, "float32", (Entry("kizu fast", 1e-6),), quick=False),
)
SMOKE = (
    Contest(
        "small square",
        "small square",
        False,
        "float64",
        (Entry("kizu fast", 1e-7), Entry("NumPy IALM", 1e-7), Entry("randomized IALM", 1e-7), Entry("R rrpca", 1e-7)),
        choose=False,
    ),
    Contest(
        "small video",
        "small video",
        True,
        "uint8",
        (Entry("kizu stable", 1e-4), Entry("NumPy IALM", 1e-7, "float64")),
        choose=False,
    ),
    Contest(
        "small video f64",
        "small video",
        True,
        "float64",
        (Entry("kizu certified", 1e-4), Entry("NumPy IALM, μ held at 100 μ₀", 1e-4, group="held", once=True)),
        choose=False,
    ),
)
