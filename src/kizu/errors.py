"""What kizu raises.

KizuError                      everything below; one line: what was got, what was expected, what to do
├── ParameterError             a parameter is out of range (also a ValueError)
├── ShapeError                 an array has the wrong shape, dtype or content (also a ValueError)
├── IncompatibleError          a solver and a problem do not fit (also a ValueError)
├── UsageError                 the command line or the output folder cannot be used as asked
├── ReadError                  a file cannot be read (also an OSError)
├── NothingUsableError         no input is left to work on
├── ResourceError              not enough disk or memory
└── NotConvergedError          no certificate within the tolerance where one was asked for, or a training that diverged
"""

from pathlib import Path


def printable(text: str) -> str:
    """`text` on one line with every control character escaped: file names can hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class KizuError(Exception):
    """Base of every error that kizu raises on purpose.

    `where` names the file or parameter, `what` says what is wrong, `mend` what to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, mend: str, *, where: str = "") -> None:
        self.what = what.rstrip(".")
        self.mend = mend.rstrip(".")
        self.where = where
        super().__init__(printable(f"{f'{where}: ' if where else ''}{self.what}. {self.mend}."))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.__dict__, self.args)


def _rebuild(kind: type[KizuError], fields: dict[str, object], args: tuple[object, ...]) -> KizuError:
    error = kind.__new__(kind)
    error.__dict__.update(fields)
    error.args = args
    return error


class ParameterError(KizuError, ValueError):
    """A parameter is out of range."""

    exit_code = 2

    def __init__(self, name: str, got: object, allowed: str) -> None:
        self.name = name
        self.got = got
        super().__init__(f"got {got!r}", f"Use {allowed}", where=name)


class ShapeError(KizuError, ValueError):
    """An array has the wrong shape, dtype or content."""

    exit_code = 2


class IncompatibleError(KizuError, ValueError):
    """A solver and a problem do not fit."""

    exit_code = 2


class UsageError(KizuError):
    """The command line or the output folder cannot be used as asked."""

    exit_code = 2


class ReadError(KizuError, OSError):
    """A file cannot be read. `frame` is the frame at fault, if one is known."""

    exit_code = 3

    def __init__(self, path: str | Path, what: str, mend: str, *, frame: int | None = None) -> None:
        self.path = str(path)
        self.frame = frame
        super().__init__(what if frame is None else f"frame {frame}: {what}", mend, where=self.path)


class NothingUsableError(KizuError):
    """No input is left to work on."""

    exit_code = 3


class ResourceError(KizuError):
    """Not enough disk or memory."""

    exit_code = 5


class NotConvergedError(KizuError):
    """The certificate did not reach the tolerance and the user asked for it (`--strict`), or a training diverged."""

    exit_code = 6
