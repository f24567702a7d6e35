"""The residual of a block: the kernel at every level of instructions and its twin, against the formula in float64."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kizu.native as native
from kizu.lowrank.blocks import Block
from kizu.lowrank.residual import outshout, residual

LEVELS = range(native.level() + 1)
TOLERANCE = {"f4": 1e-6, "f8": 1e-14}


def problem(seed, kind, n, width, r, *, holes, rows):
    """A block with junk in what is unknown, two factors, and how large the terms of its residual are."""
    rng = np.random.default_rng(seed)
    dtype = "f8" if kind in {"f8", "i4"} else "f4"
    raw = (rng.standard_normal((n, width + 9)) * 40 + 100).clip(0, 255).astype(kind)[:, 3 : 3 + width]
    known = rng.random((n, width)) < 0.7 if holes else None
    if holes:
        raw[~known] = np.nan if raw.dtype.kind == "f" else 77
    scale = np.exp2(rng.integers(-8, 3, n)).astype(dtype) if rows else None
    offset = rng.standard_normal(n).astype(dtype) if rows else None
    left, right = rng.standard_normal((n, r)).astype(dtype), 50 * rng.standard_normal((r, width)).astype(dtype)
    return Block(0, width, raw, known, np.dtype(dtype), scale, offset), left, right, TOLERANCE[dtype]


def formula(block, left, right):
    """(M − left @ right, how large its terms are) in float64; 0 where unknown."""
    known = np.ones(block.raw.shape, bool) if block.known is None else block.known
    m = np.where(known, block.raw, 0).astype("f8")
    m = m if block.scale is None else m * block.scale[:, None].astype("f8") + block.offset[:, None]
    size = np.abs(m) + np.abs(left).astype("f8") @ np.abs(right)
    return np.where(known, m - left.astype("f8") @ right, 0), size


shapes = {
    "seed": st.integers(0, 2**32),
    "kind": st.sampled_from(["u1", "u2", "f4", "f8", "i2", "i4", ">f4", "f2"]),
    "n": st.integers(1, 40),
    "width": st.integers(1, 300),
    "r": st.sampled_from([0, 1, 4, 24, 70]),
    "holes": st.booleans(),
    "rows": st.booleans(),
}


@pytest.mark.parametrize("level", LEVELS)
@given(**shapes, limit=st.sampled_from([math.inf, 30.0]))
def test_it_is_the_formula(level, seed, kind, n, width, r, holes, rows, limit):
    block, left, right, tolerance = problem(seed, kind, n, width, r, holes=holes, rows=rows)
    expected, size = formula(block, left, right)
    got = residual(block, left, right, limit=limit, level=level)
    assert got.dtype == right.dtype
    assert (np.abs(got - expected.clip(-limit, limit)) <= tolerance * size).all()


@pytest.mark.parametrize("level", LEVELS)
@given(**shapes)
def test_the_louder_number_stays_with_its_sign(level, seed, kind, n, width, r, holes, rows):
    block, left, right, tolerance = problem(seed, kind, n, width, r, holes=holes, rows=rows)
    rng = np.random.default_rng(seed)
    weight = rng.exponential(size=width).astype(right.dtype)
    room = rng.standard_normal((n, width + 2)).astype(right.dtype) * 50
    before = room.copy()
    outshout(block, left, right, weight, room[:, 1:-1], level=level)
    fresh, size = formula(block, left, right)
    fresh, here = fresh * weight, before[:, 1:-1]
    expected = np.where(np.abs(fresh) > np.abs(here), fresh, here)
    near = np.abs(np.abs(fresh) - np.abs(here)) <= 2 * tolerance * size * weight  # rounding may choose the other
    assert (near | (np.abs(room[:, 1:-1] - expected) <= 2 * tolerance * size * weight)).all()
    np.testing.assert_array_equal(room[:, [0, -1]], before[:, [0, -1]])


@pytest.mark.parametrize("level", LEVELS)
def test_of_two_as_loud_the_positive_one_stays(level):
    block = Block(0, 2, np.array([[3.0, -3.0]], "f4"), None, np.dtype("f4"))
    none, out = np.zeros((1, 0), "f4"), np.array([[-3.0, 3.0]], "f4")
    outshout(block, none, none.T @ np.zeros((1, 2), "f4"), np.ones(2, "f4"), out, level=level)
    np.testing.assert_array_equal(out, [[3.0, 3.0]])
