"""The error handler and the table of commands, through `run` and through real processes."""

import os
import signal
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click
import pytest

from kizu.cli import COMMANDS, kizu, run
from kizu.errors import ParameterError, ReadError

KIZU = [sys.executable, "-m", "kizu"]
FULL = Path("/dev/full")


@pytest.fixture
def command(monkeypatch):
    """Add a command to the table that does what it is given."""

    def add(action):
        module = ModuleType("kizu.cli.act")
        module.command = click.Command("act", callback=action)
        monkeypatch.setitem(sys.modules, "kizu.cli.act", module)
        monkeypatch.setitem(COMMANDS, "act", "Act.")

    return add


def refuse_file():
    raise ReadError("a\nb.png", "0 bytes", "Remove it")


def refuse_parameter():
    raise ParameterError("lam", -1, "a number above 0")


def interrupt():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs do without
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("action", "code", "line"),
    [
        (refuse_file, 3, "kizu: a\\nb.png: 0 bytes. Remove it."),
        (refuse_parameter, 2, "kizu: lam: got -1. Use a number above 0."),
        (interrupt, 130, "kizu: interrupted. Run it again; kizu detect and kizu train go on with --resume."),
        (lambda: bytearray(1 << 60), 5, "kizu: not enough memory. Give fewer or smaller frames."),
        (
            lambda: 1 // 0,
            1,
            "kizu: ZeroDivisionError: integer division or modulo by zero."
            " This is a bug in kizu: run again with --debug and report the traceback.",
        ),
    ],
)
def test_an_error_is_one_line_and_its_code(command, capsys, action, code, line):
    command(action)
    assert run(["act"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == line + "\n"


@pytest.mark.parametrize("action", [refuse_file, lambda: 1 // 0])
def test_debug_shows_the_traceback(command, capsys, action):
    command(action)
    run(["--debug", "act"])
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_command_returns_its_exit_code(command):
    command(lambda: 10)
    assert run(["act"]) == 10


def test_a_warning_is_one_line(command, capsys):
    command(lambda: warnings.warn("stopped early.\nRaise max_iter.", RuntimeWarning, stacklevel=1))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run(["act"]) == 0
    assert capsys.readouterr().err == "kizu: warning: stopped early.\\nRaise max_iter.\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "kizu: No such command 'nope'. Try 'kizu --help'.\n"),
        (["--nope"], "kizu: No such option '--nope'. Try 'kizu --help'.\n"),
        (["info", "--nope"], "kizu: No such option '--nope'. Try 'kizu info --help'.\n"),
    ],
)
def test_wrong_usage_is_one_line_and_two(capsys, arguments, line):
    assert run(arguments) == 2
    assert capsys.readouterr().err == line


def test_no_arguments_is_help(capsys):
    assert run([]) == 0
    bare = capsys.readouterr().out
    assert run(["--help"]) == 0
    assert bare == capsys.readouterr().out


def test_the_table_holds_every_command_and_its_help(capsys):
    for name, line in COMMANDS.items():
        command = import_module(f"kizu.cli.{name.replace('-', '_')}").command
        assert command.name == name
        assert command.help.splitlines()[0] == line
        assert run([name, "--help"]) == 0
        assert line in capsys.readouterr().out


def test_every_flag_is_off_unless_asked():
    loaded = [kizu, *(import_module(f"kizu.cli.{name.replace('-', '_')}").command for name in COMMANDS)]
    flags = [p for c in loaded for p in c.params if isinstance(p, click.Option) and p.is_flag and not p.is_eager]
    assert flags
    assert {flag.name: flag.default for flag in flags if flag.default is not False} == {}


def test_every_command_can_be_debugged():
    for name in COMMANDS:
        module = import_module(f"kizu.cli.{name.replace('-', '_')}")
        assert "--debug" in [opt for parameter in module.command.params for opt in parameter.opts]


def test_a_reader_that_leaves_is_no_error():
    with subprocess.Popen([*KIZU, "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_five():
    with FULL.open("w") as full:
        done = subprocess.run([*KIZU, "info"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "kizu: no space left on the disk. Free some and run it again.\n")
