"""Small infrared targets: the exact network trained here, RPCANet with its authors' weights, and the model unlearned.

Reads sirst and reference_networks in the folder KIZU_DATA. `kizu train` learns from the 160 training pictures (32 of
them validate) on one thread; the 40 test pictures are scored at their own size, by the masks that `kizu detect` gives.
False alarms are counted on the same pictures with their targets in-painted. How sparse the
anomaly of the exact network is, and how far the sum of its parts is from the picture, is measured too.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from quality.inpaint import emptied
from quality.kinds import table
from quality.target_data import Scene, read_scenes, score

import kizu
from kizu.detect import targets
from kizu.detect.decide import Rule
from kizu.detect.peaks import Law, decide
from kizu.files import load_model
from kizu.models.patch_image import patch_image
from kizu.networks.exact_rpcanet import ExactRPCANet
from kizu.networks.rpcanet import RPCANet
from kizu.networks.saved import restore

SIDE = 256
"""RPCANet was trained, and is scored by its authors, at this size."""
HEAD = "network | seed | weights | IoU | nIoU | Pd | Fa e-6 | alarms, emptied | S ≠ 0 % | sum | train s"
IOU, NIOU, ALARMS, NONZERO, SUM, SECONDS, SMALLER, FASTER = 0.64, 0.66, 0.2, 0.02, 1e-6, 1200.0, 10.0, 5.0
Find = Callable[[np.ndarray], np.ndarray]
"""The mask of a grey picture, both (height, width)."""


class Figures(NamedTuple):
    """Of one network: the scores of its masks, and what the exact one promises of its parts."""

    iou: float
    niou: float
    pd: float
    fa: float
    alarms: float
    nonzero: float
    apart: float


def run(seeds: int, smoke: bool) -> list[str]:
    """Print a row per network and seed, and the times; what missed its limit."""
    torch.set_num_threads(1)
    data = Path(os.environ["KIZU_DATA"])
    test = _test(data / "sirst")[: 4 if smoke else None]
    rows: list[list[Any]] = []
    found, missed = [], []
    for seed in range(1 if smoke else seeds):
        network, seconds, kept = trained(data / "sirst", seed, 10 if smoke else None)
        exact = figures(kept, test, network)
        found.append((network, exact, seconds))
        rows.append(["ExactRPCANet", seed, _weights(network), *_shown(exact), f"{seconds:.0f}"])
        print(f"seed {seed}: IoU {exact.iou:.3f}, nIoU {exact.niou:.3f}, {seconds:.0f} s", flush=True)
    theirs = RPCANet.from_reference(data / "reference_networks" / "rpcanet_sirst.safetensors")
    for title, find in (
        ("RPCANet, 256×256", _published(theirs, SIDE)),
        ("RPCANet, own size", _published(theirs, None)),
    ):
        rows.append([title, "", _weights(theirs), *_shown(figures(find, test, None)), ""])
    rows.append(["kizu --model ipi", "", 0, *_shown(figures(_unlearned, test, None)), ""])
    print(f"\n{table(HEAD, rows)}\n")
    ours, published = (_time(one) for one in (found[0][0], theirs))
    print(f"{SIDE}×{SIDE} on one thread: exact {ours:.3f} s, RPCANet {published:.3f} s, {published / ours:.1f} times\n")
    missed += [line for one in found for line in _missed(*one)]
    missed += [f"times: {published / ours:.1f} < {FASTER}"] if published / ours < FASTER else []
    smaller = _weights(theirs) / _weights(found[0][0])
    missed += [f"weights: {smaller:.1f} times fewer < {SMALLER}"] if smaller < SMALLER else []
    return [] if smoke else missed


def trained(folder: Path, seed: int, steps: int | None) -> tuple[ExactRPCANet, float, Find]:
    """The network, the seconds of `kizu train`, and what `kizu detect` finds with it."""
    with tempfile.TemporaryDirectory() as place:
        started = time.monotonic()
        made = kizu.train("exact-rpcanet", folder, Path(place) / "m", seed=seed, steps=steps, jobs=1)
        seconds = time.monotonic() - started
        card, weights = load_model(made.folder)
        network = restore(card, weights)

        def find(grey: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                logit = network.opinion(torch.from_numpy(grey / 255).float()[None, None])[1][0, 0].numpy()
            return decide(logit, Law(**card["law"]), Rule("false_alarms", 0.1)).mask

        return network, seconds, find


def _test(folder: Path) -> list[Scene]:
    names = {line.split(",")[0] for line in (folder / "index.csv").read_text().splitlines() if ",test," in line}
    return [one for one in read_scenes(folder) if one.name in names]


def figures(find: Find, scenes: Sequence[Scene], network: ExactRPCANet | None) -> Figures:
    masks = [find(one.grey.astype(np.float32)) for one in scenes]
    found = score(masks, [one.targets for one in scenes])
    alarms = [find(emptied(one.grey, one.targets, 0).astype(np.float32)).any() for one in scenes]
    nonzero, apart = float("nan"), float("nan")
    if network is not None:
        parts = [_exact(network, one.grey.astype(np.float32)) for one in scenes]
        nonzero, apart = max(part[0] for part in parts), max(part[1] for part in parts)
    return Figures(found.iou, found.niou, found.pd, found.fa, float(np.mean(alarms)), nonzero, apart)


@torch.inference_mode()
def _exact(network: ExactRPCANet, grey: np.ndarray) -> tuple[float, float]:
    """Share of the anomaly that is not 0, and ‖D − B − S − E‖ / ‖D‖."""
    images = torch.from_numpy(grey / 255).float()[None, None]
    split = network(images)
    apart = (images.double() - split.background.double() - split.anomaly.double() - split.noise.double()).norm()
    nonzero = float((split.anomaly != 0).double().mean())
    return nonzero, float(apart / images.double().norm())


def _published(network: RPCANet, side: int | None) -> Find:
    @torch.inference_mode()
    def find(grey: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8))
        small = image if side is None else image.resize((side, side), Image.Resampling.BILINEAR)
        logit = network(torch.from_numpy(np.asarray(small, np.float32) / 255)[None, None])[1][0, 0].numpy()
        back = Image.fromarray(logit).resize(image.size, Image.Resampling.BILINEAR)
        return np.asarray(back) > 0

    return find


def _unlearned(grey: np.ndarray) -> np.ndarray:
    return targets.decide(grey, patch_image(grey).residual, 0.1, 1.0).mask


@torch.inference_mode()
def _time(network: torch.nn.Module) -> float:
    """Seconds of one picture, the median of five."""
    images, seconds = torch.rand(1, 1, SIDE, SIDE), []
    network(images)
    for _ in range(5):
        started = time.perf_counter()
        network(images)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def _weights(network: torch.nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


def _shown(one: Figures) -> list[str]:
    shares = f"{1e6 * one.fa:.1f}", f"{100 * one.alarms:.0f} %", f"{100 * one.nonzero:.2f}", f"{one.apart:.0e}"
    return [f"{one.iou:.3f}", f"{one.niou:.3f}", f"{one.pd:.3f}", *shares]


def _missed(network: ExactRPCANet, one: Figures, seconds: float) -> list[str]:
    checks = {
        f"IoU {one.iou:.3f} < {IOU}": one.iou < IOU,
        f"nIoU {one.niou:.3f} < {NIOU}": one.niou < NIOU,
        f"alarms {one.alarms:.2f} ≥ {ALARMS}": one.alarms >= ALARMS,
        f"S ≠ 0 in {one.nonzero:.3f} > {NONZERO}": one.nonzero > NONZERO,
        f"sum {one.apart:.1e} > {SUM}": one.apart > SUM,
        f"{seconds:.0f} s of training > {SECONDS:.0f}": seconds > SECONDS,
    }
    return [line for line, bad in checks.items() if bad]
