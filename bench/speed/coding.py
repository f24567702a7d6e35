"""Sparse codes of many samples: problems, contestants and judge, each contestant in a process of its own.

    minimise  ½‖y − x D‖² + λ‖x‖₁      for every row y of Y on its own

`coding.py SPEC` (JSON) prints one line of JSON. Timed is the call alone, in seconds of the processor, results in memory
included: the least of a few calls, since the first one also waits for the system to hand out that memory, as long as
it happens to take. The judging comes after it.
"""

import importlib.util
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu import scenes
from kizu.models.sparse_code import sparse_code
from kizu.typing import Floats

SEED = 1
WARM = 20
CALLS, LONG = 3, 2.0
"""Calls in one process, as long as they take no more seconds than that."""
TOL = {"float32": 1e-4, "float64": 1e-5}
"""Relative duality gap that celer is to stop each sample at, as kizu does by default; others take no such number."""
PART = 1000
"""Samples that are judged together."""


class Problem(NamedTuple):
    """`side` × `side` patches over `atoms` atoms; `make` draws (Y, D) with (rng, samples, side, atoms)."""

    make: Callable[..., tuple[Floats, Floats]]
    samples: int
    side: int
    atoms: int
    lam: float
    what: str

    def data(self, samples: int, dtype: str) -> tuple[Floats, Floats]:
        """(Y, D), the same every time."""
        Y, D = self.make(np.random.default_rng(SEED), samples, self.side, self.atoms)
        return Y.astype(dtype), D.astype(dtype)


def planted(rng: np.random.Generator, samples: int, side: int, atoms: int) -> tuple[Floats, Floats]:
    """Four atoms of a random dictionary each, and noise."""
    D = _unit(rng.standard_normal((atoms, side * side)))
    Y = 0.05 * rng.standard_normal((samples, side * side))
    for _ in range(4):
        Y += 0.4 * rng.standard_normal((samples, 1)) * D[rng.integers(0, atoms, samples)]
    return Y, D


def rendered(rng: np.random.Generator, samples: int, side: int, atoms: int) -> tuple[Floats, Floats]:
    """Patches of rendered walls without their mean, of length 1; the atoms are other such patches."""
    frames = scenes.walls(SEED)[0].frames
    D = _patches(rng, frames, atoms, side)
    return _patches(rng, frames, samples, side), D


def _patches(rng: np.random.Generator, frames: Any, count: int, side: int) -> Floats:
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(frames), (side, side), axis=(1, 2))
    places = tuple(rng.integers(0, size, count) for size in windows.shape[:3])
    patches = windows[places].reshape(count, -1).astype(np.float64)
    return _unit(patches - patches.mean(1, keepdims=True))


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


PROBLEMS = {
    "sparse": Problem(planted, 100_000, 8, 256, 0.15, "planted codes and noise"),
    "walls": Problem(rendered, 100_000, 8, 256, 0.15, "rendered walls"),
    "dense": Problem(rendered, 2_000, 16, 512, 0.01, "rendered walls, weak weight"),
}
Coder = Callable[[Floats, Floats, float], Callable[[], NDArray[Any]]]


def kizu(Y: Floats, D: Floats, lam: float) -> Callable[[], NDArray[Any]]:
    """As a user calls it, with its defaults: a certificate for every sample."""
    found = sparse_code(Y, D, lam=lam)
    return lambda: np.asarray(found.codes)


def spams(Y: Floats, D: Floats, lam: float) -> Callable[[], NDArray[Any]]:
    """Least angle regression. It wants columns, which Yᵀ and Dᵀ are in memory; its codes are a sparse matrix."""
    import spams as library

    found = library.lasso(Y.T, D=D.T, lambda1=lam, mode=2, numThreads=1)
    return lambda: found.toarray().T


def scikit_learn(algorithm: str) -> Coder:
    def run(Y: Floats, D: Floats, lam: float) -> Callable[[], NDArray[Any]]:
        from sklearn.decomposition import sparse_encode

        found = sparse_encode(Y, D, algorithm=algorithm, alpha=lam, n_jobs=1)
        return lambda: found

    return run


def celer(Y: Floats, D: Floats, lam: float) -> Callable[[], NDArray[Any]]:
    """Made for one long y at a time: called for each sample."""
    import celer as library

    model = library.Lasso(alpha=lam / Y.shape[1], fit_intercept=False, tol=TOL[Y.dtype.name])
    columns = np.asfortranarray(D.T)
    found = np.array([model.fit(columns, y).coef_ for y in Y])
    return lambda: found


class Contestant(NamedTuple):
    """`share` of the problem's samples that it gets: its time is then scaled up to all of them."""

    name: str
    run: Coder
    share: float = 1.0
    module: str = ""

    @property
    def present(self) -> bool:
        return not self.module or importlib.util.find_spec(self.module) is not None


CONTESTANTS = {
    "kizu": Contestant("kizu", kizu),
    "spams": Contestant("spams.lasso", spams, module="spams"),
    "cd": Contestant("scikit-learn, lasso_cd", scikit_learn("lasso_cd"), 0.02),
    "lars": Contestant("scikit-learn, lasso_lars", scikit_learn("lasso_lars"), 0.01),
    "celer": Contestant("celer.Lasso", celer, 0.002, "celer"),
}


def main(spec: dict[str, Any]) -> dict[str, Any]:
    """Run one contestant; seconds and values are per sample."""
    warnings.simplefilter("ignore")  # of convergence: what was reached is judged
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core for everyone's threads
    problem, contestant = PROBLEMS[spec["problem"]], CONTESTANTS[spec["contestant"]]
    samples = max(WARM, round(contestant.share * spec["samples"]))
    Y, D = problem.data(spec["samples"], spec["dtype"])
    Y = Y[:samples]
    contestant.run(Y[:WARM], D, problem.lam)
    seconds: list[float] = []
    while not seconds or (len(seconds) < CALLS and seconds[-1] < LONG):
        begun = time.process_time()
        finish = contestant.run(Y, D, problem.lam)
        seconds.append(time.process_time() - begun)
    told = {"seconds": min(seconds) / samples, "samples": samples}
    return told | (judged(Y, D, finish(), problem.lam) if spec["judge"] else {})


def judged(Y: Floats, D: Floats, codes: NDArray[Any], lam: float) -> dict[str, float]:
    """In float64, from the definitions: non-zeros and objective, on average, and the largest relative gap."""
    D, gaps, objective = D.astype(np.float64), [], 0.0
    for start in range(0, len(Y), PART):
        y, x = (a[start : start + PART].astype(np.float64) for a in (Y, codes))
        r = y - x @ D
        square, inner = np.einsum("ij,ij->i", r, r), np.einsum("ij,ij->i", r, y)
        primal = square / 2 + lam * np.abs(x).sum(1)
        scale = np.clip(inner / square, 0, lam / np.abs(r @ D.T).max(1))
        gaps.append((primal - scale * inner + scale**2 * square / 2) / primal)
        objective += float(primal.sum())
    nonzeros = np.count_nonzero(codes, axis=1)
    return {
        "objective": objective / len(Y),
        "gap": float(np.concatenate(gaps).max()),
        "nonzeros": float(nonzeros.mean()),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
