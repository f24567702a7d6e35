"""Names used in annotations. Shapes are written in docstrings."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any
"""An array of any library that follows the array API (NumPy, torch, CuPy)."""

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Integers = NDArray[np.integer[Any]]
