import numpy as np
import pytest

from kizu.detect.flagged import ENOUGH, known_of
from kizu.engines.threads import DEFAULT


@pytest.mark.parametrize("frames", [2, 9, 100])
def test_a_place_that_is_nearly_always_flagged_keeps_its_entries(frames):
    needed = int(np.ceil(ENOUGH * np.sqrt(frames)))
    free = np.arange(frames)[:, None] < np.arange(frames + 1)  # column k: k entries that are not flagged
    known = known_of(~free[:, None], None, DEFAULT)[:, 0]
    for count in range(frames + 1):
        expected = free[:, count] if count >= needed else np.ones(frames, bool)
        np.testing.assert_array_equal(known[:, count], expected)


def test_what_nobody_sees_is_never_known():
    rng = np.random.default_rng(0)
    seen, flagged = rng.random((2, 30, 6, 7)) < 0.5
    known = known_of(flagged, seen, DEFAULT)
    assert not (known & ~seen).any()
    assert (known >= (seen & ~flagged)).all()
    np.testing.assert_array_equal(known_of(flagged, np.ones_like(seen), DEFAULT), known_of(flagged, None, DEFAULT))
