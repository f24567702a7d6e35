"""Masks from pictures of any kind."""

import numpy as np

from kizu.errors import ReadError, ShapeError, UsageError
from kizu.io.reading import read
from kizu.typing import Bools


def read_mask(path: str, height: int, width: int) -> Bools:
    """Read a picture as a mask (height, width): a pixel that is not zero in any channel is True.

    UsageError for one without a zero, ReadError for a file with several frames or none, ShapeError for a
    picture of another size.
    """
    stack = read([path])
    if stack.used != 1 or stack.declared != 1:
        raise ReadError(path, f"{stack.declared} frames, a mask is one", "Give a single picture")
    if (stack.height, stack.width) != (height, width):
        got, wanted = f"{stack.width}x{stack.height}", f"{width}x{height}"
        raise ShapeError(f"a mask of {got} pixels for frames of {wanted}", f"Give one of {wanted}", where=path)
    frame = stack.frames[0] != 0
    mask = np.asarray(frame.any(axis=-1) if frame.ndim == 3 else frame)
    if mask.all():
        raise UsageError("no pixel is zero: nothing would be judged", "Make what is to be judged black", where=path)
    return mask
