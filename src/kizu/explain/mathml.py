r"""Formulas as MathML, from a line that reads as one writes on a blackboard: "x_{k+1} = \frac{x_k}{1 + η λ}".

Letters are variables one by one, `\name` is an upright name, `_` and `^` hang a letter or a {group} on what is before
them. `\frac{…}{…}`, `\under{…}{…}`, `\sqrt{…}`, `\phantom{…}` (as much room, nothing shown) and `\text{…}` take groups.
Everything else is an operator; two spaces are a gap.
"""

import re
from collections.abc import Iterator
from html import escape

TOKEN = re.compile(r"\\([A-Za-z]+)|(\d+(?:\.\d+)?)|([^\W\d_]|⊤)|(\S)|( +)")
TAKES = {"frac": 2, "sqrt": 1, "under": 2, "phantom": 1}
FENCES = "()[]|‖"


def mathml(line: str) -> str:
    """One displayed formula."""
    return f'<math display="block">{_row(_Reader(line))}</math>'


class _Reader:
    """The tokens of a line, one ahead."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.at = 0

    def peek(self) -> str:
        return self.line[self.at : self.at + 1]

    def token(self) -> re.Match[str]:
        found = TOKEN.match(self.line, self.at)
        if found is None:
            raise ValueError(f"the formula {self.line!r} ends too early")
        self.at = found.end()
        return found

    def group(self) -> str:
        """What is inside the next braces, as it is."""
        depth = 0
        for end in range(self.at, len(self.line)):
            depth += {"{": 1, "}": -1}.get(self.line[end], 0)
            if depth == 0 and self.peek() == "{":
                inside, self.at = self.line[self.at + 1 : end], end + 1
                return inside
        raise ValueError(f"a brace is missing in the formula {self.line!r}")


def _row(reader: _Reader) -> str:
    return f"<mrow>{''.join(_atoms(reader))}</mrow>"


def _atoms(reader: _Reader) -> Iterator[str]:
    while reader.at < len(reader.line):
        yield _scripted(reader)


def _scripted(reader: _Reader) -> str:
    """One atom with what hangs on it below and above."""
    base, hung = _atom(reader), {}
    while reader.peek() in ("_", "^"):
        side = reader.token()[0]
        hung[side] = _atom(reader)
    match sorted(hung):
        case ["^", "_"]:
            return f"<msubsup>{base}{hung['_']}{hung['^']}</msubsup>"
        case ["^"]:
            return f"<msup>{base}{hung['^']}</msup>"
        case ["_"]:
            return f"<msub>{base}{hung['_']}</msub>"
    return base


def _atom(reader: _Reader) -> str:
    if reader.peek() == "{":
        return _row(_Reader(reader.group()))
    name, number, letter, sign, space = reader.token().groups()
    if name == "text":
        return f"<mtext>{escape(reader.group())}</mtext>"
    if name in TAKES:
        parts = "".join(_row(_Reader(reader.group())) for _ in range(TAKES[name]))
        return f"<m{name}>{parts}</m{name}>"
    if name:
        return f'<mi mathvariant="normal">{name}</mi>'
    if number:
        return f"<mn>{number}</mn>"
    if letter:
        return f"<mi>{letter}</mi>"
    if space:
        return "" if len(space) == 1 else '<mspace width="1em"/>'
    return (
        f'<mo stretchy="false" lspace="0" rspace="0">{escape(sign)}</mo>'
        if sign in FENCES
        else f"<mo>{escape(sign)}</mo>"
    )
