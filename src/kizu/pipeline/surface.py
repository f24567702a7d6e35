"""`kizu fit` of good parts: views of a surface, how they look on good parts, and what is too unusual for one."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.detect import bands
from kizu.detect.bands import Tails
from kizu.detect.calibrate import Null
from kizu.detect.decide import Rule, decide_on, lows_for
from kizu.detect.maps import Scale
from kizu.detect.null import Tail
from kizu.detect.regions import Region
from kizu.errors import NothingUsableError, ShapeError, UsageError
from kizu.io.each import Pictures
from kizu.models import surface
from kizu.models.reduction import enlarged
from kizu.models.surface import VIEWS, Views
from kizu.pipeline.options import FALSE_ALARMS, Options, first_set
from kizu.pipeline.outputs import like
from kizu.pipeline.refit import Progress
from kizu.pipeline.texture import floats
from kizu.pipeline.verdict import Verdict, loudest
from kizu.typing import Floats

WORKING = 150
"""Pixels of a side that pictures are reduced to about, but not by more than `MOST_SHRINK`: what good parts teach is
how things look at that size."""
MOST_SHRINK = 3
FOLDS = 6
"""Good parts are judged by tails of the others, in so many groups: a part is no witness of its own."""
FEWEST, FEW = 4, 30
"""Good pictures that are needed, and below which the stated rate is approximate."""
ENTRIES = 1 << 28
"""Values of views that are held while fitting: of more pictures, evenly many are left out."""
UNSETTLED: dict[str, Any] = {"noise": "auto", "lam": None, "rank": None}
"""Keywords of `fit` and `inspect` that this model has no use for."""
OWN = "regions on good parts, each judged by the others'"


class Learned(NamedTuple):
    """What is kept of good parts: shrink of pictures, tails of the views, the null, and what was seen on the way."""

    shrink: int
    tails: Tails
    null: Null
    pictures: int
    suspicious: tuple[str, ...]


class Surface:
    """Good parts as they look in eight views; a new part is judged by how unusual it is."""

    def __init__(self, learned: Learned) -> None:
        self.learned = learned

    def judge(self, picture: NDArray[Any], rule: Rule) -> Verdict:
        learned, values = self.learned, floats(picture)
        seen = surface.views(values, learned.shrink)
        unusual = bands.map_of(learned.tails, seen.values, seen.part, tuple(VIEWS.values()))
        decision = decide_on(lambda size: unusual, None, (learned.null,), rule)
        shape = values.shape[:2]
        background = _coloured(enlarged(seen.background, learned.shrink, shape), values)
        return Verdict(
            score=enlarged(decision.score, learned.shrink, shape),
            mask=_repeated(decision.mask, learned.shrink, shape),
            expected=_repeated(decision.expected, learned.shrink, shape),
            residual=loudest(values - background),
            background=like(background, picture),
            gap=seen.gap,
        )

    def about(self, picture: NDArray[Any], regions: Sequence[Region]) -> list[dict[str, Any]]:
        """The views that find each region unusual, most first, and the most that they add to the map there."""
        if not regions:
            return []
        step = self.learned.shrink
        seen = surface.views(floats(picture), step)
        maps = [self._alone(seen, number) for number in range(len(VIEWS))]
        return [_loudest_views(maps, region, step) for region in regions]

    def _alone(self, seen: Views, number: int) -> Floats:
        weights = [weight if n == number else 0.0 for n, weight in enumerate(VIEWS.values())]
        return bands.map_of(self.learned.tails, seen.values, seen.part, weights)

    def assets(self) -> dict[str, bytes]:
        return {}

    def facts(self, rule: Rule, gap: float) -> dict[str, Any]:
        learned = self.learned
        low = None if rule.kind == "fdr" else lows_for(rule, (learned.null,))[0]
        scale = {**learned.null.scale._asdict(), "low": low, "high": None if low is None else 2 * low}
        return {
            "parameters": self._parameters(),
            "certificate": {
                "relative_gap": gap,
                "tol": surface.TOL,
                "bound": "of the picture whose low rank is farthest from its optimum",
                "primal": None,
                "dual": None,
            },
            "proof": proof_of(gap),
            "stopped": "gap" if gap <= surface.TOL else "max_iter",
            "converged": gap <= surface.TOL,
            "warnings": warnings_of(learned),
            "decision": {
                "rule": rule.kind,
                "value": rule.value,
                "approximate": learned.pictures < FEW,
                "why": OWN,
                "scales": [scale],
            },
        }

    def _parameters(self) -> dict[str, dict[str, Any]]:
        learned = self.learned
        weights = ", ".join(f"{name} {weight:g}" for name, weight in VIEWS.items())
        return {
            "learned_from": {"value": learned.pictures, "why": "good pictures of the fit"},
            "shrink": {"value": learned.shrink, "why": f"brings pictures near {WORKING} pixels a side"},
            "views": {"value": weights, "why": "texture counts half: it answers to an uneven finish too"},
            "lam_factor": {"value": surface.LAM, "why": "times 1/√max: flaws of some width stay out of the low rank"},
        }

    def fit_facts(self) -> dict[str, Any]:
        """What `kizu fit` says."""
        learned = self.learned
        return {
            "pictures": learned.pictures,
            "suspicious": learned.suspicious,
            "expected": FALSE_ALARMS * learned.pictures,
            "warnings": warnings_of(learned),
        }

    def card(self) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
        null, learned = self.learned.null, self.learned
        card = {
            "shrink": learned.shrink,
            "pictures": learned.pictures,
            "suspicious": list(learned.suspicious),
            "null": {"scale": null.scale._asdict(), "rate": null.rate._asdict()},
        }
        arrays = {f"tails.{name}": array for name, array in learned.tails._asdict().items()}
        return card, arrays | {f"null.{name}": getattr(null, name) for name in ("areas", "levels", "scores")}


def _loudest_views(maps: Sequence[Floats], region: Region, step: int) -> dict[str, Any]:
    box = (
        slice(region.y // step, -(-(region.y + region.height) // step)),
        slice(region.x // step, -(-(region.x + region.width) // step)),
    )
    most = [float(one[box].max()) for one in maps]
    order = sorted(range(len(most)), key=lambda number: -most[number])
    names = list(VIEWS)
    return {"views": [[names[number], round(most[number], 2)] for number in order if most[number] > 0]}


def proof_of(gap: float) -> str:
    """What is known of the one view that solves a problem."""
    said = "Proven" if gap <= surface.TOL else "Not proven"
    return (
        f"{said}: the low rank of these pictures, one of the eight views, is within {100 * gap:.2g} % of the best "
        f"(asked: {100 * surface.TOL:.2g} %). The other views are filters, and the background that is shown is the "
        "long median along the streaks."
    )


def warnings_of(learned: Learned) -> list[str]:
    """Of too few good pictures."""
    if learned.pictures >= FEW:
        return []
    return [f"Learned from {learned.pictures} good pictures: the stated false-alarm rate is approximate below {FEW}."]


def _unfitted() -> UsageError:
    return UsageError(
        "surface learns from good parts", "Run kizu fit GOOD -o MODEL first, then --model MODEL", where="--model"
    )


def refuse(options: Options, *, fitted: bool) -> None:
    """UsageError where there is no fit to judge by, or names the first option without a meaning here."""
    if not fitted:
        raise _unfitted()
    _refuse(options)
    if options.min_area is not None:
        raise UsageError(
            "was settled when the model was fitted", "Leave it out, or fit again with it", where="--min-area"
        )


def learn(listed: Pictures, options: Options, progress: Progress) -> Surface:
    """Nothing is learned from pictures of which nobody says that they are good."""
    raise _unfitted()


def fit(listed: Pictures, options: Options, progress: Progress) -> tuple[Surface, dict[str, Any]]:
    """From good parts, and what `kizu fit` says of them; NothingUsableError for fewer than four."""
    _refuse(options)
    names, frames = _read(listed, progress)
    if len(frames) < FEWEST:
        raise NothingUsableError(f"{len(frames)} good pictures, a surface needs at least {FEWEST}", "Give more")
    side = np.median([np.sqrt(frame.shape[0] * frame.shape[1]) for frame in frames])
    shrink = int(np.clip(round(float(side) / WORKING), 1, MOST_SHRINK))
    seen = options.engine.map(
        lambda number: _views_of(frames[number], names[number], shrink),
        range(len(frames)),
        progress=lambda done, total: progress("learn", done, total),
    )
    progress("calibrate", 0, 1)
    maps = crossed(seen)
    area = 1 if options.min_area is None else -(-options.min_area // shrink**2)
    null = bands.null_of(maps, area, options.engine)
    tails = bands.tails_of([one.values for one in seen], [bands.bands_of(one.part) for one in seen])
    odd = _suspicious(maps, null, names)
    fitted = Surface(Learned(shrink, tails, null, len(frames), odd))
    return fitted, fitted.fit_facts()


def _refuse(options: Options) -> None:
    """UsageError names the first option that has no meaning here."""
    if options.sign != "both":
        raise UsageError("surface judges both signs together", "Leave it out", where="--sign")
    if option := first_set(options, UNSETTLED):
        raise UsageError("has no meaning for a surface", "Leave it out", where=option)


def _views_of(frame: Floats, name: str, shrink: int) -> Views:
    try:
        return surface.views(frame, shrink)
    except ShapeError as error:
        raise ShapeError(error.what, error.mend, where=name) from None


def _read(listed: Pictures, progress: Progress) -> tuple[list[str], list[Floats]]:
    """Names and pictures, of many evenly as many as are held."""
    pixels = sum(agreed.size.height * agreed.size.width * agreed.files[0].present for agreed in listed.agreed)
    step = max(1, -(-len(VIEWS) * pixels // ENTRIES))
    names: list[str] = []
    frames: list[Floats] = []
    for number in range(0, len(listed), step):
        progress("read", number, len(listed))
        stack = listed.read(number)
        names += stack.names
        frames += [floats(frame) for frame in stack.frames]
    return names, frames


def crossed(seen: Sequence[Views]) -> list[Floats]:
    """The map of every good part by tails of the other groups'."""
    divided = [bands.bands_of(one.part) for one in seen]
    group = np.arange(len(seen)) % min(FOLDS, len(seen))
    maps: list[Floats] = [np.empty(0)] * len(seen)
    for fold in np.unique(group):
        others, own = (np.flatnonzero(chosen).tolist() for chosen in (group != fold, group == fold))
        tails = bands.tails_of([seen[n].values for n in others], [divided[n] for n in others])
        for n in own:
            maps[n] = bands.map_of(tails, seen[n].values, seen[n].part, tuple(VIEWS.values()))
    return maps


def _suspicious(maps: Sequence[Floats], null: Null, names: Sequence[str]) -> tuple[str, ...]:
    """Good parts that the model of the others calls defective at the usual rule."""
    rule = Rule("false_alarms", FALSE_ALARMS)

    def defective(one: Floats) -> bool:
        return bool(decide_on(lambda size: one, None, (null,), rule).mask.any())

    return tuple(name for name, one in zip(names, maps, strict=True) if defective(one))


def load(card: dict[str, Any], weights: Mapping[str, NDArray[Any]], options: Options) -> Surface:
    """What :func:`fit` left in a model folder; ValueError where it makes no sense."""
    if card["shrink"] < 1:
        raise ValueError("its pictures are not reduced by a whole number")
    null = Null(
        Scale(**card["null"]["scale"]),
        Tail(**card["null"]["rate"]),
        *(weights[f"null.{name}"] for name in ("areas", "levels", "scores")),
    )
    tails = Tails(*(weights[f"tails.{name}"] for name in Tails._fields))
    return Surface(Learned(card["shrink"], tails, null, card["pictures"], tuple(card["suspicious"])))


def _repeated(small: NDArray[Any], factor: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Every pixel `factor` × `factor` times, cut to `shape`."""
    return np.repeat(np.repeat(small, factor, axis=0), factor, axis=1)[: shape[0], : shape[1]]


def _coloured(background: Floats, picture: Floats) -> Floats:
    """A grey background in the channels of `picture`, each at its own level."""
    if picture.ndim == 2:
        return background
    levels = np.median(picture, axis=(0, 1))
    return np.asarray(background[..., None] * (levels / (levels.mean() or 1)), picture.dtype)
