"""What the stages of RPCANet and of kizu's exact one make of a picture: `KIZU_DATA=… python bench/networks/stages.py`.

Reads the authors' weights, reference_networks/rpcanet_sirst.safetensors in the folder KIZU_DATA, trains the exact
network briefly on rendered skies, measures both on others, and prints a table. `--write-lesson` puts numbers of both,
and pictures of the exact network, beside the lesson "rpcanet" (no weight, and no picture of the authors' network).
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import kizu.explain.lessons
from kizu.networks.exact_rpcanet import ExactRPCANet
from kizu.networks.picture_task import PictureTask, recipe
from kizu.networks.pictures import spot
from kizu.networks.rpcanet import RPCANet
from kizu.networks.training import train

LESSON = Path(kizu.explain.lessons.__path__[0])
SIDE, SHOWN = 256, (72, 96)
"""Pixels of the pictures that are measured, which is what RPCANet was trained on, and of those in the lesson."""
NOISE, FAINTEST, BRIGHTEST, MOST = 2.0, 25.0, 90.0, 3
"""Grey levels of noise and of the peaks of targets; most targets in a picture."""
SMALL = 1e-2
"""Singular values below this share of the largest are not counted."""
LOGIT = 4
"""Steps of a logit's unit that the lesson's pictures keep."""
STEPS, BATCH, CROP = 600, 8, 64
AFTER = (1, 4, 7, 10, 14)
"""Layers of robust PCA that are shown; the network's last prox comes after them."""
PICTURES, TRAINING, VALIDATION = 8, 40, 8


class Sky(NamedTuple):
    """A picture in grey levels, the same without its targets, and where these are, each (height, width)."""

    picture: NDArray[np.float32]
    ground: NDArray[np.float32]
    mask: NDArray[np.bool_]


def sky(shape: tuple[int, int], rng: np.random.Generator) -> Sky:
    """Banks of cloud with edges, sensor noise, and one to three small targets, in whole grey levels."""
    bank, wisp, grain = (_standard(gaussian_filter(rng.standard_normal(shape), s, mode="wrap")) for s in (22, 7, 2.5))
    ground = 70 + 45 / (1 + np.exp(-4 * bank)) + 5 * wisp + 2 * grain + NOISE * rng.standard_normal(shape)
    picture, mask = ground.copy(), np.zeros(shape, bool)
    for _ in range(rng.integers(1, MOST + 1)):
        target = spot(rng)
        height, width = target.mask.shape
        y, x = (rng.integers(n - side) for n, side in zip(shape, (height, width), strict=True))
        picture[y : y + height, x : x + width] += rng.uniform(FAINTEST, BRIGHTEST) * target.light
        mask[y : y + height, x : x + width] |= target.mask
    levels = [np.clip(np.rint(part), 0, 255).astype(np.float32) for part in (picture, ground)]
    return Sky(*levels, mask)


def skies(count: int, shape: tuple[int, int], seed: int) -> list[Sky]:
    return [sky(shape, np.random.default_rng((seed, k))) for k in range(count)]


def _standard(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return (x - x.mean()) / x.std()


class Parts(NamedTuple):
    """Background, sparse part and the logit that decides after one stage, each (height, width)."""

    background: NDArray[np.float64]
    sparse: NDArray[np.float64]
    logit: NDArray[np.float64]


@torch.no_grad()
def published(network: RPCANet, picture: NDArray[np.float32]) -> list[Parts]:
    """Every stage of RPCANet on a picture with grey values in [0, 1]: its T is the sparse part and the logit."""
    data = torch.from_numpy(picture)[None, None]
    target, stages = torch.zeros_like(data), []
    for stage in network.decos:
        background = stage.lowrank(data - target)
        target = stage.sparse(target + data - background)
        data = stage.merge(background + target)
        stages.append(Parts(_array(background), _array(target), _array(target)))
    return stages


@torch.no_grad()
def exact(network: ExactRPCANet, picture: NDArray[np.float32]) -> list[Parts]:
    """What some of its layers of robust PCA make of a picture, and the whole network, in the picture's units."""
    splits = network.unfold(torch.from_numpy(picture)[None, None])
    shown = [*(splits[k - 1] for k in AFTER), splits[-1]]
    return [Parts(_array(one.background), _array(one.anomaly), _array(one.logit)) for one in shown]


def _array(tensor: torch.Tensor) -> NDArray[np.float64]:
    return tensor[0, 0].double().numpy()


def figures(picture: NDArray[np.float32], parts: Parts) -> dict[str, float]:
    """What is measured of one stage; `left` is what B + S leaves of the picture, relative to it."""
    left = picture - parts.background - parts.sparse
    return {
        "left": float(np.linalg.norm(left) / np.linalg.norm(picture)),
        "background_low": float(parts.background.min()),
        "background_high": float(parts.background.max()),
        "sparse_low": float(parts.sparse.min()),
        "sparse_high": float(parts.sparse.max()),
        "nonzero": float(np.mean(parts.sparse != 0)),
        "rank": _rank(parts.background),
    }


def _rank(matrix: NDArray[np.floating]) -> int:
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(values > SMALL * values[0]))


def measured(split: Any, network: Any, pictures: Sequence[Sky]) -> list[dict[str, float]]:
    """Stage by stage: medians over the pictures (grey values in [0, 1]), and IoU of all their pixels together."""
    stages: list[list[dict[str, float]]] = []
    counts: NDArray[np.int64] = np.zeros((0, 2), np.int64)
    for one in pictures:
        parts = split(network, one.picture / np.float32(255))
        stages = stages or [[] for _ in parts]
        counts = counts if len(counts) else np.zeros((len(parts), 2), np.int64)
        for k, part in enumerate(parts):
            found = part.logit > 0
            stages[k].append(figures(one.picture / np.float32(255), part))
            counts[k] += (found & one.mask).sum(), (found | one.mask).sum()
    return [
        {
            **{name: float(np.median([row[name] for row in rows])) for name in rows[0]},
            "iou": float(both / max(1, either)),
        }
        for rows, (both, either) in zip(stages, counts, strict=True)
    ]


@torch.no_grad()
def sum_error(network: ExactRPCANet, pictures: Sequence[Sky]) -> float:
    """The largest |B + S + E − D| of what the network returns, relative to the largest of D; a rounding at least."""
    worst = float(np.finfo(np.float32).eps) / 2
    for one in pictures:
        images = torch.from_numpy(one.picture / np.float32(255))[None, None]
        split = network(images)
        wrong = split.background.double() + split.anomaly.double() + split.noise.double() - images.double()
        worst = max(worst, float(wrong.abs().max() / images.abs().max()))
    return worst


def trained(seed: int, steps: int) -> ExactRPCANet:
    """The exact network after `steps` on clean skies, with targets planted by the task."""
    torch.manual_seed(seed)
    network = ExactRPCANet()
    clean = [one.ground / 255 for one in skies(TRAINING, (128, 128), seed=1000 + seed)]
    judges = skies(VALIDATION, SHOWN, seed=2000 + seed)
    pictures, masks = [one.picture / 255 for one in judges], [one.mask for one in judges]
    task = PictureTask(clean, None, pictures, masks, batch=BATCH, size=CROP, looked=min(240, 8 * steps), seed=seed)
    train(
        network,
        task,
        recipe(steps),
        callback=lambda seen, _: print(f"step {seen.step}: {seen.measure:.3f}", flush=True),
    )
    return network.eval()


def run(seeds: Sequence[int], smoke: bool) -> dict[str, Any]:
    """Numbers of both networks (of the exact one for each seed), and the exact network of the first seed."""
    pictures = skies(1 if smoke else PICTURES, (SIDE, SIDE), seed=3000)
    networks = [trained(seed, 2 if smoke else STEPS) for seed in seeds]
    result: dict[str, Any] = {"pictures": len(pictures), "steps": 2 if smoke else STEPS, "side": SIDE}
    result["rank"] = float(np.median([_rank(one.picture) for one in pictures]))
    result["sum"] = max(sum_error(network, pictures) for network in networks)
    result["exact"] = [measured(exact, network, pictures) for network in networks]
    if "KIZU_DATA" in os.environ:
        weights = Path(os.environ["KIZU_DATA"]) / "reference_networks" / "rpcanet_sirst.safetensors"
        result["published"] = measured(published, RPCANet.from_reference(weights), pictures)
    return {**result, "network": networks[0]}


def table(result: Mapping[str, Any]) -> str:
    """The numbers as Markdown; of the exact network those of the first seed."""
    lines = [
        "| network | stage | ‖D − B − S‖ / ‖D‖ | B from | to | S from | to | S not 0 | rank of B | IoU |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, stages in (("published", result.get("published", [])), ("exact", result["exact"][0])):
        for k, row in enumerate(stages, 1):
            ends = " | ".join(
                f"{row[f'{part}_{end}']:.3g}" for part in ("background", "sparse") for end in ("low", "high")
            )
            shares = f"{row['nonzero']:.2%} | {row['rank']:.0f} | {row['iou']:.2f}"
            lines.append(f"| {name} | {k} | {row['left']:.3g} | {ends} | {shares} |")
    worst = f"|B + S + E − D| is at most {result['sum']:.1g} of the picture's largest"
    lines.append(f"\nRank of the pictures themselves: {result['rank']:.0f}. Exact: {worst}")
    return "\n".join(lines)


def write_lesson(result: Mapping[str, Any]) -> None:
    """Numbers and pictures for the lesson: whole grey levels, and the logit in quarters."""
    shown = skies(2, SHOWN, seed=4000)
    parts = [exact(result["network"], one.picture) for one in shown]
    arrays = {
        "picture": np.stack([one.picture for one in shown]).astype(np.uint8),
        "mask": np.stack([one.mask for one in shown]),
        **{
            name: np.stack([[_rounded(getattr(part, name), scale) for part in one] for one in parts])
            for name, scale in (("background", 1), ("sparse", 1), ("logit", LOGIT))
        },
    }
    np.savez_compressed(LESSON / "rpcanet.npz", **arrays)
    kept = {name: result[name] for name in ("pictures", "steps", "side", "rank", "sum", "published")} | {
        "exact": result["exact"][0]
    }
    kept["command"] = "python bench/networks/stages.py --write-lesson"
    (LESSON / "rpcanet.json").write_text(json.dumps(_short(kept), indent=1) + "\n")


def _rounded(values: NDArray[np.float64], scale: float) -> NDArray[np.int16]:
    """Whole numbers; what is not 0 stays so."""
    whole = np.rint(scale * values)
    return np.where((whole == 0) & (values != 0), np.sign(values), whole).astype(np.int16)


def _short(value: Any) -> Any:
    """Floats to four digits."""
    if isinstance(value, Mapping):
        return {name: _short(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_short(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="networks to train")
    parser.add_argument("--smoke", action="store_true", help="two steps, one picture: whether it works")
    parser.add_argument("--write-lesson", action="store_true", help="renew the files of the lesson")
    options = parser.parse_args()
    result = run(range(options.seeds), options.smoke)
    print(table(result))
    if options.write_lesson:
        if "published" not in result:
            parser.error("--write-lesson needs KIZU_DATA")
        write_lesson(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
