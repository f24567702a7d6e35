"""A results folder as a run leaves it, with what the report asks its caller for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from kizu.io.pictures import outlined
from kizu.io.results import open_results, read_results
from kizu.report.write import write_report


@dataclass
class Made:
    """A finished folder, its frames, and which of them the report has asked for."""

    folder: Path
    frames: np.ndarray
    background: np.ndarray
    asked: list[int]

    def original(self, position: int) -> np.ndarray:
        self.asked.append(position)
        return self.frames[position]

    def residual(self, position: int) -> np.ndarray:
        difference = self.frames[position].astype(np.float32) - self.background
        return difference if difference.ndim == 2 else difference[..., 0]

    def report(self, **options: Any) -> Path:
        return write_report(read_results(self.folder), original=self.original, residual=self.residual, **options)


def document(shape: tuple[int, ...], names: list[str], anomalous: int, regions: int) -> dict[str, Any]:
    """run.json as the pipeline writes it."""
    count = shape[0]
    iterations = range(1, 25)
    return {
        "schema": 1,
        "kizu": "0.1.0",
        "command": "detect",
        "inputs": [{"path": f"{n}.png", "sha256": "0" * 64, "declared": 1, "decoded": 1} for n in names],
        "frames": {"declared": count, "decoded": count, "used": count},
        "skipped": [],
        "notes": ["RGBA: alpha dropped"],
        "warnings": [],
        "stack": {
            "frames": count,
            "height": shape[1],
            "width": shape[2],
            "channels": shape[3] if len(shape) == 4 else 1,
            "dtype": "uint8",
        },
        "parameters": {
            "sigma": {"value": 2.0314, "why": "measured from neighbouring frames"},
            "lam": {"value": 0.00721, "why": "1/√max(m, n)"},
            "rank": {"value": 4, "why": "the spectrum of the residual stands still there"},
            "ignore": {"value": None, "why": "not given"},
        },
        "certificate": {
            "primal": 1234567.8,
            "dual": 1234560.1,
            "relative_gap": 6.2e-6,
            "tol": 1e-4,
            "bound": f"full Gram matrix of the {count} samples, float64",
        },
        "stopped": "gap",
        "converged": True,
        "rank": 4,
        "singular_values": {
            "before": [3e5 * 0.8**k + 90 for k in range(min(count, 40))],
            "after": [max(3e5 * 0.8**k - 4e4, 0.0) for k in range(min(count, 40))],
        },
        "history": [
            {"iteration": i, "objective": 1.2e6 * (1 + 0.5**i), "relative_gap": 0.6**i, "rank": min(i, 4)}
            for i in iterations
        ],
        "decision": {
            "rule": "false_alarms",
            "value": 0.1,
            "approximate": count < 20,
            "scales": [
                {"size": 1, "low": 5.9, "high": 11.8, "min_area": 1},
                {"size": 7, "low": 3.1, "high": 6.2, "min_area": 31},
            ],
        },
        "registration": {
            "camera": "moving",
            "shifts": [[float(np.sin(k / 5)), float(np.cos(k / 9) - 1)] for k in range(count)],
            "gains": [[1.0 + 0.1 * np.sin(k)] for k in range(count)],
            "biases": [[5.0 * np.cos(k)] for k in range(count)],
        },
        "summary": {"anomalous": anomalous, "regions": regions},
    }


def region_of(box: tuple[slice, slice], mask: np.ndarray, z: np.ndarray, name: str) -> dict[str, Any]:
    y, x = box
    return {
        "source": f"{name}.png",
        "name": name,
        "index": 0,
        "region": 1,
        "x": x.start,
        "y": y.start,
        "width": x.stop - x.start,
        "height": y.stop - y.start,
        "area": int(mask.sum()),
        "score": float(z[mask].mean()),
        "peak_z": float(z[mask].max()),
        "sign": "dark",
        "expected_false_alarms": 1e-4,
    }


def make_results(
    folder: Path,
    *,
    count: int = 6,
    defects: tuple[int, ...] = (1, 4),
    names: list[str] | None = None,
    size: tuple[int, ...] = (48, 64),
    change: Callable[[dict[str, Any]], object] = lambda run: None,
) -> Made:
    """Plaster with a dark scratch on the frames `defects`; `change` edits run.json before it is written."""
    rng = np.random.default_rng(0)
    names = names or [f"wall{i:03d}" for i in range(count)]
    plaster = ndimage.gaussian_filter(rng.standard_normal(size[:2]), 3)
    background = np.clip(128 + 200 * plaster, 0, 255)
    background = np.repeat(background[..., None], 3, axis=2) * [1.0, 0.97, 0.9] if len(size) == 3 else background
    frames = np.empty((count, *size), np.uint8)
    rows, regions = [], []
    with open_results(folder, resume=False, overwrite=False, key="k") as results:
        for i, name in enumerate(names):
            values = background + rng.normal(0, 2, size)
            mask = np.zeros(size[:2], bool)
            if i in defects:
                mask[size[0] // 3 : size[0] // 3 + 3, size[1] // 4 : size[1] // 2] = True
                values[mask] -= 30
            frames[i] = np.clip(values, 0, 255)
            z = np.abs(values - background).reshape(*size[:2], -1).max(axis=2) / 2
            overlay = outlined(frames[i], mask)
            results.write_frame(name, score_map=z, mask=mask, background=background.astype(np.uint8), overlay=overlay)
            regions += [region_of(box, mask, z, name) for box in ndimage.find_objects(ndimage.label(mask)[0])]
            if mask.any():
                regions[-1]["crop"] = results.write_crop(len(regions), regions[-1], overlay)
            rows.append(
                {
                    "source": f"{name}.png",
                    "name": name,
                    "index": 0,
                    "score": float(np.sort(z, axis=None)[-20:].mean()),
                    "anomalous": bool(mask.any()),
                    "regions": int(mask.any()),
                    "area_fraction": float(mask.mean()),
                }
            )
        results.write_tables(rows, regions)
        run = document(frames.shape, names, len(defects), len(regions))
        change(run)
        results.write_run(run)
    return Made(folder, frames, background.astype(np.float32), [])


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Build a results folder; see make_results."""
    return lambda **options: make_results(tmp_path / "out", **options)
