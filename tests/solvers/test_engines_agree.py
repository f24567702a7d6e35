"""Solvers give the same on every engine: the same bits for the same blocks, the same numbers for any blocks."""

import numpy as np
import pytest

from instances import planted
from kizu import robust_pca
from kizu.engines.disk import Disk
from kizu.engines.serial import Serial
from kizu.engines.threads import Threads
from kizu.lowrank.blocks import MatrixBlocks
from kizu.solvers import ialm, stable_pcp, weighted_pcp

SHORT, LONG = 20, 260
STEPS = 6
BLOCK_ENTRIES = [200, 1999]
AGREE = {np.float64: 1e-10, np.float32: 1e-5, np.uint8: 1e-5}


def matrix(dtype):
    made = planted(0, shape=(SHORT, LONG), sigma=0.3).X
    if dtype is np.uint8:
        return np.clip(np.rint(128 + 15 * made), 0, 255).astype(dtype)
    return made.astype(dtype)


def known_of(missing):
    return np.random.default_rng(1).random((SHORT, LONG)) < 0.8 if missing else None


def stable(data, engine, scale):
    numbers = stable_pcp.Numbers(9.0 * scale, 1.5 * scale, SHORT, engine)
    return stable_pcp.solve(data, numbers, tol=0.0, max_iter=STEPS)


def weighted(data, engine, scale):
    numbers = weighted_pcp.Numbers(9.0 * scale, 1.5 * scale, engine)
    draw = np.random.default_rng(2)
    left, right = draw.standard_normal((SHORT, 4)), draw.standard_normal((4, LONG))
    start = weighted_pcp.start_at(left.astype(data.dtype), right.astype(data.dtype))
    return weighted_pcp.solve(data, start, numbers, tol=0.0, max_iter=STEPS)


def background_of(solve, data, known, engine):
    scale = 15.0 if data.dtype == np.uint8 else 1.0
    mask = None if known is None else engine.columns(known)
    found = solve(MatrixBlocks(engine.columns(data), mask), engine, scale)
    gaps = [found.certificate.primal, found.certificate.dual]
    return np.asarray(found.state.left.astype(float) @ found.state.right.astype(float)), np.array(gaps)


def stored(tmp_path, array):
    if array is None:
        return None
    np.save(tmp_path / f"{array.dtype}.npy", array)
    return np.load(tmp_path / f"{array.dtype}.npy", mmap_mode="r")


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", AGREE)
@pytest.mark.parametrize("solve", [stable, weighted])
def test_blocks_of_any_size_anywhere(tmp_path, solve, dtype, missing):
    data, known = matrix(dtype), known_of(missing)
    expected, gaps = background_of(solve, data, known, Serial(SHORT * LONG))
    on_disk = stored(tmp_path, data), stored(tmp_path, known)
    for entries in BLOCK_ENTRIES:
        for engine, here in (
            (Threads(3, block_entries=entries), (data, known)),
            (Disk(2, folder=tmp_path, block_entries=entries, window_memory=4_000 * data.itemsize), on_disk),
        ):
            background, found = background_of(solve, *here, engine)
            assert np.linalg.norm(background - expected) <= AGREE[dtype] * np.linalg.norm(expected)
            np.testing.assert_allclose(found, gaps, rtol=AGREE[dtype])


@pytest.mark.parametrize("dtype", AGREE)
@pytest.mark.parametrize("solve", [stable, weighted])
def test_the_same_bits_from_any_number_of_threads(tmp_path, solve, dtype):
    data = matrix(dtype)
    expected, gaps = background_of(solve, data, None, Serial(2000))
    engines = [Threads(jobs, block_entries=2000) for jobs in (1, 2, 5)]
    engines += [Disk(jobs, folder=tmp_path, block_entries=2000, window_memory=30_000) for jobs in (1, 3)]
    for engine in engines:
        here = stored(tmp_path, data) if isinstance(engine, Disk) else data
        background, found = background_of(solve, here, None, engine)
        np.testing.assert_array_equal(background, expected)
        np.testing.assert_array_equal(found, gaps)


def test_the_exact_form_on_disk(tmp_path):
    data = planted(0, shape=(SHORT, LONG)).X
    problem = ialm.Problem(MatrixBlocks(data), 1 / np.sqrt(LONG), SHORT, 1.0)
    expected = ialm.solve(problem, Threads(2, block_entries=2000), tol=0.0, feasible=0.0, max_iter=STEPS)
    engine = Disk(2, folder=tmp_path, block_entries=2000)
    problem = problem._replace(data=MatrixBlocks(engine.columns(stored(tmp_path, data))))
    found = ialm.solve(problem, engine, tol=0.0, feasible=0.0, max_iter=STEPS)
    np.testing.assert_array_equal(found.state.w, expected.state.w)


@pytest.mark.parametrize("noise", ["auto", None, 0.3])
@pytest.mark.parametrize("shape", [(40, 300), (300, 40)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_mapped_matrix_is_split_as_one_in_memory(tmp_path, shape, dtype, noise):
    X = planted(0, shape=shape, sigma=0.3).X.astype(dtype)
    X[3, 5:9] = np.nan
    expected, found = robust_pca(X, noise=noise), robust_pca(stored(tmp_path, X), noise=noise)
    for name in ("background", "anomaly", "noise"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.certificate == expected.certificate
