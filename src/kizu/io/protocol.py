"""What the reading process and its worker say to each other over two pipes.

A message is four bytes of length (big-endian), that much JSON, and, where the JSON says
`"bytes": n`, n raw bytes of an array in C order. Neither side ever unpickles anything.
"""

import json
import struct
from typing import Any, BinaryIO

Message = dict[str, Any]

LENGTH = struct.Struct(">I")
LONGEST = 1 << 20


def send(stream: BinaryIO, message: Message, payload: memoryview | None = None) -> None:
    """Write one message; `payload` is a flat view of its array bytes."""
    size = {} if payload is None else {"bytes": payload.nbytes}
    text = json.dumps(message | size, ensure_ascii=True).encode("ascii")
    stream.write(LENGTH.pack(len(text)) + text)
    if payload is not None:
        stream.write(payload)
    stream.flush()


def receive(stream: BinaryIO) -> Message:
    """Read one message; EOFError where the stream ends, ValueError where it is not one."""
    (length,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    if length > LONGEST:
        raise ValueError(f"a message of {length} bytes")
    message = json.loads(_exactly(stream, length))
    if not isinstance(message, dict):
        raise ValueError("a message that is not an object")
    return message


def receive_into(stream: BinaryIO, view: memoryview) -> None:
    """Fill the flat byte view `view` with array bytes."""
    while len(view):
        count = stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        view = view[count:]


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = bytearray(count)
    receive_into(stream, memoryview(data))
    return bytes(data)
