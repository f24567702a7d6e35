"""run.json of pictures that were judged one at a time."""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from kizu.io.each import Pictures
from kizu.pipeline.manifest import SCHEMA, asked
from kizu.pipeline.options import Options
from kizu.pipeline.outputs import MOST_CROPS, Rows
from kizu.pipeline.verdict import PictureModel
from kizu.stack import Skipped, Source


class Account(NamedTuple):
    """What one file came to: its source, what of it was left out, rows of its frames, their (height, width) and gap."""

    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...]
    rows: tuple[Rows, ...]
    size: tuple[int, ...]
    gap: float


def document(
    listed: Pictures, model: PictureModel, accounts: Sequence[Account], options: Options, span: tuple[float, float]
) -> dict[str, Any]:
    """Inputs, model, every parameter with its reason, certificate, counts; nothing of machine or time."""
    rows = [row for account in accounts for row in account.rows]
    regions = sum(len(row.regions) for row in rows)
    notes = list(listed.notes)
    if regions > MOST_CROPS:
        notes.append(f"{regions} regions: the {MOST_CROPS} worst have a crop in defects/, the table has all")
    sources = [source for account in accounts for source in account.sources]
    facts = model.facts(options.rule, float(np.max([account.gap for account in accounts])))
    return {
        "schema": SCHEMA,
        "kizu": version("kizu"),
        "command": "detect",
        "kind": "pictures",
        "inputs": [source.__dict__ for source in _in_order(listed, sources)],
        "frames": {
            "declared": sum(source.declared for source in sources) + len(listed.unusable),
            "decoded": sum(source.decoded for source in sources),
            "used": len(rows),
        },
        "skipped": [s.__dict__ for s in chain(listed.skipped, *(account.skipped for account in accounts))],
        "notes": notes,
        "stack": {
            "frames": len(rows),
            "sizes": _sizes(accounts),
            "channels": listed.channels,
            "dtype": str(listed.dtype),
            "quantum": 1.0 if listed.dtype.kind in "ui" else None,
        },
        **facts,
        "parameters": {**facts["parameters"], **_asked(options, facts["decision"]["why"])},
        "display": list(span),
        "summary": {"anomalous": sum(row.result["anomalous"] for row in rows), "regions": regions},
    }


def _asked(options: Options, why: str) -> dict[str, Any]:
    """Without what nobody can have asked for here."""
    return {name: value for name, value in asked(options, why).items() if name != "align"}


def _in_order(listed: Pictures, sources: Sequence[Source]) -> list[Source]:
    """Every file in input order, those of which nothing could be read too."""
    by_path = {source.path: source for source in [*sources, *listed.unusable]}
    return [by_path[file.rel] for file in listed.headers.listing.files]


def _sizes(accounts: Sequence[Account]) -> list[dict[str, int]]:
    """How many pictures there are of each size, commonest first."""
    counts = Counter({account.size: 0 for account in accounts})
    for account in accounts:
        counts[account.size] += len(account.rows)
    return [{"height": size[0], "width": size[1], "pictures": count} for size, count in counts.most_common() if count]
