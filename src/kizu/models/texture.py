"""What a texture is made of, learned from patches of pictures, and what in a picture is not made of it.

At every scale (the picture, half of it, a quarter, …) a robust dictionary explains all patches, and the residuals of
the patches that cover a pixel are averaged (Boracchi, Carrera & Wohlberg 2014). A patch says nothing of its own level,
so that a flaw wider than a patch is seen at a coarser scale only.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from kizu.calibration import MAD_TO_SIGMA
from kizu.errors import ParameterError, ShapeError
from kizu.models import dictionary_data, robust_dictionary
from kizu.models.patches import coverage, fold, patches
from kizu.models.reduction import enlarged, reduced
from kizu.parameters import Parameter
from kizu.solvers import huber_codes
from kizu.typing import Floats

SIZE, STRIDE = 8, 2
"""Pixels of a patch and between two: eight see a thread or a grain, and every pixel is in 16 patches."""
SCALES = 3
"""1, 1/2 and 1/4 of the picture: flaws up to about 20 pixels wide have an inside that differs."""
LEARNED = 6000
"""Patches that a dictionary is learned from, at most: more change nothing that can be seen."""
PATCHES_PER_ATOM = 8
"""A scale of fewer patches than so many per atom is left out."""
LOCAL = 16.0
"""Pixels over which the noise level may change."""
CLIPPED = 3.0
"""What exceeds so many typical residuals does not raise the noise level about it."""
FEWEST = 50
"""Pixels in equally many patches that show a scale of their own."""
FLOOR = 0.3
"""The noise level is nowhere less than this share of the typical one: a smooth place is no proof of silence."""


class Scale(NamedTuple):
    """One scale: pictures reduced by `factor`, patches of `size` × `size`, and the dictionary that explains them.

    `atoms` (atoms, size·size·channels); `usage` (atoms,) is the share of patches that each is in, `used` how many
    atoms a patch takes on average;
    `history` the trimmed objective of every round; `still` whether learning stood still.
    """

    factor: int
    size: int
    atoms: Floats
    usage: Floats
    used: float
    history: tuple[float, ...]
    still: bool
    parameters: dict[str, Parameter]


class Coding(NamedTuple):
    """Codes (patches, atoms) and residual (patches, features) in the units of the picture, and the largest gap."""

    codes: Floats
    rest: Floats
    gap: float


Coded = Callable[[Scale, Floats], Coding]
"""(scale, patches) → how they are explained."""


class Explained(NamedTuple):
    """A picture (height, width[, channels]) and what its texture says it is, at the scale that fits worst.

    `z` (height, width): signed residual over its noise, of the loudest scale and channel. `gap`: how far the worst
    code of a patch is from its optimum, given the atoms; NaN where that is not known.
    """

    background: Floats
    z: Floats
    gap: float


def learn(
    pictures: Sequence[Floats],
    *,
    size: int = SIZE,
    atoms: int | None = None,
    lam: float | None = None,
    seed: int = 0,
) -> tuple[Scale, ...]:
    """A dictionary per scale from `pictures` (height, width[, channels]) of any sizes.

    `lam` weighs the codes, in units of the noise scale sigma of each scale; default 3.
    ShapeError where no picture holds enough patches of `size` × `size`.
    """

    def one(factor: int, rows: Floats) -> Scale:
        count = atoms or max(rows.shape[1] // 2, 1)
        learned = partial(robust_dictionary.robust_dictionary, rows, atoms=count, random_state=seed)
        if lam is None:
            return _scale(factor, size, learned())
        noise, weight = _weight(rows, count, lam)
        return _scale(factor, size, learned(noise=noise, lam=weight))

    return at_scales(pictures, size, seed, one, atoms)


def at_scales(
    pictures: Sequence[Floats], size: int, seed: int, one: Callable[[int, Floats], Scale], atoms: int | None = None
) -> tuple[Scale, ...]:
    """`one(factor, patches)` at every scale that has enough patches for so many atoms."""
    found = []
    for factor in (2**level for level in range(SCALES)):
        rows = sample([reduced(picture, factor) for picture in pictures], size, seed)
        if len(rows) >= PATCHES_PER_ATOM * (atoms or max(rows.shape[1] // 2, 1)):
            found.append(one(factor, rows))
    if found:
        return tuple(found)
    least = max(picture.shape[0] * picture.shape[1] for picture in pictures)
    raise ShapeError(f"pictures of at most {least} pixels hold too few patches of {size}x{size}", "Use larger pictures")


def _weight(rows: Floats, atoms: int, lam: float) -> tuple[float | None, float]:
    """(noise scale, weight of the codes) for `lam` noise scales; without noise, as much beside the default of 1."""
    most = robust_dictionary.RATIO * math.sqrt(rows.shape[1]) * dictionary_data.WEIGHT
    if lam > most:
        raise ParameterError("lam", lam, f"at most {most:.3g} noise scales: beyond, all is anomaly")
    samples = dictionary_data.centred(rows, "sample")
    scaled = dictionary_data.noise_scale(samples.rows, atoms, "entries", robust_dictionary.TRIM, False, False).value
    sigma = float(np.ldexp(scaled, samples.exponent))
    return (sigma, lam * sigma) if sigma > 0 else (None, lam / dictionary_data.WEIGHT)


def _scale(factor: int, size: int, found: robust_dictionary.LearnedDictionary) -> Scale:
    return Scale(
        factor=factor,
        size=size,
        atoms=np.asarray(found.atoms),
        usage=found.usage,
        used=float(np.count_nonzero(found.codes) / len(found.codes)),
        history=tuple(record.objective for record in found.history),
        still=found.stopped == "still",
        parameters=found.parameters,
    )


def sample(pictures: Iterable[Floats], size: int, seed: int) -> Floats:
    """Patches of all pictures as rows, evenly drawn, at most `LEARNED`."""
    rows = [patches(picture, size, STRIDE) for picture in pictures if min(picture.shape[:2]) >= size]
    if not rows:
        return np.empty((0, size * size), np.float32)
    share = LEARNED / sum(map(len, rows))
    rng = np.random.default_rng(seed)
    kept = [
        r if share >= 1 else r[np.sort(rng.choice(len(r), max(1, int(share * len(r))), replace=False))] for r in rows
    ]
    return np.concatenate(kept)


def explain(
    scales: Sequence[Scale], picture: Floats, quantum: float | None = None, code: Coded | None = None
) -> Explained:
    """Residual and z of one picture (height, width[, channels]), at the scale where |z| is largest.

    `quantum` is the step of integer pictures, whose rounding is noise too. `code` explains patches, by default by a
    dictionary. ShapeError if the picture is smaller than a patch of every scale.
    """
    rounding = 0.0 if quantum is None else quantum / math.sqrt(12)
    flat = picture.reshape(*picture.shape[:2], -1)
    best_z, best_rest = np.zeros(picture.shape[:2], picture.dtype), np.zeros_like(flat)
    fitting = [scale for scale in scales if -(-min(picture.shape[:2]) // scale.factor) >= scale.size]
    if not fitting:
        height, width = picture.shape[:2]
        least = scales[0].size * scales[0].factor
        raise ShapeError(f"{width}x{height} pixels, the model's patches have {least}x{least}", "Use larger pictures")
    gap = 0.0
    for scale in fitting:
        small = reduced(picture, scale.factor)
        found = (code or coded)(scale, patches(small, scale.size, STRIDE))
        gap = float(np.maximum(gap, found.gap))  # NaN, not known, stays
        rest = fold(found.rest, small.shape, scale.size, STRIDE).reshape(*small.shape[:2], -1)
        z = standardised(rest, coverage((small.shape[0], small.shape[1]), scale.size, STRIDE), rounding / scale.factor)
        signed = np.take_along_axis(z, np.abs(z).argmax(axis=2)[..., None], axis=2)[..., 0]
        wide, rest = enlarged(signed, scale.factor, picture.shape[:2]), enlarged(rest, scale.factor, picture.shape[:2])
        louder = np.abs(wide) > np.abs(best_z)
        best_z = np.where(louder, wide, best_z)
        best_rest = np.where(louder[..., None], rest, best_rest)
    return Explained(picture - best_rest.reshape(picture.shape), best_z, gap)


def coded(scale: Scale, rows: Floats) -> Coding:
    """How a dictionary explains patches (patches, features)."""
    form = scale.parameters["form"].value
    samples = dictionary_data.centred(rows, scale.parameters["center"].value)
    wanted = robust_dictionary.problem(scale.parameters, samples.exponent, False)
    atoms = scale.atoms.astype(rows.dtype, copy=False)
    codes = np.zeros((len(rows), len(atoms)), rows.dtype)
    proofs = robust_dictionary.encode(samples.rows, atoms, codes, wanted, form)
    rest = huber_codes.residual(samples.rows, atoms, codes)
    gap = float(proofs.relative_gap.max(initial=0.0))
    return Coding(np.ldexp(codes, samples.exponent), np.ldexp(rest, samples.exponent), gap)


def standardised(rest: Floats, covered: Floats, least: float = 0.0) -> Floats:
    """`rest` (height, width, channels) over its noise level: that around a pixel, and that of so few patches.

    `least` is the noise that is there in any case.

    A pixel near the edge is in fewer patches, whose mean is noisier: each number of patches has its own scale, so
    that the edge does not own the maximum.
    """
    z = rest.copy()
    for channel in range(rest.shape[2]):
        size = np.abs(rest[..., channel])
        rounding = float(np.finfo(z.dtype).eps) * float(size.max())
        typical = max(MAD_TO_SIGMA * float(np.median(size)), least, rounding)
        if typical == 0:
            continue
        factor = _by_coverage(size, covered, typical)
        even = np.minimum(size / factor, CLIPPED * typical)
        level = ndimage.gaussian_filter(even, LOCAL, mode="reflect") / np.float32(_CLIPPED_MEAN)
        z[..., channel] /= factor * np.maximum(level, max(FLOOR * typical, least))
    return z


def _by_coverage(size: Floats, covered: Floats, typical: float) -> Floats:
    """How much larger than `typical` residuals are where a pixel is in so many patches; 1 where few pixels tell."""
    levels, inverse = np.unique(covered, return_inverse=True)
    inverse = inverse.reshape(covered.shape)
    scales = [MAD_TO_SIGMA * float(np.median(size[inverse == number])) for number in range(len(levels))]
    enough = np.bincount(inverse.ravel()) >= FEWEST
    factors = np.where(enough, np.maximum(np.array(scales) / typical, 1.0), 1.0)
    return np.asarray(factors[inverse], size.dtype)


_CLIPPED_MEAN = 0.7946
"""Mean of min(|x|, 3) of a standard normal x."""
