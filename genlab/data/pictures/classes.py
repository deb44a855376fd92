"""Classes of pictures from a column of the table beside them."""

import csv
import io
from pathlib import PurePosixPath
from typing import NamedTuple

from genlab.errors import InputError

TABLES = ("attributes.csv", "list_attr_celeba.txt")
"""Tables beside the pictures, of which the first counts: a CSV file with a column `file` and any others, or CelebA's
list (a line with their number, a line of names, and for each picture its file and 1 or -1 for each name).
"""
MARKS = {"1": "yes", "-1": "no"}
"""Classes by what stands in CelebA's list."""


class ClassTable(NamedTuple):
    """One of `TABLES`, as it is."""

    name: str
    text: str


def table_classes(table: ClassTable | None, names: list[str], label: str, data: str, option: str) -> list[str]:
    """Each picture's value in the column `label`.

    Args:
        table: What lies beside the pictures; None for nothing.
        names: Of the pictures.
        label: The column.
        data: Where the pictures lie, as the user wrote it ...
        option: ... and where.

    Raises:
        InputError: there is no such table or column, or it lacks a picture.
    """
    if table is None:
        raise InputError(
            f"label: {data} has no {TABLES[0]}, which would have a column {label}, and no {TABLES[1]}.", "label"
        )
    where = f"{table.name} of {data}"
    values = (_of_list if table.name == TABLES[1] else _of_csv)(table.text, label, where)
    inside = {PurePosixPath(file).name: value for file, value in values.items()}
    if len(inside) == len(values):  # names alone tell: folders that all share may stand in the table or not
        values |= {name: inside[PurePosixPath(name).name] for name in names if PurePosixPath(name).name in inside}
    for name in names:
        if not values.get(name):
            raise InputError(f"{where} gives {name} no {label}: add its line, or take the picture out.", option)
    return [values[name] for name in names]


def _of_csv(text: str, label: str, where: str) -> dict[str, str]:
    """Values by file."""
    rows = list(csv.DictReader(io.StringIO(text)))
    columns = list(rows[0]) if rows else []
    _check("file", columns, where)
    _check(label, columns, where)
    return {row["file"]: row[label] for row in rows}


def _of_list(text: str, label: str, where: str) -> dict[str, str]:
    """Values by file."""
    _, names, *lines = [*text.splitlines(), "", ""]
    columns = names.split()
    _check(label, columns, where)
    place, values = 1 + columns.index(label), {}
    for number, line in enumerate(lines, 3):
        if cells := line.split():
            if len(cells) != 1 + len(columns) or cells[place] not in MARKS:
                raise InputError(
                    f"{where}, line {number}: it needs a file, and 1 or -1 for each of {len(columns)} names.", "label"
                )
            values[cells[0]] = MARKS[cells[place]]
    return values


def _check(label: str, columns: list[str], where: str) -> None:
    if label not in columns:
        raise InputError(f"{where} has no column {label}; it has {', '.join(columns)}.", "label")
