"""Every candidate on the user's own pictures with planted defects, in memory and without a results folder."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kizu.defects import MOST as PER_PICTURE
from kizu.defects import Planted, plant_defects
from kizu.detect.decide import decide_on
from kizu.detect.maps import spread
from kizu.engines.blas import one_thread
from kizu.errors import NothingUsableError, ParameterError, UsageError
from kizu.io.each import Pictures, pictures
from kizu.models.dictionary_data import WEIGHT
from kizu.parameters import default_lam
from kizu.pipeline.find import find
from kizu.pipeline.models import home
from kizu.pipeline.options import Options
from kizu.pipeline.outputs import frames_of
from kizu.pipeline.plant_score import Candidate, Judged, Scored, close_to, ranked, scored, there_before
from kizu.pipeline.refit import Progress
from kizu.pipeline.verdict import PictureModel
from kizu.stack import stack_of
from kizu.typing import Bools, Floats

MOST, PIXELS, FEWEST = 40, 2e7, 6
"""Pictures that are planted into, evenly spread: fewer, but not below the last, where they have more pixels in all."""
AT_ONCE = 1
"""Defects in a picture of a scene. More are not rare: the null would be measured among them, and masks would miss."""
COPIES = 4
"""Copies of a single picture, each with other defects and learned on its own."""
SIDE = 192
"""Pixels along a piece of a picture whose texture is learned: it has all of the texture, and does not take minutes."""
MULTIPLES = (0.5, 2.0)
"""Of the default weight of the anomaly or of the codes; after the default, so that it wins where nothing differs."""
RPCA, IPI = "rpca", "ipi"
SCENE, TEXTURES, LEARNED = (RPCA, "rdl"), ("patch-pcp", "rdl", IPI), ("patch-pcp", "rdl")
"""What is tried for pictures of one scene, for all others, and to choose for these: the cheaper first."""
WORDS = (RPCA, "rdl", "patch-pcp", IPI)
LAMS: Mapping[str, Callable[[int, int], float]] = {
    RPCA: lambda samples, features: default_lam(samples, features).value,
    "rdl": lambda samples, features: WEIGHT,
    "patch-pcp": lambda samples, features: 1.0,
}
"""The default of lam by (pictures, pixels), of the models that have one; the one without learns nothing."""


class Trial(NamedTuple):
    """Planted pictures, of one size if they show one `scene`: that scene `rounds` times, with other defects.

    `alone`: each is learned on its own.
    """

    pictures: list[NDArray[Any]]
    planted: tuple[Planted, ...]
    names: tuple[str, ...]
    scene: bool
    rounds: int
    alone: bool
    notes: tuple[str, ...]


class Tried(NamedTuple):
    """Candidates on a trial, best first."""

    trial: Trial
    rows: tuple[Scored, ...]


def tried(
    inputs: Sequence[str], options: Options, *, scene: bool, models: Sequence[str] | None, progress: Progress
) -> Tried:
    """Plant into `inputs` and let every candidate look; `scene` says that they show one scene."""
    names = tuple(models) if models else (SCENE if scene else TEXTURES)
    _check(names, scene)
    listed = pictures(inputs, recursive=options.recursive, axes=options.axes)
    trial = trial_of(listed, options, scene=scene, progress=progress)
    candidates = candidates_of(names, trial, listed.frames, outsider=models is None)
    judged = []
    for done, candidate in enumerate(candidates):
        progress("plant", done, len(candidates))
        judged.append(judged_by(candidate, trial, options))
    return compared(trial, candidates, judged)


def compared(trial: Trial, candidates: Sequence[Candidate], judged: Sequence[tuple[Judged, float]]) -> Tried:
    """Rank the candidates by what they said, and the seconds it took them."""
    near = close_to(trial.planted, [picture.shape[:2] for picture in trial.pictures])
    first = {c.model: j.masks for c, (j, _) in zip(candidates, judged, strict=True) if c.lam is None}
    before, regions = there_before(list(first.values()), near)
    if regions:
        note = f"{regions} regions that most models flag were there before: they count neither way"
        trial = trial._replace(notes=(*trial.notes, note))
    near = [one | other for one, other in zip(near, before, strict=True)]
    rows = [scored(c, trial.planted, j, near, seconds) for c, (j, seconds) in zip(candidates, judged, strict=True)]
    return Tried(trial, tuple(ranked(rows)))


def _check(names: Sequence[str], scene: bool) -> None:
    for name in names:
        if name not in WORDS:
            raise ParameterError("models", name, ", ".join(WORDS))
    if RPCA in names and not scene:
        raise UsageError("rpca is for pictures of one scene, and these are not", "Leave it out of --models")


def candidates_of(names: Sequence[str], trial: Trial, frames: int, *, outsider: bool) -> list[Candidate]:
    """Every model at its multiples; with `outsider`, a texture model of one scene at its default only."""
    pixels = trial.pictures[0].size
    varied = [name for name in names if name in LAMS and not (outsider and trial.scene and name != RPCA)]
    found = [Candidate(name, None, 1.0) for name in names]
    for multiple in MULTIPLES:
        found += [Candidate(name, float(f"{multiple * LAMS[name](frames, pixels):.4g}"), multiple) for name in varied]
    return found


def trial_of(listed: Pictures, options: Options, *, scene: bool, progress: Progress) -> Trial:
    """Read some of the pictures, evenly spread, and plant into them."""
    read = _read(listed, progress)
    notes = []
    if len(read) < listed.frames:
        notes.append(f"{len(read)} of {listed.frames} pictures were planted into, evenly spread")
    if scene:
        size = Counter(picture.shape for _, picture in read).most_common(1)[0][0]
        read = [(name, picture) for name, picture in read if picture.shape == size]
    alone = len(read) == 1
    rounds = COPIES if alone else max(1, round(MOST / len(read))) if scene else 1
    if rounds > 1:
        own = ", each learned on its own" if alone else ""
        notes.append(f"{rounds} copies of {'the picture' if alone else 'all pictures'} were planted into{own}")
    read = read * rounds
    shown = [picture for _, picture in read]
    if not scene and max(max(picture.shape[:2]) for picture in shown) > SIDE:
        shown = _pieces(shown, options.seed)
        notes.append(f"pieces of at most {SIDE}x{SIDE} pixels stand for their pictures")
    planted, defects = plant_defects(shown, most=AT_ONCE if scene else PER_PICTURE, seed=options.seed)
    if not defects:
        raise UsageError("the pictures have no room for a defect", "Give larger pictures", where=read[0][0])
    return Trial(planted, defects, tuple(name for name, _ in read), scene, rounds, alone, tuple(notes))


def _read(listed: Pictures, progress: Progress) -> list[tuple[str, NDArray[Any]]]:
    """(name, picture) of some frames of some files."""
    found = []
    pixels = max(agreed.size.height * agreed.size.width for agreed in listed.agreed)
    most = max(FEWEST, min(MOST, int(PIXELS / pixels)))
    files = spread(len(listed), most)
    for done, number in enumerate(files):
        progress("read", done, len(files))
        stack = listed.read(number)
        some = spread(stack.used, max(1, most // len(files))) if stack.used else []
        found += [(stack.names[index], stack.frames[index]) for index in some]
    if not found:
        raise NothingUsableError("no picture could be read", "Give other files", where=listed.stems[0])
    return found


def _pieces(shown: Sequence[NDArray[Any]], seed: int) -> list[NDArray[Any]]:
    rng = np.random.default_rng(seed)
    found = []
    for picture in shown:
        y, x = (int(rng.integers(0, max(side - SIDE, 0) + 1)) for side in picture.shape[:2])
        found.append(picture[y : y + SIDE, x : x + SIDE])
    return found


def judged_by(candidate: Candidate, trial: Trial, options: Options) -> tuple[Judged, float]:
    """What `candidate` says of the pictures, and the seconds that it takes."""
    started = time.monotonic()
    own = replace(options, model=candidate.model, lam=candidate.lam)
    with closing(own.engine), one_thread():
        pairs = (_scenes if candidate.model == RPCA else _one_by_one)(candidate, trial, own)
    scores = [score.astype(np.float16) for _, score in pairs]  # of every candidate at once in memory
    return Judged([mask for mask, _ in pairs], scores), time.monotonic() - started


def _scenes(candidate: Candidate, trial: Trial, options: Options) -> list[tuple[Bools, Floats]]:
    """One background for all pictures of a round."""
    count = len(trial.pictures) // trial.rounds
    starts = range(0, len(trial.pictures), count)
    return [pair for start in starts for pair in _scene(trial.pictures[start : start + count], options)]


def _scene(shown: Sequence[NDArray[Any]], options: Options) -> list[tuple[Bools, Floats]]:
    stack = stack_of(np.stack(shown))
    found, field = find(stack, None, options, _silent)
    frames = frames_of(stack, found, field)

    def one(t: int) -> tuple[Bools, Floats]:
        seen = None if field.seen is None else field.seen[t]
        decision = decide_on(partial(field.maps, t), seen, found.nulls, options.rule)
        return frames.back(decision.mask, t), np.nan_to_num(frames.back(decision.score, t))

    return options.engine.map(one, range(stack.used))


def _one_by_one(candidate: Candidate, trial: Trial, options: Options) -> list[tuple[Bools, Floats]]:
    """By what all pictures have in common; a single one by what each copy has."""
    together = None if trial.alone else _learned(candidate.model, trial.pictures, options)

    def one(picture: NDArray[Any]) -> tuple[Bools, Floats]:
        model = _learned(candidate.model, [picture], options) if together is None else together
        verdict = model.judge(picture, options.rule)
        return verdict.mask, verdict.score

    return options.engine.map(one, trial.pictures)


def _learned(name: str, shown: Sequence[NDArray[Any]], options: Options) -> PictureModel:
    module = home(name)
    model: PictureModel = module.learn_from(shown, options) if name in LAMS else module.load({}, {}, options)
    return model


def _silent(stage: str, done: int, total: int) -> None:
    """One progress for all candidates is enough."""
