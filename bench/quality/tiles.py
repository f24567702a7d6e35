"""Magnetic tiles: `kizu fit` on good ones, `kizu detect` on the others, and how many false regions new tiles have."""

import time
from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from sklearn.model_selection import GroupKFold

from kizu.detect import bands
from kizu.detect.decide import Rule, decide_on
from kizu.detect.metrics import auroc
from kizu.engines.threads import Threads
from kizu.models import surface
from kizu.models.surface import VIEWS
from kizu.pipeline.surface import crossed
from kizu.pipeline.texture import floats
from quality import runs
from quality.kinds import Asked, Check, Found, Kind, table
from quality.tile_data import HEAD, Floats, Scores, Tile, read_tiles, score, shrink_of
from quality.tile_peers import PEERS

FALSE_ALARMS = 0.3
FOLDS, TWICE = 6, 2.0
"""Groups of tiles that are held back in turn; by what factor seen false regions may differ from the stated."""
AUPRO = {"Blowhole": 0.99, "Crack": 0.90, "Break": 0.75}
IMAGE, NEAR = 0.90, 0.75
FEW = 12


def measure(asked: Asked) -> Found:
    every = read_tiles(asked.folder("magnetic_tile"))
    train = asked.some([tile for tile in every if tile.train], FEW)
    test = asked.some([tile for tile in every if not tile.train], 2 * FEW)
    ours, by_score, seconds = by_kizu(train, test)
    rows: list[list[object]] = [["**kizu**, fitted on good tiles", *ours.cells, f"{seconds:.2f}"]]
    figures = {"kizu": {**ours._asdict(), "image by score": by_score, "seconds": seconds}}
    for name, peer in PEERS.items():
        started = time.perf_counter()
        maps = {tile.name: peer(tile.grey) for tile in test}
        seconds = (time.perf_counter() - started) / len(test)
        theirs = score(test, maps)
        rows.append([name, *theirs.cells, f"{seconds:.2f}"])
        figures[name] = {**theirs._asdict(), "seconds": seconds}
    good = asked.some([tile for tile in every if not tile.defect.any()], FEW)
    seen, tiles_with = false_regions(good)
    stated = FALSE_ALARMS * len(good)
    figures["cross-fit"] = {"seen": seen, "stated": stated, "tiles": len(good), "tiles with any": tiles_with}
    checks = [Check(f"magnetic_tile: AUPRO {kind}", ours.aupro[kind], least=least) for kind, least in AUPRO.items()]
    checks += [
        Check("magnetic_tile: image AUROC", ours.image, least=IMAGE),
        Check("magnetic_tile: maximum within 5 px of the defect", ours.near, least=NEAR),
        Check("magnetic_tile: false regions of new tiles", seen, least=stated / TWICE, most=stated * TWICE),
    ]
    return Found(_text(rows, by_score, figures["cross-fit"]), figures, tuple(checks))


def _text(rows: list[list[object]], by_score: float, crossfit: dict[str, float]) -> str:
    sentences = (
        f"Image AUROC by the score of results.csv, the mean of the 20 largest values: {by_score:.3f}.",
        f"Good tiles, judged by those of other groups at {FALSE_ALARMS:g} false regions per tile: {crossfit['seen']} "
        f"regions on {crossfit['tiles with any']} of {crossfit['tiles']} tiles, stated {crossfit['stated']:.1f}.",
    )
    return "\n\n".join([table(f"method | {HEAD} | seconds per picture", rows), *sentences])


def by_kizu(train: Sequence[Tile], test: Sequence[Tile]) -> tuple[Scores, float, float]:
    """Scores of the maps, image AUROC of the scores in results.csv, and seconds per judged picture."""
    model = runs.cleared("tiles-model")
    runs.watched("fit", *(tile.file for tile in train), "-o", model, "--quiet")
    saved, cost = runs.detect("tiles", [tile.file for tile in test], "--model", model, "--false-alarms", FALSE_ALARMS)
    names = {row["name"] for row in saved.results}
    assert names == {tile.name for tile in test}
    scores = {row["name"]: row["score"] for row in saved.results}
    by_score = auroc(np.array([scores[t.name] for t in test]), np.array([t.defect.any() for t in test]))
    found = score(test, {tile.name: saved.score_map(tile.name) for tile in test})
    return found, by_score, cost.seconds / len(test)


def false_regions(good: Sequence[Tile]) -> tuple[int, int]:
    """(regions, tiles with any) on good tiles, each judged by a model of the tiles of other groups.

    The steps of `kizu fit` and `kizu detect`, with the views of every tile computed once.
    """
    step, engine = shrink_of(good), Threads()
    seen = engine.map(lambda tile: surface.views(floats(tile.grey), step), good)
    divided = [bands.bands_of(one.part) for one in seen]
    counts = np.zeros(len(good), int)
    groups = [tile.group for tile in good]
    for others, own in GroupKFold(min(FOLDS, len(set(groups)))).split(good, groups=groups):
        null = bands.null_of(crossed([seen[n] for n in others]), 1, engine)
        tails = bands.tails_of([seen[n].values for n in others], [divided[n] for n in others])
        for n in own:
            unusual = bands.map_of(tails, seen[n].values, seen[n].part, tuple(VIEWS.values()))
            counts[n] = _regions(unusual, null)
    return int(counts.sum()), int(np.count_nonzero(counts))


def _regions(unusual: Floats, null: object) -> int:
    mask = decide_on(lambda size: unusual, None, (null,), Rule("false_alarms", FALSE_ALARMS)).mask  # type: ignore[arg-type]
    return int(ndimage.label(mask, np.ones((3, 3)))[1])


KIND = Kind(measure, ("magnetic_tile",))
