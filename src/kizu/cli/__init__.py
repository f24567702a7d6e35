"""The command `kizu`: a table of commands, each imported when it is used, and the one error handler.

stdout is data only; messages go to stderr, one line each: `kizu: <where>: <what>. <what to do>.`
A command is the `command` of the module in this package that has its name; it returns its exit code,
or None for 0.
"""

import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, TextIO

import click

from kizu.errors import KizuError, printable

COMMANDS = {  # name -> the line that `kizu --help` shows; here, so that help imports no command
    "detect": "Find what does not belong in images, in a matrix or in a table.",
    "fit": "Learn what is usual from good images or a good table, for detect --model.",
    "train": "Train an unfolded network on your own data, for detect --model.",
    "save-onnx": "Write a trained network as one ONNX file that needs no torch.",
    "plant": "Plant defects into the inputs and see which model finds them.",
    "eval": "Measure a results folder against true masks.",
    "explain": "Write pages with sliders that show why it works, in Japanese and English.",
    "demo": "Render a hundred walls with two defects and find them.",
    "info": "Show versions, threads, kernels and the formats that can be read.",
}
DONE, BUG, OUT_OF_ROOM, INTERRUPTED = 0, 1, 5, 130

debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, default=False, help="Show the traceback of an error."
)


class Commands(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"kizu.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kizu", message="%(prog)s %(version)s")
@debug_option
@click.pass_context
def kizu(ctx: click.Context) -> None:
    """Find what does not belong: background + anomaly + noise."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """Run the command line of this process and leave with its exit code."""
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt but the leaving
    if code == OUT_OF_ROOM:
        _close_stdout()
    sys.exit(code)


def _close_stdout() -> None:
    """Send what stdout still holds nowhere: Python would try to write it again when it leaves, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error becomes one line on stderr."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say_warning
            code = _invoke(arguments)
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        return _say_error(error)
    return code


def _invoke(arguments: Sequence[str]) -> int:
    try:
        with kizu.make_context("kizu", list(arguments)) as context:
            return kizu.invoke(context) or DONE
    except click.exceptions.Exit as left:  # --help and --version leave in this way
        return left.exit_code


def _say_error(error: BaseException) -> int:
    if isinstance(error, BrokenPipeError) and not isinstance(error, KizuError):
        _close_stdout()  # the reader has what it wanted
        return DONE
    code, message = _code_and_message(error)
    click.echo(f"kizu: {message}", err=True)
    return code


def _code_and_message(error: BaseException) -> tuple[int, str]:
    match error:
        case KizuError():
            return error.exit_code, str(error)
        case click.UsageError(ctx=click.Context(command_path=path)):
            return error.exit_code, f"{_sentence(error)} Try '{path} --help'."
        case click.ClickException():
            return error.exit_code, _sentence(error)
        case KeyboardInterrupt() | click.Abort():
            return INTERRUPTED, "interrupted. Run it again; kizu detect and kizu train go on with --resume."
        case MemoryError():
            return OUT_OF_ROOM, "not enough memory. Give fewer or smaller frames."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return OUT_OF_ROOM, "no space left on the disk. Free some and run it again."
    what = printable(f"{type(error).__name__}: {error}")
    return BUG, f"{what}. This is a bug in kizu: run again with --debug and report the traceback."


def _sentence(error: click.ClickException) -> str:
    return printable(error.format_message().rstrip(".?! \n")) + "."


def _say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    click.echo(f"kizu: warning: {printable(str(message))}", err=True)
