"""The reading side of the decoding worker: start it, ask it, watch its clock, replace it.

A decoder of a hostile file can crash, spin or eat memory. Here that costs the worker its life and
the file its place in the stack, nothing else.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

from kizu.errors import KizuError, ReadError, ResourceError, UsageError
from kizu.io.protocol import Message, receive, receive_into, send

COMMAND = ("-P", "-m", "kizu.io.worker")  # -P: nothing is imported from the folder of the images
START_SECONDS = 60.0
# Thread pools cost address space that a worker has to do without.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_KEPT = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL")


class Sink(Protocol):
    """Where the frames of an answer go."""

    def place(self, message: Message) -> memoryview:
        """The bytes that the array announced by `message` is to fill."""

    def take(self, message: Message) -> None:
        """Note that `message` is complete: its array has been filled, or it says that a frame is lost."""


class Decoder:
    """One worker process, started when first asked and again after each death.

    Requests of several threads queue up. `arguments` follow the interpreter on the command line.
    """

    def __init__(self, arguments: Sequence[str] = COMMAND) -> None:
        self._arguments = tuple(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def ask(self, request: Message, *, seconds: float, sink: Sink | None = None) -> Message:
        """Send `request` and return its last answer, after at most `seconds`; those before it go to `sink`.

        `request["name"]` is what ReadError (or UsageError) calls the file at `request["path"]`.
        """
        with self._lock:
            last, overran = self._watched_talk(request | {"seconds": seconds}, seconds, sink)
        if last is None:
            what = f"decoding it took longer than {seconds:.1f} s" if overran else "decoding it crashed"
            raise ReadError(request["name"], what, "Leave it out or save it again in another program")
        if last["kind"] == "error":
            raise _raised(request["name"], last)
        return last

    def _watched_talk(self, request: Message, seconds: float, sink: Sink | None) -> tuple[Message | None, bool]:
        process = self._running()
        last = None
        try:
            with _watched(process, seconds) as overrun:
                last = _converse(process, request, sink)
        finally:
            if last is None:  # also after Ctrl-C: a worker in mid-sentence is of no more use
                self.close()
        return last, overrun.is_set()

    def close(self) -> None:
        """End the worker; the next request starts another."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            kill(process)

    def _running(self) -> subprocess.Popen[bytes]:
        """The worker of this process: a fork must not talk over its parent's pipes."""
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.close()
            self._owner = os.getpid()
            self._process = start(self._arguments)
        return self._process


def start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a worker and wait until it is ready."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _ENVIRONMENT
    environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # Ctrl-C is the parent's to handle, and what a worker forks dies with it
    )
    with _watched(process, START_SECONDS):
        ready = _answer(_pipes(process)[1])
    if ready is None:
        kill(process)
        raise ResourceError("the decoding process does not start", "Check the installation with `kizu info`")
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the worker and whatever it started, and collect it."""
    _signal(process)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):  # unsent bytes have nowhere to go
                stream.close()


def _signal(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """Kill `process` after `seconds`; the event then is set. A timer works on every platform's pipes."""
    overrun = threading.Event()

    def stop() -> None:
        overrun.set()
        _signal(process)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield overrun
    finally:
        timer.cancel()
        timer.join()


def _converse(process: subprocess.Popen[bytes], request: Message, sink: Sink | None) -> Message | None:
    """Send and receive until the last answer; None if the worker died or talks nonsense."""
    requests, answers = _pipes(process)
    with contextlib.suppress(OSError):  # a worker that is dead answers nothing
        send(requests, request)
    message = _answer(answers)
    while sink is not None and message is not None and message["kind"] in ("frame", "lost"):
        if message["kind"] == "frame" and not _fill(answers, sink.place(message), message):
            return None
        sink.take(message)
        message = _answer(answers)
    return message


def _answer(answers: BinaryIO) -> Message | None:
    try:
        message = receive(answers)
    except (OSError, EOFError, ValueError):
        return None
    return message if "kind" in message else None


def _fill(answers: BinaryIO, view: memoryview, message: Message) -> bool:
    try:
        receive_into(answers, view)
    except (OSError, EOFError):
        return False
    return view.nbytes == message.get("bytes")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[BinaryIO, BinaryIO]:
    assert process.stdin is not None and process.stdout is not None  # asked for in start()
    return process.stdin, process.stdout  # type: ignore[return-value]


def _raised(name: str, answer: Message) -> KizuError:
    what, mend = str(answer["what"]), str(answer["mend"])
    return UsageError(what, mend, where=name) if answer.get("usage") else ReadError(name, what, mend)


DECODER = Decoder()
atexit.register(DECODER.close)
