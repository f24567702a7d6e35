import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kizu.errors import KizuError, NothingUsableError, ReadError, ResourceError
from kizu.io import headers, read
from kizu.io.decoder import COMMAND, Decoder
from kizu.io.process import Worker
from kizu.io.readers import READERS, Reader

WORKER = ("-P", str(Path(__file__).with_name("hostile_worker.py")))


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to read with the worker that knows `.hostile` files."""
    decoder = Decoder(WORKER)
    monkeypatch.setattr(headers, "DECODER", decoder)
    monkeypatch.setitem(READERS, ".hostile", Reader("hostile", (b"HOSTILE",), ""))
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "b.png")
    yield tmp_path
    decoder.close()


def write(folder: Path, deed: str, when: str) -> Path:
    path = folder / "a.hostile"
    path.write_text(f"HOSTILE {deed} {when}")
    return path


@pytest.mark.parametrize("deed", ["segfault", "abort", "exit", "spin", "sleep", "memory", "recursion", "lines"])
def test_a_file_that_attacks_the_worker_costs_only_itself(hostile: Path, deed: str) -> None:
    path = write(hostile, deed, "early")
    read([str(hostile / "b.png")])  # starting a worker has a limit of its own
    started = time.monotonic()
    with pytest.raises(NothingUsableError) as caught:
        read([str(path)])
    assert time.monotonic() - started < 2.5
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert read([str(hostile)]).names == ("b",)


@pytest.mark.parametrize("deed", ["connect", "program", "fork", "pickle"])
def test_a_decoder_may_not_reach_out(hostile: Path, deed: str) -> None:
    with pytest.raises(NothingUsableError, match="PermissionError: a decoder may not use"):
        read([str(write(hostile, deed, "early"))])


@pytest.mark.parametrize("deed", ["nothing", "babble"])
def test_what_a_decoder_prints_goes_nowhere(hostile: Path, deed: str, capfd: pytest.CaptureFixture[str]) -> None:
    stack = read([str(write(hostile, deed, "late"))])
    assert stack.frames[:, 0, 0].tolist() == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("deed", ["segfault", "spin"])
def test_frames_before_a_crash_are_kept_and_the_rest_is_named(hostile: Path, deed: str) -> None:
    write(hostile, deed, "late")
    stack = read([str(hostile)])
    assert stack.names == ("a/000000", "b")
    assert (stack.declared, stack.decoded) == (4, 2)
    assert stack.skipped[0].what.startswith("2 of 3 frames could not be read (decoding it")


def test_a_frame_that_fails_does_not_take_the_next_along(hostile: Path) -> None:
    stack = read([str(write(hostile, "lines", "late"))])
    assert stack.origins == (("a.hostile", 0), ("a.hostile", 2))
    assert stack.frames[:, 0, 0].tolist() == [0, 2]


def test_the_worker_is_replaced_when_somebody_kills_it(hostile: Path) -> None:
    for _ in range(3):
        assert read([str(hostile / "b.png")]).used == 1
        worker = headers.DECODER._worker
        assert worker is not None
        worker._process.kill()
        worker._process.wait()


def test_relative_names_follow_a_change_of_folder(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read([str(hostile / "b.png")])
    monkeypatch.chdir(hostile)
    assert read(["b.png"]).used == 1


def test_threads_wait_for_each_other(hostile: Path) -> None:
    path, results = str(write(hostile, "nothing", "late")), []
    threads = [threading.Thread(target=lambda: results.append(read([path]).frames)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all((frames == np.arange(3)[:, None, None]).all() for frames in results)


def test_an_interrupt_leaves_no_half_answer_behind(hostile: Path) -> None:
    path = str(write(hostile, "nothing", "late"))

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read([path], progress=interrupt)
    assert read([path]).frames[:, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_starts_its_own_worker(hostile: Path) -> None:
    png = hostile / "b.png"
    script = (
        "import os, sys\nfrom kizu.io import read\npath = sys.argv[1]\nread([path])\n"
        "child = os.fork()\nassert read([path]).used == 1\n"
        "if child:\n    assert os.waitpid(child, 0)[1] == 0\n    assert read([path]).used == 1\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    done = subprocess.run([sys.executable, "-c", script, str(png)], env=environment, check=False, timeout=60)
    assert done.returncode == 0


def test_nothing_is_imported_from_the_folder_of_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("import pathlib\npathlib.Path('stolen').touch()\n")
    monkeypatch.chdir(tmp_path)
    Worker(COMMAND).kill()
    assert not (tmp_path / "stolen").exists()


def test_a_worker_that_does_not_start_is_said_so() -> None:
    with pytest.raises(ResourceError, match="does not start"):
        Worker(("-c", "raise SystemExit"))


def test_the_watch_kills_at_the_deadline_and_only_then(tmp_path: Path) -> None:
    worker = Worker(COMMAND)
    for _ in range(20):
        with worker.within(0.05):
            pass
    time.sleep(0.2)
    assert worker.usable and not worker.overran
    with worker.within(0.05):
        worker._process.wait(timeout=30)
    assert worker.overran and not worker.usable
    worker.kill()


def test_a_worker_that_talks_nonsense_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "liar.py").write_text(
        "import sys\nfrom kizu.io.protocol import send, receive\n"
        "send(sys.stdout.buffer, {'kind': 'ready'})\nreceive(sys.stdin.buffer)\n"
        "sys.stdout.buffer.write(b'\\xff' * 100)\nsys.stdout.buffer.flush()\n"
    )
    decoder = Decoder(("-P", str(tmp_path / "liar.py")))
    with pytest.raises(ReadError, match="crashed"):
        decoder.ask({"do": "probe", "path": "x.png", "name": "x.png"}, seconds=5.0)


def test_memory_of_the_worker_is_bounded(hostile: Path) -> None:
    pytest.importorskip("resource", reason="no memory limits on this system")
    with pytest.raises(KizuError, match="more memory"):
        read([str(write(hostile, "memory", "early"))])
