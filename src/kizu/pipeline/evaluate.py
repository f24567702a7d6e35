"""What a results folder is worth against a truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.detect.metrics import Confusion, aupro_of, auroc, average_precision, confusion, region_hits
from kizu.errors import NothingUsableError, ParameterError, ReadError, UsageError
from kizu.io.reading import read
from kizu.io.results import Saved, read_results
from kizu.io.tables import finite
from kizu.pipeline.pairs import pair
from kizu.typing import Bools

TRUTH_SUFFIXES = {".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".jpg", ".jpeg", ".pgm"}
RANKED_FRAMES = 60  # neighbours in a video say the same, and a ranking sorts every pixel
RANKED_PIXELS = 1 << 25  # about 1 GB while sorting


class Truth(NamedTuple):
    """What a person marked, and which pixels count; both (height, width)."""

    anomaly: Bools
    valid: Bools


def _non_zero(labels: NDArray[Any]) -> Truth:
    return Truth(labels != 0, np.ones(labels.shape, bool))


def _cdnet(labels: NDArray[Any]) -> Truth:
    """255 is foreground, 0 and 50 (shadow) background; 85 (outside) and 170 (unclear) do not count."""
    return Truth(labels == 255, (labels != 85) & (labels != 170))


PROTOCOLS: Mapping[str, Callable[[NDArray[Any]], Truth]] = {"kizu": _non_zero, "cdnet": _cdnet}


@dataclass
class _Count:
    """What is summed over frames, one at a time."""

    pixels: Confusion = field(default_factory=Confusion)
    found: int = 0
    regions: int = 0
    frames: list[tuple[str, Path]] = field(default_factory=list)

    def add(self, name: str, file: Path, mask: Bools, truth: Truth) -> None:
        found, regions = region_hits(mask[None], truth.anomaly[None], truth.valid[None])
        self.pixels += confusion(mask, truth.anomaly, truth.valid)
        self.found += found
        self.regions += regions
        self.frames.append((name, file))


def evaluate(out: Path, truth: Path, *, protocol: str = "kizu") -> dict[str, Any]:
    """Compare the masks and maps in `out` with the truth images in `truth`; numbers that do not exist are None.

    precision, recall, f1 and iou pool the pixels of all paired frames; region_recall is the share of true regions
    that the mask touches; auroc, ap and aupro rank the pixels of `ranked_frames` evenly spaced frames (at most 60).
    `unpaired` names every frame and truth image that was left out, and why. NothingUsableError if nothing pairs.
    """
    if protocol not in PROTOCOLS:
        raise ParameterError("protocol", protocol, " or ".join(PROTOCOLS))
    saved = read_results(out)
    if saved.run.get("kind") in {"matrix", "table"}:
        raise UsageError(
            f"holds a {saved.run['kind']}, not images", "Compare masks/ with your truth yourself", where=str(out)
        )
    count, unpaired = _count(saved, _truth_images(truth), protocol)
    if not count.frames:
        raise NothingUsableError(
            "no truth image goes with a frame", "Name them like the frames, or number both", where=str(truth)
        )
    pixels = count.pixels
    document = {
        "protocol": protocol,
        "frames": len(count.frames),
        "unpaired": unpaired,
        "precision": pixels.precision,
        "recall": pixels.recall,
        "f1": pixels.f1,
        "iou": pixels.iou,
        "region_recall": count.found / count.regions if count.regions else None,
    }
    return dict(finite(document | _rank(saved, _evenly(count.frames, saved), protocol)))


def _count(saved: Saved, images: Mapping[str, Path], protocol: str) -> tuple[_Count, list[dict[str, str]]]:
    """Sum over all pairs; what cannot be compared is listed."""
    pairs, alone = pair([row["name"] for row in saved.results], images)
    unpaired = [{"file": name, "why": "no partner of this name or number"} for name in alone]
    count = _Count()
    for name, partner in pairs:
        try:
            mask = saved.mask(name)
            truth = _read_truth(images[partner], mask.shape, protocol)
        except (ReadError, NothingUsableError) as error:
            unpaired.append({"file": partner, "why": error.what})
            continue
        count.add(name, images[partner], mask, truth)
    return count, unpaired


def _truth_images(folder: Path) -> dict[str, Path]:
    """Name without suffix, '/' between folders → file, of every image below `folder`."""
    if not folder.is_dir():
        raise ReadError(folder, "is not a folder", "Give the folder of the truth images")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in TRUTH_SUFFIXES and path.is_file())
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def _read_truth(path: Path, shape: tuple[int, ...], protocol: str) -> Truth:
    """Colours count by their largest channel; NothingUsableError if it is damaged, ReadError if of another size."""
    labels = read([str(path)]).frames[0]
    labels = labels.max(axis=2) if labels.ndim == 3 else labels
    if labels.shape != shape:
        got, (height, width) = f"{labels.shape[1]}x{labels.shape[0]}", shape
        raise ReadError(path, f"is {got} pixels, its frame is {width}x{height}", "Mark the frames as they are")
    return PROTOCOLS[protocol](labels)


def _evenly(frames: Sequence[tuple[str, Path]], saved: Saved) -> list[tuple[str, Path]]:
    """At most RANKED_FRAMES of `frames`, and few enough to sort their pixels in memory."""
    pixels = max(size["height"] * size["width"] for size in saved.run["stack"].get("sizes", [saved.run["stack"]]))
    count = max(1, min(len(frames), RANKED_FRAMES, RANKED_PIXELS // pixels))
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).round().astype(int)]


def _rank(saved: Saved, frames: Sequence[tuple[str, Path]], protocol: str) -> dict[str, Any]:
    scores = [saved.score_map(name) for name, _ in frames]
    truths = [_read_truth(file, score.shape, protocol) for score, (_, file) in zip(scores, frames, strict=True)]
    valids = [truth.valid & np.isfinite(score) for score, truth in zip(scores, truths, strict=True)]
    score = np.concatenate([s[v] for s, v in zip(scores, valids, strict=True)])
    anomaly = np.concatenate([truth.anomaly[v] for truth, v in zip(truths, valids, strict=True)])
    return {
        "ranked_frames": len(frames),
        "auroc": auroc(score, anomaly),
        "ap": average_precision(score, anomaly),
        "aupro": aupro_of(scores, [truth.anomaly for truth in truths], valids),
    }
