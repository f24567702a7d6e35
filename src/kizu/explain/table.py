"""The lessons, in the order in which they are read: a new one is a row here and its two files in `lessons`."""

from importlib import import_module

from kizu.errors import UsageError
from kizu.explain.lesson import Lesson

TOPICS = ("shrink", "pull", "corner", "path", "race", "svt", "walls", "lam", "noise", "lista", "rpcanet")


def home(topic: str) -> str:
    return f"kizu.explain.lessons.{topic}"


def lesson(topic: str) -> Lesson:
    """The lesson called `topic`; UsageError names those that there are."""
    if topic not in TOPICS:
        raise UsageError(f"no lesson is called {topic!r}", f"Choose one of {', '.join(TOPICS)}", where="explain")
    found: Lesson = import_module(home(topic)).LESSON
    return found
