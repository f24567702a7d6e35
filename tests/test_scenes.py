"""The walls are what their description says: sizes, defects, exposure, noise, and the same for a seed."""

import numpy as np
import pytest
from scipy import ndimage

from kizu.errors import ParameterError
from kizu.scenes import Defect, dot, photographs, plaster, scratch, walls


@pytest.fixture(scope="module", params=[0, 1, 2])
def rendered(request):
    return walls(request.param)


@pytest.fixture(scope="module")
def exposure(rendered):
    """Gain and bias of each frame against the median frame, from pixels without a defect, and what they leave."""
    stack, truth = rendered
    frames = stack.frames.astype(float)
    wall = np.median(frames, axis=0)
    lines = [np.polyfit(wall[~mask], frame[~mask], 1) for frame, mask in zip(frames, truth, strict=True)]
    gain, bias = np.array(lines).T[:, :, None, None]
    return gain, bias, (frames - bias) / gain - wall


def test_a_hundred_8_bit_grey_frames(rendered):
    stack, truth = rendered
    assert (stack.frames.shape, stack.frames.dtype, stack.quantum) == ((100, 120, 160), np.uint8, 1.0)
    assert (truth.shape, truth.dtype) == ((100, 120, 160), bool)
    assert stack.names[37] == "wall/000037"


def test_a_seed_is_a_scene():
    (first, truth), (again, truth_again), (other, _) = walls(0), walls(0), walls(1)
    assert first.frames.tobytes() == again.frames.tobytes()
    assert np.array_equal(truth, truth_again)
    assert first.frames.tobytes() != other.frames.tobytes()


def test_two_frames_have_one_defect_each(rendered):
    _, truth = rendered
    assert np.flatnonzero(truth.any(axis=(1, 2))).tolist() == [37, 71]
    for frame in (37, 71):
        assert ndimage.label(truth[frame], np.ones((3, 3)))[1] == 1
        edges = [truth[frame, 0], truth[frame, -1], truth[frame, :, 0], truth[frame, :, -1]]
        assert not np.concatenate(edges).any()
    assert truth[37].sum() == pytest.approx(40 * 2, abs=8)
    assert truth[71].sum() == pytest.approx(np.pi * 3**2, abs=6)


def test_defects_are_as_deep_as_they_should_be(rendered, exposure):
    (_, truth), (gain, _, residual) = rendered, exposure
    unit = np.median(gain)  # the median frame is a wall seen with the middle gain
    assert residual[37][truth[37]].mean() / unit == pytest.approx(-25, abs=2)
    assert residual[71][truth[71]].mean() / unit == pytest.approx(-40, abs=3)


def test_gain_bias_and_noise_stay_in_their_limits(rendered, exposure):
    (_, truth), (gain, bias, residual) = rendered, exposure
    assert 0.85 / 1.15 < gain.min() < 0.9
    assert 1.1 < gain.max() < 1.15 / 0.85
    assert 5 < np.abs(bias).max() < 10 + 10 * gain.max()  # of a frame, and of the median frame below it
    noise = (residual * gain)[~truth]
    assert 2.0 < noise.std() < 2.2  # rounding and the median frame add a little of their own
    assert abs(noise.mean()) < 0.05


def test_the_wall_has_texture_at_every_scale(rendered):
    stack, _ = rendered
    wall = np.median(stack.frames, axis=0)
    assert wall.mean() == pytest.approx(140, abs=8)
    assert wall.std() == pytest.approx(6.3, abs=1.0)
    for scale in (1, 4, 16):
        smooth = ndimage.gaussian_filter(wall, scale)
        assert 1.0 < smooth.std() < wall.std()


def test_plaster_is_standard():
    wall = plaster(60, 80, np.random.default_rng(0))
    assert wall.shape == (60, 80)
    assert wall.mean() == pytest.approx(140, abs=0.2)
    assert wall.std() == pytest.approx(np.hypot(6, 2), rel=0.1)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 7))
def test_a_scratch_is_as_long_and_thick_as_asked(angle):
    mask = scratch((101, 101), (50, 50), angle, 60, 3)
    y, x = np.nonzero(mask)
    assert mask.sum() == pytest.approx(60 * 3, rel=0.2)
    assert np.hypot(np.ptp(x), np.ptp(y)) == pytest.approx(60, abs=3)
    assert abs((x - 50) @ np.full(len(x), np.sin(angle)) - (y - 50) @ np.full(len(y), np.cos(angle))) < 1e-6


def test_a_dot_is_round():
    mask = dot((21, 31), (10, 15), 6)
    assert mask.sum() == pytest.approx(np.pi * 36, rel=0.05)
    assert np.array_equal(mask, mask[::-1])
    assert np.array_equal(mask, mask[:, ::-1])


@pytest.mark.parametrize("frame", [-1, 5])
def test_a_defect_needs_a_frame(frame):
    rng = np.random.default_rng(0)
    defect = Defect(frame, dot((20, 20), (10, 10), 3), -40)
    with pytest.raises(ParameterError, match="Use a frame from 0 to 4"):
        photographs(plaster(20, 20, rng), 5, (defect,), rng)
