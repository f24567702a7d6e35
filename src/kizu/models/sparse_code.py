"""Sparse codes of many samples over one dictionary: a few atoms explain each.

    minimise  ½‖y − x D‖² + lam·(ratio·‖x‖₁ + ½(1 − ratio)·‖x‖²)      for every row y of Y on its own, x ≥ 0 if asked

Lasso (Tibshirani 1996) with ratio = 1, elastic net (Zou & Hastie 2005) below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from kizu.arrays import like, to_numpy
from kizu.errors import ParameterError, ShapeError
from kizu.models import validate
from kizu.models.sparse_solvers import SOLVERS, Task
from kizu.parameters import Parameter
from kizu.solvers.composite import default_tolerance
from kizu.typing import Array, Floats

Solver = Literal["auto", "coordinate_descent", "fista", "ista", "admm"]
SHARE = 0.1
"""The default lam as a share of that from which on all codes are 0."""
MAX_ITER = 10_000
GRAM_ATOMS = 8192
"""Up to so many atoms the Gram matrix of the dictionary (half a gigabyte in float64) is worth having."""


@dataclass(frozen=True, eq=False)
class SparseCodes:
    """Codes, and the proof of each.

    `codes` (samples, atoms) is an array of the library of Y. `objective` and `relative_gap` (samples,) belong to one
    sample each: its optimum is at most that far below. `parameters`: every choice with its reason.
    """

    codes: Array
    objective: Floats
    relative_gap: Floats
    parameters: dict[str, Parameter]

    @property
    def converged(self) -> bool:
        """Whether every sample's gap is at most `tol`."""
        return bool(np.all(self.relative_gap <= self.parameters["tol"].value))

    @property
    def support(self) -> float:
        """Atoms used per sample, on average."""
        return float(np.count_nonzero(to_numpy(self.codes), axis=1).mean())


def sparse_code(
    Y: Array,
    D: Array,
    *,
    lam: float | None = None,
    ratio: float = 1.0,
    positive: bool = False,
    solver: Solver = "auto",
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    start: Array | None = None,
) -> SparseCodes:
    """Explain every row of Y by few rows of D.

    Parameters
    ----------
    Y : array (samples, features)
    D : array (atoms, features), the dictionary; atoms of length 1 are weighed alike
    lam : weight of the penalty in the units of Y. By default a tenth of the weight from which on all codes are 0, a
        tenth of the largest correlation: no scale of noise is known here; where it is, 3·sigma keeps noise out.
    ratio : 1 is the lasso; below it, the share of the l1 part of an elastic net
    positive : only codes ≥ 0
    solver : "auto" is coordinate descent as long as the atoms' Gram matrix fits, else FISTA
    tol : relative duality gap of every sample; 1e-5, for float32 1e-4
    max_iter : rounds or iterations at most
    start : codes to start from (samples, atoms), such as those at another lam

    Returns
    -------
    SparseCodes, whose codes have the library of Y, and float32 where Y and D have.

    Raises
    ------
    ParameterError, ShapeError : one line that says what to do
    """
    given, dictionary = checked(Y, D)
    check_numbers(lam, ratio, positive, solver, tol, max_iter)
    parameters = {
        "lam": default_weight(given, dictionary, ratio, positive) if lam is None else Parameter(lam, "given"),
        "ratio": Parameter(ratio, "the lasso" if ratio == 1 else "share of the l1 part"),
        "positive": Parameter(positive, "given" if positive else "codes of both signs"),
        "solver": _chosen(solver, len(dictionary)),
        "tol": _tolerance(tol, given),
    }
    task, scale = _scaled(given, dictionary, parameters, max_iter)
    codes = _start(start, task, scale.codes)
    objective, gap = SOLVERS[parameters["solver"].value](task, codes)
    return SparseCodes(like(_shifted(codes, scale.codes), Y), np.ldexp(objective, scale.objective), gap, parameters)


class _Scale(NamedTuple):
    """Powers of two that bring codes and objectives back to the units of the data."""

    codes: int
    objective: int


def _scaled(Y: Floats, D: Floats, parameters: dict[str, Parameter], max_iter: int) -> tuple[Task, _Scale]:
    """The task with data and dictionary of ordinary size: y/2ᵃ = (x·2ᵇ⁻ᵃ)(D/2ᵇ), which changes no bit but exponents."""
    a, b = (validate.exponent_of(float(np.abs(array).max(initial=0.0))) for array in (Y, D))
    lam, ratio = parameters["lam"].value, parameters["ratio"].value
    l1, ridge = float(np.ldexp(lam * ratio, -a - b)), float(np.ldexp(lam * (1.0 - ratio), -2 * b))
    numbers = l1, ridge, parameters["positive"].value, parameters["tol"].value, max_iter
    return Task(_shifted(Y, -a), _shifted(D, -b), *numbers), _Scale(a - b, 2 * a)


def _shifted(array: Floats, exponent: int) -> Floats:
    """array·2**exponent; data of ordinary size are not copied."""
    return np.ldexp(array, exponent) if exponent else array


def sparse_code_path(
    Y: Array, D: Array, *, lams: int | Sequence[float] = 20, **options: Any
) -> tuple[SparseCodes, ...]:
    """Sparse codes along lam, from the largest to the smallest, each started from the one before.

    `lams`: the weights, or how many between the one from which on all codes are 0 and a thousandth of it, evenly in
    ratio. `options` are those of :func:`sparse_code` but lam.
    """
    if "lam" in options:
        raise ParameterError("lam", options["lam"], "lams, the weights of the path")
    if isinstance(lams, int | np.integer) and not isinstance(lams, bool):
        given, dictionary = checked(Y, D)
        edge = default_weight(given, dictionary, options.get("ratio", 1.0), options.get("positive", False))
        weights = edge.value / SHARE * np.geomspace(1.0, 1e-3, max(int(lams), 0))
    else:
        weights = np.sort(np.ravel(np.asarray(lams, np.float64)))[::-1]
    if weights.size == 0 or isinstance(lams, bool | float):
        raise ParameterError("lams", lams, "a number of points of at least 1, or a list of weights")
    found: list[SparseCodes] = []
    for weight in weights:
        start = found[-1].codes if found else options.get("start")
        found.append(sparse_code(Y, D, **{**options, "lam": float(weight), "start": start}))
    return tuple(found)


def checked(Y: Array, D: Array, names: tuple[str, str] = ("Y", "D")) -> tuple[Floats, Floats]:
    """Y and D as finite matrices of one floating type that belong together; `names` is what the caller calls them."""
    given, dictionary = (_matrix(name, array) for name, array in zip(names, (Y, D), strict=True))
    if given.shape[1] != dictionary.shape[1]:
        one, other = names
        hint = f" (it has one row per atom: give {other}.T)" if given.shape[1] == dictionary.shape[0] else ""
        raise ShapeError(
            f"{one} has shape {given.shape}, {other} has {dictionary.shape}",
            f"Give as many features, columns, in both{hint}",
            where=other,
        )
    dtype = np.result_type(given.dtype, dictionary.dtype, np.float32)
    return np.ascontiguousarray(given, dtype), np.ascontiguousarray(dictionary, dtype)


def default_weight(Y: Floats, D: Floats, ratio: float, positive: bool) -> Parameter:
    """A share of the lam from which on all codes of Y are 0."""
    with np.errstate(over="ignore"):
        products = (block @ D.T for block in np.array_split(Y, max(1, len(Y) * len(D) >> 22)))
        edge = max(float((part if positive else np.abs(part)).max(initial=0.0)) for part in products) / ratio
    if edge == 0:
        return Parameter(1.0, "all codes are 0 at any weight")
    return Parameter(SHARE * edge, f"{SHARE:g} of {edge:.4g}, from which on all codes are 0")


def _matrix(name: str, array: Array) -> Floats:
    if isinstance(array, np.ma.MaskedArray) or hasattr(array, "toarray"):
        kind = "masked array" if isinstance(array, np.ma.MaskedArray) else "sparse matrix"
        raise ShapeError(f"{name} is a {kind}", "Fill or convert it first", where=name)
    values = validate.real(to_numpy(array), name)
    if values.ndim != 2 or values.size == 0:
        hint = f"; one sample is {name}[None]" if values.ndim == 1 else ""
        raise ShapeError(f"{name} has shape {values.shape}", f"Give a matrix with entries{hint}", where=name)
    if not np.isfinite(values).all():
        raise ShapeError(f"{name} has entries that are not finite", "Replace them or leave their rows out", where=name)
    return values if values.dtype.kind == "f" else values.astype(np.float64 if values.itemsize > 2 else np.float32)


def check_numbers(
    lam: float | None, ratio: float, positive: bool, solver: str, tol: float | None, max_iter: int
) -> None:
    """Refuse what no problem can have."""
    validate.positive("lam", lam)
    validate.positive("tol", tol)
    if not (isinstance(ratio, int | float | np.number) and 0 < ratio <= 1):
        raise ParameterError("ratio", ratio, "a number above 0, up to 1 (0 would be ridge, where no code is zero)")
    if not isinstance(positive, bool | np.bool_):
        raise ParameterError("positive", positive, "True or False")
    if not isinstance(solver, str) or solver not in ("auto", *SOLVERS):
        raise ParameterError("solver", solver, f"'auto' or one of {', '.join(map(repr, SOLVERS))}")
    if not (isinstance(max_iter, int | np.integer) and max_iter >= 1):
        raise ParameterError("max_iter", max_iter, "a whole number of at least 1")


def _chosen(solver: str, atoms: int) -> Parameter:
    if solver != "auto":
        return Parameter(solver, "given")
    if atoms <= GRAM_ATOMS:
        return Parameter("coordinate_descent", f"the Gram matrix of {atoms} atoms is small: each sample on its own")
    return Parameter("fista", f"the Gram matrix of {atoms} atoms would be large: all samples together")


def _tolerance(tol: float | None, Y: Floats) -> Parameter:
    if tol is not None:
        return Parameter(tol, "given")
    return Parameter(default_tolerance(Y), f"for {Y.dtype}")


def _start(start: Array | None, task: Task, exponent: int) -> Floats:
    shape = len(task.Y), len(task.D)
    if start is None:
        return np.zeros(shape, task.Y.dtype)
    codes = to_numpy(start)
    if codes.shape != shape or not np.isfinite(codes).all():
        raise ShapeError(
            f"start has shape {codes.shape}", f"Give finite codes (samples, atoms) = {shape}", where="start"
        )
    codes = _shifted(codes.astype(task.Y.dtype), -exponent)
    return np.maximum(codes, 0) if task.positive else codes
