"""Parquet tables, by pyarrow if it is there. Only the footer is trusted with a decision, and only to refuse."""

from typing import Any, BinaryIO

import numpy as np

from kizu.errors import ReadError
from kizu.io.formats.cells import Column
from kizu.io.formats.tabular import COLUMNS, Tabular, names_of

# As for archives of arrays: an honest table can shrink a hundredfold, a bomb of a few kB grows a millionfold.
_RATIO = 200
_ALWAYS = 1 << 28
_LABEL = 40  # characters of a text that names a row


def open_parquet(file: BinaryIO, path: str) -> Tabular:
    """Read the columns of numbers of a Parquet file, and say what the others are."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ReadError(path, "is a Parquet file, and pyarrow is not here", "pip install kizu[formats]") from error
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())  # the others map more than a worker may have
    pyarrow.set_cpu_count(1)
    opened = parquet.ParquetFile(file)
    schema, rows = opened.schema_arrow, opened.metadata.num_rows
    _require_size(path, rows, len(schema), file.seek(0, 2))
    columns = tuple(
        _column(opened, field, name, pyarrow.types) for field, name in zip(schema, names_of(schema.names), strict=True)
    )
    index = np.arange(rows, dtype=np.int64)
    return Tabular(columns, np.stack([index, np.zeros_like(index)], axis=1), rows)


def _require_size(path: str, rows: int, columns: int, file_bytes: int) -> None:
    if columns > COLUMNS:
        raise ReadError(path, f"has {columns} columns, the limit is {COLUMNS}", "Leave columns out, or turn it round")
    if rows < 1:
        raise ReadError(path, "has no rows", "Export it again")
    if 8 * rows * columns > max(_ALWAYS, _RATIO * file_bytes):
        raise ReadError(
            path, f"{file_bytes} bytes that grow to {rows} rows of {columns}", "Save it as .npy or without compression"
        )


def _column(opened: Any, field: Any, name: str, types: Any) -> Column:
    """One column of the file; of what is not decoded there is only its kind."""
    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    if types.is_temporal(kind):
        return Column(name, "date", None)
    if types.is_null(kind):
        return Column(name, "empty", None)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind)
    if types.is_nested(field.type) or not (number or types.is_string(kind) or types.is_large_string(kind)):
        return Column(name, "text", None)
    data = opened.read(columns=[field.name], use_threads=False).column(0)
    if not number:
        return _text(name, data)
    values = np.array(data.cast("float64", safe=False).to_numpy(), np.float64)
    infinite = int(np.isinf(values).sum())
    values[np.isinf(values)] = np.nan
    if np.isnan(values).all():
        return Column(name, "empty", None)
    cells = "1 cell is" if infinite == 1 else f"{infinite} cells are"
    return Column(name, "number", values, None, (f"column {name}: {cells} infinite: missing",) if infinite else ())


def _text(name: str, data: Any) -> Column:
    """A text column names the rows where no two of its texts are equal."""
    if data.null_count or len(data.unique()) < len(data):
        return Column(name, "text", None)
    return Column(name, "text", None, tuple(text[:_LABEL] for text in data.to_pylist()))
