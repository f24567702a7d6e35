"""What the lesson "rpcanet" shows of networks, measured beforehand: it is made without torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.typing import Floats

MEASURED = Path(__file__).with_name("rpcanet.json")
"""Numbers of the authors' network and of the exact one; pictures of the exact one are beside it, in an npz archive.

`KIZU_DATA=… python bench/networks/stages.py --write-lesson` trains, measures (with torch) and writes both.
"""
SIZE = 72, 96
LOGIT = 4
"""Steps of a logit's unit that the archive keeps."""


def measured() -> Mapping[str, Any]:
    numbers: Mapping[str, Any] = json.loads(MEASURED.read_text("utf-8"))
    return numbers


COUNT = len(measured()["exact"])


def archive() -> dict[str, NDArray[Any]]:
    """`picture` and `mask` (pictures, height, width); `background`, `sparse`, `logit` after each stage of each."""
    with np.load(MEASURED.with_suffix(".npz")) as file:
        kept = {name: file[name] for name in file.files}
    return {**kept, "picture": kept["picture"].astype(float), "logit": kept["logit"] / LOGIT}


def signed(part: Floats, full: float) -> NDArray[np.uint8]:
    """Bytes, 127 where it is 0 and only there."""
    steps = np.rint(127 * np.clip(part / full, -1, 1))
    return np.asarray(127 + np.where(steps == 0, np.sign(part), steps), dtype=np.uint8)


def courses() -> Mapping[str, Mapping[str, Floats]]:
    """Stage by stage, of both networks: what B + S leaves, the spans of B and of the sparse part, its share in %."""
    found = {}
    for network in ("published", "exact"):
        rows = {name: np.array([stage[name] for stage in measured()[network]]) for name in measured()[network][0]}
        found[network] = {
            "left": rows["left"],
            "background": rows["background_high"] - rows["background_low"],
            "target": rows["sparse_high"] - rows["sparse_low"],
            "share": 100 * rows["nonzero"],
        }
    return found
