"""Dictionaries learn in bench/dictionary.py, which is about time: here is only where to find it."""

from quality.kinds import Asked, Found, Kind

TEXT = "`python bench/dictionary.py` measures how fast dictionaries are learned, beside spams and scikit-learn."


def measure(asked: Asked) -> Found:
    return Found(TEXT, {"see": "bench/dictionary.py"})


KIND = Kind(measure, ("dictionary",))
