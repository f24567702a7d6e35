"""Penalties: a value and a proximal operator, and a conjugate where a gap is to be proven.

`lam` belongs to the penalty and is a number ≥ 0 or a learned tensor.
"""

from kizu.penalties.nonconvex import MCP, SCAD
from kizu.penalties.penalty import Conjugate, Penalty
from kizu.penalties.separable import L1, L2, ElasticNet, NonNegativeL1, SignedL1
from kizu.penalties.structured import GroupL21, Nuclear, TotalVariation

__all__ = [
    "L1",
    "L2",
    "MCP",
    "SCAD",
    "Conjugate",
    "ElasticNet",
    "GroupL21",
    "NonNegativeL1",
    "Nuclear",
    "Penalty",
    "SignedL1",
    "TotalVariation",
]
