"""What a run will need: sizes as people write them, budgets, and an estimate that holds."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.errors import ParameterError, ResourceError
from kizu.io.surveying import survey
from kizu.pipeline.estimate import available_memory, estimate, parse_size, readable
from kizu.pipeline.room import choose
from runs import environment, save, walls


@pytest.mark.parametrize(
    ("text", "size"), [("2G", 2 << 30), ("500M", 500 << 20), ("1.5 GiB", 3 << 29), ("64kb", 64 << 10), ("1000", 1000)]
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "0", "many", "1e400", "nan", "2X", "2GG"])
def test_other_sizes_are_refused(text):
    with pytest.raises(ParameterError, match="memory"):
        parse_size(text)


@given(st.integers(16 << 20, 1 << 40))
def test_a_size_is_readable(size):
    shown = readable(size)
    assert parse_size(shown.replace(" ", "")) == pytest.approx(size, rel=0.06)


def test_an_estimate_grows_with_what_is_asked(tmp_path):
    few = survey([str(save(walls(4, dots=())[0], tmp_path / "few"))])
    many = survey([str(save(walls(24)[0], tmp_path / "many"))])
    assert estimate(few, None).memory < estimate(many, None).memory < estimate(many, (960, 800)).memory
    assert estimate(few, None).seconds < estimate(many, (960, 800)).seconds
    assert (estimate(many, (96, 80)).width, estimate(many, (96, 80)).height) == (96, 80)


@pytest.fixture
def need(tmp_path):
    return estimate(survey([str(save(walls(4, dots=())[0], tmp_path / "in"))]))


def test_memory_where_that_is_enough(need, tmp_path):
    chosen = choose(need, "2G", tmp_path / "out")
    assert (chosen.room.folder, chosen.memory, chosen.disk) == (None, need.memory, 0)
    assert "2.0 GB allowed by --memory" in chosen.sentence


def test_disk_where_memory_is_not_enough(need, tmp_path):
    larger = need._replace(memory=1 << 50, moving=1 << 51)
    for budget in (None, "1G"):
        chosen = choose(larger, budget, tmp_path / "not" / "there" / "out")
        assert chosen.room.folder == tmp_path / "not" / "there"
        assert need.on_disk < chosen.memory
        assert "of scratch in" in chosen.sentence
    assert chosen.memory <= 1 << 30


def test_less_than_a_block_needs_is_refused(need, tmp_path):
    with pytest.raises(
        ResourceError,
        match=r"4 frames of 48x40x1 need about \d+ MB of memory with all else on disk, 5 MB allowed by --memory",
    ):
        choose(need, "5M", tmp_path / "out")


def test_more_scratch_than_the_disk_has_is_refused(need, tmp_path):
    larger = need._replace(memory=1 << 60, moving=1 << 60, scratch=1 << 60)
    with pytest.raises(ResourceError, match=r"need about 1073741824\.0 GB of scratch, .* free"):
        choose(larger, None, tmp_path / "out")


def test_free_memory_is_known_here():
    free = available_memory()
    assert free is None or free > 1 << 24


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in kB on Linux only")
def test_the_peak_stays_below_the_estimate(tmp_path):
    folder = save(walls()[0], tmp_path / "in")
    code = (
        "import sys; from kizu.pipeline.road import inspect; inspect([sys.argv[1]], sys.argv[2]);"
        # VmHWM, not ru_maxrss: that one is handed down from the process that started this one
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    asked = [sys.executable, "-c", code, str(folder), str(tmp_path / "out")]
    done = subprocess.run(asked, env=environment(), capture_output=True, text=True, check=True)
    assert int(done.stdout) << 10 <= 1.2 * estimate(survey([str(folder)])).memory
