"""The paths, by scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from kizu.explain.lessons.path import PENALTIES, SHARES, TRUE, entered, numbers, regression, walked

PEERS = {
    "lasso": lambda lam, rows: Lasso(lam / rows, fit_intercept=False, tol=1e-12, max_iter=100_000),
    "elastic": lambda lam, rows: ElasticNet(2 * lam / rows, fit_intercept=False, tol=1e-12, max_iter=100_000),
    "ridge": lambda lam, rows: Ridge(lam, fit_intercept=False),
}


@pytest.mark.parametrize("name", PENALTIES)
def test_the_points_are_those_of_scikit_learn(name):
    rng = np.random.default_rng(1)
    a, y, lams = rng.standard_normal((30, 6)), rng.standard_normal(30), np.array([10.0, 3.0, 0.5])
    coefficients, gaps = walked(PENALTIES[name], a, y, lams)
    assert (gaps <= 1e-8).all()
    for lam, got in zip(lams, coefficients, strict=True):
        # a relative gap of 1e-8 bounds a coefficient by about its root
        np.testing.assert_allclose(got, PEERS[name](lam, 30).fit(a, y).coef_, rtol=0, atol=1e-4)


def test_the_story_is_true():
    made, quoted = regression(), numbers()
    lasso, elastic, ridge = (made.paths[name] for name in ("lasso", "elastic", "ridge"))
    assert not lasso[0].any()
    assert (ridge != 0).all()
    plain = (quoted["from"] >= SHARES) & (quoted["to"] <= SHARES)
    assert ((lasso[plain] != 0) == (np.array(TRUE) != 0)).all()
    assert entered(elastic)[0] == entered(elastic)[1] != entered(lasso)[0]
    alone = lasso[quoted["share"] == SHARES][0]
    assert alone[0] == 0
    assert alone[1] == quoted["alone"]
    assert abs(quoted["biased"]) < abs(quoted["truth"])
    assert quoted["gap"] <= 1e-8
