"""`--model patch-pcp`: a texture as a subspace of patches; judged as `--model rdl` judges."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from kizu.io.each import Pictures
from kizu.models import patch_pcp
from kizu.pipeline.options import Options
from kizu.pipeline.refit import Progress
from kizu.pipeline.texture import Texture, fitted_by, floats, learned_by, refuse, scales_of

__all__ = ["fit", "learn", "learn_from", "load", "refuse"]


def learn(listed: Pictures, options: Options, progress: Progress) -> Texture:
    """From these very pictures: a flaw is sparse in their patches, and the background of those is of low rank."""
    return learned_by(learn_from, listed, options, progress)


def fit(listed: Pictures, options: Options, progress: Progress) -> tuple[Texture, dict[str, Any]]:
    """From good pictures, and what `kizu fit` says of them."""
    return fitted_by(learn_from, listed, options, progress)


def learn_from(pictures: Sequence[NDArray[Any]], options: Options) -> Texture:
    """From pictures (height, width[, channels]) in memory."""
    scales = patch_pcp.learn([floats(picture) for picture in pictures], lam=options.lam, seed=options.seed)
    return Texture(scales, len(pictures), options, patch_pcp.coded)


def load(card: dict[str, Any], weights: Mapping[str, NDArray[Any]], options: Options) -> Texture:
    """What :func:`learn` left in a model folder."""
    return Texture(scales_of(card, weights), card["pictures"], options, patch_pcp.coded)
