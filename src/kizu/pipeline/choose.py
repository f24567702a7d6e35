"""Which model a run takes: the one asked for, the usual one for its inputs, or the one that finds planted defects."""

from collections.abc import Sequence

from kizu.pipeline.models import Kind, Taken, taken
from kizu.pipeline.options import Options
from kizu.pipeline.refit import Progress


def choose_model(options: Options, inputs: Sequence[str], of: Kind, progress: Progress) -> Taken:
    """The model of a run and why it is that one."""
    return taken(options.model, of)
