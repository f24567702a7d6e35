"""Numbers as a person writes them."""

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DIGITS = 6


def pretty(value: float, digits: int = DIGITS) -> str:
    """`value` to so many digits: a true minus, and powers of ten above it where it is very large or small."""
    mantissa, _, power = f"{float(value):.{digits}g}".replace("-", "−").partition("e")
    if not power:
        return mantissa
    exponent = str(int(power.replace("−", "-"))).translate(SUPERSCRIPT)
    return f"10{exponent}" if mantissa == "1" else f"{mantissa}·10{exponent}"
