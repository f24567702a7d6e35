"""Parameters that kizu sets by itself, each with the reason for its value."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.calibration import mad
from kizu.typing import Bools, Floats


class Parameter(NamedTuple):
    """A value and why it is that."""

    value: Any
    why: str


def default_lam(samples: int, features: int, share_known: float = 1.0) -> Parameter:
    """lam = 1/√(p·max(samples, features)) (Candès, Li, Ma & Wright 2011, thm 1.1 and 1.2).

    `share_known` p < 1 weighs the anomaly more, because fewer entries speak against it.
    """
    longer = max(samples, features)
    value = 1.0 / math.sqrt(share_known * longer)
    why = f"1/√max(samples, features) = 1/√{longer} (Candès et al. 2011)"
    if share_known < 1.0:
        why = f"1/√(p·max(samples, features)) = 1/√({share_known:.3g}·{longer}), p = share of known entries"
    return Parameter(value, why)


def stable_thresholds(
    samples: int, features: int, sigma: float, lam: float, share_known: float = 1.0
) -> tuple[Parameter, Parameter]:
    """(tau_background, tau_anomaly) of stable PCP.

    tau_background = √p(√samples + √features)·sigma is the spectral norm of pure noise: the smallest
    threshold that keeps noise out of the background. tau_anomaly = lam·tau_background.
    """
    edge = math.sqrt(share_known) * (math.sqrt(samples) + math.sqrt(features)) * sigma
    share = "" if share_known == 1.0 else "√p·"
    return (
        Parameter(edge, f"{share}(√{samples} + √{features})·sigma, the spectral norm of the noise alone"),
        Parameter(lam * edge, "lam · tau_background"),
    )


def sigma_from_differences(data: Floats, known: Bools | None = None) -> Parameter:
    """Noise scale from differences of neighbouring samples: median|x_{t+1} − x_t| / (0.6745·√2).

    Right where the background moves slowly; elsewhere an upper bound that later residuals correct.
    """
    difference = np.abs(np.diff(data, axis=0))
    if known is not None:
        difference = difference[known[1:] & known[:-1]]
    if difference.size == 0:
        return Parameter(0.0, "fewer than two samples: no differences to measure noise by")
    value = float(np.median(difference)) / (NORMAL_QUARTILE * math.sqrt(2.0))
    return Parameter(value, "median difference of neighbouring samples / (0.6745·√2)")


def sigma_from_residual(residual: NDArray[Any]) -> Parameter:
    """Noise scale of the known entries of M − L: 1.4826 · median absolute deviation."""
    return Parameter(mad(residual), "1.4826 · median absolute deviation of M − L")


def gavish_donoho(samples: int, features: int, sigma: float) -> Parameter:
    """Hard threshold for singular values at known noise (Gavish & Donoho 2014, eq. 11)."""
    beta = min(samples, features) / max(samples, features)
    factor = math.sqrt(2 * (beta + 1) + 8 * beta / ((beta + 1) + math.sqrt(beta * beta + 14 * beta + 1)))
    value = factor * math.sqrt(max(samples, features)) * sigma
    return Parameter(value, f"{factor:.4g}·√{max(samples, features)}·sigma (Gavish & Donoho 2014)")


def gavish_donoho_unknown(samples: int, features: int, singular_values: Floats) -> Parameter:
    """Hard threshold for singular values at unknown noise: ω(β)·median (Gavish & Donoho 2014, eq. 4).

    Only after the anomaly is removed: it raises the median singular value with the noise.
    """
    beta = min(samples, features) / max(samples, features)
    omega = 0.56 * beta**3 - 0.95 * beta**2 + 1.82 * beta + 1.43
    return Parameter(omega * float(np.median(singular_values)), f"{omega:.4g} · median singular value")


NORMAL_QUARTILE = 0.6744897501960817
"""Φ⁻¹(3/4): the median absolute deviation of a standard normal variable."""
