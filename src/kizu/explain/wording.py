"""Words with numbers in them: computed numbers are written into a text, never typed."""

from collections.abc import Mapping

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DIGITS = 6


class Number(float):
    """A number that a format field writes as a person would.

    `{x}` to six digits, `{x:3}` to three, `{x:d}` without decimals, `{x:%}` in percent, `{x:1%}` with one decimal.
    """

    def __format__(self, how: str) -> str:
        if how.endswith("%"):
            return f"{100 * float(self):.{int(how[:-1] or 0)}f}\u00a0%".replace("-", "−")
        return f"{round(self)}".replace("-", "−") if how == "d" else pretty(self, int(how or DIGITS))


def pretty(value: float, digits: int = DIGITS) -> str:
    """`value` to so many digits: a true minus, and a power of ten where it is very large or small."""
    mantissa, _, power = f"{float(value):.{digits}g}".replace("-", "−").partition("e")
    if not power:
        return mantissa
    exponent = str(int(power.replace("−", "-"))).translate(SUPERSCRIPT)
    return f"10{exponent}" if mantissa == "1" else f"{mantissa}·10{exponent}"


def filled(text: str, numbers: Mapping[str, float]) -> str:
    """`text` with its fields replaced; a name that `numbers` lacks is a KeyError."""
    return text.format_map({name: Number(value) for name, value in numbers.items()})
