"""Reads all pictures of one source with their values: from a table, from sub-folders, or from two folders."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import numpy as np

from genlab.data.pictures.arrays import PictureArray, read_files
from genlab.data.pictures.attributes import MOST, Attribute, Labels, listed, read_labels
from genlab.data.pictures.classes import TABLES, ClassTable, PictureTable, read_table
from genlab.data.pictures.dividing import notes_on_files
from genlab.data.pictures.files import PictureFiles, find_pictures
from genlab.data.pictures.groups import split_keys
from genlab.data.pictures.image_decoding import Unreadable, describe
from genlab.data.pictures.layout import Layout, read_layout
from genlab.data.pictures.ranges import Ranges
from genlab.data.pictures.two_folders import TwoFolders, keys_of_two, looks_of, open_two, table_of_two
from genlab.data.shared.delimited import carried
from genlab.errors import InputError
from genlab.options import two_paths

LOOK = "look"
"""The attribute that two folders, or sub-folders, are the values of."""
SIDES = (32, 64)
"""Default sides: for small pictures, and for those of which most are at least as large as the second."""
LOOKED_AT = 40
"""Number of files whose size decides."""
NOTHING = Labels({}, {}, [])
"""Of pictures without a table."""


@dataclass(frozen=True)
class Reading:
    """What to read, and how."""

    data: str
    """A source; two folders are separated by a comma."""
    option: str
    """The option that gave it."""
    attributes: tuple[str, ...]
    """The attributes to change; empty for looks."""
    encoding: str | None
    """Encoding of tables that are not UTF-8."""
    known: Sequence[Attribute]
    """Attributes of a trained model or of the training data; two folders are the looks of the same or of similar names,
    or else by position.
    """
    pixels: int | None
    """Side of the pictures; None for a default."""
    channels: int | None
    """1 for grey, 3 for colour; None for grey if every picture is."""
    ranges: Ranges | None
    """Value ranges of a trained model or of the training data; None for those of the pictures."""

    def pictures(self, files: PictureFiles) -> tuple[PictureArray, list[str]]:
        """All pictures among these files, and notes on them."""
        side = self.pixels or _fitting_side(files)
        found = read_files(files, self.data, side, self.channels, self.option, self.ranges)
        return found, [*notes_on_files(found.left_out), *found.notes]

    def keys(self, files: PictureFiles, pictures: PictureArray, notes: list[str]) -> list[str]:
        """What decides the split of each picture."""
        return split_keys(files.groups, pictures.names, pictures.digests, self.data, self.option, self.encoding, notes)

    def table(self, files: PictureFiles, table: ClassTable) -> PictureTable:
        """The table beside these files."""
        names = [name for name, _ in files.pictures]
        return read_table(table, names, self.data, self.option, self.encoding, self.attributes)

    def labels(self, table: PictureTable, pictures: PictureArray, notes: list[str]) -> Labels:
        """The values of the pictures in a table."""
        notes += table.notes
        labels = read_labels(table, pictures.names, self.attributes, self.option, self.known)
        notes += labels.notes
        return labels


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
    notes: list[str]
    keys: list[str]
    """What decides the split of each picture."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the pictures, of splits by folders or groups, and of all values."""
        each = (self.labels.changed, self.labels.kept)
        values = [{name: found.tolist() for name, found in some.items()} for some in each]
        about = [self.pictures.fingerprint, self.layout.folders if self.layout.splits else {}, *values]
        if self.keys != self.pictures.digests:  # there are groups
            about.append(self.keys)
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def read_source(asked: Reading) -> Source:
    """Reads all pictures of a source.

    Raises:
        InputError: the source or a table cannot be read, it has no values to change, an attribute is unknown, or the
            same picture has two looks.
    """
    both = two_paths(asked.data)
    if both and asked.attributes:
        raise InputError("attribute: two folders are the values of one attribute: omit --attribute.", "attribute")
    if both:
        return _from_two(asked, open_two(*both, asked.option))
    files = find_pictures(asked.data, asked.option)
    return _from_table(asked, files) if asked.attributes else _from_sub_folders(asked, files)


def _from_table(asked: Reading, files: PictureFiles) -> Source:
    """The attributes are columns of the table."""
    if files.table is None:
        raise InputError(
            f"attribute: {asked.data} has no {TABLES[0]} or {TABLES[1]} with a column {asked.attributes[0]}.",
            "attribute",
        )
    pictures, notes = asked.pictures(files)
    with carried(notes):
        layout = read_layout(pictures.names, asked.data, asked.option)
        keys = asked.keys(files, pictures, notes)
        labels = asked.labels(asked.table(files, files.table), pictures, notes)
    return Source(files, pictures, layout, [], [], labels, notes, keys)


def _from_sub_folders(asked: Reading, files: PictureFiles) -> Source:
    """The sub-folders are looks; the columns of a table are kept."""
    if files.table is not None:
        folders = read_layout([name for name, _ in files.pictures], asked.data, asked.option).classes
        if not 2 <= len(set(folders)) <= MOST:
            raise _needs_attribute(asked, files, files.table)
    pictures, notes = asked.pictures(files)
    with carried(notes):
        layout = read_layout(pictures.names, asked.data, asked.option)
        if not any(layout.classes):
            raise InputError(
                f"{asked.data} has neither a table {TABLES[0]} nor a sub-folder for each look: add one, or give two "
                "folders.", asked.option,
            )  # fmt: skip
        keys = asked.keys(files, pictures, notes)
        table = None if files.table is None else asked.table(files, files.table)
        found = NOTHING if table is None else asked.labels(table, pictures, notes)
        _check_copies(pictures, layout.classes, asked.option)
        if table is not None:
            notes.append(
                f"The sub-folders of {asked.data} are the looks to change between; --attribute changes a column of its "
                f"table instead: {listed(table.cells.names)}"
            )
    return Source(files, pictures, layout, layout.classes, [], _with_looks(layout.classes, found), notes, keys)


def _from_two(asked: Reading, two: TwoFolders) -> Source:
    """Each folder is a look; the columns of their tables are kept."""
    pictures, notes = asked.pictures(two.files)
    with carried(notes):
        names = [f"{'AB'[two.sides[name]]}/{two.own(name)}" for name in pictures.names]
        layout = read_layout(names, asked.data, asked.option)
        known = next((one.values for one in asked.known if one.name == LOOK), [])
        order = looks_of(two, known, notes)
        classes = [order["AB".index(side)] for side in layout.classes]
        keys = keys_of_two(two, pictures, asked.option, asked.encoding, notes)
        table = table_of_two(two, asked.option, asked.encoding, notes)
        found = NOTHING if table is None else asked.labels(table, pictures, notes)
        _check_copies(pictures, classes, asked.option)
    return Source(two.files, pictures, layout, classes, order, _with_looks(classes, found), notes, keys)


def _with_looks(classes: list[str], labels: Labels) -> Labels:
    """The looks to change between; columns of a table are kept."""
    kept = {name: values for name, values in labels.kept.items() if name != LOOK}
    return Labels({LOOK: np.array(classes, object)}, kept, [])


def _fitting_side(files: PictureFiles) -> int:
    """The default side for these pictures."""
    sides = []
    for _, read in files.pictures[:: max(1, len(files.pictures) // LOOKED_AT)]:
        with suppress(Unreadable):
            sides.append(min(describe(read())[1]))
    small, large = SIDES
    return large if sides and median(sides) >= large else small


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


def _needs_attribute(asked: Reading, files: PictureFiles, table: ClassTable) -> InputError:
    columns = asked.table(files, table).cells.names
    return InputError(
        f"attribute: choose what to change with --attribute: {asked.data} has a table with {listed(columns)}",
        "attribute",
    )
