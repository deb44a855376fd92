"""Reads all pictures of a source, with their classes, groups and descriptions."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from genlab.data.pictures.arrays import PictureArray, read_array
from genlab.data.pictures.classes import table_classes
from genlab.data.pictures.combinations import are_unseen
from genlab.data.pictures.description_source import DescriptionSource, read_described, undescribed
from genlab.data.pictures.dividing import notes_on_files
from genlab.data.pictures.facts import Described, Facts
from genlab.data.pictures.groups import split_keys
from genlab.data.pictures.layout import Layout, read_layout
from genlab.data.pictures.ranges import Ranges
from genlab.errors import InputError


@dataclass(frozen=True)
class Labelled:
    """All pictures of a source, with what is known about them."""

    pictures: PictureArray
    layout: Layout
    classes: list[str]
    """Class name of each picture, "" for none; empty without classes."""
    keys: list[str]
    """What decides the split of each picture."""
    described: Described | None
    fingerprint: str
    """SHA-256 of the pictures, of splits by folders or groups, of classes from a table, and of descriptions."""
    left_out: dict[str, str]
    """Files that were left out, with the reason."""
    notes: list[str]

    @property
    def given(self) -> Bool[np.ndarray, " pictures"]:
        """Whether each picture has a description, or needs none."""
        return np.ones(len(self.pictures.array), bool) if self.described is None else self.described.given

    def has(self, combinations: list[list[int]]) -> Bool[np.ndarray, " pictures"]:
        """Whether each picture has one of these combinations of values."""
        if not isinstance(self.described, Facts):
            return np.zeros(len(self.pictures.array), bool)
        return are_unseen(self.described, combinations)

    def all_of(self, classes: list[str]) -> bool:
        """Whether no picture has another class."""
        return {"", *classes} >= set(self.classes)

    def check(self, classes: list[str], data: str, option: str) -> None:
        """Raises InputError for a picture of an unknown class."""
        for name in sorted(set(self.classes) - {"", *classes}) if classes else []:
            raise InputError(f"{data} has an unknown class {name}; the classes are {', '.join(classes)}.", option)


def read_labelled(
    data: str,
    pixels: int,
    label: str | None,
    channels: int | None,
    option: str,
    ranges: Ranges | None,
    encoding: str | None,
    descriptions: DescriptionSource | None,
) -> Labelled:
    """Reads all pictures of a source.

    Args:
        data: The source.
        pixels: Side of the square that every picture is resized to.
        label: Column of the table beside the pictures with the classes; None for the sub-folders.
        channels: 1 for grey, 3 for colour; None for grey if every picture is.
        option: The option that gave `data`.
        ranges: Value ranges of a trained model; None for those of the data.
        encoding: Encoding of tables that are not UTF-8.
        descriptions: Where descriptions come from; None for none.

    Raises:
        InputError: the source or a table beside the pictures cannot be read, or it is unclear which folders are splits.
    """
    pictures = read_array(data, pixels, channels, option, ranges)
    layout = read_layout(pictures.names, data, option)
    if layout.splits and option != "data":
        raise InputError(
            f"{data} has folders that are splits ({', '.join(layout.folders.values())}): give one of them.", option
        )
    classes = layout.classes
    about: list[Any] = []
    notes: list[str] = []
    if label is not None:
        classes, said = table_classes(pictures.table, pictures.names, label, data, option, encoding)
        about = [label, classes]
        notes += said
    if layout.splits:
        about.append(layout.folders)
    keys = split_keys(pictures.groups, pictures.names, pictures.digests, data, option, encoding, notes)
    if pictures.groups is not None:
        about.append(keys)
    left_out = dict(pictures.left_out)
    described = None
    if descriptions is not None:
        described = read_described(pictures, data, option, encoding, descriptions, any(classes), notes)
        left_out |= undescribed(described, pictures.names)
    elif pictures.captions is not None:
        left_out[pictures.captions.name] = "captions, which this model does not learn"
    if described is not None:
        about.append(described.content())
    fingerprint = pictures.fingerprint
    if about:
        fingerprint = hashlib.sha256(json.dumps([fingerprint, *about]).encode()).hexdigest()
    notes = [*notes_on_files(left_out), *pictures.notes, *notes]
    return Labelled(pictures, layout, classes, keys, described, fingerprint, left_out, notes)
