"""The one writer: a file is either absent, old or whole; never half.

Every output of kizu goes through :func:`atomic_write`. A model is a folder with `model.json` and
`weights.safetensors`; no pickle is ever written or read.
"""

import contextlib
import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kizu.errors import KizuError, ReadError, ResourceError

MODEL_CARD = "model.json"
MODEL_WEIGHTS = "weights.safetensors"
TEMPORARY = ".part"


def atomic_write(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Call `write` on a temporary sibling of `path`, flush it to disk, then rename it.

    The folder is made if it is missing. A failure leaves the old file untouched and no temporary.
    """
    # 60 characters are at most 240 bytes: a name that just fits the file system leaves no room for a longer one.
    temporary = path.with_name(path.name[-60:] + TEMPORARY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError) or isinstance(error, KizuError):
            raise
        raise ResourceError(
            f"cannot write ({error.strerror or error})", "Free some space or choose another -o", where=str(path)
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    atomic_write(path, lambda file: file.write(data))


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_json(path: Path, document: Any) -> None:
    """Write `document` with sorted keys and no timestamps: the same content is the same bytes."""
    write_text(path, to_json(document) + "\n")


def to_json(document: Any) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def read_json(path: Path) -> Any:
    """The document in `path`; ReadError if it is missing or not JSON."""
    try:
        return json.loads(path.read_text("utf-8", "surrogateescape"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReadError(path, f"not a readable JSON file ({error})", "Give a folder that kizu wrote") from error


def save_model(folder: Path, card: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> None:
    """Write a model folder: arrays first, the card last, so that a card means a whole model."""
    from safetensors.numpy import save

    contiguous = {name: np.asarray(array, order="C") for name, array in sorted(weights.items())}
    data = save(contiguous)
    write_bytes(folder / MODEL_WEIGHTS, data)
    write_json(folder / MODEL_CARD, {**card, "weights_sha256": hashlib.sha256(data).hexdigest()})


def load_model(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a model folder written by :func:`save_model`; ReadError for weights that are not those of its card."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    card = read_json(folder / MODEL_CARD)
    weights = folder / MODEL_WEIGHTS
    try:
        data = weights.read_bytes()
        arrays = load(data)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise ReadError(weights, f"not readable model weights ({error})", "Make the model again") from error
    if not isinstance(card, dict):
        raise ReadError(folder / MODEL_CARD, "not a model card", "Give a folder that kizu wrote")
    if card.pop("weights_sha256", was := hashlib.sha256(data).hexdigest()) != was:
        raise ReadError(weights, "not the weights that its card was written for", "Make the model again")
    return card, arrays
