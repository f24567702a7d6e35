import numpy as np
import pytest
from scipy import optimize

from kizu.models.projection import Subspace, project


def subspace(tau_anomaly, features=30, rank=3):
    draw = np.random.default_rng(0)
    components = np.linalg.qr(draw.standard_normal((features, rank)))[0]
    return Subspace(components, np.array([9.0, 4.0, 2.0]), 1.5 if tau_anomaly else 0.0, tau_anomaly)


def objective(space, row, known, coefficients):
    """The stated problem, written down directly."""
    size = np.abs(row - space.components @ coefficients)[known]
    if space.tau_anomaly is None:
        return size.sum()
    level = space.tau_anomaly
    huber = np.where(size <= level, 0.5 * size**2, level * size - 0.5 * level**2).sum()
    return huber + space.tau_background / 2 * (coefficients**2 / space.singular_values).sum()


def rows():
    draw = np.random.default_rng(1)
    made = draw.standard_normal((6, 3)) @ (3 * subspace(None).components.T)
    return made + np.where(draw.random(made.shape) < 0.1, 5.0, 0.0) + 0.05 * draw.standard_normal(made.shape)


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_the_stable_form_is_minimised(share):
    space, known = subspace(0.2), np.random.default_rng(2).random((6, 30)) < share
    for row, mask, background in zip(rows(), known, project(rows(), known, space), strict=True):
        best = optimize.minimize(lambda v: objective(space, row, mask, v), np.zeros(3), tol=1e-12)  # noqa: B023
        assert objective(space, row, mask, space.components.T @ background) <= best.fun + 1e-9


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_the_exact_form_is_minimised(share):
    space, known = subspace(None), np.random.default_rng(2).random((6, 30)) < share
    for row, mask, background in zip(rows(), known, project(rows(), known, space), strict=True):
        v, count = space.components[mask], mask.sum()
        best = optimize.linprog(  # min Σt, |row − Vv| ≤ t
            np.r_[np.zeros(3), np.ones(count)],
            np.block([[v, -np.eye(count)], [-v, -np.eye(count)]]),
            np.r_[row[mask], -row[mask]],
            bounds=[(None, None)] * 3 + [(0, None)] * count,
        )
        assert objective(space, row, mask, space.components.T @ background) <= best.fun * (1 + 1e-5)  # the default gap


@pytest.mark.parametrize("tau_anomaly", [0.2, None])
def test_unknown_entries_have_no_influence(tau_anomaly):
    known = np.random.default_rng(2).random((6, 30)) < 0.7
    spoilt = np.where(known, rows(), 1e9)
    np.testing.assert_array_equal(
        project(rows(), known, subspace(tau_anomaly)), project(spoilt, known, subspace(tau_anomaly))
    )


def test_without_a_subspace_there_is_no_background():
    nothing = Subspace(np.zeros((30, 0)), np.zeros(0), 1.0, 0.1)
    np.testing.assert_array_equal(project(rows(), np.ones((6, 30), bool), nothing), np.zeros((6, 30)))


@pytest.mark.parametrize("tau_anomaly", [0.2, None])
def test_a_row_of_which_nothing_is_known_has_the_smallest_background(tau_anomaly):
    found = project(rows(), np.zeros((6, 30), bool), subspace(tau_anomaly))
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_the_dtype_is_kept():
    single = rows().astype(np.float32)
    assert project(single, np.ones(single.shape, bool), subspace(0.2)).dtype == np.float32
