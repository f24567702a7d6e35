"""The one writer and the model folder: old or new but never half, and no file can do more than be refused."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.errors import ReadError, ResourceError, UsageError
from kizu.files import (
    TEMPORARY,
    atomic_write,
    read_json,
    to_json,
    write_bytes,
    write_json,
    write_text,
)

# --- a file is absent, old or whole

KILL_AT_EVERY_LINE = """
import os, sys
from pathlib import Path
from kizu.files import atomic_write

path, old, new = Path(sys.argv[1]), b"old" * 1000, b"new" * 100_000

def write(file):
    for start in range(0, len(new), 100_000):
        file.write(new[start:start + 100_000])

def die_after(lines):
    def trace(frame, event, arg):
        nonlocal lines
        lines -= 1
        if lines == 0:
            os._exit(9)  # as kill -9: nothing is flushed, nothing is cleaned up
        return trace
    return trace

path.write_bytes(old)
for lines in range(1, 10_000):
    child = os.fork()
    if child == 0:
        sys.settrace(die_after(lines))
        atomic_write(path, write)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
    content = path.read_bytes()
    print("old" if content == old else "new" if content == new else f"{len(content)} bytes")
print("end", "new" if path.read_bytes() == new else "not new", lines)
"""

LIMIT_EVERY_SIZE = """
import resource, signal, sys
from pathlib import Path
from kizu.errors import ResourceError
from kizu.files import write_bytes

path, old, new = Path(sys.argv[1]), b"old" * 1000, b"new" * 10_000
path.write_bytes(old)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for size in range(0, len(new), 997):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        write_bytes(path, new)
        print("written")
    except ResourceError as error:
        kept = path.read_bytes() == old and not path.with_name("file.part").exists()
        print("kept" if kept and str(error).startswith(str(path)) else "lost")
"""

posix = pytest.mark.skipif(os.name != "posix", reason="needs fork and resource limits")


def run_script(script, *arguments):
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@posix
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new(tmp_path):
    *crashes, end = run_script(KILL_AT_EVERY_LINE, str(tmp_path / "file"))
    assert end.startswith("end new")
    assert crashes == sorted(crashes, reverse=True)  # first all "old", then all "new"
    assert set(crashes) == {"old", "new"}


@posix
def test_a_full_disk_at_any_size_leaves_the_old_file(tmp_path):
    lines = run_script(LIMIT_EVERY_SIZE, str(tmp_path / "file"))
    assert len(lines) > 20
    assert set(lines) == {"kept"}


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), UsageError("is", "Do")])
def test_other_errors_pass_and_leave_no_trace(tmp_path, error):
    def write(file):
        file.write(b"half")
        raise error

    write_bytes(tmp_path / "file", b"old")
    with pytest.raises(type(error)) as caught:
        atomic_write(tmp_path / "file", write)
    assert caught.value is error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_read_error_while_writing_is_not_called_a_full_disk(tmp_path):
    def write(file):
        raise ReadError("in.png", "0 bytes", "Remove it")

    with pytest.raises(ReadError, match=r"^in\.png"):
        atomic_write(tmp_path / "file", write)


def test_an_operating_system_error_names_the_file(tmp_path):
    (tmp_path / "not a folder").touch()
    path = tmp_path / "not a folder" / "file"
    with pytest.raises(ResourceError) as caught:
        write_bytes(path, b"")
    assert str(caught.value).startswith(f"{path}: cannot write (")
    assert caught.value.__cause__.errno in {errno.ENOTDIR, errno.EEXIST}


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127, "-rf", "a\nb", " ", ".hidden", "=1+1"])
def test_any_name_that_fits_can_be_written(tmp_path, name):
    write_bytes(tmp_path / "new" / "folders" / name, b"x")
    assert [path.name for path in (tmp_path / "new" / "folders").iterdir()] == [name]


@given(parts=st.lists(st.binary(max_size=50), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("write") / "file"
    atomic_write(path, lambda file: [file.write(part) for part in parts])
    assert path.read_bytes() == b"".join(parts)
    assert not path.with_name("file" + TEMPORARY).exists()


# --- JSON

texts = st.text() | st.binary().map(os.fsdecode)  # file names may hold bytes that are no text
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(document=documents)
def test_json_is_read_back(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("json") / "file.json"
    write_json(path, document)
    assert read_json(path) == document


@given(document=st.dictionaries(texts, st.integers(), min_size=2))
def test_json_is_the_same_for_any_order(document):
    assert to_json(dict(reversed(document.items()))) == to_json(document)


def test_json_takes_numbers_of_numpy():
    numbers = {"a": np.float32(0.5), "b": np.arange(3), "c": np.bool_(True), "d": np.uint8(255)}
    assert json.loads(to_json(numbers)) == {"a": 0.5, "b": [0, 1, 2], "c": True, "d": 255}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float32("nan"), np.array([np.inf])])
def test_json_has_no_nan(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"x": number})


def test_json_refuses_what_it_cannot_say():
    with pytest.raises(TypeError, match="set has no JSON form"):
        to_json({"x": {1}})


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00", "{'a': 1}"])
def test_a_damaged_document_is_refused_by_name(tmp_path, text):
    path = tmp_path / "run.json"
    write_text(path, text)
    with pytest.raises(ReadError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: not a readable JSON file")
