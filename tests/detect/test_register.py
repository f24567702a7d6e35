"""Registration on rendered scenes whose motion and light are known, on noise that has neither, and on real video."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from kizu.detect.register import canvas, from_canvas, register, to_canvas
from kizu.engines.serial import Serial
from kizu.engines.threads import Threads
from kizu.errors import ParameterError, ShapeError
from kizu.scenes import plaster, walls

PAD = 40


def scene(seed, *, frames=16, size=(120, 160), reach=6.0, covered=0.1, noise=2.0):
    """8-bit frames of a wall before a shaking camera in changing light, a textured square in each; shifts, gains."""
    draw = np.random.default_rng(seed)
    wall = plaster(size[0] + 2 * PAD, size[1] + 2 * PAD, draw)
    shifts = draw.uniform(-reach, reach, (frames, 2))
    gains, biases = draw.uniform(0.85, 1.15, frames), draw.uniform(-10, 10, frames)
    pictures = [_frame(draw, wall, s, covered)[PAD:-PAD, PAD:-PAD] for s in shifts]
    lit = np.stack([g * p + b for g, p, b in zip(gains, pictures, biases, strict=True)])
    grey = np.clip(np.rint(lit + noise * draw.standard_normal(lit.shape)), 0, 255).astype(np.uint8)
    return grey, shifts, gains, biases


def _frame(draw, wall, shift, covered):
    """What frame sees at p + shift is what the wall has at p."""
    seen = ndimage.shift(wall, shift, order=5, mode="mirror")
    side = int(np.sqrt(covered * (wall.shape[0] - 2 * PAD) * (wall.shape[1] - 2 * PAD)))
    y, x = draw.integers(PAD, np.array(wall.shape) - PAD - side)
    seen[y : y + side, x : x + side] = draw.uniform(60, 200) + 10 * draw.standard_normal((side, side))
    return seen


def agreed(shifts):
    return shifts - np.median(shifts, axis=0)


def still_and_plain(found, *, bias):
    assert found.still
    assert not found.shifts.any()
    np.testing.assert_allclose(found.gains, 1, atol=1e-3)
    assert np.abs(found.biases).max() < bias


@pytest.mark.parametrize("seed", [0, 1])
def test_shifts_are_found_to_a_twentieth_of_a_pixel(seed):
    frames, shifts, gains, _ = scene(seed)
    found = register(frames)
    assert not found.still and "moves" in found.why
    assert np.abs(agreed(found.shifts) - agreed(shifts)).max() <= 0.05
    assert np.abs(found.gains[:, 0] / (gains / np.median(gains)) - 1).max() <= 0.05  # bilinear blur takes contrast


def test_large_shifts_and_large_objects():
    frames, shifts, _, _ = scene(3, reach=13.0, covered=0.25, frames=12)
    assert np.abs(agreed(register(frames).shifts) - agreed(shifts)).max() <= 0.08


def test_large_frames_are_placed_at_half_their_size():
    frames, shifts, _, _ = scene(4, frames=6, size=(360, 480), reach=15.0)
    assert np.abs(agreed(register(frames).shifts) - agreed(shifts)).max() <= 0.08


def test_two_frames():
    frames, shifts, _, _ = scene(5, frames=2)
    found = register(frames)
    np.testing.assert_allclose(found.shifts[1] - found.shifts[0], shifts[1] - shifts[0], atol=0.05)


def test_one_frame_is_its_own_reference():
    frames = scene(6, frames=1)[0]
    found = register(frames)
    still_and_plain(found, bias=1e-5)
    np.testing.assert_array_equal(found.reference[..., 0], frames[0])


def test_a_still_camera_is_left_alone_and_its_light_is_found():
    frames, _, gains, biases = scene(7, frames=40, reach=0.0)
    found = register(frames)
    assert found.still and not found.shifts.any() and "stands still" in found.why
    relative = gains / np.median(gains)
    assert np.abs(found.gains[:, 0] / relative - 1).max() <= 0.012  # 0.24 % is the standard error of one frame
    level = found.gains * found.reference.mean() + found.biases
    truth = gains * 140.0 + biases
    assert np.ptp(level[:, 0] - truth) <= 0.01 * np.ptp(truth) + 1.5 * gains.std()


def test_the_hundred_walls_stand_still():
    stack, _ = walls(seed=0)
    found = register(stack.frames)
    assert found.still
    corrected = (stack.frames - found.biases[..., None]) / found.gains[..., None]
    assert np.abs(corrected.mean(axis=(1, 2)) - found.reference.mean()).max() < 0.5


def test_median_gain_is_one_and_median_bias_zero():
    colour = np.stack([scene(8, frames=10, reach=0.0)[0] // k for k in (1, 2, 3)], axis=-1)
    found = register(colour)
    assert found.gains.shape == found.biases.shape == (10, 3)
    np.testing.assert_allclose(np.median(found.gains, axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(np.median(found.biases, axis=0), 0, atol=1e-9)
    assert found.reference.shape == (*colour.shape[1:3], 3)


NOISE = {
    "normal": lambda draw, shape: draw.standard_normal(shape),
    "blurred by 1": lambda draw, shape: ndimage.gaussian_filter(draw.standard_normal(shape), (0, 1, 1)),
    "blurred by 3": lambda draw, shape: ndimage.gaussian_filter(draw.standard_normal(shape), (0, 3, 3)),
    "laplace": lambda draw, shape: draw.laplace(size=shape),
    "student": lambda draw, shape: draw.standard_t(3, size=shape),
    "poisson": lambda draw, shape: draw.poisson(3.0, shape).astype(np.uint8),
    "rare counts": lambda draw, shape: draw.poisson(0.1, shape).astype(np.uint8),
    "rounded": lambda draw, shape: np.rint(128 + 2 * draw.standard_normal(shape)).astype(np.uint8),
}


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("shape", [(30, 72, 96), (2, 64, 64)])
def test_noise_alone_moves_nothing(kind, shape):
    frames = NOISE[kind](np.random.default_rng(0), shape)
    still_and_plain(register(frames), bias=0.2 * max(1.0, float(frames.std())))


def test_vignetting_neither_hides_motion_nor_feigns_it():
    y, x = np.mgrid[-60:60, -80:80]
    shade = np.exp(-(y**2 + x**2) / 80.0**2)
    for reach, still in ((0.0, True), (6.0, False)):
        frames, shifts, _, _ = scene(9, reach=reach)
        found = register(frames * shade)
        assert found.still == still
        assert np.abs(agreed(found.shifts) - agreed(shifts)).max() <= (0.1 if reach else 0)


def test_flat_pictures_have_a_bias_and_no_gain():
    found = register(np.full((5, 40, 50), 7.0) + np.arange(5.0)[:, None, None])
    np.testing.assert_allclose(found.gains, 1)
    np.testing.assert_allclose(found.biases[:, 0], [-2, -1, 0, 1, 2], atol=1e-5)


def test_a_black_frame_is_no_exposure():
    frames = scene(10, reach=0.0)[0].copy()
    frames[len(frames) // 2] = 0
    found = register(frames)
    assert found.still
    assert found.gains[len(frames) // 2] == pytest.approx(1, abs=0.2)
    assert np.abs(found.reference.mean() - 140) < 20


def test_small_frames_are_not_aligned():
    found = register(scene(11, size=(15, 40), covered=0.01)[0])
    assert found.still and "too small" in found.why


def test_alignment_can_be_switched_off_and_on():
    frames, shifts, gains, _ = scene(12, reach=0.3)
    off, on = register(frames, align="none"), register(frames, align="translation")
    assert off.still and register(frames).still
    assert np.abs(agreed(on.shifts) - agreed(shifts)).max() <= 0.05
    assert np.abs(off.gains[:, 0] / (gains / np.median(gains)) - 1).max() < 0.06


def test_unknown_entries_change_no_bit():
    frames, _, _, _ = scene(13, frames=8)
    known = np.random.default_rng(1).random(frames.shape[1:]) > 0.02
    spoiled = np.where(known, frames, 255 - frames).astype(np.uint8)
    a, b = register(frames, known=known), register(spoiled, known=known)
    c = register(np.where(known, frames, np.nan))
    for other in (b, c):
        for name in ("shifts", "gains", "biases", "reference"):
            np.testing.assert_array_equal(getattr(a, name), getattr(other, name))


def test_a_frame_without_known_entries_is_neutral():
    frames = scene(14, frames=6)[0].astype(float)
    frames[2] = np.nan
    found = register(frames)
    assert not found.shifts[2].any()
    assert np.isfinite(found.gains).all() and np.isfinite(found.biases).all()


def test_nothing_known_at_all():
    found = register(np.full((4, 30, 40), np.nan))
    still_and_plain(found, bias=1e-9)
    assert np.isnan(found.reference).all()


@settings(max_examples=4)
@given(st.integers(-60, 60))
def test_powers_of_two_change_nothing_but_the_units(power):
    frames = scene(15, frames=5, size=(64, 80))[0].astype(float)
    a, b = register(frames), register(np.ldexp(frames, power))
    np.testing.assert_array_equal(a.shifts, b.shifts)
    np.testing.assert_array_equal(a.gains, b.gains)
    np.testing.assert_array_equal(np.ldexp(a.biases, power), b.biases)
    np.testing.assert_array_equal(np.ldexp(a.reference, power), b.reference)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint16, np.int64, np.float16])
def test_the_dtype_changes_nothing(dtype):
    frames = scene(16, frames=5, size=(64, 80))[0]
    a, b = register(frames), register(frames.astype(dtype))
    np.testing.assert_array_equal(a.shifts, b.shifts)
    np.testing.assert_array_equal(a.gains, b.gains)


def test_threads_change_no_bit_and_frames_may_be_any_sequence():
    frames = scene(17, frames=9)[0]
    frames.flags.writeable = False
    a, b, c = register(frames, engine=Serial()), register(frames, engine=Threads(5)), register(list(frames))
    for other in (b, c):
        for x, y in zip(a[:5], other[:5], strict=True):
            np.testing.assert_array_equal(x, y)


def test_progress_hears_of_every_frame():
    heard = []
    register(scene(18, frames=5)[0], progress=lambda done, total: heard.append((done, total)))
    assert heard == 2 * [(k, 5) for k in range(1, 6)]  # placed once, exposed once


def test_aligned_frames_agree_on_the_canvas():
    frames, _, _, _ = scene(19, covered=0.0)
    found = register(frames)
    margins = canvas(found, *frames.shape[1:])
    light = (frames - found.biases[..., None]) / found.gains[..., None]
    laid = np.stack([to_canvas(f, s, margins)[0] for f, s in zip(light, found.shifts, strict=True)])
    inner = laid[:, 2 * margins[0] : -2 * margins[0], 2 * margins[1] : -2 * margins[1]]
    assert np.median(inner.std(axis=0)) < 2.3  # the noise of a frame, in corrected units
    back = from_canvas(np.ones(laid.shape[1:], bool), found.shifts[0], margins, *frames.shape[1:])
    assert back.all()


@pytest.mark.parametrize(
    ("frames", "options", "error"),
    [
        (np.zeros((3, 4)), {}, ShapeError),
        (np.zeros((0, 20, 20)), {}, ShapeError),
        (np.full((3, 20, 20), np.inf), {}, ShapeError),
        (np.full((3, 20, 20), 1e300), {}, ShapeError),
        (np.zeros((3, 20, 20)), {"known": np.ones((2, 20, 20), bool)}, ShapeError),
        (np.zeros((3, 20, 20)), {"align": "affine"}, ParameterError),
    ],
)
def test_what_cannot_be_registered_is_refused(frames, options, error):
    with pytest.raises(error):
        register(frames, **options)


def video(data, name, step):
    paths = sorted((data / name / "frames").iterdir())[::step]
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])


def test_a_shaking_camera_on_real_video(data):
    frames = video(data, "video_traffic_jitter", 6)
    found = register(frames)
    assert not found.still
    assert 8 < np.abs(found.shifts).max() < 25
    assert 0.85 < found.gains.min() < found.gains.max() < 1.2
    margins = canvas(found, *frames.shape[1:3])
    light = (frames - found.biases[:, None, None]) / found.gains[:, None, None]
    laid = np.stack([to_canvas(f, s, margins)[0] for f, s in zip(light, found.shifts, strict=True)])
    inside = laid[:, margins[0] : -margins[0], margins[1] : -margins[1]]
    assert np.nanmedian(np.abs(inside - found.reference)) < 3


def test_a_still_camera_on_real_video(data):
    found = register(video(data, "video_highway", 8))
    assert found.still
    assert 0.94 < found.gains.min() < found.gains.max() < 1.06


@pytest.mark.parametrize("person", ["15", "20"])
def test_lamps_that_move_are_not_a_camera_that_moves(data, person):
    paths = sorted((data / "yale_faces").glob(f"yaleB{person}_*.png"))
    found = register(np.stack([np.asarray(Image.open(path)) for path in paths]))
    assert found.still
    assert 0.25 <= found.gains.min() < found.gains.max() <= 4
