"""Training of networks that code the rows of a matrix sparsely over a dictionary."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from kizu.errors import NothingUsableError, UsageError
from kizu.io.matrix import kind_of, read_matrix
from kizu.io.regular import sha256_of
from kizu.models.robust_dictionary import robust_dictionary
from kizu.models.safeguard import safeguard, units
from kizu.models.sparse_code import checked, default_weight, sparse_code
from kizu.pipeline.refit import Progress
from kizu.pipeline.train import Training
from kizu.pipeline.train_options import TrainOptions
from kizu.stack import Skipped
from kizu.typing import Bools, Floats, Integers

if TYPE_CHECKING:
    from torch import nn

LAYERS = 16
FEWEST = 20
"""Directions that can be divided into some to train on and some to judge by."""
SAME = 1e-6
"""Unit rows so near each other are one sample: eight times the rounding of single precision, which is trained in."""
LOOKS = 8
"""Projections that rows are compared in."""
BATCH = 64
DECIBELS = 10.0 / np.log(10.0)


def prepare(data: str, options: TrainOptions, progress: Progress) -> Training:
    """Rows of DATA (.npy), a dictionary, codes to learn, and a network that starts as ISTA."""
    from kizu.networks.coders import CODERS
    from kizu.networks.coding_task import CodingTask, Objective, drawn, log_error, pairs

    rows, skipped = _rows(data)
    judging = judged(rows, options.validation, options.seed, data)
    train, val = rows[~judging], rows[judging]
    D = _dictionary(options, train, progress)
    unit_train, unit_val = (units(checked(part, D)[0]).samples.astype(np.float32) for part in (train, val))
    lam, layers = default_weight(unit_train, D, 1.0, positive=False).value, options.layers or LAYERS
    learn = options.learn or options.entry.learn[0]
    progress("learn", 0, 1)
    goal, sought = ((Y, sparse_code(Y, D, lam=lam).codes) for Y in (unit_train, unit_val))
    coder = CODERS[options.network]
    network = coder.make(D, layers, lam=lam)
    batch = drawn(network, *goal, size=min(BATCH, len(train)), seed=options.seed)
    measure = log_error if learn == "distil" else Objective(network.get_buffer("constants.A"), lam)

    def close(network: "nn.Module") -> dict[str, Any]:
        return _close(network, val, D, lam, layers)

    return Training(
        network=network,
        config={"layers": layers, "lam": lam},
        task=CodingTask(batch, pairs(network, *sought), measure),
        recipe=coder.recipe(layers, options.steps),
        learn=learn,
        measure="log error of the codes" if learn == "distil" else "objective",
        sha256=sha256_of(data) + ("" if options.dictionary is None else sha256_of(options.dictionary)),
        split=f"{100 * options.validation:g} % of the rows' directions, drawn with seed {options.seed}",
        examples={"train": len(train), "val": len(val), "test": 0},
        pixels={"features": D.shape[1], "dtype": str(rows.dtype)},
        skipped=skipped,
        close=close,
    )


def _rows(data: str) -> tuple[Floats, tuple[Skipped, ...]]:
    """Rows of the matrix whose every entry is known; those that are not are named."""
    if kind_of([data]) != "matrix":
        raise UsageError("is not a matrix", "Give samples as rows of a 2-D array (.npy)", where=data)
    values = read_matrix(data)
    values = values if values.dtype.kind == "f" else values.astype(np.float32)
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        raise NothingUsableError("has no row whose entries are all numbers", "Fill them", where=data)
    if not values[known].any():
        raise NothingUsableError("has nothing but zeros", "Give data with content", where=data)
    lost = tuple(
        Skipped(f"{data} row {n}", "has entries that are not numbers", "Fill them") for n in np.flatnonzero(~known)
    )
    return values[known], lost


def judged(rows: Floats, share: float, seed: int, data: str) -> Bools:
    """Which rows to judge by, a `share` of the directions; the others are to train on."""
    group = directions(rows)
    count = int(group.max()) + 1
    if count < FEWEST:
        what = f"has {count} usable rows that are not multiples of one another, at least {FEWEST} are needed"
        raise NothingUsableError(what, "Give more samples", where=data)
    order = np.random.default_rng(seed).permutation(count)
    return np.isin(group, order[: max(1, round(share * count))])


def directions(rows: Floats) -> Integers:
    """The number of each row's direction: rows that are multiples of one another, but for rounding, share one.

    They are one sample to a network, which sees them at length 1, and codes −y as minus the codes of y. Rows are
    projected onto a few directions and compared there, in cells: rounding moves a projection by less than a cell, so
    that multiples lie in the same cell or in neighbours. Other rows as good as never do, in all of the projections.
    """
    sides = np.random.default_rng(0).standard_normal((rows.shape[1], LOOKS))
    sides /= np.linalg.norm(sides, axis=0)
    looks = np.abs(units(rows.astype(np.float64)).samples @ sides)
    cells, cell = np.unique(np.round(looks / SAME), axis=0, return_inverse=True)
    near = KDTree(cells).query_pairs(1.0, p=np.inf, output_type="ndarray")
    graph = coo_array((np.ones(len(near), np.bool_), near.T), shape=(len(cells), len(cells)))
    return np.asarray(connected_components(graph, directed=False)[1][cell.reshape(-1)])


def _dictionary(options: TrainOptions, train: Floats, progress: Progress) -> Floats:
    """The dictionary given (atoms, features), or one learned from the rows to train on; atoms of length 1."""
    if options.dictionary is None:
        progress("learn", 0, 1)
        return np.asarray(robust_dictionary(train, center=None).atoms, np.float32)
    atoms = read_matrix(options.dictionary).astype(np.float32)
    length = np.linalg.norm(atoms, axis=1, keepdims=True)
    if atoms.shape[1] != train.shape[1]:
        raise UsageError(
            f"has {atoms.shape[1]} columns, the samples have {train.shape[1]}",
            "Give atoms as rows, of as many features as the samples",
            where=options.dictionary,
        )
    if not (np.isfinite(atoms).all() and length.all()):
        raise UsageError("has atoms that are zero or not finite", "Leave them out", where=options.dictionary)
    return np.asarray(atoms / length, np.float32)


def _close(network: "nn.Module", val: Floats, D: Floats, lam: float, layers: int) -> dict[str, Any]:
    """How near the lasso's codes the network comes on rows that it was not trained on, and how often it wins."""
    from kizu.networks.coders import propose

    network.eval().cpu()
    unit = units(checked(val, D)[0]).samples
    codes, goal = propose(network, unit), sparse_code(unit, D, lam=lam).codes  # type: ignore[arg-type]
    error = ((codes - goal) ** 2).sum(axis=1) / np.maximum((goal**2).sum(axis=1), np.finfo(np.float32).tiny)
    safe = safeguard(unit, D, codes, lam=lam, steps=layers)
    numbers = {
        "samples": len(val),
        "nmse_db": float(DECIBELS * np.log(((codes - goal) ** 2).sum() / max((goal**2).sum(), 1e-30))),
        "median_nmse_db": float(DECIBELS * np.log(max(float(np.median(error)), 1e-30))),
        "network_wins": float(safe.learned.mean()),
        "median_gap": float(np.median(safe.relative_gap)),
    }
    return {"metrics": {"protocol": "against the converged lasso of unit samples", "validation": numbers}}
