"""The real worker with one more reader, whose files do to it what their text says."""

import ctypes
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kizu.io.opened import Opened, Size
from kizu.io.readers import READERS, Reader
from kizu.io.worker import main


def spin() -> None:
    while True:
        pass


def eat_memory() -> None:
    held = []
    while True:
        held.append(np.empty(1 << 28, dtype=np.uint8))  # address space is what is limited


def babble() -> None:
    sys.stdout.write("nonsense\n")
    os.write(1, b"nonsense\n")


DEEDS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit": lambda: os._exit(0),
    "spin": spin,
    "sleep": lambda: time.sleep(3600),
    "memory": eat_memory,
    "recursion": lambda: eval("(" * 5000),
    "babble": babble,
    "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    "program": lambda: subprocess.run(["true"], check=True),
    "fork": os.fork,
    "pickle": lambda: pickle.loads(pickle.dumps(np.float64)),
    "lines": lambda: (_ for _ in ()).throw(ValueError("two\nlines\x1b[31m")),
}


def open_hostile(file: BinaryIO, path: str, axes: str | None) -> Opened:
    """Three frames; `HOSTILE <deed>` is done on opening, `HOSTILE <deed> late` on decoding frame 1."""
    deed, late = file.read().decode().split()[1:]
    if late == "early":
        DEEDS[deed]()

    def frame(index: int) -> NDArray[Any]:
        if late == "late" and index == 1:
            DEEDS[deed]()
        return np.full((4, 5), index, dtype=np.uint8)

    return Opened(frame, (Size(4, 5, 1),) * 3, np.dtype(np.uint8), 3, container=True)


if __name__ == "__main__":
    READERS[".hostile"] = Reader("hostile", (b"HOSTILE",), "__main__:open_hostile")
    main()
