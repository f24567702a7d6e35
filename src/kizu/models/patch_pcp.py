"""What a texture is made of by robust PCA of its patches: a subspace instead of a dictionary.

At every scale the patches of pictures are the rows of one matrix, split into a low-rank background and sparse
anomalies; the rows of the background span V (atoms, features). A new patch y is explained by

    min over v  Σ huber(y − v V; tau_anomaly)

as :mod:`kizu.models.projection` does it without a ridge, which would leave a share of the texture in what is judged.
"""

import math
from collections.abc import Sequence

import numpy as np

from kizu.models import dictionary_data, texture
from kizu.models.decomposition import Decomposition
from kizu.models.robust_pca import robust_pca
from kizu.models.texture import Coding, Scale
from kizu.parameters import Parameter, default_lam
from kizu.typing import Floats

MAX_ITER, STILL = 100, 1e-3
"""Rounds of a projection, and the share of the threshold by which no anomaly moves at its end."""
CENTER = Parameter("sample", "each patch's median: its brightness is no flaw")


def learn(
    pictures: Sequence[Floats], *, size: int = texture.SIZE, lam: float | None = None, seed: int = 0
) -> tuple[Scale, ...]:
    """A subspace per scale from `pictures` (height, width[, channels]) of any sizes.

    `lam` weighs the anomaly, in units of its default 1/√max(patches, features), which differs from scale to scale.
    ShapeError where no picture holds enough patches of `size` × `size`.
    """

    def one(factor: int, rows: Floats) -> Scale:
        samples = dictionary_data.centred(rows, CENTER.value)
        weight = None if lam is None else lam * default_lam(*rows.shape).value
        found = robust_pca(np.ldexp(samples.rows, samples.exponent), lam=weight)
        return _scale(factor, size, found)

    return texture.at_scales(pictures, size, seed, one)


def _scale(factor: int, size: int, found: Decomposition) -> Scale:
    _, lengths, axes = np.linalg.svd(found.dense_background, full_matrices=False)
    energy = lengths[: found.rank] ** 2
    keep = ("lam", "tol", "sigma", "tau_background", "tau_anomaly")
    parameters = {name: found.parameters[name] for name in keep if name in found.parameters}
    return Scale(
        factor=factor,
        size=size,
        atoms=np.ascontiguousarray(axes[: found.rank], np.float32),
        usage=np.asarray(energy / (energy.sum() or 1.0), np.float32),
        used=float(found.rank),
        history=tuple(record.objective for record in found.history) or (found.certificate.primal,),
        still=found.converged,
        parameters={
            "center": CENTER,
            "rank": Parameter(found.rank, "found: what the noise does not reach"),
            **parameters,
        },
    )


def coded(scale: Scale, rows: Floats) -> Coding:
    """Coefficients (patches, atoms) and residual of patches (patches, features), in the units of the picture.

    In turn: the anomaly is what exceeds the threshold, and the subspace explains the rest. Without a threshold
    (no dense noise) the projection is the orthogonal one.
    """
    samples = dictionary_data.centred(rows, scale.parameters["center"].value)
    values, axes = np.ldexp(samples.rows, samples.exponent), scale.atoms.astype(rows.dtype, copy=False)
    codes = values @ axes.T
    if "tau_anomaly" not in scale.parameters:
        return Coding(codes, values - codes @ axes, math.nan)
    level = values.dtype.type(scale.parameters["tau_anomaly"].value)
    anomaly = np.zeros_like(values)
    for _ in range(MAX_ITER):
        rest = values - codes @ axes
        previous, anomaly = anomaly, rest - np.clip(rest, -level, level)
        if float(np.abs(anomaly - previous).max(initial=0.0)) <= STILL * level:
            break
        codes = (values - anomaly) @ axes.T
    return Coding(codes, values - codes @ axes, math.nan)
