"""Groups of pictures that share a split, such as views of one thing: a model must not be tested on what it has seen."""

import hashlib

from genlab.data.pictures.classes import ClassTable, read_table
from genlab.data.shared.delimited import carried
from genlab.errors import InputError

COLUMN = "group"
"""Name of the column with the groups."""


def split_keys(
    table: ClassTable | None, names: list[str], digests: list[str], data: str, option: str, encoding: str | None,
    notes: list[str],
) -> list[str]:  # fmt: skip
    """What decides the split of each picture: the SHA-256 of its group, or of its file if it has none.

    Args:
        table: The table of groups beside the pictures; None if there is none.
        names: The files of the pictures.
        digests: SHA-256 of each file.
        data: The source of the pictures, as given.
        option: The option that gave `data`.
        encoding: Encoding of a table that is not UTF-8.
        notes: Receives how the table was read, and how many pictures have no group.

    Raises:
        InputError: the table cannot be read, has no column `group`, or has two groups for a picture.
    """
    if table is None:
        return digests
    found = read_table(table, names, data, option, encoding, (COLUMN,))
    notes += found.notes
    with carried(notes):
        cells = found.column(found.named(COLUMN, option), option)
        own = [cells[found.rows[name]] if name in found.rows else "" for name in names]
        if not any(own):
            raise InputError(f"{found.where} has no group of any picture: remove it, or correct its files.", option)
    if alone := own.count(""):
        notes.append(f"{found.where}: pictures without a group, each of which forms one: {alone:,}.")
    keys = [hashlib.sha256(f"group\0{group}".encode()).hexdigest() if group else "" for group in own]
    return [key or digest for key, digest in zip(keys, digests, strict=True)]
