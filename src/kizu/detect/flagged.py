"""The generous mask of the refit, and the entries that are left to fit."""

import math
from typing import Any

import numpy as np

from kizu.detect.smooth import dilate, majority
from kizu.engines.protocol import Engine, filled
from kizu.typing import Bools, Floats

FLAG = 3.5
"""|z| that counts while refitting (Iglewicz & Hoaglin 1993): lower than any decision, so that halos
and soft edges do not enter the background again."""
WINDOW = 5
"""Pixels: a majority in this window must vote, and a flag is widened by it."""
ENOUGH = 2.0
"""Entries that a place needs, in units of √frames: twice as many because tau_background is raised to about twice."""


def flag(z: Floats, seen: Bools | None, engine: Engine) -> Bools:
    """The generous mask of the refit: where most of a 5 × 5 window is beyond 3.5, widened."""

    def one(t: int) -> Bools:
        return dilate(majority(np.abs(z[t]) > FLAG, WINDOW, None if seen is None else seen[t]), WINDOW)

    return filled(engine, z.shape, np.bool_, one)


def known_of(flagged: Bools, seen: Bools | None, engine: Engine) -> Bools:
    """The entries that are seen and not flagged; all that are seen where too few would be left.

    At a place with k entries the loss pulls L with at most tau_anomaly each, and the nuclear norm
    the other way: below k = √T it wins, L fades, and the dark place spreads round by round. What
    covers a place nearly always is its background as far as anybody can tell.
    """
    frames = range(len(flagged))
    count = engine.reduce(lambda t: free(flagged, seen, t).astype(np.int32), frames)
    bare = count < ENOUGH * math.sqrt(len(frames))
    return filled(
        engine,
        flagged.shape,
        np.bool_,
        lambda t: free(flagged, seen, t) | (bare if seen is None else seen[t] & bare),
    )


def free(flagged: Bools, seen: Bools | None, t: int) -> Any:
    """The entries of frame `t` that are seen and not flagged."""
    return ~flagged[t] if seen is None else seen[t] & ~flagged[t]
