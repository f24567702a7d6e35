"""The models by their words on the command line, and which one a run takes.

Adding a model that judges pictures is one row here and one file that learns it.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kizu.errors import ParameterError, ReadError, UsageError
from kizu.files import MODEL_CARD, read_json

Kind = Literal["images", "matrix", "table"]
Road = Literal["stack", "pictures", "rows"]


class Model(NamedTuple):
    """What a model is for, the inputs it takes and the road they go.

    `kind` is what its model folder is called; `home` the module that learns it from pictures.
    """

    title: str
    takes: tuple[Kind, ...]
    road: Road
    kind: str
    home: str = ""


MODELS: Mapping[str, Model] = {
    "rpca": Model(
        "robust PCA: many pictures of one scene, or a matrix", ("images", "matrix"), "stack", "robust-pca-background"
    ),
    "rdl": Model(
        "robust dictionary: the texture of one picture or of a folder",
        ("images",),
        "pictures",
        "texture",
        "kizu.pipeline.texture",
    ),
    "patch-pcp": Model(
        "robust PCA of patches: the texture of one picture or of a folder",
        ("images",),
        "pictures",
        "patch-subspace",
        "kizu.pipeline.patch_pcp",
    ),
    "ipi": Model(
        "patch-image robust PCA: small bright targets in any picture",
        ("images",),
        "pictures",
        "patch-image",
        "kizu.pipeline.targets",
    ),
    "surface": Model(
        "parts of any size, learned from good ones", ("images",), "pictures", "surface", "kizu.pipeline.surface"
    ),
    "rows": Model("rows of a table against all its rows", ("table", "matrix"), "rows", "rows"),
}
TRAINED: Mapping[str, Model] = {
    "network": Model(
        "a network that kizu train made", ("images",), "pictures", "pictures-network", "kizu.pipeline.network"
    ),
    "scene-network": Model(
        "robust PCA of one scene or a matrix, trained by kizu train", ("images", "matrix"), "stack", "scene-network"
    ),
    "codes-network": Model(
        "sparse codes of a matrix's rows, trained by kizu train", ("matrix",), "stack", "codes-network"
    ),
}
"""What only the folder of a training is: no word stands for it."""
ALL: Mapping[str, Model] = {**MODELS, **TRAINED}
DEFAULTS: Mapping[Kind, str] = {"images": "rpca", "matrix": "rpca", "table": "rows"}
AUTO = "auto"
INPUTS: Mapping[Kind, str] = {"images": "images", "matrix": "a matrix", "table": "a table"}


class Taken(NamedTuple):
    """The model of a run: its word, the folder it was fitted into before (if it was), why it, and what else was tried.

    `others` come best first: the runner-up is the first. `lam` is the weight that goes with it, where one was chosen.
    """

    name: str
    folder: Path | None
    why: str
    others: tuple[dict[str, Any], ...] = ()
    lam: float | None = None

    @property
    def road(self) -> Road:
        return ALL[self.name].road

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says about the choice."""
        return {"name": self.name, "what": ALL[self.name].title, "why": self.why, "others": list(self.others)}


def taken(model: str | None, of: Kind) -> Taken:
    """The model that the word or folder `model` means for inputs of the kind `of`; UsageError for none of them."""
    if model is None:
        return Taken(DEFAULTS[of], None, f"the usual one for {INPUTS[of]}")
    if model in MODELS:
        _require(model, of, model)
        return Taken(model, None, "asked for")
    folder = model_folder(model)
    card = read_json(folder / MODEL_CARD)
    kind = card.get("kind") if isinstance(card, dict) else None
    name = next((word for word, one in ALL.items() if one.kind == kind), None)
    if name is None:
        raise ReadError(
            folder / MODEL_CARD, "is not a model that kizu detect can use", "Make it with kizu fit or kizu train"
        )
    _require(name, of, model)
    return Taken(name, folder, "fitted before: the model folder that was given")


def model_folder(path: str) -> Path:
    """The folder of a model: `path` itself, or what a run of kizu detect left in it."""
    for folder in (Path(path), Path(path) / "model"):
        if (folder / MODEL_CARD).is_file():
            return folder
    raise ParameterError("model", path, f"{', '.join([*MODELS, AUTO])}, or a folder that kizu fit or train made")


def _require(name: str, of: Kind, where: str) -> None:
    if of not in ALL[name].takes:
        others = [word for word, model in MODELS.items() if of in model.takes]
        raise UsageError(
            f"is a model of {' or '.join(ALL[name].takes)}, and these inputs are {INPUTS[of]}",
            f"Use --model {' or '.join(others)}",
            where=where,
        )


def home(name: str) -> Any:
    """The module that learns and loads a model of pictures."""
    return import_module(ALL[name].home)
