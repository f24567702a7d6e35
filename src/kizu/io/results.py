"""The results folder: one tree of known names, written whole file by whole file, the manifest last.

    run.json  log.json  results.csv|json  regions.csv|json
    maps/<rel>.tif  masks/<rel>.png  background/<rel>.png  overlay/<rel>.png
    defects/  report/  model/

`log.json` is written first: its `key` names the inputs, parameters and code version, so that a run is resumed
only by itself. `run.json` is written last: where it is, everything is.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kizu.errors import ReadError, ResourceError, UsageError
from kizu.files import TEMPORARY, read_json, write_bytes, write_json, write_text
from kizu.io.lock import locked
from kizu.io.pictures import Picture, cut, map_bytes, mask_bytes
from kizu.io.png import png_bytes
from kizu.io.reading import read
from kizu.io.tables import REGION_COLUMNS, RESULT_COLUMNS, Row, csv_text, finite
from kizu.typing import Bools

SCHEMA = 1
RUN, LOG, LOCK = "run.json", "log.json", ".lock"
RESULTS, REGIONS = "results.json", "regions.json"
SUFFIX = {"maps": ".tif", "masks": ".png", "background": ".png", "overlay": ".png"}
CROP_MARGIN = 16  # pixels around a region: enough to see where on the part it lies

# What kizu may delete. Anything else in the folder belongs to somebody.
_OWN = re.compile(
    r"""(?: (?:run|log|results|regions)\.json | (?:results|regions)\.csv
          | maps/.+\.tif | (?:masks|background|overlay)/.+\.png | defects/[^/]+\.png
          | report/index\.html | report/assets/[^/]+\.(?:png|webp|css|js)
          | model/(?:model\.json|weights\.safetensors)
        ) (?:\.part)?""",
    re.VERBOSE | re.DOTALL,
)
_OWN_FOLDERS = {*SUFFIX, "defects", "report", "model"}
# What file managers drop into every folder that somebody looks at.
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Results:
    """A folder open for writing. `log` is what an interrupted run of the same key left in log.json, else empty."""

    folder: Path
    key: str
    log: Mapping[str, Any]

    def has_frame(self, name: str) -> bool:
        """Whether every file of this frame is there; a file that is there is whole."""
        return all(frame_path(self.folder, kind, name).is_file() for kind in SUFFIX)

    def write_frame(
        self, name: str, *, score_map: NDArray[Any], mask: Bools, background: NDArray[Any], overlay: Picture
    ) -> None:
        """Write one frame, (height, width[, channels]). Threads may write different ones: two take half as long.

        `background` as :func:`kizu.io.pictures.exact_or_display` makes it, `overlay` as `outlined` does.
        """
        data = map_bytes(score_map), mask_bytes(mask), png_bytes(background), png_bytes(overlay)
        for kind, content in zip(SUFFIX, data, strict=True):
            write_bytes(frame_path(self.folder, kind, name), content)

    def write_crop(self, rank: int, region: Row, picture: Picture) -> str:
        """Write the box of `region` (a row with name, region, x, y, width, height) cut out of its frame's `picture`.

        `rank` counts from 1, worst first. Returns the path below the folder: put it into the row as `crop`.
        """
        box = {side: int(region[side]) for side in ("x", "y", "width", "height")}
        leaf = PurePosixPath(region["name"]).name
        crop = f"defects/{rank:04d} {leaf} {region['region']}.png"
        write_bytes(self.folder / crop, png_bytes(cut(picture, **box, margin=CROP_MARGIN)))
        return crop

    def write_tables(self, results: Sequence[Row], regions: Sequence[Row]) -> None:
        """Write both tables as CSV (the columns of the schema) and JSON (the rows as they are)."""
        for stem, columns, rows in (("results", RESULT_COLUMNS, results), ("regions", REGION_COLUMNS, regions)):
            write_text(self.folder / f"{stem}.csv", csv_text(columns, rows))
            write_json(self.folder / f"{stem}.json", {"schema": SCHEMA, stem: finite(list(rows))})

    def write_log(self, document: Mapping[str, Any]) -> None:
        """Replace log.json: what may differ between two runs of the same bytes (times, host, threads, paths)."""
        write_json(self.folder / LOG, {"state": "running", **finite(document), "key": self.key})

    def write_run(self, document: Mapping[str, Any]) -> None:
        """Close the run: log.json says so, then run.json, the manifest and last file of all, says what was done."""
        self.write_log({**read_json(self.folder / LOG), "state": "done"})
        write_json(self.folder / RUN, finite(document))

    def saved(self, run: Mapping[str, Any], results: Sequence[Row], regions: Sequence[Row]) -> "Saved":
        """The folder as it will read when these are written, for what is made before the manifest."""
        return Saved(self.folder, dict(finite(run)), tuple(finite(list(results))), tuple(finite(list(regions))))


@contextlib.contextmanager
def open_results(folder: Path, *, resume: bool, overwrite: bool, key: str) -> Iterator[Results]:
    """Open `folder`, exactly that one, for writing; nobody else writes to it meanwhile.

    `key` is a hash of inputs, parameters and code version. A folder that holds results is refused unless `resume`
    (only the same key) or `overwrite` (deletes only what kizu wrote) is asked for; one that holds anything else is
    refused always. What an interrupted run leaves can be resumed.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file, not a folder", "Choose another -o", where=str(folder))
    _refuse_strangers(folder)
    with locked(folder / LOCK):
        try:
            log = _prepare(folder, resume=resume, overwrite=overwrite, key=key)
        except OSError as error:
            raise ResourceError(
                f"cannot delete ({error.strerror or error})", "Choose another -o", where=str(folder)
            ) from error
        results = Results(folder, key, log)
        results.write_log({**log, "state": "running"})
        yield results


def _prepare(folder: Path, *, resume: bool, overwrite: bool, key: str) -> dict[str, Any]:
    """Sweep half files, then empty the folder or keep it; returns the log to go on from."""
    for path in _entries(folder):
        if path.name.endswith(TEMPORARY):
            path.unlink()
    if not any(path.is_file() and path != folder / LOG for path in _entries(folder)):
        return {}  # at most the log of a run that ended before it had anything
    if overwrite:
        return _empty(folder)
    if not resume:
        raise UsageError(
            "holds results already",
            "Add --resume to go on, --overwrite to replace them, or choose another -o",
            where=str(folder),
        )
    log = read_json(folder / LOG)
    if log.get("key") != key:
        raise UsageError(
            "holds results of other inputs, parameters or code",
            "Repeat the command that made them, or use --overwrite",
            where=str(folder),
        )
    (folder / RUN).unlink(missing_ok=True)
    return dict(log)


def _empty(folder: Path) -> dict[str, Any]:
    """Delete what kizu wrote: the manifest first and the log last, so that a kill in between leaves a known folder."""
    first, last = folder / RUN, folder / LOG
    first.unlink(missing_ok=True)
    for path in _entries(folder):
        if path.is_dir():
            with contextlib.suppress(OSError):  # litter stays, and its folder with it
                path.rmdir()
        elif path != last:
            path.unlink()
    last.unlink(missing_ok=True)
    return {}


def _entries(folder: Path) -> list[Path]:
    """Files and folders below `folder` but for the lock and litter, children before their parents."""
    below = [Path(root, name) for root, folders, files in os.walk(folder, topdown=False) for name in [*files, *folders]]
    return [path for path in below if path != folder / LOCK and path.name not in _LITTER]


def _refuse_strangers(folder: Path) -> None:
    """UsageError if `folder` holds anything that kizu did not write there."""
    entries = _entries(folder)
    strangers = [path for path in entries if not _is_own(path, folder)]
    if not strangers and not _is_log(folder / LOG):
        strangers = [path for path in entries if path.is_file() and path.suffix != TEMPORARY]
    if strangers:
        first = min(strangers).relative_to(folder)
        raise UsageError(
            f"holds files that kizu did not write ({len(strangers)}, such as {first})",
            "Choose another -o",
            where=str(folder),
        )


def _is_own(path: Path, folder: Path) -> bool:
    relative = path.relative_to(folder)
    if path.is_symlink():
        return False
    return relative.parts[0] in _OWN_FOLDERS if path.is_dir() else _OWN.fullmatch(relative.as_posix()) is not None


def _is_log(path: Path) -> bool:
    try:
        log = read_json(path)
    except ReadError:
        return False
    return isinstance(log, dict) and "key" in log


def frame_path(folder: Path, kind: str, name: str) -> Path:
    """Where the `kind` (maps, masks, background, overlay) of the frame `name` lies below `folder`.

    ReadError for a name that would leave the folder.
    """
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        raise ReadError(name, "is not a name below the results folder", "Rename the input")
    return folder / kind / f"{name}{SUFFIX[kind]}"


@dataclass(frozen=True)
class Saved:
    """A finished results folder: the manifest and both tables as written, pictures read when asked for."""

    folder: Path
    run: Mapping[str, Any]
    results: tuple[Row, ...]
    regions: tuple[Row, ...]

    def mask(self, name: str) -> Bools:
        return np.asarray(self._pixels("masks", name) != 0)

    def score_map(self, name: str) -> NDArray[Any]:
        return self._pixels("maps", name)

    def background(self, name: str) -> NDArray[Any]:
        return self._pixels("background", name)

    def _pixels(self, kind: str, name: str) -> NDArray[Any]:
        """As careful as with any input: a results folder can come from anybody."""
        frame: NDArray[Any] = read([str(frame_path(self.folder, kind, name))]).frames[0]
        return frame


def read_results(folder: Path) -> Saved:
    """Read a finished results folder; ReadError if it is none, is unfinished or of a newer schema."""
    if not (folder / RUN).is_file():
        raise ReadError(folder, f"holds no finished run ({RUN} is missing)", "Run kizu detect with -o, or --resume it")
    run, results, regions = (read_json(folder / name) for name in (RUN, RESULTS, REGIONS))
    for name, document in ((RUN, run), (RESULTS, results), (REGIONS, regions)):
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ReadError(folder / name, f"is not of schema {SCHEMA}", "Use the kizu that wrote it, or run again")
    return Saved(folder, run, tuple(results["results"]), tuple(regions["regions"]))
