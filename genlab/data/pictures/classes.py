"""Columns of the table beside pictures; one of them can hold their classes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from genlab.data.shared.delimited import Cells, Column, carried, parse_cells
from genlab.data.shared.encodings import decoded
from genlab.data.shared.names import matching, simple
from genlab.errors import InputError

TABLES = ("attributes.csv", "list_attr_celeba.txt", "list_attr_celeba.csv")
"""Tables beside the pictures; the first that exists is read: a CSV file with a column `file` and others, or CelebA's
list (a line with the number of pictures, a line of attribute names, and a line per picture: its file, and 1 or -1 for
each attribute).
"""
CAPTIONS = ("captions.csv", "captions.txt")
"""Tables of captions beside the pictures; the first that exists is read."""
GROUPS = ("groups.csv",)
"""Table of groups beside the pictures."""
FILES = ("file", "filename", "image", "image_id", "picture", "name")
"""Names of the column with the pictures' files, the preferred one first."""
MARKS = {"1": "yes", "-1": "no"}
"""Meaning of the values in CelebA's list."""


class ClassTable(NamedTuple):
    """The content of one of `TABLES`, `CAPTIONS` or `GROUPS`."""

    name: str
    content: bytes
    places: tuple[str, ...] = ()
    """The files of this name; only one can be read."""


@dataclass(frozen=True)
class PictureTable:
    """A table that is read for some pictures."""

    where: str
    """The table, for messages."""
    cells: Cells = field(repr=False)
    """All rows; their column of files is left out."""
    repeated: dict[int, int] = field(repr=False)
    """The first row of a file, for each further row of the same file."""
    files: list[str] = field(repr=False)
    """The file of each row."""
    rows: dict[str, int] = field(repr=False)
    """The row of each picture that has one."""
    notes: list[str] = field(repr=False)

    def named(self, name: str, asked: str) -> str:
        """The column `name`, given by the option `asked`, which may differ in case and spaces.

        Raises:
            InputError: there is no such column.
        """
        return _column(name, self.cells.names, self.where, asked)

    def column(self, name: str, option: str) -> Column:
        """The cells of a column.

        Raises:
            InputError: two rows of a file differ; `option` gave the pictures.
        """
        cells = self.cells.column(name)
        for row, first in self.repeated.items():
            if cells[row] != cells[first]:
                raise InputError(
                    f"{self.where}, line {self.cells.lines[row]}: {self.files[row]} is {cells[row]}, but "
                    f"{cells[first]} in a line before: keep one.", option,
                )  # fmt: skip
        return cells


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
    found = read_table(table, names, data, option, encoding, (label,))
    with carried(found.notes):
        cells = found.column(found.named(label, "label"), option)
        for name in names:
            if not (name in found.rows and cells[found.rows[name]]):
                raise InputError(f"{found.where} has no {label} for {name}: add a line, or remove the picture.", option)
    return [cells[found.rows[name]] for name in names], found.notes


def read_table(
    table: ClassTable, names: list[str], data: str, option: str, encoding: str | None, wanted: Sequence[str]
) -> PictureTable:
    """Reads a table for the pictures `names`; other arguments as in `table_classes`.

    Args:
        wanted: Names of columns; a first line that contains one names the columns.

    Raises:
        InputError: there are two tables, one cannot be read, or a line of it can mean two pictures.
    """
    where = f"{table.name} of {data}"
    if len(table.places) > 1:
        raise InputError(
            f"{data} has the tables {table.places[0]} and {table.places[1]}: merge them into one that names the folder "
            "of each file, such as cat/1.png, or remove one.", option,
        )  # fmt: skip
    if table.name == TABLES[1]:
        cells = _parse_celeba_list(decoded(table.content, where, option, encoding), where, option)
    else:
        cells = parse_cells(table.content, where, option, encoding, (*FILES, *wanted))
    notes = list(cells.notes)
    with carried(notes):
        column = _file_column(cells, names, where, option)
        files = _paths(cells.column(column))
    first: dict[str, int] = {}
    repeated = {row: first[file] for row, file in enumerate(files) if first.setdefault(file, row) != row}
    known, differing = _files(names, first)
    owners: dict[str, str] = {}
    for name, file in known.items():
        if owners.setdefault(file, name) != name:
            raise InputError(
                f"{where}: {file} can be {owners[file]} or {name}: write the folder of each file into the table.",
                option,
            )
    if differing:
        one = differing[0]
        notes.append(f"{where}: files that differ in case: {len(differing):,}, such as {known[one]} for {one}.")
    rest = [place for place, name in enumerate(cells.names) if name != column]
    cells = Cells(
        cells.name, [cells.names[place] for place in rest], [cells.columns[place] for place in rest], cells.lines
    )
    return PictureTable(where, cells, repeated, files, {name: first[file] for name, file in known.items()}, notes)


def _paths(cells: Column) -> list[str]:
    return [PurePosixPath(name.replace("\\", "/")).as_posix() for name in cells]


def _file_column(cells: Cells, names: list[str], where: str, option: str) -> str:
    """The column that names most pictures among those called like one of `FILES`; `file` wins."""
    candidates = [name for name in cells.names if simple(name) in FILES]
    preferred = [name for name in candidates if simple(name) == FILES[0]]
    if not candidates or len(preferred) == 1:
        return _column(FILES[0], cells.names, where, option)
    return max(candidates, key=lambda name: len(_files(names, _paths(cells.column(name)))[0]))


def _files(names: list[str], known: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """The file in the table for each picture, and the pictures for which it differs in case.

    Several pictures have the same file if it lacks the folders that distinguish them.
    """
    files = matching(names, known, str.casefold)
    inside = {PurePosixPath(file).name: file for file in known}
    if len(inside) == len(known):  # no two files share a name: the table may leave out the folders around them
        taken = set(files.values())
        inside = {last: file for last, file in inside.items() if file not in taken}
        last = {name: PurePosixPath(name).name for name in names if name not in files}
        found = matching(last.values(), inside, str.casefold)
        files = {name: inside[found[own]] for name, own in last.items() if own in found} | files
    return files, [name for name, file in files.items() if PurePosixPath(name).name != PurePosixPath(file).name]


def _parse_celeba_list(text: str, where: str, option: str) -> Cells:
    _, header, *lines = [*text.splitlines(), "", ""]
    names, rows, numbers = [FILES[0], *header.split()], [], []
    for number, line in enumerate(lines, 3):
        if cells := line.split():
            if len(cells) != len(names) or not MARKS.keys() >= set(cells[1:]):
                raise InputError(
                    f"{where}, line {number}: expected a file, and 1 or -1 for each of {len(names) - 1} names.", option
                )
            rows.append([cells[0], *map(MARKS.__getitem__, cells[1:])])
            numbers.append(number)
    columns = np.array(rows, object).reshape(-1, len(names)).T
    return Cells(where, names, list(columns), np.array(numbers, np.int64))


def _column(name: str, columns: list[str], where: str, asked: str) -> str:
    if name not in (found := matching([name], columns)):
        raise InputError(f"{where} has no column {name}; it has {', '.join(columns)}.", asked)
    return found[name]
