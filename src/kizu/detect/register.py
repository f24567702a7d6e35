"""Registration: where each frame looks, and how bright it is, before anything is compared.

    x_t(p + s_t, c) = gain_t,c reference(p, c) + bias_t,c + noise + what does not belong

Shifts come from a few frames first: if those stand still, so does the camera, and nothing is ever
resampled. Otherwise every frame is placed against the median of the aligned few. Gain and bias are
estimated in every case.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.detect.register_canvas import from_canvas, margins_of, overlap, to_canvas
from kizu.detect.register_exposure import exposure, exposures
from kizu.detect.register_read import Reader, reader
from kizu.detect.register_reference import Aligned, median_picture
from kizu.detect.register_robust import Picture, median_over_frames, robust_scale
from kizu.detect.register_shift import Place, Pyramid, Target, halved, locate, prepare, pyramid, target
from kizu.engines.protocol import Engine, Progress
from kizu.engines.threads import DEFAULT
from kizu.errors import ParameterError
from kizu.typing import Bools

__all__ = ["Registration", "canvas", "exposure", "from_canvas", "register", "to_canvas"]

PROBES = 41  # frames, evenly spread: enough for a median, for the still-camera rule and for memory
ROUNDS = 3
LARGEST_SHIFT = 32  # pixels, or a quarter of the shorter side
SMALLEST_SIDE = 16  # pixels: less is too little to align
ENOUGH_PIXELS = 160_000  # larger frames are placed at half, a quarter, ... of their size
STILL_QUANTILE, STILL_SHIFT = 0.95, 0.5
LOST_SHARE = 0.5  # of the frames, without which the rest is no majority
TRUE_SAVING = 0.05  # of the truncated cost: true shifts of half a pixel save 0.1 even in strong noise
CENTRING = 20  # rounds

Align = Literal["auto", "none", "translation"]


class Registration(NamedTuple):
    """What `register` found; gains have median 1 over the frames, and biases median 0.

    `reference` is NaN where no frame sees anything.
    """

    shifts: NDArray[np.float64]  # (frames, 2): dy, dx in pixels; y_t(p) = x_t(p + s_t)
    gains: NDArray[np.float64]  # (frames, channels)
    biases: NDArray[np.float64]  # (frames, channels), in the units of the frames
    still: bool
    reference: NDArray[np.float32]  # (height, width, channels)
    why: str


Reason = Callable[[Sequence[Place], NDArray[np.float64]], str]
"""From places and shifts (frames, 2): why nothing should be resampled, "" if there is no reason."""


class Motion(NamedTuple):
    shifts: NDArray[np.float64]
    why: str


def register(
    frames: Sequence[Any] | NDArray[Any],
    *,
    known: Bools | None = None,
    align: Align = "auto",
    progress: Progress | None = None,
    engine: Engine = DEFAULT,
) -> Registration:
    """Estimate shift, gain and bias of every frame.

    `frames` is (frames, height, width[, channels]) of any real dtype, read one frame at a time.
    `known`, (height, width) or (frames, height, width), marks the entries that take part (default
    all; NaN never does). `align` "auto" recognises a still camera (95 % of the frames within half a
    pixel) and leaves it alone, "translation" aligns it too, "none" leaves all shifts zero.
    `progress(done, total)` hears of frames, once for placing them and once for their exposure.
    """
    if align not in MOTIONS:
        raise ParameterError("align", align, "auto, none or translation")
    source = reader(frames, known)
    motion = MOTIONS[align](source, progress, engine)
    chosen = _probes(len(source))
    picture = median_picture(Aligned(source, motion.shifts, chosen, engine))
    gains, biases = exposures(source, picture, motion.shifts, averaged=len(chosen), progress=progress, engine=engine)
    gains, biases, picture = normalised(gains, biases, picture)
    return Registration(
        shifts=motion.shifts,
        gains=gains,
        biases=np.ldexp(biases, source.exponent),
        still=not motion.shifts.any(),
        reference=np.ldexp(picture, source.exponent),
        why=motion.why,
    )


def canvas(registration: Registration, height: int, width: int) -> tuple[int, int]:
    """Say by how many pixels (y, x) the canvas exceeds frames of (height, width) on each side; (0, 0) if still."""
    return margins_of(registration.shifts)


def normalised(
    gains: NDArray[np.float64], biases: NDArray[np.float64], reference: Picture
) -> tuple[NDArray[np.float64], NDArray[np.float64], Picture]:
    """Rescale gains to median 1 and biases to median 0 per channel, and the reference so that nothing else changes."""
    unit = np.median(gains, axis=0)
    gains = gains / unit
    level = np.median(biases / gains, axis=0)
    for _ in range(CENTRING):  # an even number of frames has no middle one: descend to median 0
        level = level + np.median(biases - gains * level, axis=0) / gains.max(axis=0)
    return gains, biases - gains * level, (reference * unit + level).astype(np.float32)


def _fixed(source: Reader, progress: Progress | None, engine: Engine) -> Motion:
    return Motion(np.zeros((len(source), 2)), "alignment was switched off")


def _automatic(source: Reader, progress: Progress | None, engine: Engine) -> Motion:
    return _placed(source, progress, engine, _reason_to_stand)


def _translated(source: Reader, progress: Progress | None, engine: Engine) -> Motion:
    return _placed(source, progress, engine, lambda places, shifts: _lost(places))


MOTIONS: dict[str, Callable[[Reader, Progress | None, Engine], Motion]] = {
    "auto": _automatic,
    "none": _fixed,
    "translation": _translated,
}


def _lost(places: Sequence[Place]) -> str:
    share = np.mean([np.isnan(place.shift[0]) for place in places])
    if share < LOST_SHARE:
        return ""
    return f"{share:.0%} of the frames do not show the texture of the reference: nothing to align them by"


def _reason_to_stand(places: Sequence[Place], shifts: NDArray[np.float64]) -> str:
    """Say why nothing should be resampled; "" if the camera moves.

    Light from changing sides shifts edges without any motion: it leaves most frames unlike the
    reference, and the shifts that it feigns save little.
    """
    size = np.hypot(*shifts.T)
    if lost := _lost(places):
        return lost
    usual = float(np.quantile(size, STILL_QUANTILE))
    if usual < STILL_SHIFT:
        return f"the camera stands still: 95 % of the frames are within {usual:.2f} pixels"
    far = [p.saving for p, s in zip(places, size, strict=True) if min(s, np.hypot(*p.shift)) >= STILL_SHIFT]
    if far and np.median(far) < TRUE_SAVING:
        return f"shifts of up to {size.max():.1f} pixels would explain only {np.median(far):.1%} of the differences"
    return ""


def _placed(source: Reader, progress: Progress | None, engine: Engine, reason: Reason) -> Motion:
    """Place the probes against each other; unless they stand still, place every frame against their median."""
    still = np.zeros((len(source), 2))
    side = min(source.size)
    if len(source) == 1:
        return Motion(still, "one frame: nothing to align it with")
    if side < SMALLEST_SIDE:
        return Motion(still, f"frames of {source.size[1]}x{source.size[0]} pixels are too small to align")
    halvings = _halvings(source.size)
    reach = min(LARGEST_SHIFT, side // 4) >> halvings
    few = engine.map(lambda t: _prepared(source, t, halvings), _probes(len(source)))
    fixed = target(few[_typical(few)])
    for _ in range(ROUNDS):
        places = _places(few, fixed, reach, engine)
        shifts = _centred(places)
        if why := reason(places, shifts * 2**halvings):
            return Motion(still, why)
        fixed = target(pyramid(_median_texture(few, places, shifts)))
    places = engine.map(
        lambda t: locate(_prepared(source, t, halvings), fixed, reach), range(len(source)), progress=progress
    )
    shifts = _centred(places) * 2**halvings
    why = reason(places, shifts)
    return Motion(still, why) if why else Motion(shifts, _motion_in_words(shifts))


def _motion_in_words(shifts: NDArray[np.float64]) -> str:
    size = np.hypot(*shifts.T)
    usual, most = float(np.quantile(size, STILL_QUANTILE)), float(size.max())
    return f"the camera moves: 95 % of the frames are within {usual:.1f} pixels, all within {most:.1f}"


def _halvings(size: tuple[int, int]) -> int:
    count = 0
    while size[0] * size[1] >> (2 * count) > ENOUGH_PIXELS:
        count += 1
    return count


def _probes(count: int) -> list[int]:
    """Choose at most PROBES indices, evenly spread with the middle among them."""
    return sorted({round(t) for t in np.linspace(0, count - 1, min(count, PROBES))})


def _prepared(source: Reader, index: int, halvings: int) -> Pyramid:
    grey = source.grey(index)
    for _ in range(halvings):
        grey = halved(grey)
    return prepare(grey)


def _typical(pictures: Sequence[Pyramid]) -> int:
    """Choose the frame nearest to the middle that has at least half the usual contrast: not a black one."""
    contrast = np.array([robust_scale(p[0][~np.isnan(p[0])]) for p in pictures])
    usual = np.flatnonzero(contrast >= np.median(contrast) / 2)
    return int(usual[np.argmin(np.abs(usual - len(pictures) // 2))])


def _places(pictures: Sequence[Pyramid], fixed: Target, reach: int, engine: Engine) -> list[Place]:
    return engine.map(lambda k: locate(pictures[k], fixed, reach), range(len(pictures)))


def _centred(places: Sequence[Place]) -> NDArray[np.float64]:
    """Subtract the median shift; frames that could not be placed stay where most are."""
    shifts = np.array([place.shift for place in places])
    found = shifts[~np.isnan(shifts[:, 0])]
    middle = np.median(found, axis=0) if len(found) else np.zeros(2)
    return np.nan_to_num(shifts - middle)


def _median_texture(pictures: Sequence[Pyramid], places: Sequence[Place], shifts: NDArray[np.float64]) -> Picture:
    """Take the median of the aligned, exposure-corrected textures that could be placed."""
    placed = [k for k, place in enumerate(places) if not np.isnan(place.shift[0])]
    aligned = np.full((len(placed), *pictures[0][0].shape), np.nan, dtype=np.float32)
    for row, k in enumerate(placed):
        seen, window = overlap(pictures[k][0], shifts[k])
        aligned[row][window] = (seen - np.float32(places[k].bias)) / np.float32(places[k].gain)
    return median_over_frames(aligned)
