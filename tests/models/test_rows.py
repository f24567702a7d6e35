"""Rows of a table: found whatever the units and the order, explained by their columns, at about the stated rate."""

import numpy as np
import pytest

from kizu.files import load_model, save_model
from kizu.models.rows import RowModel, fit_rows, null_of, score_rows, threshold_of
from kizu.models.rows_columns import column_scales, standardised
from kizu.models.rows_tails import fit_law, fit_tail, law_p_value, law_score, unlikely

PLANTED = [(30, 2), (111, 5), (250, 0)]


def machine(rows=400, *, planted=True, seed=0):
    """Six columns of very different size that go together; in three rows one column is far too high or too low."""
    rng = np.random.default_rng(seed)
    load = rng.standard_normal((rows, 2)) @ np.random.default_rng(9).standard_normal((2, 6))
    values = load + 0.4 * rng.standard_normal((rows, 6))
    if planted:
        for number, (row, column) in enumerate(PLANTED):
            values[row, column] += (-1) ** number * 12
    return values * np.logspace(-9, 9, 6) + np.logspace(-6, 6, 6)


def judged(values):
    return score_rows(fit_rows(values), values, fitted=True)


def test_a_planted_column_makes_its_row_the_worst_and_leads_it():
    found = judged(machine())
    worst = np.argsort(-found.score)[:3].tolist()
    assert sorted(worst) == [row for row, _ in PLANTED]
    for row, column in PLANTED:
        assert found.shares[row].argmax() == column
        assert found.shares[row, column] > 0.5
        assert found.p_value[row] < 1e-3


def test_what_only_breaks_the_relation_of_columns_is_found():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((300, 1)) + 0.05 * rng.standard_normal((300, 5))
    values[40, 3] = -values[40, 3] + (1.5 if values[40, 3] < 0.75 else 0)
    found = judged(values)
    assert found.score.argmax() == 40
    assert found.shares[40].argmax() == 3


def test_shares_are_shares():
    found = judged(machine())
    assert found.shares.min() >= 0
    np.testing.assert_allclose(found.shares.sum(axis=1), 1, rtol=1e-12)
    assert np.all((found.p_value > 0) & (found.p_value <= 1))


def test_the_order_of_rows_and_columns_does_not_matter():
    values, found = machine(), judged(machine())
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(400), rng.permutation(6)
    other = judged(values[rows][:, columns])
    np.testing.assert_allclose(other.score, found.score[rows], rtol=1e-6)
    np.testing.assert_allclose(other.shares, found.shares[rows][:, columns], atol=1e-6)


def test_units_do_not_matter():
    values, found = machine(), judged(machine())
    other = judged(values * np.array([2.0**-40, 8, 1024, 0.5, 2**50, 4]))
    np.testing.assert_allclose(other.score, found.score, rtol=1e-9)
    moved = judged(values * np.array([1e-3, 1e3, 1.8, 1, 7, 1e20]))
    assert np.argsort(-moved.score)[:3].tolist() == np.argsort(-found.score)[:3].tolist()


def test_the_same_rows_give_the_same_bytes():
    first, again = fit_rows(machine()), fit_rows(machine())
    for name, array in first.arrays.items():
        assert array.tobytes() == again.arrays[name].tobytes(), name


@pytest.mark.parametrize("kind", ["normal", "related", "uniform", "lognormal", "counts", "clusters"])
def test_the_stated_number_of_false_rows_is_about_the_one_that_is_seen(kind):
    def draw(rng):
        noise = rng.standard_normal((600, 8))
        centers = 4 * np.random.default_rng(2).standard_normal((3, 8))
        return {
            "normal": noise, "related": noise @ np.random.default_rng(1).standard_normal((8, 8)),
            "uniform": rng.uniform(size=(600, 8)), "lognormal": np.exp(noise),
            "counts": rng.poisson(3, (600, 8)).astype(float), "clusters": centers[rng.integers(0, 3, 600)] + noise,
        }[kind]  # fmt: skip

    old, new = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        values, later = draw(rng), draw(rng)
        model = fit_rows(values)
        old.append((score_rows(model, values, fitted=True).p_value < 1 / 600).sum())
        new.append((score_rows(model, later).p_value < 1 / 600).sum())
    assert np.mean(old) <= 2  # stated: 1
    assert np.mean(new) <= 3


def test_new_rows_are_judged_by_the_old_ones():
    model = fit_rows(machine(planted=False))
    found = score_rows(model, machine(seed=5))
    assert sorted(np.argsort(-found.score)[:3].tolist()) == [row for row, _ in PLANTED]
    assert [int(found.shares[row].argmax()) for row, _ in PLANTED] == [column for _, column in PLANTED]
    alone = score_rows(model, machine(seed=5)[30:31])
    np.testing.assert_allclose(alone.score, found.score[30:31], rtol=1e-12)


def test_unknown_values_have_no_share_and_no_row_is_odd_for_them():
    values, rng = machine(), np.random.default_rng(4)
    holes = rng.random(values.shape) < 0.1
    for row, column in PLANTED:
        holes[row, column] = False
    values[holes] = np.nan
    values[7] = np.nan
    found = judged(values)
    assert sorted(np.argsort(-found.score)[:3].tolist()) == [row for row, _ in PLANTED]
    assert np.all(found.shares[holes] == 0)
    assert np.isfinite(found.score).all()
    assert found.p_value[7] > 0.1


SHAPES = {
    "one column": lambda rng: rng.standard_normal((50, 1)),
    "few rows": lambda rng: rng.standard_normal((8, 3)),
    "more columns than rows": lambda rng: rng.standard_normal((30, 90)),
    "truth values": lambda rng: (rng.random((60, 5)) < 0.2).astype(float),
    "a constant": lambda rng: np.column_stack([rng.standard_normal(40), np.full(40, 3.0)]),
    "all equal": lambda rng: np.ones((20, 3)),
    "copies": lambda rng: np.repeat(rng.standard_normal((60, 1)), 4, axis=1),
    "nothing known": lambda rng: np.column_stack([rng.standard_normal(40), np.full(40, np.nan)]),
    "the largest": lambda rng: rng.uniform(-1.7, 1.7, (40, 3)) * 1e308,
    "the smallest": lambda rng: rng.standard_normal((40, 3)) * 1e-300,
    "Cauchy": lambda rng: rng.standard_cauchy((100, 4)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_finite_scores(shape):
    values = SHAPES[shape](np.random.default_rng(0))
    found = judged(values)
    for part in found:
        assert np.isfinite(part).all()
    assert (found.shares >= 0).all()


def test_a_model_is_read_as_it_was_written(tmp_path):
    model = fit_rows(machine())
    save_model(tmp_path, {"kind": "rows"}, model.arrays)
    again = RowModel(load_model(tmp_path)[1])
    again.require()
    values = machine(seed=1)
    for one, two in zip(score_rows(model, values), score_rows(again, values), strict=True):
        assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("harm", ["missing", "shape", "nan"])
def test_arrays_that_are_no_model_are_refused(harm):
    arrays = dict(fit_rows(machine()).arrays)
    if harm == "missing":
        del arrays["mean"]
    else:
        arrays["mean"] = arrays["mean"][:-1] if harm == "shape" else arrays["mean"] * np.nan
    with pytest.raises((KeyError, ValueError)):
        RowModel(arrays).require()


# --- parts


def test_scales_are_those_of_most_values_or_of_more_where_most_are_equal():
    rng = np.random.default_rng(0)
    values = np.column_stack([3 + 2 * rng.standard_normal(2000), np.r_[np.zeros(1700), rng.standard_normal(300)]])
    values[:8, 0] = 1e18
    found = column_scales(values)
    assert found["median"] == pytest.approx([3, 0], abs=0.3)
    assert 1.8 < found["scale"][0] < 2.2
    assert 0.1 < found["scale"][1] < 2
    assert standardised(found, values)[5, 0] > 1e17


@pytest.mark.parametrize("count", [3, 30])
def test_several_rows_with_enormous_values_are_all_flagged(count):
    values = np.random.default_rng(0).standard_normal((600, 6))
    values[:count, 2] += np.geomspace(1e4, 1e9, count)
    found = judged(values)
    assert (found.p_value[:count] < 1 / 600).all()
    assert (found.shares[:count].argmax(axis=1) == 2).all()
    assert (found.p_value[count:] < 1 / 600).sum() <= 2


def test_tails_grow_and_go_on_beyond_the_rows():
    distance = np.random.default_rng(0).exponential(size=4000)
    tail = fit_tail(distance)
    at = np.linspace(0, 12, 50)
    assert np.all(np.diff(unlikely(tail, at)) >= 0)
    np.testing.assert_allclose(unlikely(tail, at), at, atol=0.9)


def test_the_null_is_that_of_most_rows_and_can_be_turned_round():
    rng = np.random.default_rng(0)
    scores = np.r_[rng.gamma(3, 1, 2000), 40 + rng.gamma(3, 1, 200)]
    law = fit_law(scores)
    assert (law_p_value(law, scores[2000:]) < 1e-3).all()
    assert 1 <= 2000 * law_p_value(law, np.quantile(scores[:2000], [0.99]))[0] <= 80
    for p in (0.3, 1e-3, 1e-9):
        assert law_p_value(law, np.array([law_score(law, p)]))[0] == pytest.approx(p)
    model = fit_rows(machine())
    assert threshold_of(model, 1e-3) > threshold_of(model, 1e-2) > null_of(model)["median"]
