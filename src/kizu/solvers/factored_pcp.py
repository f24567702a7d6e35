"""Principal component pursuit with the background in factors: a step of IALM without a singular value decomposition.

    ‖X‖_* = min ½(‖L‖² + ‖R‖²) over L Rᵀ = X,   so   svt(A, τ) = L Rᵀ where both of
    L = A R (RᵀR + τI)⁻¹,   R = Aᵀ L (LᵀL + τI)⁻¹   hold     (Hastie, Mazumder, Lee & Zadeh 2015)

One sweep of these two, from the factors of the step before, stands for the thresholding; what it still lacks is made up
by the next steps, as A hardly changes. Unlike scaled gradient descent it takes more rank than there is: a component
below τ shrinks to nothing. The other half of a step is :mod:`kizu.solvers.pcp_steps`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from kizu.arrays import namespace
from kizu.solvers.iteration import Numbers
from kizu.solvers.pcp_steps import InexactLagrangian, State
from kizu.solvers.scaled_gradient import PRODUCTS, Algebra, damped_inverse, identity, leading_by_products, turned
from kizu.typing import Array

TEXTBOOK = InexactLagrangian()
ROUGH = Algebra(partial(leading_by_products, powers=1), PRODUCTS.inverse)
"""One round is enough to start with: every step turns the factors further."""


class Factored(NamedTuple):
    """The textbook's state, and the factors of its background: (…, samples, r) and (…, features, r)."""

    textbook: State
    left: Array
    right: Array

    @property
    def background(self) -> Array:
        """L Rᵀ (…, samples, features)."""
        return self.textbook.background


@dataclass(frozen=True)
class FactoredLagrangian:
    """IALM (Lin, Chen & Ma, algorithm 5) whose background has at most `rank`; ‖M‖₂ is that of its leading part."""

    rank: int
    algebra: Algebra = field(default=ROUGH, repr=False)

    def constants(self) -> Mapping[str, Array]:
        return TEXTBOOK.constants()

    def numbers(self, k: int) -> Numbers:
        return TEXTBOOK.numbers(k)

    def init(self, data: Array, numbers: Numbers) -> Factored:
        """The textbook's start; the factors are those of the leading part of M."""
        left, right = self.algebra.leading(data, self.rank)
        xp = namespace(data)
        norm = xp.max(xp.sum(left * left, axis=-2, keepdims=True), axis=-1, keepdims=True)
        return Factored(TEXTBOOK.start(data, norm if data.ndim > 2 else norm[0, 0], numbers), left, right)

    def step(self, data: Array, state: Factored, numbers: Numbers) -> Factored:
        textbook, _, right = state
        threshold = 1.0 / (numbers["weight"] * textbook.unit)
        sought = data - textbook.anomaly + textbook.multiplier * threshold
        left = self._fitted(sought, right, threshold)
        right = self._fitted(turned(sought), left, threshold)
        split = textbook._replace(background=left @ turned(right))
        return Factored(TEXTBOOK.anomaly_and_multiplier(data, split, numbers), left, right)

    def _fitted(self, sought: Array, other: Array, threshold: Array) -> Array:
        """One factor, by ridge regression on the other."""
        gram = turned(other) @ other
        return (sought @ other) @ damped_inverse(gram + threshold * identity(gram), self.algebra.inverse)
