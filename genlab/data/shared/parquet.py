"""Reads Parquet files as columns of text cells."""

import io
from typing import Any

import numpy as np

from genlab.errors import InputError

MAGIC = b"PAR1"
"""The first bytes of a Parquet file."""


def parquet_columns(content: bytes, name: str, option: str) -> tuple[list[str], list[Any], Any, bool, list[str]]:
    """Returns the names, the cells, the row numbers, True for a header, and notes on columns that are left out.

    Raises:
        InputError: pyarrow is not installed, or the file is damaged or empty.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(f"{name} is a Parquet file: `pip install pyarrow`, or save it as CSV.", option) from None
    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{name} is a damaged Parquet file ({str(error)[:80]}): write it again.", option) from None
    names: list[str] = []
    columns, notes = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            notes.append(f"column {field.name} was left out: it holds {kind}, not plain values.")
            continue
        names.append(field.name)
        columns.append(np.array([_cell(value) for value in column.to_pylist()], object))
    if not names or not table.num_rows:
        raise InputError(f"{name} has no {'rows' if names else 'plain columns'}: give a table with some.", option)
    return names, columns, np.arange(1, table.num_rows + 1), True, notes


def _cell(value: Any) -> str:
    """A value as a CSV file would have it."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    return str(value).strip()
