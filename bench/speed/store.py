"""Measured numbers in a file and back, so that words and pictures can change without measuring again."""

import json
from pathlib import Path
from typing import Any

from arena import Row
from contests import CONTESTS, SMOKE


def write(path: Path, rows: list[Row], probes: dict[str, Any], machine: str) -> None:
    """Everything that was measured."""
    told = [_plain(row) for row in rows]
    text = json.dumps({"machine": machine, "rows": told, "probes": probes}, indent=1, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> tuple[list[Row], dict[str, Any], str]:
    """As it was given to :func:`write`; contests and entries must still be the same."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return [_row(told) for told in kept["rows"]], kept["probes"], kept["machine"]


def _plain(row: Row) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in ("status", "threads", "seconds", "ratios", "told", "gap")}
    return {"contest": row.contest.name, **row.entry._asdict(), **own}


def _row(told: dict[str, Any]) -> Row:
    contest = next(c for c in (*CONTESTS, *SMOKE) if c.name == told["contest"])
    keys = ("contestant", "tol", "dtype")
    entry = next(e for e in contest.entries if all(getattr(e, key) == told[key] for key in keys))
    seconds, ratios = tuple(told["seconds"]), tuple(told["ratios"])
    return Row(contest, entry, told["status"], told["threads"], seconds, ratios, told["told"], told["gap"])
