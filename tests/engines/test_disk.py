import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from kizu.engines.columns import DiskColumns, Waiting, place_of
from kizu.engines.disk import Disk
from kizu.engines.scratch import PREFIX, Scratch
from kizu.errors import ReadError, ResourceError


def stored(tmp_path, array, **options):
    np.save(tmp_path / "a.npy", array)
    return np.load(tmp_path / "a.npy", mmap_mode="r", **options)


def columns_of(view, memory):
    return DiskColumns(view, place_of(view), memory=memory, waiting=Waiting())


VIEWS = {
    "whole": lambda a: a,
    "tall, transposed": lambda a: a.T,
    "rows": lambda a: a[3:11],
    "columns": lambda a: a[:, 5:40],
    "as a plain array": np.asarray,
    "every other row": lambda a: a[::2],
    "rows of a tall one": lambda a: a.T[:, 2:9],
}


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, bool])
@pytest.mark.parametrize("view", VIEWS)
def test_columns_are_those_of_the_array(tmp_path, view, dtype):
    array = np.random.default_rng(0).integers(0, 2 if dtype is bool else 200, (17, 60)).astype(dtype)
    mapped, expected = VIEWS[view](stored(tmp_path, array)), VIEWS[view](array)
    for memory in (3 * expected.shape[0] * expected.itemsize, 5000, 1 << 20):
        columns = columns_of(mapped, memory)
        assert (columns.shape, columns.dtype) == (expected.shape, expected.dtype)
        for _ in range(2):
            for start in range(0, expected.shape[1], 7):
                np.testing.assert_array_equal(columns[:, start : start + 7], expected[:, start : start + 7])
        for start in (4, 2, 5, 0, 3):
            np.testing.assert_array_equal(columns[:, start : start + 3], expected[:, start : start + 3])


def test_what_cannot_be_read_in_order_is_left_to_the_system(tmp_path):
    mapped = stored(tmp_path, np.zeros((6, 8)))
    not_there = np.zeros((6, 8)), mapped[:, ::2], mapped[::-1], mapped[0], mapped.T[:, ::2], mapped + 1
    assert [place_of(array) for array in not_there] == [None] * len(not_there)
    changed = np.load(tmp_path / "a.npy", mmap_mode="c")
    assert place_of(changed) is None


def test_a_matrix_of_more_entries_than_32_bits_count(tmp_path):
    shape = (3, (1 << 31) // 3 + 5)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(shape[0] * shape[1])
        file.seek(-2, os.SEEK_END)
        file.write(b"\x07\x09")
    mapped = np.memmap(tmp_path / "large", np.uint8, "r", shape=shape)
    columns = columns_of(mapped, 1 << 20)
    np.testing.assert_array_equal(columns[:, shape[1] - 3 :], [[0, 0, 0], [0, 0, 0], [0, 7, 9]])
    assert Disk().spans(shape)[-1][1] == shape[1]


def test_windows_stay_within_their_memory(tmp_path):
    mapped = stored(tmp_path, np.zeros((10, 10_000), np.uint8))
    columns = columns_of(mapped, 30_000)
    assert columns.width * 3 * 10 <= 30_000
    for start in range(0, 10_000, 50):
        columns[:, start : start + 50]
        assert len(columns._windows) <= 2


def test_a_matrix_that_shrinks_meanwhile(tmp_path):
    mapped = stored(tmp_path, np.zeros((10, 10_000), np.uint8))
    columns = columns_of(mapped, 3000)
    os.truncate(tmp_path / "a.npy", 5000)
    with pytest.raises(ReadError, match="ends too early"):
        columns[:, 9_000:10_000]


def test_less_memory_than_a_block(tmp_path):
    with pytest.raises(ResourceError, match="one block takes"):
        columns_of(stored(tmp_path, np.zeros((100, 100))), 2000)


def test_waiting_is_counted(tmp_path):
    engine = Disk(1)
    columns = engine.columns(stored(tmp_path, np.zeros((10, 10_000))))
    engine.map(lambda span: columns[:, slice(*span)].sum(), engine.spans((10, 10_000)))
    assert engine.waited > 0


def test_scratch_is_there_as_long_as_it_is_used(tmp_path):
    scratch = Scratch(tmp_path)
    assert list(tmp_path.iterdir()) == []
    array = scratch.array((100, 200), np.float32)
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith(f"{PREFIX}{os.getpid()}-")
    array[:] = 3
    part = array[5:]
    del array
    assert part.sum() == 3 * 95 * 200
    assert len(list(folder.glob("*.npy"))) == 1
    del part
    assert list(folder.glob("*.npy")) == []
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_takes_nothing_from_the_first(tmp_path):
    first, second = Scratch(tmp_path), Scratch(tmp_path)
    one, _two = first.array((10,), float), second.array((10,), float)
    assert len(list(tmp_path.iterdir())) == 2
    second.close()
    one[:] = 1
    assert len(list(tmp_path.iterdir())) == 1


HOLD = """
    import sys, time
    from pathlib import Path
    from kizu.engines.scratch import Scratch
    scratch = Scratch(Path(sys.argv[1]))
    array = scratch.array((1000,), float)
    print("made", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_what_a_killed_run_leaves_goes_with_the_next(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "made\n"
        mine = Scratch(tmp_path)
        mine.array((10,), float)
        assert len(list(tmp_path.iterdir())) == 2  # it lives
        other.send_signal(signal.SIGKILL)
    mine.close()
    assert len(list(tmp_path.iterdir())) == 1
    again = Scratch(tmp_path)
    _array = again.array((10,), float)
    assert [p.name.split("-")[2] for p in tmp_path.iterdir()] == [str(os.getpid())]
    again.close()


def test_more_than_the_disk_has_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ResourceError, match=r"scratch needs 1000000000 MB of disk: .* are free\. Free some") as caught:
        Scratch(tmp_path).array((10**15,), np.uint8)
    assert caught.value.exit_code == 5
    assert list(tmp_path.glob("*/*.npy")) == []


LIMITED = """
    import sys, resource
    from pathlib import Path
    from kizu.engines.scratch import Scratch
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    scratch = Scratch(Path(sys.argv[1]))
    kept = scratch.array((1000,), "u1")
    try:
        scratch.array((100_000,), "u1")
    except Exception as error:
        print(type(error).__name__, error.exit_code, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_no_room_in_the_middle(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("ResourceError 5 ")
    assert "File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResourceError, match="cannot write scratch") as caught:
        Scratch(tmp_path / "file" / "inside").array((10,), float)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux says how much is mapped")
def test_arrays_on_disk_do_not_stay_in_memory(tmp_path):
    engine = Disk(2, folder=tmp_path)
    array = engine.empty((300 << 20,), np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def fill(number):
        array[number << 20 : (number + 1) << 20] = number % 251

    engine.map(fill, range(300))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 110 << 10
    sums = engine.map(lambda n: int(array[n << 20 : (n + 1) << 20].sum(dtype=np.int64)) >> 20, range(300))
    assert sums == [n % 251 for n in range(300)]
    engine.close()
