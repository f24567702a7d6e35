"""The array seam: the only module that knows which array library it has."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_numpy_array, is_torch_array
from numpy.typing import NDArray

from kizu.typing import Array


def namespace(*arrays: Array) -> Any:
    """The array library of `arrays`, with the names of the array API standard."""
    return array_namespace(*arrays)


def to_numpy(x: Array) -> NDArray[Any]:
    """`x` as a NumPy array: a view where possible, a copy from another device otherwise."""
    if is_torch_array(x):
        return np.asarray(x.detach().cpu().numpy())
    if hasattr(x, "get"):  # CuPy
        return np.asarray(x.get())
    return np.asarray(x)


def floating(x: Array) -> Array:
    """`x` as real floating numbers, integers in double precision; what is no array becomes one of NumPy's."""
    x = x if is_array(x) else np.asarray(x)
    xp = array_namespace(x)
    return x if xp.isdtype(x.dtype, "real floating") else xp.astype(x, xp.float64)


def boolean(x: Array) -> Array:
    """`x` as an array of truth values; what is no array becomes one of NumPy's."""
    x = x if is_array(x) else np.asarray(x)
    xp = array_namespace(x)
    return xp.astype(x, xp.bool)


def weak(number: Any) -> Any:
    """`number` without a dtype of its own: NumPy's float64 scalars would turn float32 data into float64."""
    return number.item() if isinstance(number, np.generic) else number


def or_one(x: Array) -> Array:
    """`x`, and 1 where it is 0: a size to divide by."""
    xp = namespace(x)
    return xp.where(x == 0, xp.ones_like(x), x)


def is_array(x: Any) -> bool:
    """Whether `x` is an array of any library; a number may be one, such as a learned tensor."""
    return hasattr(x, "__array_namespace__") or is_torch_array(x)


def like(x: NDArray[Any], example: Array) -> Array:
    """`x` in the library and on the device of `example`."""
    if is_numpy_array(example) or not is_array(example):
        return x
    xp = array_namespace(example)
    return xp.asarray(x, device=example.device)


def svd(x: Array) -> tuple[Array, Array, Array]:
    """Thin singular value decomposition of `x`.

    LAPACK's divide and conquer (gesdd) can fail on finite input; NumPy arrays then go to gesvd.
    """
    xp = namespace(x)
    try:
        u, s, vh = xp.linalg.svd(x, full_matrices=False)
    except np.linalg.LinAlgError:
        from scipy.linalg import svd as scipy_svd

        u, s, vh = scipy_svd(x, full_matrices=False, lapack_driver="gesvd")
    return u, s, vh
