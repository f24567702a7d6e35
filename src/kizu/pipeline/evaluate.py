"""What a results folder is worth against a truth."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.detect.metrics import aupro_of, auroc, average_precision, region_hits
from kizu.detect.protocols import PROTOCOLS, Judged, Protocol, Tally, Truth
from kizu.errors import NothingUsableError, ParameterError, ReadError, UsageError
from kizu.io.reading import read
from kizu.io.results import Saved, read_results
from kizu.io.tables import finite
from kizu.pipeline.pairs import pair

TRUTH_SUFFIXES = {".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".jpg", ".jpeg", ".pgm"}
RANKED_FRAMES = 60  # neighbours in a video say the same, and a ranking sorts every pixel
RANKED_PIXELS = 1 << 25  # about 1 GB while sorting
UNITS = {
    "region_recall": "share of true regions with a flagged pixel",
    "auroc": "pixels of the ranked frames, every score a threshold",
    "ap": "pixels of the ranked frames, every score a threshold",
    "aupro": "regions of the ranked frames, false-positive rate up to 0.3",
}
"""What the numbers are that no protocol defines in its own way."""


@dataclass
class _Count:
    """What is summed over frames, one at a time."""

    tally: Tally
    found: int = 0
    regions: int = 0
    frames: list[tuple[str, Path]] = field(default_factory=list)
    sizes: set[tuple[int, ...]] = field(default_factory=set)

    def add(self, name: str, file: Path, judged: Judged) -> None:
        mask, (anomaly, valid) = judged.mask, judged.truth
        found, regions = region_hits(mask[None], anomaly[None], valid[None])
        self.tally.add(judged)
        self.found += found
        self.regions += regions
        self.frames.append((name, file))
        self.sizes.add(mask.shape)


def evaluate(out: Path, truth: Path, *, protocol: str = "kizu") -> dict[str, Any]:
    """Compare the masks and maps in `out` with the truth images in `truth`; numbers that do not exist are None.

    precision, recall, f1 and iou pool the pixels of all paired frames, niou is the mean of each frame's own;
    region_recall is the share of true regions that the mask touches, pd and fa are what `protocol` (a name in
    :mod:`kizu.detect.protocols`) makes of targets and false pixels; auroc, ap and aupro rank the pixels of
    `ranked_frames` evenly spaced frames (at most 60). `decision` and `size` say what was compared, `units` what each
    number is. `unpaired` names every frame and truth image that was left out, and why. NothingUsableError if nothing
    pairs.
    """
    if protocol not in PROTOCOLS:
        raise ParameterError("protocol", protocol, " or ".join(PROTOCOLS))
    saved, rules = read_results(out), PROTOCOLS[protocol]
    if saved.run.get("kind") in {"matrix", "table"}:
        raise UsageError(
            f"holds a {saved.run['kind']}, not images", "Compare masks/ with your truth yourself", where=str(out)
        )
    count, unpaired = _count(saved, truth_images(truth), rules)
    if not count.frames:
        raise NothingUsableError(
            "no truth image goes with a frame", "Name them like the frames, or number both", where=str(truth)
        )
    document = {
        "protocol": protocol,
        "decision": rules.decision,
        "size": _size(count.sizes, resized=rules.size is not None),
        "frames": len(count.frames),
        "unpaired": unpaired,
        **count.tally.numbers(),
        "region_recall": count.found / count.regions if count.regions else None,
        **_rank(saved, _evenly(count.frames, saved), rules),
        "units": count.tally.units() | UNITS,
    }
    return dict(finite(document))


def _size(sizes: Set[tuple[int, ...]], *, resized: bool) -> str:
    """Of what was compared, smallest and largest, as WIDTHxHEIGHT."""
    ends = sorted(sizes, key=lambda shape: (shape[0] * shape[1], shape))
    words = dict.fromkeys(f"{width}x{height}" for height, width in (ends[0], ends[-1]))
    return f"{' to '.join(words)} pixels, {'resized' if resized else 'as they are'}"


def _count(saved: Saved, images: Mapping[str, Path], rules: Protocol) -> tuple[_Count, list[dict[str, str]]]:
    """Sum over all pairs; what cannot be compared is listed."""
    pairs, alone = pair([row["name"] for row in saved.results], images)
    unpaired = [{"file": name, "why": "no partner of this name or number"} for name in alone]
    count = _Count(Tally(rules))
    for name, partner in pairs:
        try:
            mask = saved.mask(name)
            labels = _read_labels(images[partner], mask.shape)
        except (ReadError, NothingUsableError) as error:
            unpaired.append({"file": partner, "why": error.what})
            continue
        score = saved.score_map(name) if rules.by_map else None
        count.add(name, images[partner], rules.judge(mask, labels, score))
    return count, unpaired


def truth_images(folder: Path) -> dict[str, Path]:
    """Name without suffix, '/' between folders → file, of every image below `folder`."""
    if not folder.is_dir():
        raise ReadError(folder, "is not a folder", "Give the folder of the truth images")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in TRUTH_SUFFIXES and path.is_file())
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def read_truth(path: Path, shape: tuple[int, ...], protocol: str) -> Truth:
    """What the labels in the picture `path`, of a frame of `shape`, mean under `protocol`."""
    return PROTOCOLS[protocol].labels(_read_labels(path, shape))


def _read_labels(path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    """Colours count by their largest channel; NothingUsableError if it is damaged, ReadError if of another size."""
    picture: NDArray[Any] = read([str(path)]).frames[0]
    labels: NDArray[Any] = picture.max(axis=2) if picture.ndim == 3 else picture
    if labels.shape != shape:
        got, (height, width) = f"{labels.shape[1]}x{labels.shape[0]}", shape
        raise ReadError(path, f"is {got} pixels, its frame is {width}x{height}", "Mark the frames as they are")
    return labels


def _evenly(frames: Sequence[tuple[str, Path]], saved: Saved) -> list[tuple[str, Path]]:
    """At most RANKED_FRAMES of `frames`, and few enough to sort their pixels in memory."""
    pixels = max(size["height"] * size["width"] for size in saved.run["stack"].get("sizes", [saved.run["stack"]]))
    count = max(1, min(len(frames), RANKED_FRAMES, RANKED_PIXELS // pixels))
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).round().astype(int)]


def _rank(saved: Saved, frames: Sequence[tuple[str, Path]], rules: Protocol) -> dict[str, Any]:
    scores, truths = [], []
    for name, file in frames:
        score = saved.score_map(name)
        _, seen, truth = rules.judge(np.zeros(score.shape, bool), _read_labels(file, score.shape), score)
        scores.append(score if seen is None else seen)
        truths.append(truth)
    valids = [truth.valid & np.isfinite(score) for score, truth in zip(scores, truths, strict=True)]
    score = np.concatenate([s[v] for s, v in zip(scores, valids, strict=True)])
    anomaly = np.concatenate([truth.anomaly[v] for truth, v in zip(truths, valids, strict=True)])
    return {
        "ranked_frames": len(frames),
        "auroc": auroc(score, anomaly),
        "ap": average_precision(score, anomaly),
        "aupro": aupro_of(scores, [truth.anomaly for truth in truths], valids),
    }
