"""What a run would do, from headers alone: nothing is decoded and nothing is written."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kizu.io.agreement import agree
from kizu.io.each import pictures
from kizu.io.matrix import kind_of, matrix_header
from kizu.io.surveying import survey_of, usable_headers
from kizu.pipeline.against import refuse_settled
from kizu.pipeline.choose import planned
from kizu.pipeline.estimate import estimate
from kizu.pipeline.matrix import memory_of, refuse_pictures, refuse_sizes
from kizu.pipeline.models import Taken, home
from kizu.pipeline.options import Options
from kizu.pipeline.pictures import refuse_stacks
from kizu.pipeline.room import choose
from kizu.pipeline.rows import refuse_options, table_for
from kizu.pipeline.stacks import refuse_alone, with_model


def plan(inputs: Sequence[str], options: Options, out: str | None = None) -> dict[str, Any]:
    """Files, frames, their size and dtype, memory in bytes, seconds, and what would be skipped.

    Raises what :func:`kizu.inspect` would raise for these headers: sizes that differ, too little memory.
    """
    of = kind_of(inputs, axes=options.axes)
    model = planned(options, inputs, of)
    if model.road == "rows":
        return _plan_table(inputs[0], options, model)
    if model.road == "pictures":
        return _plan_pictures(inputs, options, model)
    if of == "matrix":
        return _plan_matrix(inputs[0], options)
    options = with_model(options, model)
    refuse_settled(options)
    headers = usable_headers(inputs, recursive=options.recursive, axes=options.axes)
    agreed = agree(headers.usable, resize=options.resize, skip_odd=options.skip_odd)
    frames = sum(header.declared for header in agreed.files)
    refuse_alone(frames, agreed.files[0].rel, options)
    need = estimate(survey_of(headers), options.resize, align=options.align, jobs=options.jobs)
    choice = choose(need, options.memory, Path(out or "out"))
    return {
        "kind": "images",
        "files": len(agreed.files),
        "frames": frames,
        "height": agreed.size.height,
        "width": agreed.size.width,
        "channels": agreed.size.channels,
        "dtype": agreed.dtype.name,
        "memory": choice.memory,
        "disk": choice.disk,
        "plan": choice.sentence,
        "seconds": need.seconds,
        "skipped": [asdict(skipped) for skipped in headers.skipped + agreed.skipped],
        "notes": list(agreed.notes),
    }


def _plan_pictures(inputs: Sequence[str], options: Options, model: Taken) -> dict[str, Any]:
    refuse_stacks(options, model)
    home(model.name).refuse(options, fitted=model.folder is not None)
    listed = pictures(inputs, recursive=options.recursive, axes=options.axes)
    sizes = [agreed.size for agreed in listed.agreed]
    return {
        "kind": "pictures",
        "model": model.name,
        "files": len(listed),
        "frames": listed.frames,
        "height": max(size.height for size in sizes),
        "width": max(size.width for size in sizes),
        "channels": listed.channels,
        "dtype": listed.dtype.name,
        "skipped": [asdict(skipped) for skipped in listed.skipped],
        "notes": list(listed.notes),
    }


def _plan_table(path: str, options: Options, model: Taken) -> dict[str, Any]:
    refuse_options(path, options)
    table = table_for(path, options, model.folder)
    rows, columns = table.values.shape
    return {
        "kind": "table",
        "files": 1,
        "name": Path(path).name,
        "rows": rows,
        "columns": columns,
        "dtype": table.values.dtype.name,
        "skipped": [asdict(skipped) for skipped in table.skipped],
        "notes": list(table.notes),
    }


def _plan_matrix(path: str, options: Options) -> dict[str, Any]:
    refuse_pictures(path, options)
    refuse_sizes(path, options.memory)
    header = matrix_header(path)
    rows, columns, _ = header.size
    return {
        "kind": "matrix",
        "files": 1,
        "name": Path(path).name,
        "rows": rows,
        "columns": columns,
        "dtype": header.dtype.name,
        "memory": memory_of(rows, columns),
        "skipped": [],
        "notes": list(header.notes),
    }
