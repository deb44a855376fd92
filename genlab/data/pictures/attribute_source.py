"""Reads all pictures of one source with their values: from a table, from sub-folders, or from two folders."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from statistics import median

import numpy as np

from genlab.data.pictures.arrays import PictureArray, read_files
from genlab.data.pictures.attributes import MOST, Attribute, Labels, listed, read_labels
from genlab.data.pictures.classes import TABLES, PictureTable, read_table
from genlab.data.pictures.dividing import notes_on_files
from genlab.data.pictures.files import PictureFiles, find_pictures, printable
from genlab.data.pictures.groups import split_keys
from genlab.data.pictures.image_decoding import Unreadable, describe
from genlab.data.pictures.layout import Layout, read_layout
from genlab.data.pictures.ranges import Ranges
from genlab.data.shared.delimited import Cells, carried
from genlab.errors import InputError
from genlab.options import two_paths

LOOK = "look"
"""The attribute that two folders, or sub-folders, are the values of."""


SIDES = (32, 64)
"""Default sides: for small pictures, and for those of which most are at least as large as the second."""
LOOKED_AT = 40
"""Number of files whose size decides."""


@dataclass(frozen=True)
class Source:
    """All pictures of one source."""

    files: PictureFiles
    pictures: PictureArray
    layout: Layout
    classes: list[str]
    """The look of each picture; empty for attributes from a table."""
    order: list[str]
    """The values of the attribute `look` in the order of two folders; else empty."""
    labels: Labels
    fingerprint: str
    notes: list[str]
    keys: list[str]
    """What decides the split of each picture."""


def read_source(
    data: str,
    option: str,
    pixels: int | None,
    attributes: tuple[str, ...],
    channels: int | None,
    ranges: Ranges | None,
    encoding: str | None,
    known: Sequence[Attribute],
) -> Source:
    """Reads all pictures; two folders are the `known` looks of the same or of similar names, or else by position."""
    both = two_paths(data)
    folders = order = _distinct(*both, option) if both else []
    sources = {path: find_pictures(path, option) for path in both or (data,)}
    files = _joined(folders, list(sources.values())) if both else sources[data]
    if both and attributes:
        raise InputError("attribute: two folders are the values of one attribute: omit --attribute.", "attribute")
    if not (both or attributes) and files.table is not None:
        looks = read_layout([name for name, _ in files.pictures], data, option).classes
        if not 2 <= len(set(looks)) <= MOST:
            raise _needs_attribute(files, data, option, encoding)
    pictures = read_files(files, data, pixels or _fitting_side(files), channels, option, ranges)
    notes = [*notes_on_files(pictures.left_out), *pictures.notes]
    with carried(notes):
        if both:
            layout = read_layout(_sides(pictures.names, folders), data, option)
            looks = next((one.values for one in known if one.name == LOOK), [])
            if len(looks) == 2 and not set(looks) & set(order):
                order = _matched(order, looks, notes)
            classes = [order["AB".index(side)] for side in layout.classes]
        else:
            layout = read_layout(pictures.names, data, option)
            classes = [] if attributes else layout.classes
        keys = _keys(sources, folders, pictures, option, encoding, notes)
        table = _read_tables(sources, folders, option, encoding, attributes, notes)
        labels = Labels({}, {}, [])
        if table is not None:
            notes += table.notes
            labels = read_labels(table, pictures.names, attributes, option, known)
            notes += labels.notes
        if attributes and table is None:
            raise InputError(
                f"attribute: {data} has no {TABLES[0]} or {TABLES[1]} with a column {attributes[0]}.", "attribute"
            )
        if any(classes):
            kept = {name: values for name, values in labels.kept.items() if name != LOOK}
            labels = Labels({LOOK: np.array(classes, object)}, kept, [])
            _check_copies(pictures, classes, option)
            if table is not None and not both:
                notes.append(
                    f"The sub-folders of {data} are the looks to change between; --attribute changes a column of its "
                    f"table instead: {listed(table.cells.names)}"
                )
        elif not attributes:
            raise InputError(
                f"{data} has neither a table {TABLES[0]} nor a sub-folder for each look: add one, or give two folders.",
                option,
            )
    values = [{name: found.tolist() for name, found in each.items()} for each in (labels.changed, labels.kept)]
    grouped = any(each.groups for each in sources.values())
    about = json.dumps(
        [pictures.fingerprint, layout.folders if layout.splits else {}, *values, *([keys] if grouped else [])]
    )
    digest = hashlib.sha256(about.encode()).hexdigest()
    return Source(files, pictures, layout, classes, order, labels, digest, notes, keys)


def _fitting_side(files: PictureFiles) -> int:
    """The default side for these pictures."""
    sides = []
    for _, read in files.pictures[:: max(1, len(files.pictures) // LOOKED_AT)]:
        with suppress(Unreadable):
            sides.append(min(describe(read())[1]))
    small, large = SIDES
    return large if sides and median(sides) >= large else small


def _keys(
    sources: dict[str, PictureFiles], folders: list[str], pictures: PictureArray, option: str, encoding: str | None,
    notes: list[str],
) -> list[str]:  # fmt: skip
    """What decides the split of each picture; a group can have pictures in both of two folders."""
    keys: list[str] = []
    for (path, files), folder in zip(sources.items(), folders or [""], strict=True):
        start = f"{folder}/" if folder else ""
        rows = [row for row, name in enumerate(pictures.names) if name.startswith(start)]
        names = [pictures.names[row].removeprefix(start) for row in rows]
        digests = [pictures.digests[row] for row in rows]
        keys += split_keys(files.groups, names, digests, path, option, encoding, notes)
    notes += [
        f"{other} has no {files.groups.name}, as {path} has: each of its pictures forms a group."
        for path, files in sources.items() for other in sources if files.groups and not sources[other].groups
    ]  # fmt: skip
    return keys


def _read_tables(
    sources: dict[str, PictureFiles], order: list[str], option: str, encoding: str | None,
    attributes: tuple[str, ...], notes: list[str],
) -> PictureTable | None:  # fmt: skip
    """The table beside the pictures; of two folders, both tables as one, or a note if only one has a table."""
    tables = {path: read_table(files.table, [name for name, _ in files.pictures], path, option, encoding, attributes)
              for path, files in sources.items() if files.table is not None}  # fmt: skip
    if len(tables) < len(sources):
        notes += [
            f"{path} has {files.table.name}, but {other} has no such table: it is ignored."
            for path, files in sources.items() for other in sources if files.table is not None and other != path
        ]  # fmt: skip
        return None
    found = list(tables.values())
    return _one_table(order, found, notes) if order else found[0]


def _one_table(order: list[str], found: list[PictureTable], notes: list[str]) -> PictureTable:
    """The tables of two folders as that of a folder with the sub-folders `order`, with the columns that both have."""
    one, other = (table.cells.names for table in found)
    if alone := [name for name in (*one, *other) if (name in one) != (name in other)]:
        notes.append(f"Columns that only one of the two folders has: {', '.join(alone)}; they are ignored.")
    names = [name for name in one if name in other]
    columns = [np.concatenate([table.cells.column(name) for table in found]) for name in names]
    where = " and ".join(table.where for table in found)
    cells = Cells(where, names, columns, np.concatenate([table.cells.lines for table in found]))
    parts = list(zip(order, (0, len(found[0].files)), found, strict=True))
    return PictureTable(
        where,
        cells,
        {start + row: start + first for _, start, table in parts for row, first in table.repeated.items()},
        [f"{look}/{file}" for look, _, table in parts for file in table.files],
        {f"{look}/{name}": start + row for look, start, table in parts for name, row in table.rows.items()},
        [note for table in found for note in table.notes],
    )


def _sides(names: list[str], order: list[str]) -> list[str]:
    """The names, with A and B for the two folders."""
    return [
        f"A/{name.removeprefix(f'{order[0]}/')}" if name.startswith(f"{order[0]}/")
        else f"B/{name.removeprefix(f'{order[1]}/')}"
        for name in names
    ]  # fmt: skip


def _matched(order: list[str], looks: list[str], notes: list[str]) -> list[str]:
    """The looks that two folders of other names are; adds a note that says so."""
    first, second = (look.casefold() for look in looks)
    closest = [next(iter(get_close_matches(name.casefold(), (first, second), 1)), "") for name in order]
    crossed = closest in ([second, first], [second, ""], ["", first])
    similar = crossed or closest in ([first, second], [first, ""], ["", second])
    if crossed:
        looks = looks[::-1]
    why = "similar names" if similar else "their order, because their names differ; if that is wrong, swap the folders"
    notes.append(f"{order[0]} is read as {looks[0]}, and {order[1]} as {looks[1]}: by {why}.")
    return looks


def _joined(order: list[str], both: list[PictureFiles]) -> PictureFiles:
    """The pictures of two folders as if they were the sub-folders `order` of one."""
    found = list(zip(order, both, strict=True))
    pictures = [(f"{name}/{file}", read) for name, each in found for file, read in each.pictures]
    others = {f"{name}/{file}": why for name, each in found for file, why in each.others.items()}
    notes = [f"{name}: {note}" for name, each in found for note in each.notes]
    return PictureFiles(" + ".join(each.name for _, each in found), pictures, others, None, None, None, "", notes)


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


def _check_copies(pictures: PictureArray, classes: list[str], option: str) -> None:
    """Raises InputError if the same picture has two looks, in whatever file: only its pixels matter."""
    first: dict[bytes, int] = {}
    for row, (pixels, look) in enumerate(zip(pictures.array, classes, strict=True)):
        before = first.setdefault(hashlib.sha256(pixels.tobytes()).digest(), row)
        if look != classes[before]:
            names = pictures.names
            raise InputError(
                f"{names[before]} and {names[row]} are the same picture with two looks: remove one of them.", option
            )


def _needs_attribute(files: PictureFiles, data: str, option: str, encoding: str | None) -> InputError:
    assert files.table is not None
    names = [name for name, _ in files.pictures]
    columns = read_table(files.table, names, data, option, encoding, ()).cells.names
    return InputError(
        f"attribute: choose what to change with --attribute: {data} has a table with {listed(columns)}", "attribute"
    )
