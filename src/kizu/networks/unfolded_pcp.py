"""Principal component pursuit unfolded: the textbook steps of :mod:`kizu.solvers.pcp_steps`, their numbers trained.

    IALM, ADMM       mu and lam of every layer                                    (after Solomon et al. 2020, CORONA)
    ADMM for video   and how much of the anomaly of the frame before stays        (after Van Luong et al. 2020)

Untrained, K layers are K iterations. Their singular value thresholding is :func:`kizu.networks.svt.safe_svt`.
"""

from typing import Literal

import torch

from kizu.errors import ParameterError
from kizu.networks.svt import safe_svt
from kizu.networks.unfolded import Unfolded
from kizu.solvers.pcp_steps import FollowedLagrangian, HeldLagrangian, InexactLagrangian

Method = Literal["ialm", "admm", "video"]
ITERATIONS = {
    "ialm": InexactLagrangian(svt=safe_svt),
    "admm": HeldLagrangian(svt=safe_svt),
    "video": FollowedLagrangian(svt=safe_svt),
}
SHARED = {"ialm": (), "admm": (), "video": ("share", "pull")}


def unfolded_pcp(method: Method, layers: int, *, dtype: torch.dtype = torch.float64) -> Unfolded:
    """`layers` steps of `method` on matrices (…, samples, features), whose state has `background` and `anomaly`."""
    if method not in ITERATIONS:
        raise ParameterError("method", method, " or ".join(f'"{name}"' for name in ITERATIONS))
    return Unfolded(ITERATIONS[method], layers, shared=SHARED[method], dtype=dtype)
