"""A fit of one small scene through which a bright square moves: what it flags, and what it leaves alone."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import ndimage

from kizu.detect.flagged import flag
from kizu.detect.register import register
from kizu.engines.serial import Serial
from kizu.parameters import Parameter
from kizu.pipeline.planes import Planes, planes_of
from kizu.pipeline.refit import Fitted, Settings, expose, judge, refit, z_field

FRAMES, HEIGHT, WIDTH, SIDE = 30, 48, 40, 8
NOISE, BRIGHT = 1.0, 40.0


def settings(**changes):
    return Settings(lam=None, rank=None, noise=None, tol=1e-3, quantum=None, engine=Serial())._replace(**changes)


def squares():
    """Where the square is in every frame (frames, height, width)."""
    masks = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    for t in range(FRAMES):
        y, x = 2 + (7 * t) % (HEIGHT - SIDE - 4), 2 + (11 * t) % (WIDTH - SIDE - 4)
        masks[t, y : y + SIDE, x : x + SIDE] = True
    return masks


def scene(channels=1, seed=0):
    """(frames, wall, gains): frames = gain · (wall + square) + noise."""
    rng = np.random.default_rng(seed)
    wall = ndimage.gaussian_filter(rng.standard_normal((HEIGHT, WIDTH, channels)), (3, 3, 0))
    wall = 100 + 15 * wall / wall.std()
    gains = rng.uniform(0.9, 1.1, FRAMES)
    gains /= np.median(gains)
    clean = gains[:, None, None, None] * (wall + BRIGHT * squares()[..., None])
    return (clean + NOISE * rng.standard_normal(clean.shape)).astype(np.float32), wall, gains


def fitted(frames, *, ignore=None, **changes):
    """The planes, the outcome, and the stages that were heard of."""
    registration = register(frames, align="none", engine=Serial())
    planes = planes_of(frames, registration, ignore=ignore, engine=Serial())
    stages = []
    found = refit(planes, registration, settings(**changes), lambda *stage: stages.append(stage))
    return planes, found, stages


class Made(NamedTuple):
    wall: Any
    gains: Any
    planes: Planes
    found: Fitted
    stages: Any


@pytest.fixture(scope="module", params=[1, 3])
def made(request):
    frames, wall, gains = scene(request.param)
    return Made(wall, gains, *fitted(frames))


def test_the_square_is_flagged_and_little_else(made):
    flagged, square = made.found.work.flagged, squares()
    assert (flagged & square).sum() == square.sum()
    near = ndimage.binary_dilation(square, np.ones((1, 9, 9)))
    assert (flagged & ~near).mean() < 2e-3


def test_the_background_is_unharmed_where_the_square_was(made):
    wall, gains, planes, found, _ = made
    work = found.work
    u = work.left @ work.right + work.scale.center.reshape(1, -1)
    u = u.reshape(planes.pixels.shape)
    rendered = work.gains[..., None, None] * u + work.biases[..., None, None]
    truth = gains[:, None, None, None] * wall.transpose(2, 0, 1)
    error = rendered - truth
    there = np.broadcast_to(squares()[:, None], error.shape)
    assert np.sqrt(np.mean(error[there] ** 2)) < 0.5 * NOISE
    assert np.sqrt(np.mean(error**2)) < 0.5 * NOISE


def test_gains_are_recovered(made):
    gains, work = made.gains, made.found.work
    found = work.gains / np.median(work.gains, axis=0)
    np.testing.assert_allclose(found, np.broadcast_to(gains[:, None], found.shape), atol=0.02)


def test_exposure_is_found_again_from_what_is_not_flagged(made):
    frames_alike = np.ones_like(made.found.work.gains)
    lost = made.found.work._replace(gains=frames_alike, biases=0 * frames_alike)
    found = expose(made.planes, lost, Serial())
    gains = found.gains / np.median(found.gains, axis=0)
    np.testing.assert_allclose(gains, np.broadcast_to(made.gains[:, None], gains.shape), atol=0.02)
    assert found.flagged is lost.flagged


def test_scales_are_those_of_the_noise(made):
    scale = made.found.work.scale
    np.testing.assert_allclose(scale.overall, NOISE, rtol=0.15)
    assert np.median(scale.scale) == pytest.approx(NOISE, rel=0.15)
    assert made.found.sigma.why.startswith("1.4826 · MAD")


def test_the_last_background_is_certified_after_a_few_rounds(made):
    found, stages = made.found, made.stages
    assert found.settled.solution.converged
    assert found.settled.solution.certificate.relative_gap <= 1e-3
    assert 2 <= found.rounds < 8
    assert stages == [*(("refit", n, 8) for n in range(1, found.rounds + 1)), ("certify", 0, 1)]


def test_the_mask_stands_still(made):
    planes, found = made.planes, made.found
    _, changed = judge(planes, found.work, settings())
    assert changed < 2e-3


def test_z_is_loud_on_the_square_and_standard_elsewhere(made):
    planes, found = made.planes, made.found
    z = z_field(planes, found.work, Serial())
    assert z.shape == (FRAMES, HEIGHT, WIDTH)
    assert np.median(z[squares()]) > 20
    outside = z[~squares()]
    assert np.abs(np.median(outside)) < 0.2
    expected = 0.674 if planes.channels == 1 else 1.27  # median of the largest of three |z|
    assert np.median(np.abs(outside)) == pytest.approx(expected, rel=0.2)


def test_unseen_entries_have_no_z_and_spoil_nothing():
    frames, _, _ = scene()
    ignore = np.zeros((HEIGHT, WIDTH), bool)
    ignore[20:26, 10:20] = True
    frames[:, ignore] = 1e4 * np.random.default_rng(1).standard_normal((FRAMES, ignore.sum(), 1))
    frames[3, 40, 30] = np.nan
    registration = register(frames, known=~ignore, align="none", engine=Serial())
    planes = planes_of(frames, registration, ignore=ignore, engine=Serial())
    found = refit(planes, registration, settings(), lambda *_: None)
    assert (z_field(planes, found.work, Serial())[~planes.seen] == 0).all()
    assert found.work.flagged[squares() & planes.seen].mean() > 0.99
    assert np.isfinite(found.work.left @ found.work.right).all()
    assert found.work.scale.overall[0] == pytest.approx(NOISE, rel=0.15)


def test_a_given_noise_scale_rank_and_lam_are_used():
    frames, _, _ = scene()
    given = Parameter(1.5, "given")
    _, found, _ = fitted(frames, rank=1, lam=0.05, noise=given)
    assert found.sigma is given
    assert found.settled.chosen.lam == (0.05, "given")
    assert found.settled.chosen.rank.value == 1
    assert found.work.left.shape[1] == 1


def test_frames_without_noise_have_the_rounding_of_their_input_as_scale():
    frames = np.rint(np.broadcast_to(scene()[1], (FRAMES, HEIGHT, WIDTH, 1))).astype(np.uint8)
    _, found, _ = fitted(frames, quantum=1.0)
    assert found.sigma.value == pytest.approx(1 / np.sqrt(12))
    assert found.sigma.why.startswith("rounding")
    assert (found.work.scale.scale >= 1).all()
    assert not found.work.flagged.any()


def test_single_pixels_do_not_make_a_flag_and_a_window_of_them_does():
    z = np.zeros((2, 20, 20), np.float32)
    z[0, 10, 10], z[1, 8:13, 8:13] = 50.0, -5.0
    found = flag(z, None, Serial())
    assert not found[0].any()
    assert found[1, 8:13, 8:13].all()
    assert not found[1, :4].any()
