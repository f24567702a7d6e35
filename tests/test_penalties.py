"""Every penalty by its definition alone. A new penalty adds one row to PENALTIES, and one to CONES if it is convex."""

import math

import clarabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import pages
from kizu.arrays import to_numpy
from kizu.errors import ParameterError
from kizu.penalties import (
    L1,
    L2,
    MCP,
    SCAD,
    ElasticNet,
    GroupL21,
    NonNegativeL1,
    Nuclear,
    Penalty,
    SignedL1,
    TotalVariation,
)
from pages import EXTEND, written

PENALTIES = [
    L1(0.7),
    SignedL1(0.7, 1.9),
    SignedL1(math.inf, 0.4),
    NonNegativeL1(0.7),
    L2(0.7),
    ElasticNet(0.7, 0.3),
    ElasticNet(0.7, 1.0),
    GroupL21(0.7),
    GroupL21(0.7, by="columns"),
    Nuclear(0.7),
    TotalVariation(0.7),
    MCP(0.7, 2.0),
    SCAD(0.7),
    pages.run("page_penalty", *written(EXTEND)[:3:2]).row,
]
CONVEX = [penalty for penalty in PENALTIES if penalty.convex]
SEPARABLE = [penalty for penalty in PENALTIES if penalty.separable]
EVEN = [penalty for penalty in PENALTIES if not isinstance(penalty, SignedL1 | NonNegativeL1)]
STEP = 0.9
SLACK = {TotalVariation: 1e-6}
"""How exactly a proximal operator that is found by iterations is known; the others are exact."""
many = settings(max_examples=200)

cases = st.tuples(
    st.integers(0, 2**32 - 1),  # seed
    st.integers(1, 8),  # rows
    st.integers(1, 8),  # columns
    st.integers(-100, 100),  # order of magnitude
    st.floats(1e-3, 3),  # step size, in units of the data
)


def pair(case):
    """Two matrices (rows, columns) of one scale, and a step size that matters to both."""
    seed, rows, columns, exponent, ratio = case
    scale = 10.0**exponent
    x, z = scale * np.random.default_rng(seed).standard_normal((2, rows, columns))
    return x, z, ratio * scale


def test_every_penalty_is_tested():
    own = {kind for kind in Penalty.__subclasses__() if kind.__module__.startswith("kizu.")}
    assert own <= {type(penalty) for penalty in PENALTIES}


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0, 10.0])
def test_prox_minimises_its_definition(penalty, size):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 9))
    best = penalty.prox(x, STEP)

    def cost(u):
        return STEP * penalty.value(u) + 0.5 * np.sum((u - x) ** 2)

    for move in size * rng.standard_normal((50, 6, 9)):
        assert cost(best) <= cost(best + move) + 1e-12


@pytest.mark.parametrize("penalty", SEPARABLE, ids=repr)
@many
@given(x=st.floats(-6, 6), step=st.floats(1e-3, 8))
def test_no_number_is_better_than_prox(penalty, x, step):
    def cost(u):
        return step * float(penalty.value(np.array(u))) + 0.5 * (u - x) ** 2

    best = float(penalty.prox(np.array(x), step))
    assert cost(best) <= min(map(cost, [*np.linspace(-6, 6, 481), best - 1e-6, best + 1e-6])) + 1e-12


@pytest.mark.parametrize("penalty", CONVEX, ids=repr)
@many
@given(case=cases)
def test_prox_is_firmly_nonexpansive(penalty, case):
    x, z, step = pair(case)
    p, q = penalty.prox(x, step), penalty.prox(z, step)
    assert np.sum((p - q) ** 2) <= np.sum((p - q) * (x - z)) + SLACK.get(type(penalty), 1e-12) * np.sum(x**2 + z**2)


@pytest.mark.parametrize("penalty", CONVEX, ids=repr)
@many
@given(case=cases)
def test_what_prox_removes_is_a_subgradient(penalty, case):
    x, z, step = pair(case)
    z = z if math.isfinite(penalty.value(z)) else penalty.prox(z, step)
    p = penalty.prox(x, step)
    slope = (x - p) / step
    lower_bound = penalty.value(p) + np.sum(slope * (z - p))
    size = penalty.value(p) + penalty.value(z) + np.sum(np.abs(slope * z)) + np.sum(np.abs(slope * p))
    rounding = np.finfo(float).eps * np.sum(np.abs(x * (z - p))) / step  # x - p is known to one rounding of x
    assert penalty.value(z) >= lower_bound - SLACK.get(type(penalty), 1e-12) * size - 4 * rounding


@pytest.mark.parametrize("penalty", [p for p in CONVEX if p.conjugate(np.ones((2, 2)))], ids=repr)
@many
@given(case=cases)
def test_moreau_and_the_conjugate(penalty, case):
    x, z, step = pair(case)
    p = penalty.prox(x, step)
    slope = (x - p) / step  # Moreau: a subgradient at p, where Fenchel's inequality is an equality
    found = penalty.conjugate(slope)
    rounding = 4 * np.finfo(float).eps / step  # x − p is known to one rounding of x
    assert found.scale == pytest.approx(1, abs=1e-9 + rounding * np.linalg.norm(x))
    both = 1e-12 * np.sum(np.abs(slope * p)) + (rounding + rounding**2 / 0.3) * np.sum(x**2)
    assert found.value + penalty.value(p) == pytest.approx(np.sum(slope * p), rel=1e-9, abs=both)
    inside = penalty.conjugate(z)
    fitting = x if math.isfinite(penalty.value(x)) else p
    both = penalty.value(fitting) + inside.value
    assert both >= inside.scale * np.sum(z * fitting) - 1e-12 * (both + np.sum(np.abs(z * fitting)))


@pytest.mark.parametrize("penalty", CONVEX, ids=repr)
@many
@given(case=cases)
def test_value_is_convex_and_zero_at_zero(penalty, case):
    x, z, _ = pair(case)
    assert penalty.value(np.zeros_like(x)) == 0
    chord = 0.5 * (penalty.value(x) + penalty.value(z))
    assert penalty.value(0.5 * (x + z)) <= chord * (1 + 1e-12)


@pytest.mark.parametrize("penalty", EVEN, ids=repr)
@given(case=cases)
def test_value_and_prox_are_even_and_odd(penalty, case):
    x, _, step = pair(case)
    assert penalty.value(-x) == pytest.approx(penalty.value(x), rel=1e-12)
    np.testing.assert_allclose(
        penalty.prox(-x, step), -penalty.prox(x, step), rtol=0, atol=SLACK.get(type(penalty), 1e-12) * np.abs(x).max()
    )


@pytest.mark.parametrize("penalty", [p for p in SEPARABLE if p.gradient(np.ones(1)) is not None], ids=repr)
def test_gradient_is_the_slope_of_the_value(penalty):
    x = np.random.default_rng(0).standard_normal(7)
    move = 1e-6 * np.eye(7)
    slopes = [(penalty.value(x + d) - penalty.value(x - d)) / 2e-6 for d in move]
    np.testing.assert_allclose(penalty.gradient(x), slopes, atol=1e-8)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_array_libraries_agree(penalty, xp):
    x = np.random.default_rng(0).standard_normal((6, 9))
    there = xp.asarray(x)
    assert type(penalty.prox(there, STEP)) is type(there)
    np.testing.assert_allclose(to_numpy(penalty.prox(there, STEP)), penalty.prox(x, STEP), rtol=0, atol=1e-14)
    assert float(penalty.value(there)) == pytest.approx(float(penalty.value(x)), rel=1e-14)


@pytest.mark.parametrize("lam", [0.7, np.float64(0.7), 1])
@pytest.mark.parametrize("kind", [L1, NonNegativeL1, L2, ElasticNet, GroupL21, Nuclear, TotalVariation, MCP, SCAD])
def test_float32_stays_float32(kind, lam):
    x = np.random.default_rng(0).standard_normal((6, 9)).astype(np.float32)
    small = kind(lam).prox(x, np.float64(STEP))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, kind(lam).prox(x.astype(float), STEP), atol=1e-6)
    assert kind(lam).value(x).dtype == np.float32
    assert kind is not L2 or kind(lam).gradient(x).dtype == np.float32


LEARNED = [p for p in PENALTIES if type(p) not in SLACK and p != SignedL1(math.inf, 0.4)]  # ∞ has no derivative


@pytest.mark.parametrize("penalty", LEARNED, ids=repr)
def test_learned_numbers_have_the_right_gradient(penalty):
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 4)))
    step = torch.tensor(0.3, dtype=torch.float64)
    assert torch.autograd.gradcheck(penalty.prox, (x.requires_grad_(), step.requires_grad_()))


def cone_oracle(x, *, above=(), ridge=0.0, groups=()):
    """Minimise Σt + ½·ridge·‖u‖² + ½‖u − x‖² with t ≥ B u for every B in `above`, or t ≥ ‖B u‖ for B in `groups`."""
    n, pieces = x.size, [*above, *groups]
    many = len(groups) or (len(above[0]) if above else 0)
    eye, rows, cones = sparse.eye_array(many).tocsr(), [], []
    for B in above:
        rows.append(sparse.hstack([B, -eye]))
        cones.append(clarabel.NonnegativeConeT(len(B)))
    for index, B in enumerate(groups):
        rows.append(sparse.hstack([sparse.csc_array((1, n)), -eye[[index]]]))
        rows.append(sparse.hstack([-B, sparse.csc_array((len(B), many))]))
        cones.append(clarabel.SecondOrderConeT(len(B) + 1))
    A = sparse.vstack(rows).tocsc() if pieces else sparse.csc_array((1, n))
    quadratic = sparse.diags_array(np.r_[np.full(n, 1.0 + ridge), np.zeros(many)]).tocsc()
    linear, cones = np.r_[-x.ravel(), np.ones(many)], cones or [clarabel.NonnegativeConeT(1)]
    found = clarabel.DefaultSolver(quadratic, linear, A, np.zeros(A.shape[0]), cones, tight()).solve()
    return np.asarray(found.x)[:n].reshape(x.shape)


def tight():
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    return settings


def nuclear_oracle(x, weight):
    """Minimise ½·weight·tr(Z) + ½‖U − x‖² over Z ⪰ 0 whose upper right block is U (Fazel, Hindi & Boyd 2001)."""
    rows, order = len(x), sum(x.shape)
    column, row = np.tril_indices(order)  # clarabel stacks the upper triangle by columns
    in_block = (row < rows) & (column >= rows)
    linear = np.where(row == column, 0.5 * weight, 0.0)
    linear[in_block] = -x[row[in_block], column[in_block] - rows] / np.sqrt(2)
    solver = clarabel.DefaultSolver(
        sparse.diags_array(np.where(in_block, 0.5, 0.0)).tocsc(),
        linear,
        -sparse.eye_array(len(row), format="csc"),
        np.zeros(len(row)),
        [clarabel.PSDTriangleConeT(order)],
        tight(),
    )
    found = np.zeros_like(x)
    found[row[in_block], column[in_block] - rows] = np.asarray(solver.solve().x)[in_block] / np.sqrt(2)
    return found


ROWS, COLUMNS = 5, 4
EYE = np.eye(ROWS * COLUMNS)
PLACES = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
DIFFERENCES = np.vstack(
    [EYE[PLACES[1:].ravel()] - EYE[PLACES[:-1].ravel()], EYE[PLACES[:, 1:].ravel()] - EYE[PLACES[:, :-1].ravel()]]
)
W = STEP * 0.7
CONES = [
    (L1(0.7), {"above": [W * EYE, -W * EYE]}),
    (SignedL1(0.7, 1.9), {"above": [W * EYE, -STEP * 1.9 * EYE]}),
    (NonNegativeL1(0.7), {"above": [W * EYE, -1e6 * EYE]}),
    (L2(0.7), {"ridge": W}),
    (ElasticNet(0.7, 0.3), {"above": [0.3 * W * EYE, -0.3 * W * EYE], "ridge": 0.7 * W}),
    (GroupL21(0.7), {"groups": [W * EYE[row] for row in PLACES]}),
    (GroupL21(0.7, by="columns"), {"groups": [W * EYE[column] for column in PLACES.T]}),
    (TotalVariation(0.7), {"above": [W * DIFFERENCES, -W * DIFFERENCES]}),
]


@pytest.mark.parametrize(("penalty", "cone"), CONES, ids=lambda case: repr(case) if isinstance(case, Penalty) else "")
def test_prox_is_what_clarabel_finds(penalty, cone):
    x = np.random.default_rng(0).standard_normal((ROWS, COLUMNS))
    np.testing.assert_allclose(penalty.prox(x, STEP), cone_oracle(x, **cone), rtol=0, atol=1e-6)


def test_prox_of_the_nuclear_norm_is_what_clarabel_finds():
    x = np.random.default_rng(0).standard_normal((ROWS, COLUMNS))
    np.testing.assert_allclose(Nuclear(0.7).prox(x, STEP), nuclear_oracle(x, W), rtol=0, atol=1e-6)


def test_every_convex_penalty_has_an_oracle():
    assert {type(penalty) for penalty in CONVEX} == {type(penalty) for penalty, _ in CONES} | {Nuclear}


def test_total_variation_of_an_image_in_one_line():
    image = np.random.default_rng(0).standard_normal((6, 9))
    flat = TotalVariation(0.7, shape=(6, 9))
    assert flat.value(image.ravel()) == TotalVariation(0.7).value(image)
    np.testing.assert_array_equal(flat.prox(image.ravel(), STEP), TotalVariation(0.7).prox(image, STEP).ravel())


@pytest.mark.parametrize("by", ["rows", "columns"])
def test_gradients_at_zero_groups_are_finite(by):
    torch = pytest.importorskip("torch")
    x = torch.zeros((3, 4), dtype=torch.float64)
    x[1, 2] = 5.0
    GroupL21(1.0, by=by).prox(x.requires_grad_(), 0.5).sum().backward()
    assert torch.isfinite(x.grad).all()


BAD = [-1e-9, float("nan"), float("inf"), -1, np.float32(-1), np.int64(-3), "a", None, True]


@pytest.mark.parametrize("lam", BAD)
@pytest.mark.parametrize("kind", [L1, NonNegativeL1, L2, ElasticNet, GroupL21, Nuclear, TotalVariation, MCP, SCAD])
def test_impossible_weights_are_refused(kind, lam):
    with pytest.raises(ParameterError, match=r"^lam: got .* Use a finite number of at least 0"):
        kind(lam)


def test_impossible_options_are_refused():
    with pytest.raises(ParameterError, match=r"^ratio: got 1.5"):
        ElasticNet(1.0, 1.5)
    with pytest.raises(ParameterError, match=r"^by: got 'frames'"):
        GroupL21(1.0, by="frames")
    with pytest.raises(ParameterError, match=r"^negative: got -1.0. Use a number of at least 0"):
        SignedL1(math.inf, -1.0)
    with pytest.raises(ParameterError, match=r"^gamma: got 0"):
        MCP(1.0, 0.0)
    with pytest.raises(ParameterError, match=r"^a: got 2.0"):
        SCAD(1.0, 2.0)
