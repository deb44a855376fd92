"""Two folders, read as the sub-folders of one: their pictures, groups and tables, and which looks they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from genlab.data.pictures.arrays import PictureArray
from genlab.data.pictures.classes import PictureTable, read_table
from genlab.data.pictures.files import PictureFiles, find_pictures, printable
from genlab.data.pictures.groups import split_keys
from genlab.data.shared.delimited import Cells
from genlab.errors import InputError


@dataclass(frozen=True)
class TwoFolders:
    """The pictures of two folders as those of one."""

    paths: tuple[str, str]
    """As given."""
    names: list[str]
    """The shortest ends of the paths that differ."""
    found: list[PictureFiles] = field(repr=False)
    """The files of each folder."""
    files: PictureFiles = field(repr=False)
    """The files of both, under `names`; without tables."""
    sides: dict[str, int] = field(repr=False)
    """Which folder each picture is in: 0 or 1."""

    def own(self, name: str) -> str:
        """The name of a picture in its own folder."""
        return name.removeprefix(f"{self.names[self.sides[name]]}/")


def open_two(one: str, other: str, option: str) -> TwoFolders:
    """Finds the pictures of two folders, given by `option`.

    Raises:
        InputError: both are the same, one does not exist, or has no pictures.
    """
    names = _distinct(one, other, option)
    found = [find_pictures(path, option) for path in (one, other)]
    each = list(zip(names, found, strict=True))
    pictures = [(f"{name}/{file}", read) for name, files in each for file, read in files.pictures]
    others = {f"{name}/{file}": why for name, files in each for file, why in files.others.items()}
    notes = [f"{name}: {note}" for name, files in each for note in files.notes]
    joined = PictureFiles(" + ".join(files.name for files in found), pictures, others, None, None, None, "", notes)
    sides = {f"{names[side]}/{file}": side for side, files in enumerate(found) for file, _ in files.pictures}
    return TwoFolders((one, other), names, found, joined, sides)


def _distinct(one: str, other: str, option: str) -> list[str]:
    """The shortest ends of two paths that differ.

    Raises:
        InputError: both are the same.
    """
    if one == other or (Path(one).exists() and Path(other).exists() and Path(one).samefile(other)):
        raise InputError(f"{one} is given twice: give two different folders.", option)
    parts = [[*Path(path).absolute().parts[:-1], Path(path).absolute().name.removesuffix(".zip")]
             for path in (one, other)]  # fmt: skip
    for depth in range(1, 1 + max(map(len, parts))):
        names = ["/".join(each[-depth:]) for each in parts]
        if names[0] != names[1]:
            return [printable(name) for name in names]
    return [Path(path).name for path in (one, other)]  # x and x.zip


def looks_of(two: TwoFolders, known: Sequence[str], notes: list[str]) -> list[str]:
    """The looks that the folders are: their names, or the two `known` ones of the most similar names, else in order.

    Adds to `notes` how they were matched.
    """
    names = two.names
    if len(known) != 2 or set(known) & set(names):
        return names
    looks = list(known)
    first, second = (look.casefold() for look in looks)
    closest = [next(iter(get_close_matches(name.casefold(), (first, second), 1)), "") for name in names]
    crossed = closest in ([second, first], [second, ""], ["", first])
    similar = crossed or closest in ([first, second], [first, ""], ["", second])
    if crossed:
        looks = looks[::-1]
    why = "similar names" if similar else "their order, because their names differ; if that is wrong, swap the folders"
    notes.append(f"{names[0]} is read as {looks[0]}, and {names[1]} as {looks[1]}: by {why}.")
    return looks


def keys_of_two(
    two: TwoFolders, pictures: PictureArray, option: str, encoding: str | None, notes: list[str]
) -> list[str]:
    """What decides the split of each picture; a group can have pictures in both folders.

    Raises:
        InputError: a table of groups cannot be used.
    """
    keys: list[str] = []
    for side, (path, files) in enumerate(zip(two.paths, two.found, strict=True)):
        rows = [row for row, name in enumerate(pictures.names) if two.sides[name] == side]
        names, digests = [two.own(pictures.names[row]) for row in rows], [pictures.digests[row] for row in rows]
        keys += split_keys(files.groups, names, digests, path, option, encoding, notes)
        without = two.found[1 - side]
        if files.groups is not None and without.groups is None:
            notes.append(
                f"{two.paths[1 - side]} has no {files.groups.name}, as {path} has: each of its pictures forms a group."
            )
    return keys


def table_of_two(two: TwoFolders, option: str, encoding: str | None, notes: list[str]) -> PictureTable | None:
    """The tables beside the pictures as one, with the columns that both have; None unless both have a table.

    Adds to `notes` what is ignored.

    Raises:
        InputError: a table cannot be read.
    """
    tables = []
    for side, (path, files) in enumerate(zip(two.paths, two.found, strict=True)):
        if files.table is not None:
            names = [name for name, _ in files.pictures]
            tables.append(read_table(files.table, names, path, option, encoding, ()))
            if two.found[1 - side].table is None:
                notes.append(
                    f"{path} has {files.table.name}, but {two.paths[1 - side]} has no such table: it is ignored."
                )
    return _one_table(two.names, tables, notes) if len(tables) == 2 else None


def _one_table(folders: list[str], found: list[PictureTable], notes: list[str]) -> PictureTable:
    one, other = (table.cells.names for table in found)
    if alone := [name for name in (*one, *other) if (name in one) != (name in other)]:
        notes.append(f"Columns that only one of the two folders has: {', '.join(alone)}; they are ignored.")
    names = [name for name in one if name in other]
    columns = [np.concatenate([table.cells.column(name) for table in found]) for name in names]
    where = " and ".join(table.where for table in found)
    cells = Cells(where, names, columns, np.concatenate([table.cells.lines for table in found]))
    parts = list(zip(folders, (0, len(found[0].files)), found, strict=True))
    return PictureTable(
        where,
        cells,
        {start + row: start + first for _, start, table in parts for row, first in table.repeated.items()},
        [f"{folder}/{file}" for folder, _, table in parts for file in table.files],
        {f"{folder}/{name}": start + row for folder, start, table in parts for name, row in table.rows.items()},
        [note for table in found for note in table.notes],
    )
