"""Words with numbers in them: computed numbers are written into a text, never typed."""

from collections.abc import Mapping

from kizu.numerals import DIGITS, pretty


class Number(float):
    """A number that a format field writes as a person would.

    `{x}` to six digits, `{x:3}` to three, `{x:d}` without decimals, `{x:%}` in percent, `{x:1%}` with one decimal.
    """

    def __format__(self, how: str) -> str:
        if how.endswith("%"):
            return f"{100 * float(self):.{int(how[:-1] or 0)}f}\u00a0%".replace("-", "−")
        return f"{round(self)}".replace("-", "−") if how == "d" else pretty(self, int(how or DIGITS))


def filled(text: str, numbers: Mapping[str, float]) -> str:
    """`text` with its fields replaced; a name that `numbers` lacks is a KeyError."""
    return text.format_map({name: Number(value) for name, value in numbers.items()})
