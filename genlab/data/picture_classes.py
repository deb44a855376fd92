"""Classes of pictures: the folders that they lie in, or a column of the table beside them."""

import csv
import io
from pathlib import PurePosixPath

from genlab.errors import InputError

TABLE = "attributes.csv"
"""A table beside the pictures: a column `file` with their names, and any others."""


def folder_classes(names: list[str]) -> list[str]:
    """The first folder of each picture; none where one lies in no folder."""
    tops = [name.partition("/")[0] if "/" in name else "" for name in names]
    return tops if all(tops) else []


def table_classes(table: str | None, names: list[str], label: str, data: str, option: str) -> list[str]:
    """Each picture's value in the column `label`.

    Args:
        table: The text of attributes.csv; None without one.
        names: Of the pictures.
        label: The column.
        data: Where the pictures lie, as the user wrote it ...
        option: ... and where.

    Raises:
        InputError: there is no such table or column, or it lacks a picture.
    """
    if table is None:
        raise InputError(f"label: {data} has no {TABLE}, which would have a column {label}.", "label")
    rows = list(csv.DictReader(io.StringIO(table)))
    columns = list(rows[0]) if rows else []
    if "file" not in columns or label not in columns:
        wanted = label if "file" in columns else "file"
        raise InputError(f"{TABLE} of {data} has no column {wanted}; it has {', '.join(columns)}.", "label")
    values = {row["file"]: row[label] for row in rows}
    inside = {PurePosixPath(file).name: value for file, value in values.items()}
    if len(inside) == len(values):  # names alone tell: folders that all share may stand in the table or not
        values |= {name: inside[PurePosixPath(name).name] for name in names if PurePosixPath(name).name in inside}
    for name in names:
        if not values.get(name):
            raise InputError(
                f"{TABLE} of {data} gives {name} no {label}: add its line, or take the picture out.", option
            )
    return [values[name] for name in names]
