"""Linear operators: what predicts the data from the unknowns, z = A x.

A matrix (a dictionary with its atoms as columns) is one as it is, and so is any `scipy.sparse.linalg.LinearOperator`:
solvers write `operator @ x` and `operator.T @ z` and no more. This file has the rest: the identity, two operators on
images in one line, and the norm that step sizes follow from.
"""

from typing import Final, Protocol, final

import numpy as np

from kizu.arrays import namespace
from kizu.errors import ShapeError
from kizu.typing import Array, Bools, Floats

MARGIN = 1.01
"""The norm of an operator that is only applied is found by iterations, from below, to far less than this."""


class Operator(Protocol):
    """Anything that multiplies from the left, and so does its transpose."""

    @property
    def T(self) -> "Operator": ...

    def __matmul__(self, x: Array) -> Array: ...


@final
class Identity:
    """z = x."""

    @property
    def T(self) -> "Identity":
        return self

    def __matmul__(self, x: Array) -> Array:
        return x

    def __repr__(self) -> str:
        return "IDENTITY"


IDENTITY: Final = Identity()


def masking(observed: Bools) -> "Operator":
    """Keeps the entries of a line of numbers where `observed` (boolean, one axis) is true, and drops the others."""
    from scipy.sparse.linalg import LinearOperator

    places = np.flatnonzero(observed)

    def back(z: Floats) -> Floats:
        whole = np.zeros(len(observed), z.dtype)
        whole[places] = z.ravel()
        return whole

    shape = len(places), len(observed)
    operator: Operator = LinearOperator(shape, matvec=lambda x: x.ravel()[places], rmatvec=back, dtype=np.float64)
    return operator


def convolution(kernel: Floats, shape: tuple[int, ...]) -> "Operator":
    """Convolution of an image of `shape`, given in one line, with `kernel` (as many axes, odd sizes).

    The image is 0 beyond its edges; the result has its size.
    """
    from scipy.signal import convolve, correlate
    from scipy.sparse.linalg import LinearOperator

    if kernel.ndim != len(shape) or any(size % 2 == 0 for size in kernel.shape):
        raise ShapeError(
            f"the kernel has shape {kernel.shape}, the image {shape}",
            "Give odd sizes along as many axes",
            where="kernel",
        )
    size = int(np.prod(shape))
    operator: Operator = LinearOperator(
        (size, size),
        matvec=lambda x: convolve(x.reshape(shape), kernel, mode="same").ravel(),
        rmatvec=lambda z: correlate(z.reshape(shape), kernel, mode="same").ravel(),
        dtype=np.result_type(kernel.dtype, np.float32),
    )
    return operator


def is_matrix(operator: Operator) -> bool:
    """Whether the operator is an array, whose rows and entries can be taken."""
    return hasattr(operator, "__array_namespace__") or hasattr(operator, "__array__")


def squared_norm(operator: Operator) -> float:
    """‖A‖₂², or a little more: the Lipschitz constant of Aᵀ∇f(A x)."""
    if isinstance(operator, Identity):
        return 1.0
    if is_matrix(operator):
        xp = namespace(operator)
        wide = operator.shape[0] < operator.shape[1]  # type: ignore[attr-defined]
        gram = operator @ operator.T if wide else operator.T @ operator
        return max(float(xp.max(xp.linalg.eigvalsh(gram))), 0.0)
    return _iterated(operator)


def _iterated(operator: Operator) -> float:
    from scipy.sparse.linalg import svds

    rows, columns = operator.shape  # type: ignore[attr-defined]
    if min(rows, columns) <= 2:  # too small for a Krylov space
        whole = operator @ np.eye(columns)
        return float(np.linalg.norm(whole, 2)) ** 2
    start = np.random.default_rng(0).standard_normal(min(rows, columns))
    if not (operator.T @ (operator @ (operator.T @ start if rows < columns else start))).any():
        return 0.0  # ARPACK does not know the operator that is zero
    norm = float(svds(operator, k=1, return_singular_vectors=False, v0=start, random_state=0)[0])
    return MARGIN * norm**2
