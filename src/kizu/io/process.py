"""A decoding worker: a process with two pipes, and a watch that kills it when its time is up."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from kizu.errors import ResourceError
from kizu.io.protocol import receive

START_SECONDS = 60.0
# Thread pools cost address space that a worker has to do without.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_KEPT = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL")


class Worker:
    """A running worker that has said that it is ready.

    `arguments` follow the interpreter on the command line. ResourceError if it does not start.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._owner = os.getpid()
        self._process = _popen(arguments)
        assert self._process.stdin is not None and self._process.stdout is not None  # asked for in _popen()
        self.requests: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self.answers: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._watch = Watch(self._process)
        with self.within(START_SECONDS):
            ready = _is_ready(self.answers)
        if not ready:
            self.kill()
            raise ResourceError("the decoding process does not start", "Check the installation with `kizu info`")

    @property
    def usable(self) -> bool:
        """Whether it lives and is ours: a fork must not talk over its parent's pipes."""
        return self._owner == os.getpid() and self._process.poll() is None

    @property
    def overran(self) -> bool:
        """Whether it was killed because its time was up."""
        return self._watch.rang

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Kill the worker if the block takes longer than `seconds`."""
        self._watch.set(time.monotonic() + seconds)
        try:
            yield
        finally:
            self._watch.set(math.inf)

    def kill(self) -> None:
        """Kill it and whatever it started, and collect it; a fork leaves its parent's worker alone."""
        if self._owner != os.getpid():
            return
        self._watch.end()
        _signal(self._process)
        self._process.wait()
        for stream in (self.requests, self.answers):
            with contextlib.suppress(OSError):  # unsent bytes have nowhere to go
                stream.close()


class Watch:
    """A thread that kills `process` at a deadline. It wakes at most once per deadline that passes, not per request."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.rang = False
        self._process = process
        self._deadline = self._wakes = math.inf
        self._ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="kizu-watch", daemon=True).start()

    def set(self, deadline: float) -> None:
        """Move the deadline, a time of the monotonic clock; infinity is none."""
        with self._changed:
            self._deadline = deadline
            if deadline < self._wakes:
                self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._ended and time.monotonic() < self._deadline:
                self._wakes = self._deadline
                self._changed.wait(None if self._wakes == math.inf else self._wakes - time.monotonic())
            if not self._ended:
                self.rang = True
                _signal(self._process)


def _popen(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _ENVIRONMENT
    environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # Ctrl-C is the parent's to handle, and what a worker forks dies with it
    )


def _is_ready(answers: BinaryIO) -> bool:
    try:
        return receive(answers).get("kind") == "ready"
    except (OSError, EOFError, ValueError):
        return False


def _signal(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
