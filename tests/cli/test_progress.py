"""What a log shows while a run goes on."""

import time

from kizu.cli.progress import SECONDS, lines, shown


def test_a_line_now_and_then(capsys):
    say = lines(time.monotonic() - SECONDS)
    say("write", 16, 100)
    say("write", 32, 100)
    assert capsys.readouterr().err == "kizu: writing, 16 of 100\n"


def test_what_has_no_end_is_counted(capsys):
    lines(time.monotonic() - SECONDS)("certify", 7, 0)
    assert capsys.readouterr().err == "kizu: proving, 7\n"


def test_quiet_is_quiet(capsys):
    with shown(quiet=True) as progress:
        progress("read", 1, 2)
    assert capsys.readouterr() == ("", "")
