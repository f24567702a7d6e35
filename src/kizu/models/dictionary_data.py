"""What a robust dictionary is made of: samples checked, centred and scaled, and the noise scale in them."""

from typing import Literal, NamedTuple

import numpy as np

from kizu.arrays import to_numpy
from kizu.calibration import mad
from kizu.errors import ShapeError
from kizu.models import dictionary_fit, validate
from kizu.models.dictionary_fit import State, Task
from kizu.parameters import Parameter
from kizu.solvers import huber_codes
from kizu.solvers.huber_codes import Coding, Shape
from kizu.typing import Array, Floats

Center = Literal["sample", "global"]
PILOTS, PILOT_SAMPLES, PILOT_ROUNDS = 2, 2000, 4
"""Pilot fits for sigma, on so many samples, in so many rounds. The first sigma is too large."""
NONE = 1e-5
"""Noise below this share of the data's own spread is none, as in robust PCA."""
WEIGHT = 3.0
"""lam and lam_anomaly in sigma: noise alone has that size in one of 400 entries or correlations with an atom."""


class Samples(NamedTuple):
    """Rows (samples, features) of ordinary size without their level, which broadcasts against them.

    Both are the data over 2**exponent.
    """

    rows: Floats
    level: Floats
    exponent: int


def matrix(Y: Array) -> Floats:
    """`Y` as a finite matrix of floating numbers, never the caller's own memory changed."""
    if isinstance(Y, np.ma.MaskedArray) or hasattr(Y, "toarray"):
        kind = "masked array" if isinstance(Y, np.ma.MaskedArray) else "sparse matrix"
        raise ShapeError(f"Y is a {kind}", "Fill or convert it first", where="Y")
    values = validate.real(to_numpy(Y), "Y")
    if values.ndim != 2 or values.size == 0:
        raise ShapeError(f"Y has shape {values.shape}", "Give a matrix (samples, features) with entries", where="Y")
    if not np.isfinite(values).all():
        raise ShapeError("Y has entries that are not finite", "Replace them or leave their rows out", where="Y")
    exact = np.float64 if values.dtype.kind != "f" and values.itemsize > 2 else np.float32
    return np.ascontiguousarray(values, np.result_type(values.dtype, exact))


def centred(values: Floats, center: Center | None, level: Floats | None = None, exponent: int | None = None) -> Samples:
    """`values` over a power of two, without their level: each sample's median, each feature's, or none.

    `level` and `exponent` are those of another fit; a sample's own level is always its own.
    """
    if exponent is None:
        exponent = validate.exponent_of(float(np.abs(values).max()))
    rows = np.ldexp(values, -exponent) if exponent else values
    if center == "sample":
        level = np.median(rows, axis=1, keepdims=True)
    elif center == "global":
        level = np.median(rows, axis=0, keepdims=True) if level is None else level
    else:
        level = np.zeros((1, 1))
    level = level.astype(rows.dtype)
    return Samples(rows - level, level, exponent)


def noise_scale(rows: Floats, atoms: int, shape: Shape, trim: float, positive: bool, atoms_positive: bool) -> Parameter:
    """Sigma of centred rows (samples, features): the spread of what pilot dictionaries do not explain.

    The first value is that of the rows beside their main subspace, too large where the background has more to it; a
    pilot dictionary at it leaves a residual that shows a smaller one. Where that vanishes sigma is 0.
    """
    spread = float(np.abs(rows).mean())
    rng = np.random.default_rng(0)
    some = rows if len(rows) <= PILOT_SAMPLES else rows[np.sort(rng.choice(len(rows), PILOT_SAMPLES, replace=False))]
    sigma = beside_subspace(some)
    good = dictionary_fit.first_samples(some)
    atoms = min(atoms, len(some))
    for _ in range(PILOTS):
        if sigma <= NONE * spread:
            return Parameter(0.0, "what the pilot leaves vanishes: no dense noise, exact form")
        problem = coding(sigma, rows.shape[1], shape, positive)
        task = Task(some, problem, trim, atoms_positive)
        state = dictionary_fit.begin(task, dictionary_fit.first_atoms(some, good, atoms, rng, atoms_positive))
        for _ in range(PILOT_ROUNDS):
            state, _ = dictionary_fit.advance(task, state, rng)
        sigma = beside_atoms(task, state)
    if sigma <= NONE * spread:
        return Parameter(0.0, "what the pilot leaves vanishes: no dense noise, exact form")
    return Parameter(sigma, "1.4826 · MAD of what a pilot's atoms leave, fitted and estimated in turn")


def coding(sigma: float, features: int, shape: Shape, positive: bool, tol: float = 1e-3) -> Coding:
    """The default weights at that noise."""
    return Coding(WEIGHT * sigma, default_tau(sigma, features, shape), shape, positive, tol)


def default_tau(sigma: float, features: int, shape: Shape) -> float:
    """3·sigma for an entry; for a row the length that noise alone has, and three of its deviations, sigma/√2 each."""
    return WEIGHT * sigma if shape == "entries" else (np.sqrt(features) + WEIGHT / np.sqrt(2)) * sigma


def beside_subspace(rows: Floats) -> float:
    """Sigma by the rows' residual beside their main subspace, for as many dimensions as are left."""
    _, axes = np.linalg.eigh(rows.T.astype(np.float64) @ rows)
    features = rows.shape[1]
    count = min(features // 4, max(len(rows) // 4, 1))
    axes = axes[:, features - count :].astype(rows.dtype)
    return mad(rows - (rows @ axes) @ axes.T) * float(np.sqrt(features / (features - count)))


def beside_atoms(task: Task, state: State) -> float:
    """Sigma by the residual of the samples that count, without what the weight lam has left of their own atoms.

    Codes fall short of least squares by lam·G⁻¹sign on the atoms in use, which looks like noise and is none.
    """
    rest = huber_codes.residual(task.Y, state.atoms, state.codes)[state.used].astype(np.float64)
    codes, atoms = state.codes[state.used], state.atoms.astype(np.float64)
    on = codes != 0
    own = np.where(on[:, :, None] & on[:, None, :], atoms @ atoms.T, 0.0)
    own.reshape(len(own), -1)[:, :: len(atoms) + 1] += np.where(on, 1e-6, 1.0)
    short = np.linalg.solve(own, np.where(on, rest @ atoms.T, 0.0)[:, :, None])[:, :, 0]
    rest -= short @ atoms
    features = task.Y.shape[1]
    free = 1.0 - min(float(on.sum(axis=1).mean()) / features, 0.9)
    return mad(rest) / float(np.sqrt(free))
