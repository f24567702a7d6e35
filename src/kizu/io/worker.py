"""The process that decodes untrusted files: `python -m kizu.io.worker`, one request after the other.

Requests are messages on stdin (see kizu.io.protocol):
    {"do": "probe" | "probe matrix", path, axes, seconds, memory}                  → one header
    {"do": "frames" | "frames matrix", ..., size, dtype, resize}   → a frame or a loss per frame, then the end
    {"do": "table", path, seconds, memory}     → three frames: JSON about it, values, places of rows; then the end
Nothing is kept between requests. A request that fails is answered with what is wrong and how to mend it.
"""

import json
import os
import warnings
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from kizu.errors import KizuError, ReadError, UsageError
from kizu.io.conform import conform
from kizu.io.opened import PIXELS, Opened, Size
from kizu.io.protocol import Message, receive, send
from kizu.io.readers import load_decoders, open_frames, open_matrix, open_table
from kizu.io.restrict import forbid, limit_memory, limit_seconds


def main() -> None:
    """Answer requests until stdin ends."""
    requests, answers = _private_pipes()
    Image.MAX_IMAGE_PIXELS = PIXELS
    load_decoders()
    forbid()
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    send(answers, {"kind": "ready"})
    while True:
        try:
            request = receive(requests)
        except EOFError:
            return
        answer(request, answers)


def answer(request: Message, answers: BinaryIO) -> None:
    """Do what `request` asks for; whatever goes wrong becomes one answer."""
    limit_memory(int(request["memory"]))
    limit_seconds(float(request["seconds"]))
    try:
        _WORK[request["do"]](request, answers)
    except Exception as error:  # decoders throw anything
        send(answers, {"kind": "error"} | fault(request["path"], error))


def fault(path: str, error: Exception) -> Message:
    """What is wrong and how to mend it, whatever was thrown."""
    if isinstance(error, KizuError):
        return {"usage": isinstance(error, UsageError), "what": error.what, "mend": error.mend}
    if isinstance(error, MemoryError):
        return {"what": "decoding it takes more memory than a file of its size may", "mend": "Save it uncompressed"}
    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        limit = PIXELS // 1_000_000
        return {"what": f"declares more than {limit} million pixels", "mend": "Cut it into tiles or shrink it"}
    if isinstance(error, UnidentifiedImageError):
        return {"what": "is not a picture inside, or damaged", "mend": "Copy it again or leave it out"}
    # The message goes into results, which do not say where on which machine their inputs lay
    reason = " ".join(f"{type(error).__name__}: {error}".replace(repr(path), "the file").split())[:200]
    return {"what": f"cannot be decoded ({reason})", "mend": "Copy it again or leave it out"}


def _open(request: Message) -> Opened:
    if request["do"].endswith("matrix"):
        return open_matrix(request["path"])
    return open_frames(request["path"], request["axes"])


def _probe(request: Message, answers: BinaryIO) -> None:
    opened = _open(request)
    first = opened.sizes[0]
    odd = next(([i, *size] for i, size in enumerate(opened.sizes) if size[:2] != first[:2]), None)
    send(
        answers,
        {
            "kind": "header",
            "declared": opened.declared,
            "present": len(opened.sizes),
            "size": first,
            "colour": max(size.channels for size in opened.sizes),
            "odd": odd,
            "dtype": opened.dtype.str,
            "container": opened.container,
            "notes": opened.notes,
            "lost": opened.lost,
        },
    )


def _frames(request: Message, answers: BinaryIO) -> None:
    opened = _open(request)
    size, dtype = Size(*request["size"]), np.dtype(request["dtype"])
    for index in range(len(opened.sizes)):
        try:
            frame = conform(request["path"], index, opened.frame(index), size, resize=request["resize"])
            if frame.dtype != dtype or frame.size != size.height * size.width * size.channels:
                raise ReadError(request["path"], f"{frame.dtype} pixels where the stack has {dtype}", "Leave it out")
        except Exception as error:  # decoders throw anything
            send(answers, {"kind": "lost", "index": index} | fault(request["path"], error))
        else:
            send(answers, {"kind": "frame", "index": index}, frame.data.cast("B"))
    send(answers, {"kind": "end"})


def _table(request: Message, answers: BinaryIO) -> None:
    table = open_table(request["path"])
    numbers = [column.values for column in table.columns if column.values is not None]
    if not numbers:
        kinds = ", ".join(f"{column.name} ({column.kind})" for column in table.columns[:5])
        raise ReadError(request["path"], f"has no column of numbers: {kinds}", "Give a table with at least one")
    about = {
        "columns": [[column.name, column.kind, column.texts, column.notes] for column in table.columns],
        "declared": table.declared,
        "skipped": table.skipped,
        "notes": table.notes,
    }
    send(answers, {"kind": "frame", "part": "about"}, memoryview(json.dumps(about).encode("ascii")))
    for part, array in (("values", np.stack(numbers, axis=1)), ("places", table.places)):
        send(answers, {"kind": "frame", "part": part, "shape": array.shape}, array.data.cast("B"))
    send(answers, {"kind": "end"})


_WORK: Mapping[str, Callable[[Message, BinaryIO], None]] = {
    "probe": _probe,
    "probe matrix": _probe,
    "frames": _frames,
    "frames matrix": _frames,
    "table": _table,
}


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout away from whatever a C library might print or read."""
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


if __name__ == "__main__":
    main()
