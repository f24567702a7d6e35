"""What each view of a tile is worth: scores without it, with it alone, and with a learned dictionary beside all."""

from collections.abc import Mapping, Sequence

import numpy as np

from kizu.detect import bands
from kizu.engines.threads import Threads
from kizu.models import surface, texture
from kizu.models.outline import continued, outline
from kizu.models.surface import VIEWS
from kizu.pipeline.texture import floats
from quality.kinds import Asked, Found, Kind, table
from quality.tile_data import HEAD, Floats, Tile, read_tiles, score, shrink_of

DICTIONARY = "dictionary"
FEW = 12
Weights = Mapping[str, float]


def measure(asked: Asked) -> Found:
    every = read_tiles(asked.folder("magnetic_tile"))
    train = asked.some([tile for tile in every if tile.train], FEW)
    test = asked.some([tile for tile in every if not tile.train], 2 * FEW)
    alone = alone_maps(train, test)
    rows, figures = [], {}
    for title, weights in trials().items():
        maps = {tile.name: _summed(alone[tile.name], weights) for tile in test}
        found = score(test, maps)
        rows.append([title, *found.cells])
        figures[title] = found._asdict()
    return Found(table(f"views | {HEAD}", rows), figures)


def trials() -> dict[str, Weights]:
    """All views, each left out, each alone, and the dictionary beside them and alone."""
    without = {f"without {name}": {n: w for n, w in VIEWS.items() if n != name} for name in VIEWS}
    only = {f"{name} alone": {name: 1.0} for name in [*VIEWS, DICTIONARY]}
    beside = {f"all eight and {weight:g} × {DICTIONARY}": {**VIEWS, DICTIONARY: weight} for weight in (1.0, 0.5)}
    return {"all eight": VIEWS, **without, **beside, **only}


def _summed(one: Mapping[str, Floats], weights: Weights) -> Floats:
    return np.asarray(sum(weight * one[name] for name, weight in weights.items()))


def alone_maps(train: Sequence[Tile], test: Sequence[Tile]) -> dict[str, dict[str, Floats]]:
    """Of every test tile, how unusual each view alone finds its pixels: the map of all is their weighted sum."""
    step, engine = shrink_of(train), Threads()
    scales = texture.learn([working(tile, step) for tile in train])

    def nine(tile: Tile) -> surface.Views:
        seen = surface.views(floats(tile.grey), step)
        z = np.abs(texture.explain(scales, working(tile, step), 1.0 / step).z)
        return seen._replace(values=np.concatenate([seen.values, z[None].astype(np.float32)]))

    learned, judged = engine.map(nine, train), engine.map(nine, test)
    tails = bands.tails_of([one.values for one in learned], [bands.bands_of(one.part) for one in learned])

    def alone(tile: Tile, seen: surface.Views) -> dict[str, Floats]:
        names = [*VIEWS, DICTIONARY]
        weights = np.eye(len(names))
        small = [bands.map_of(tails, seen.values, seen.part, weight.tolist()) for weight in weights]
        large = [texture.enlarged(one, step, tile.grey.shape) for one in small]
        return dict(zip(names, large, strict=True))

    return {tile.name: alone(tile, seen) for tile, seen in zip(test, judged, strict=True)}


def working(tile: Tile, step: int) -> Floats:
    """The tile as its views are computed: continued beyond its outline, reduced."""
    grey = floats(tile.grey)
    return texture.reduced(continued(grey, outline(grey)), step)


KIND = Kind(measure, ("tiles-ablation",), default=False)
