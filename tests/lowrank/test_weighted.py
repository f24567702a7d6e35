from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kizu.native as native
from kizu.lowrank import weighted
from kizu.lowrank.blocks import Block

LEVELS = range(native.level() + 1)


def problem(seed, kind, n, width, r, *, holes=False, exposed=True):
    """A block of a rank-r background with noise and a tenth of outliers, in rows of a wider array."""
    draw = np.random.default_rng(seed)
    left, right = draw.standard_normal((n, r)).astype("f4"), (9 * draw.standard_normal((r, width))).astype("f4")
    room = np.zeros((n, width + 7), kind)
    values = left @ right + 3 * draw.standard_normal((n, width)) + 80 * (draw.random((n, width)) < 0.1)
    room[:, 3 : 3 + width] = np.clip(values + 100, 0, 255).astype(kind)
    known = draw.random((n, width)) < 0.8 if holes else None
    exposure = (
        (draw.uniform(0.9, 1.1, n).astype("f4"), draw.uniform(-101, -99, n).astype("f4")) if exposed else (None, None)
    )
    block = Block(0, width, room[:, 3 : 3 + width], known, np.dtype("f4"), *exposure)
    return block, left, right, weighted.Thresholds(4.0, 50.0, 1.4)


def assert_close(got, expected, entries):
    """To float32's rounding of values of about 100; the two sums are small differences of `entries` of them."""
    for a, b in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5 * (np.abs(b).max() + np.sqrt(entries)))
    for a, b in zip(got[3:], expected[3:], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=5e-5 * entries)


@pytest.mark.parametrize("level", LEVELS)
@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 999),
    kind=st.sampled_from(["u1", "u2", "f4", "i2", "f8"]),
    n=st.integers(1, 60),
    width=st.integers(1, 700),
    r=st.integers(1, 9),
    holes=st.booleans(),
    exposed=st.booleans(),
)
def test_kernel_and_twin_agree(level, seed, kind, n, width, r, holes, exposed):
    arguments = problem(seed, kind, n, width, r, holes=holes, exposed=exposed)
    assert_close(weighted.walk(*arguments, level=level), weighted.walk(*arguments, level=0), n * width)


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_unknown_changes_no_bit(level):
    block, *others = problem(1, "f4", 30, 500, 4, holes=True)
    first = weighted.walk(block, *others, level=level)
    for junk in (np.nan, 1e30):
        spoilt = Block(0, 500, np.where(block.known, block.raw, np.float32(junk)), block.known, block.dtype,
                       block.scale, block.offset)  # fmt: skip
        again = weighted.walk(spoilt, *others, level=level)
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_rounds_descend_to_the_minimum(level):
    block, left, right, numbers = problem(2, "u1", 40, 300, 3)
    objective = []
    for _ in range(60):
        found = weighted.walk(block, left, right, numbers, level=level)
        objective.append(found.loss + 0.5 * numbers.tau_background * float((right.astype(float) ** 2).sum()))
        right = found.right
    assert all(after <= before * (1 + 1e-6) for before, after in pairwise(objective))
    y = np.clip(block.values - left @ right, -numbers.tau, numbers.tau)
    np.testing.assert_allclose(left.T @ y, numbers.tau_background * right, atol=0.05)


def test_the_twin_does_it_where_there_is_no_library(monkeypatch):
    arguments = problem(4, "u1", 20, 300, 3)
    expected = weighted.walk(*arguments, level=0)
    monkeypatch.setattr(native, "_loaded", lambda: native.load(None, ""))
    assert all(np.array_equal(a, b) for a, b in zip(weighted.walk(*arguments), expected, strict=True))
