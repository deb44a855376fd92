"""Classes of pictures from a column of the table beside them."""

from collections.abc import Collection
from pathlib import PurePosixPath
from typing import NamedTuple

from genlab.data.shared.delimited import Cells, carried, parse_cells
from genlab.data.shared.encodings import decoded
from genlab.data.shared.names import matching
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
) -> tuple[list[str], list[str]]:
    """The value of each picture in the column `label`, and notes on how the table was read.

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
        values, notes = _parse_celeba_list(decoded(table.content, where, option, encoding), label, where), []
    else:
        cells = parse_cells(table.content, where, option, encoding, ("file", label))
        notes = cells.notes
        with carried(notes):
            values = _values(cells, label, where, option)
    with carried(notes):
        files = _files(names, values, where, notes)
        for name in names:
            if not (name in files and values[files[name]]):
                raise InputError(f"{where} has no {label} for {name}: add a line, or remove the picture.", option)
    return [values[files[name]] for name in names], notes


def _values(cells: Cells, label: str, where: str, option: str) -> dict[str, str]:
    """Values by file."""
    files, labels = (cells.column(_column(name, cells.names, where)) for name in ("file", label))
    values: dict[str, str] = {}
    for name, value, line in zip(files, labels, cells.lines, strict=True):
        file = PurePosixPath(name.replace("\\", "/")).as_posix()
        if values.setdefault(file, value) != value:
            raise InputError(
                f"{where}, line {line}: {file} is {value}, but {values[file]} in a line before: keep one.", option
            )
    return values


def _files(names: list[str], values: Collection[str], where: str, notes: list[str]) -> dict[str, str]:
    """The file in the table for each picture, which may differ in case; adds to `notes`."""
    files = matching(names, values, str.casefold)
    inside = {PurePosixPath(file).name: file for file in values}
    if len(inside) == len(values):  # no two files share a name: the table may leave out the folders around them
        last = {name: PurePosixPath(name).name for name in names}
        known = matching(last.values(), inside, str.casefold)
        files = {name: inside[known[own]] for name, own in last.items() if own in known} | files
    other = [name for name, file in files.items() if PurePosixPath(name).name != PurePosixPath(file).name]
    if other:
        notes.append(f"{where}: files that differ in case: {len(other):,}, such as {files[other[0]]} for {other[0]}.")
    return files


def _parse_celeba_list(text: str, label: str, where: str) -> dict[str, str]:
    """Values by file."""
    _, names, *lines = [*text.splitlines(), "", ""]
    columns = names.split()
    place, values = 1 + columns.index(_column(label, columns, where)), {}
    for number, line in enumerate(lines, 3):
        if cells := line.split():
            if len(cells) != 1 + len(columns) or cells[place] not in MARKS:
                raise InputError(
                    f"{where}, line {number}: expected a file, and 1 or -1 for each of {len(columns)} names.", "label"
                )
            values[cells[0]] = MARKS[cells[place]]
    return values


def _column(name: str, columns: list[str], where: str) -> str:
    """The column `name`, which may differ in case and spaces."""
    if name not in (found := matching([name], columns)):
        raise InputError(f"{where} has no column {name}; it has {', '.join(columns)}.", "label")
    return found[name]
