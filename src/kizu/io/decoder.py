"""The reading side of the decoding worker: start it, ask it, replace it.

A decoder of a hostile file can crash, spin or eat memory. Here that costs the worker its life and
the file its place in the stack, nothing else.
"""

import atexit
import contextlib
import threading
from collections.abc import Sequence
from typing import BinaryIO, Protocol

from kizu.errors import KizuError, ReadError, UsageError
from kizu.io.process import Worker
from kizu.io.protocol import Message, receive, receive_into, send

COMMAND = ("-P", "-m", "kizu.io.worker")  # -P: nothing is imported from the folder of the images


class Sink(Protocol):
    """Where the frames of an answer go."""

    def place(self, message: Message) -> memoryview:
        """The bytes that the array announced by `message` is to fill."""

    def take(self, message: Message) -> None:
        """Note that `message` is complete: its array has been filled, or it says that a frame is lost."""


class Decoder:
    """One worker, started when first asked and again after each death.

    Requests of several threads queue up. `arguments` follow the interpreter on the command line.
    """

    def __init__(self, arguments: Sequence[str] = COMMAND) -> None:
        self._arguments = tuple(arguments)
        self._worker: Worker | None = None
        self._lock = threading.Lock()

    def ask(self, request: Message, *, seconds: float, sink: Sink | None = None) -> Message:
        """Send `request` and return its last answer, after at most `seconds`; those before it go to `sink`.

        `request["name"]` is what ReadError (or UsageError) calls the file at `request["path"]`.
        """
        with self._lock:
            last, overran = self._talk(request | {"seconds": seconds}, seconds, sink)
        if last is None:
            what = f"decoding it took longer than {seconds:.1f} s" if overran else "decoding it crashed"
            raise ReadError(request["name"], what, "Leave it out or save it again in another program")
        if last["kind"] == "error":
            raise _raised(request["name"], last)
        return last

    def close(self) -> None:
        """End the worker; the next request starts another."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()

    def _talk(self, request: Message, seconds: float, sink: Sink | None) -> tuple[Message | None, bool]:
        if self._worker is None or not self._worker.usable:
            self.close()
            self._worker = Worker(self._arguments)
        worker, last = self._worker, None
        try:
            with worker.within(seconds):
                last = _converse(worker, request, sink)
        finally:
            if last is None:  # also after Ctrl-C: a worker in mid-sentence is of no more use
                self.close()
        return last, worker.overran


def _converse(worker: Worker, request: Message, sink: Sink | None) -> Message | None:
    """Send and receive until the last answer; None if the worker died or talks nonsense."""
    with contextlib.suppress(OSError):  # a worker that is dead answers nothing
        send(worker.requests, request)
    message = _answer(worker.answers)
    while sink is not None and message is not None and message["kind"] in ("frame", "lost"):
        if message["kind"] == "frame" and not _fill(worker.answers, sink.place(message), message):
            return None
        sink.take(message)
        message = _answer(worker.answers)
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


def _raised(name: str, answer: Message) -> KizuError:
    what, mend = str(answer["what"]), str(answer["mend"])
    return UsageError(what, mend, where=name) if answer.get("usage") else ReadError(name, what, mend)


DECODER = Decoder()
atexit.register(DECODER.close)
