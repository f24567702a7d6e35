"""λ along its path, by other ways."""

import numpy as np
import pytest

from kizu.explain.lessons.lam import DOTS, RATIOS, START, TOL, course, leaves, numbers


def test_every_point_is_proven_and_the_grid_holds_the_default_and_both_cliffs():
    made = course()
    assert (made.gap <= TOL).all()
    assert RATIOS[START] == 1.0
    low, high = made.cliffs
    assert RATIOS[0] < low < 1 < high < RATIOS[-1]
    assert (made.share[low >= RATIOS] == 1).all()
    assert (made.rank[low >= RATIOS] == 0).all()
    assert (made.share[high <= RATIOS] == 0).all()
    assert np.isnan(made.precision[high <= RATIOS]).all()


def test_a_dot_leaves_where_its_price_says_and_the_rank_counts_it():
    made = course()
    pixels = {name: np.count_nonzero(one.mask) for name, one in DOTS.items()}
    total = sum(pixels.values())
    for ratio, recall, rank in zip(RATIOS, made.recall, made.rank, strict=True):
        if ratio < 0.6 or min(abs(ratio / place - 1) for place in leaves().values()) < 0.05:
            continue  # there S takes more than the dots, or a dot is about to leave
        kept = [name for name, place in leaves().items() if ratio < place]
        assert recall == pytest.approx(sum(pixels[name] for name in kept) / total)
        assert rank == 2 + len(DOTS) - len(kept)


def test_the_plain_is_where_everything_is_right():
    made, quoted = course(), numbers()
    plain = (quoted["from"] <= RATIOS) & (quoted["to"] >= RATIOS)
    assert (made.precision[plain] == 1).all()
    assert (made.recall[plain] == 1).all()
    assert quoted["from"] < 1 < quoted["to"]
    assert quoted["small"] < quoted["medium"] < quoted["large"]
