"""What tests of the pipeline share."""

import pytest


@pytest.fixture(scope="module")
def short_training():
    """Networks of pictures are validated every five steps, and few pictures are looked at."""
    picture_task = pytest.importorskip("kizu.networks.picture_task")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture_task, "EVERY", 5)
        patch.setattr(picture_task, "LOOKED", 6)
        yield
