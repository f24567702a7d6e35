"""Every penalty by its definition alone. A new penalty adds one row to PENALTIES, and one to ORACLES if it can."""

import clarabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn import linear_model

from kizu.arrays import to_numpy
from kizu.errors import ParameterError
from kizu.penalties import L1, L2, ElasticNet, GroupL21, Nuclear, Penalty

PENALTIES = [L1(0.7), L2(0.7), ElasticNet(0.7, 0.3), GroupL21(0.7), GroupL21(0.7, by="columns"), Nuclear(0.7)]
STEP = 0.9

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
    assert {type(penalty) for penalty in PENALTIES} == set(Penalty.__subclasses__())


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


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@given(case=cases)
def test_prox_is_firmly_nonexpansive(penalty, case):
    x, z, step = pair(case)
    p, q = penalty.prox(x, step), penalty.prox(z, step)
    assert np.sum((p - q) ** 2) <= np.sum((p - q) * (x - z)) + 1e-12 * np.sum(x**2 + z**2)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@given(case=cases)
def test_what_prox_removes_is_a_subgradient(penalty, case):
    x, z, step = pair(case)
    p = penalty.prox(x, step)
    slope = (x - p) / step
    lower_bound = penalty.value(p) + np.sum(slope * (z - p))
    size = penalty.value(p) + penalty.value(z) + np.sum(np.abs(slope * z)) + np.sum(np.abs(slope * p))
    rounding = np.finfo(float).eps * np.sum(np.abs(x * (z - p))) / step  # x - p is known to one rounding of x
    assert penalty.value(z) >= lower_bound - 1e-12 * size - 4 * rounding


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@given(case=cases)
def test_value_is_convex_even_and_zero_at_zero(penalty, case):
    x, z, _ = pair(case)
    assert penalty.value(np.zeros_like(x)) == 0
    assert penalty.value(-x) == pytest.approx(penalty.value(x), rel=1e-12)
    chord = 0.5 * (penalty.value(x) + penalty.value(z))
    assert penalty.value(0.5 * (x + z)) <= chord * (1 + 1e-12)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_array_libraries_agree(penalty, xp):
    x = np.random.default_rng(0).standard_normal((6, 9))
    there = xp.asarray(x)
    assert type(penalty.prox(there, STEP)) is type(there)
    np.testing.assert_allclose(to_numpy(penalty.prox(there, STEP)), penalty.prox(x, STEP), rtol=0, atol=1e-14)
    assert float(penalty.value(there)) == pytest.approx(float(penalty.value(x)), rel=1e-14)


@pytest.mark.parametrize("lam", [0.7, np.float64(0.7), 1])
@pytest.mark.parametrize("kind", [L1, L2, ElasticNet, GroupL21, Nuclear])
def test_float32_stays_float32(kind, lam):
    x = np.random.default_rng(0).standard_normal((6, 9)).astype(np.float32)
    small = kind(lam).prox(x, np.float64(STEP))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, kind(lam).prox(x.astype(float), STEP), atol=1e-6)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_learned_numbers_have_the_right_gradient(penalty):
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 4)))
    step = torch.tensor(0.3, dtype=torch.float64)
    assert torch.autograd.gradcheck(penalty.prox, (x.requires_grad_(), step.requires_grad_()))


def separable_oracle(model):
    """A scikit-learn model with the identity as its design: its fit is the prox of its penalty."""

    def solve(x):
        return model.fit(np.eye(len(x)), x).coef_.T

    return solve


def nuclear_oracle(x, weight):
    """Minimise ½·weight·tr(Z) + ½‖U − x‖² over Z ⪰ 0 whose upper right block is U (Fazel, Hindi & Boyd 2001)."""
    rows, order = len(x), sum(x.shape)
    column, row = np.tril_indices(order)  # clarabel stacks the upper triangle by columns
    in_block = (row < rows) & (column >= rows)
    linear = np.where(row == column, 0.5 * weight, 0.0)
    linear[in_block] = -x[row[in_block], column[in_block] - rows] / np.sqrt(2)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    solver = clarabel.DefaultSolver(
        sparse.diags_array(np.where(in_block, 0.5, 0.0)).tocsc(),
        linear,
        -sparse.eye_array(len(row), format="csc"),
        np.zeros(len(row)),
        [clarabel.PSDTriangleConeT(order)],
        settings,
    )
    found = np.zeros_like(x)
    found[row[in_block], column[in_block] - rows] = np.asarray(solver.solve().x)[in_block] / np.sqrt(2)
    return found


ROWS, EXACT = 5, {"fit_intercept": False, "tol": 1e-14, "max_iter": 100_000}
ORACLES = [
    (L1(0.7), separable_oracle(linear_model.MultiTaskLasso(alpha=STEP * 0.7 / ROWS, **EXACT)), 1),
    (L2(0.7), separable_oracle(linear_model.Ridge(alpha=STEP * 0.7, fit_intercept=False)), 4),
    (
        ElasticNet(0.7, 0.3),
        separable_oracle(linear_model.ElasticNet(alpha=STEP * 0.7 / ROWS, l1_ratio=0.3, **EXACT)),
        1,
    ),
    (GroupL21(0.7), separable_oracle(linear_model.MultiTaskLasso(alpha=STEP * 0.7 / ROWS, **EXACT)), 4),
    (Nuclear(0.7), lambda x: nuclear_oracle(x, STEP * 0.7), 4),
]


@pytest.mark.parametrize(("penalty", "oracle", "columns"), ORACLES)
def test_prox_is_what_others_find(penalty, oracle, columns):
    x = np.random.default_rng(0).standard_normal((ROWS, columns))
    np.testing.assert_allclose(penalty.prox(x, STEP), np.reshape(oracle(x), x.shape), rtol=0, atol=1e-7)


@pytest.mark.parametrize("lam", [-1e-9, float("nan"), float("inf"), -1])
@pytest.mark.parametrize("kind", [L1, L2, ElasticNet, GroupL21, Nuclear])
def test_impossible_weights_are_refused(kind, lam):
    with pytest.raises(ParameterError, match=r"^lam: got .* Use a finite number of at least 0"):
        kind(lam)


def test_impossible_options_are_refused():
    with pytest.raises(ParameterError, match=r"^ratio: got 1.5"):
        ElasticNet(1.0, 1.5)
    with pytest.raises(ParameterError, match=r"^by: got 'frames'"):
        GroupL21(1.0, by="frames")
