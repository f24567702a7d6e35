"""The files of a judged matrix: its tables, its pictures, its model and its run.json.

`results` has one row per row of the matrix: `score` is the mean of its 20 largest |scores|, `regions`
the number of its flagged entries, `area_fraction` their share of its known entries. `regions` has one
row per flagged entry: the column is `x`, the row is `y` and `index`, `sign` is "high" or "low",
`score` and `peak_z` are |score|, `expected_false_alarms` counts the entries as odd as this one in a
matrix of this size without anomalies; the JSON adds `value` and `background`. The map holds the
signed score of every entry, NaN where it is unknown.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.files import MODEL_WEIGHTS
from kizu.io.pictures import display, exact_or_display, outlined
from kizu.io.results import Results, frame_path
from kizu.io.tables import finite
from kizu.models.decomposition import Decomposition
from kizu.models.flag import Flags
from kizu.pipeline.facts import lam_warning
from kizu.stack import Source
from kizu.typing import Bools, Floats

SCHEMA = 1
KIND = "robust-pca-matrix"
LARGEST = 20
"""A score is the mean of this many largest values, as everywhere in kizu."""
MOST_FLAGS = 100_000
"""Rows of the table of flagged entries; the mask has all of them."""


class Judged(NamedTuple):
    """A matrix (rows, columns), its split, its flags, and where it comes from."""

    values: NDArray[Any]
    split: Decomposition
    flags: Flags
    name: str
    source: Source

    @property
    def known(self) -> Bools:
        observed = self.split.observed
        return np.ones(self.values.shape, np.bool_) if observed is None else observed

    @property
    def score(self) -> Floats:
        """As float32 can hold it: in a column without noise the smallest deviation is infinitely odd."""
        most = np.finfo(np.float32).max
        return np.asarray(np.clip(self.flags.score, -most, most), np.float32)

    @property
    def span(self) -> tuple[float, float]:
        """The range that its pictures show."""
        known = self.values[self.known]
        low, high = np.quantile(known, (0.001, 0.999)) if known.size else (0.0, 1.0)
        return float(low), float(high)


def sample_rows(judged: Judged) -> list[dict[str, Any]]:
    """One row of the table per row of the matrix."""
    size, flags = np.abs(judged.score), judged.flags.mask.sum(axis=1)
    count = min(LARGEST, size.shape[1])
    score = np.partition(size, -count, axis=1)[:, -count:].mean(axis=1, dtype=np.float64)
    share = flags / np.maximum(judged.known.sum(axis=1), 1)
    return [
        {
            **_who(judged, index),
            "score": float(f"{score[index]:.5g}"),
            "anomalous": bool(flags[index]),
            "regions": int(flags[index]),
            "area_fraction": round(float(share[index]), 8),
        }
        for index in range(len(size))
    ]


def flagged_entries(judged: Judged) -> list[dict[str, Any]]:
    """One row of the table per flagged entry: by row of the matrix, strongest first within it."""
    rows, columns = np.nonzero(judged.flags.mask)
    score = judged.score[rows, columns]
    strongest = np.argsort(-np.abs(score), kind="stable")[:MOST_FLAGS]
    order = strongest[np.argsort(rows[strongest], kind="stable")]
    rows, columns, score = rows[order], columns[order], score[order]
    numbers = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
    chance = judged.flags.p_value[rows, columns] * np.count_nonzero(judged.known)
    background = judged.split.dense_background[rows, columns]
    parts = (rows, columns, numbers, score, chance, judged.values[rows, columns], background)
    return [_entry(judged, *entry) for entry in zip(*(part.tolist() for part in parts), strict=True)]


def _entry(
    judged: Judged, row: int, column: int, number: int, score: float, chance: float, value: float, background: float
) -> dict[str, Any]:
    size = float(f"{abs(score):.5g}")
    return {
        **_who(judged, row),
        "region": number,
        "x": column,
        "y": row,
        "width": 1,
        "height": 1,
        "area": 1,
        "score": size,
        "peak_z": size,
        "sign": "high" if score > 0 else "low",
        "expected_false_alarms": float(f"{chance:.3g}"),
        "value": value,
        "background": background,
    }


def _who(judged: Judged, row: int) -> dict[str, Any]:
    return {"name": f"{judged.name}/{row:06d}", "source": judged.source.path, "index": row}


def write_pictures(judged: Judged, results: Results) -> str:
    """Map, mask, background and overlay of the whole matrix; returns where the overlay lies below the folder."""
    results.write_frame(
        judged.name,
        score_map=np.where(judged.known, judged.score, np.nan),
        mask=judged.flags.mask,
        background=exact_or_display(judged.split.dense_background, judged.span),
        overlay=outlined(display(judged.values, judged.span), judged.flags.mask),
    )
    return frame_path(results.folder, "overlay", judged.name).relative_to(results.folder).as_posix()


def model_of(judged: Judged, key: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """(card, weights): the background is left (rows, r) @ right (r, columns), in full precision."""
    factors = judged.split.factors
    left, right = np.ldexp(factors.left, factors.exponent), factors.right
    parts = {"left": right.T, "right": left.T} if factors.transposed else {"left": left, "right": right}
    return {"kind": KIND, "schema": SCHEMA, "key": key, "arrays": MODEL_WEIGHTS}, parts


def document(judged: Judged, fdr: float) -> dict[str, Any]:
    """run.json: input, every parameter with its reason, certificate, counts; nothing of machine or time."""
    split, mask, rows = judged.split, judged.flags.mask, len(judged.values)
    flags = int(np.count_nonzero(mask))
    notes = [f"regions.csv has the {MOST_FLAGS} strongest flags, the mask has all"] if flags > MOST_FLAGS else []
    rule = {"fdr": {"value": fdr, "why": judged.flags.why}}
    return {
        "schema": SCHEMA,
        "kizu": version("kizu"),
        "command": "detect",
        "kind": "matrix",
        "inputs": [judged.source.__dict__],
        "frames": {"declared": rows, "decoded": rows, "used": rows},
        "skipped": [],
        "notes": notes,
        "warnings": [text for text in [lam_warning(split.parameters["lam"], *judged.values.shape)] if text],
        "matrix": _shape(judged),
        **_proof(split),
        "parameters": {**{name: p._asdict() for name, p in split.parameters.items()}, **rule},
        "decision": {"rule": "fdr", "value": fdr, "approximate": False, "scales": [], **_threshold(judged.flags)},
        "display": list(judged.span),
        "summary": {"anomalous": int(mask.any(axis=1).sum()), "regions": flags},
    }


def _shape(judged: Judged) -> dict[str, Any]:
    rows, columns = judged.values.shape
    return {"rows": rows, "columns": columns, "dtype": str(judged.values.dtype), "known": float(judged.known.mean())}


def _threshold(flags: Flags) -> Mapping[str, Any]:
    return dict(finite({"threshold": flags.threshold}))


def _proof(split: Decomposition) -> dict[str, Any]:
    before, after = (values.tolist() for values in split.singular_values)
    spectrum = {"rank": split.rank, "singular_values": {"before": before, "after": after}}
    return {
        "certificate": {**split.certificate._asdict(), "tol": split.parameters["tol"].value},
        "stopped": split.stopped,
        "converged": split.converged,
        "history": [record._asdict() for record in split.history],
        **(spectrum if before else {}),  # a background of sparse codes has none
    }
