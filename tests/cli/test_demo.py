"""`kizu demo`: the hundred walls, through a real process."""

from runs import process


def test_the_demo_finds_what_was_planted(tmp_path):
    done = process("demo", "-o", tmp_path / "look")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'look' / 'report' / 'index.html'}\n"
    said = done.stderr.splitlines()
    assert said[-1] == "kizu: every planted defect was found, and nothing else"
    assert said[-2] == "kizu: found: 1 region in wall-037 and 1 region in wall-071"
    assert len(list((tmp_path / "look-frames").iterdir())) == 100
    again = process("demo", "-o", tmp_path / "look")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
