"""Reads Parquet files as columns of text cells."""

import io
from typing import Any

import numpy as np

from genlab.errors import InputError

MAGIC = b"PAR1"
"""The first bytes of a Parquet file."""


def parquet_columns(content: bytes, name: str, option: str, notes: list[str]) -> tuple[list[str], list[Any]]:
    """Returns the names as written, which may be empty or repeated, and the cells of the columns.

    Args:
        content: The file's content.
        name: The file.
        option: The option that gave it.
        notes: Receives the columns that are left out.

    Raises:
        InputError: pyarrow is not installed, or the file is damaged or empty.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(f"{name} is a Parquet file: `pip install pyarrow`, or save it as CSV.", option) from None
    try:
        table = pq.ParquetFile(io.BytesIO(content)).read()  # read_table refuses repeated names
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"{name} is a damaged Parquet file ({reason}): write it again.", option) from None
    names: list[str] = []
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            notes.append(f"{name}: column {field.name} left out: it holds {kind}, not plain values.")
            continue
        names.append(" ".join(field.name.split()))
        try:
            values = column.to_pylist()
        except (ValueError, OverflowError):  # times that Python's types cannot hold
            values = column.cast(pa.string()).to_pylist()
        columns.append(np.array([_cell(value) for value in values], object))
    if not any(column.any() for column in columns):
        raise InputError(f"{name} has no {'values' if names else 'plain columns'}: give a table with some.", option)
    return names, columns


def _cell(value: Any) -> str:
    """A value as a CSV file would have it."""
    if value is None or value != value:
        return ""
    return str(value).strip()
