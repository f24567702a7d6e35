"""The result of a decomposition: M = background + anomaly + noise, and how good it is."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kizu.arrays import like
from kizu.certificates import Certificate
from kizu.lowrank.factored import Factored
from kizu.lowrank.threshold import How
from kizu.parameters import Parameter
from kizu.solvers.loop import Record, Stopped
from kizu.typing import Array, Bools, Floats


@dataclass(frozen=True)
class Decomposition:
    """Background + anomaly + noise of a matrix (samples, features).

    `background`, `anomaly` and `noise` are dense arrays like X (same library, floating), made when
    asked for; `factors` is the background as two factors. At unknown entries (`observed` False)
    anomaly and noise are 0. `support` is where the exact form's anomaly is not 0, None in the stable
    form. `certificate` bounds the distance from the optimum, `stopped` is "gap",
    "feasible" or "max_iter" and `converged` is True only for "gap". `singular_values` are those
    (before, after) the last threshold. `parameters` maps a name to its value and why. `waited`: seconds for which
    the solver waited for data on disk. `thresholding`: how the last singular values were found, "svd", "gram" or
    "subspace" (:mod:`kizu.lowrank.threshold`); "" for zero data.
    """

    values: NDArray[Any]
    observed: Bools | None
    factors: Factored
    certificate: Certificate
    history: tuple[Record, ...]
    stopped: Stopped
    singular_values: tuple[Floats, Floats]
    parameters: dict[str, Parameter]
    example: Array
    support: Bools | None = None
    waited: float = 0.0
    thresholding: How | Literal[""] = ""

    @property
    def converged(self) -> bool:
        return self.stopped == "gap"

    @property
    def rank(self) -> int:
        return int(np.count_nonzero(self.singular_values[1]))

    @property
    def sigma(self) -> float:
        """Noise scale in the units of X; 0 in the exact form."""
        return float(self.parameters["sigma"].value)

    @cached_property
    def background(self) -> Array:
        """L, shape and library like X."""
        return like(self.dense_background, self.example)

    @cached_property
    def anomaly(self) -> Array:
        """S, shape and library like X: soft(M − L, tau_anomaly), or the exact form's sparse part."""
        return like(self._split[0], self.example)

    @cached_property
    def noise(self) -> Array:
        """E = M − L − S on known entries, shape and library like X."""
        return like(self._split[1], self.example)

    @cached_property
    def dense_background(self) -> Floats:
        return np.asarray(self.factors)

    @cached_property
    def residual(self) -> Floats:
        """M − L as a NumPy array, 0 at unknown entries: what decisions are made on."""
        background = self.dense_background
        rest = self.values.astype(background.dtype) - background
        return rest if self.observed is None else np.where(self.observed, rest, rest.dtype.type(0))

    @cached_property
    def _split(self) -> tuple[Floats, Floats]:
        """(S, E). In the exact form the anomaly takes all of M − L on its support: L + S = M there."""
        rest = self.residual
        if self.support is not None:
            anomaly = np.where(self.support, rest, rest.dtype.type(0))
        else:
            level = rest.dtype.type(self.parameters["tau_anomaly"].value)
            anomaly = rest - np.clip(rest, -level, level)
        return anomaly, rest - anomaly
