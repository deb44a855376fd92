"""Classes of pictures from a column of the table beside them."""

from pathlib import PurePosixPath
from typing import NamedTuple

from genlab.data.shared.delimited import parse_cells
from genlab.data.shared.encodings import decoded
from genlab.errors import InputError

TABLES = ("attributes.csv", "list_attr_celeba.txt")
"""Tables beside the pictures; the first that exists is read: a CSV file with a column `file` and others, or CelebA's
list (a line with the number of pictures, a line of attribute names, and a line per picture: its file, and 1 or -1 for
each attribute).
"""
MARKS = {"1": "yes", "-1": "no"}
"""Class names for the values in CelebA's list."""


class ClassTable(NamedTuple):
    """The content of one of `TABLES`."""

    name: str
    content: bytes


def table_classes(
    table: ClassTable | None, names: list[str], label: str, data: str, option: str, encoding: str | None = None
) -> list[str]:
    """The value of each picture in the column `label`.

    Args:
        table: The table beside the pictures; None if there is none.
        names: The files of the pictures.
        label: The column.
        data: The source of the pictures, as given.
        option: The option that gave `data`.
        encoding: Encoding of a table that is not UTF-8.

    Raises:
        InputError: there is no such table or column, the table cannot be read, or it lacks a picture.
    """
    if table is None:
        raise InputError(f"label: {data} has no {TABLES[0]} or {TABLES[1]} with a column {label}.", "label")
    where = f"{table.name} of {data}"
    if table.name == TABLES[1]:
        values = _parse_celeba_list(decoded(table.content, where, option, encoding), label, where)
    else:
        cells = parse_cells(table.content, where, option, encoding, ("file", label))
        for column in ("file", label):
            _check(column, cells.names, where)
        values = {}
        for file, value, line in zip(cells.column("file"), cells.column(label), cells.lines, strict=True):
            if values.setdefault(file, value) != value:
                raise InputError(
                    f"{where}, line {line}: {file} is {value}, but {values[file]} in a line before: keep one.", option
                )
    inside = {PurePosixPath(file).name: value for file, value in values.items()}
    if len(inside) == len(values):  # no two files share a name: the table may leave out the folders around them
        values |= {name: inside[PurePosixPath(name).name] for name in names if PurePosixPath(name).name in inside}
    for name in names:
        if not values.get(name):
            raise InputError(f"{where} has no {label} for {name}: add a line, or remove the picture.", option)
    return [values[name] for name in names]


def _parse_celeba_list(text: str, label: str, where: str) -> dict[str, str]:
    """Values by file."""
    _, names, *lines = [*text.splitlines(), "", ""]
    columns = names.split()
    _check(label, columns, where)
    place, values = 1 + columns.index(label), {}
    for number, line in enumerate(lines, 3):
        if cells := line.split():
            if len(cells) != 1 + len(columns) or cells[place] not in MARKS:
                raise InputError(
                    f"{where}, line {number}: expected a file, and 1 or -1 for each of {len(columns)} names.", "label"
                )
            values[cells[0]] = MARKS[cells[place]]
    return values


def _check(label: str, columns: list[str], where: str) -> None:
    if label not in columns:
        raise InputError(f"{where} has no column {label}; it has {', '.join(columns)}.", "label")
