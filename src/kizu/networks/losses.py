"""What a network that finds targets in pictures is to learn: masks.

    1 − IoU(σ(z), mask) + FOCAL·focal(z, mask)

IoU of probabilities (Rahman & Wang 2016) is half that of each picture, half of the batch as a whole.
"""

import torch
from torch import Tensor
from torch.nn import functional

FOCAL = 0.5
"""Weight of the cross-entropy."""
GROUND_PIXEL = 2.0
"""How much a pixel of ground counts in the cross-entropy: a false alarm costs more than a miss."""
FEWEST = 20.0
"""Pixels of targets that a batch is taken to have at least."""
RECONSTRUCTION = 0.01
"""Weight of RPCANet's reconstruction (Wu et al. 2024, equation 17)."""
AXES = (1, 2, 3)


def soft_iou(logit: Tensor, masks: Tensor) -> Tensor:
    """1 − intersection / union of probabilities and `masks`, both (batch, 1, height, width).

    A picture without targets counts in the whole batch's only: alone, it would ask for logits of −∞.
    """
    likely, marked = torch.sigmoid(logit), masks.sum(AXES)
    both = (likely * masks).sum(AXES)
    either = likely.sum(AXES) + marked - both
    some = (marked > 0).to(both.dtype)
    each = (some * (both + 1.0) / (either + 1.0)).sum() / some.sum().clamp(min=1.0)
    pooled = (both.sum() + 1.0) / (either.sum() + 1.0)
    return 1.0 - 0.5 * (each + pooled)


def focal(logit: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy in which a pixel counts by how wrong it is, per pixel of a target (Lin et al. 2017)."""
    entropy = functional.binary_cross_entropy_with_logits(logit, masks, reduction="none")
    wrong = (torch.sigmoid(logit) - masks).abs()
    weight = wrong * (masks + GROUND_PIXEL * (1.0 - masks))
    return (weight * entropy).sum() / masks.sum().clamp(min=FEWEST)


def mask_loss(logit: Tensor, masks: Tensor) -> Tensor:
    """Both, of a logit and `masks` (batch, 1, height, width)."""
    return soft_iou(logit, masks) + FOCAL * focal(logit, masks)


def logit_loss(logit: Tensor, masks: Tensor, data: Tensor, pictures: Tensor) -> Tensor:
    """RPCANet's: IoU of probabilities, picture by picture, and the distance of the reconstruction `data`."""
    likely = torch.sigmoid(logit)
    both = (likely * masks).sum(AXES)
    either = (likely + masks).sum(AXES) - both
    return (1.0 - (both + 1.0) / (either + 1.0)).mean() + RECONSTRUCTION * functional.mse_loss(data, pictures)
