"""Reads pictures with the attributes that a model changes, and those that it must not change.

Data flow::

    folder, zip or sample set with a table, one with sub-folders, or two folders -> array, values of each picture
    -> splits, and notes on whatever else distinguishes the values

Sub-folders and two folders are the values of an attribute called `look`; all columns of tables beside them are kept.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from genlab.data.pictures.attribute_notes import notes_on_attributes
from genlab.data.pictures.attribute_source import Reading, Source, read_source
from genlab.data.pictures.attributes import MOST, Attribute
from genlab.data.pictures.dividing import HELD_OUT, counted, divide, notes_on_split
from genlab.data.pictures.picture_set import PictureSplit
from genlab.data.pictures.ranges import Ranges
from genlab.data.shared.delimited import Column, carried
from genlab.data.shared.splits import shares_of
from genlab.errors import InputError

FEWEST = 20
"""Smallest number of pictures of each value to train on."""


@dataclass(frozen=True)
class AttributedSplit:
    """One split of the pictures."""

    name: str
    """Name of the data that they come from."""
    pictures: PictureSplit
    """Without labels."""
    values: Int[np.ndarray, "pictures attributes"] = field(repr=False)
    """Index of each attribute's value."""
    kept: Int[np.ndarray, "pictures kept"] = field(repr=False)
    """The same for `AttributedSet.kept`; -1 where it is not known."""

    def __len__(self) -> int:
        return len(self.pictures)

    def take(self, picks: Int[np.ndarray, " some"]) -> "AttributedSplit":
        """The pictures at these indices of the split."""
        return AttributedSplit(self.name, self.pictures.take(picks), self.values[picks], self.kept[picks])


@dataclass(frozen=True)
class AttributedSet:
    """Pictures with attributes, split for training."""

    name: str
    fingerprint: str
    """SHA-256 of the files' names and contents, of the reading options and of the values of all attributes."""
    train: AttributedSplit
    validation: AttributedSplit | None
    test: AttributedSplit | None
    attributes: list[Attribute]
    """The attributes to change."""
    kept: list[Attribute]
    """Every other column of the tables with 2 to 20 values."""
    left_out: dict[str, str]
    """Files that were left out, with the reason."""
    notes: list[str] = field(default_factory=list)
    ranges: Ranges = field(default_factory=dict)
    """As in `PictureSet`."""

    @property
    def channels(self) -> int:
        """1 if every picture is grey, else 3."""
        return self.train.pictures.array.shape[3]

    @property
    def pixels(self) -> int:
        """Side of the pictures."""
        return self.train.pictures.array.shape[1]

    def counts(self) -> dict[str, Any]:
        """Number of pictures in each split, and with each value."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: self._count(split) for part, split in splits.items() if split is not None}

    def _count(self, split: AttributedSplit) -> dict[str, Any]:
        found: dict[str, Any] = {"pictures": len(split)}
        for attribute, values in zip(self.attributes, split.values.T, strict=True):
            each = np.bincount(values, minlength=len(attribute.values)).tolist()
            found[attribute.name] = dict(zip(attribute.values, each, strict=True))
        return found


def read_attributed(
    data: str,
    validation: str,
    test: str,
    encoding: str | None = None,
    *,
    pixels: int | None,
    attributes: tuple[str, ...] = (),
    known: list[Attribute] | None = None,
    ranges: Ranges | None = None,
) -> AttributedSet:
    """Reads and splits `data`.

    Args:
        data: Folder, zip file or @sample; or two of them, separated by a comma.
        validation: Fraction of the pictures that selects the weights, or other data of the same form. Folders in
            `data` that are splits override a fraction; 0 trains on their pictures.
        test: Fraction of the pictures that is only reported, or other data; as for `validation`.
        encoding: Encoding of a table beside the pictures that is not UTF-8.
        pixels: Side of the square that every picture is resized to; None for 64 if most are at least that large, else
            32.
        attributes: The attributes to change, as `attributes.py` reads them; empty for two folders or sub-folders.
        known: Attributes of a trained model, whose values index those of the pictures; None for those of the data.
        ranges: Value ranges of a trained model; None for those of the data.

    Raises:
        InputError: the data cannot be read, an attribute is unknown or has one value or too many, a value has too few
            pictures, or the same picture has two looks.
    """
    shares = shares_of(validation, test)
    asked = Reading(data, "data", attributes, encoding, known or (), pixels, None, ranges)
    found = read_source(asked)
    notes, left_out = list(found.notes), dict(found.pictures.left_out)
    with carried(notes):
        chosen = divide(found.keys, found.layout, found.classes, shares, notes)
        changed = _attributes(found.labels.changed, found.order) if known is None else known
        kept = _attributes(found.labels.kept)
        train = _split(found, changed, kept, chosen["train"], data, "data")
        if known is None:
            _check(changed, train, data, any(found.classes))
            notes += notes_on_attributes(found.files, found.pictures, changed, train.values, kept, train.kept,
                                         train.pictures.rows)  # fmt: skip
        fingerprint = hashlib.sha256(found.fingerprint.encode())
        digests = np.array(found.pictures.digests)
        trained = set(digests[train.pictures.rows])
        splits: dict[str, AttributedSplit | None] = {}
        for part, value in zip(HELD_OUT, (validation, test), strict=True):
            if shares[part] is None:
                _, side, _, channels = found.pictures.array.shape
                source = read_source(
                    replace(asked, data=value, option=part, known=[*changed, *kept], pixels=side, channels=channels,
                            ranges=found.pictures.ranges)
                )  # fmt: skip
                if source.layout.splits:
                    raise InputError(
                        f"{value} has folders that are splits ({', '.join(source.layout.folders.values())}): give one "
                        "of them.", part,
                    )  # fmt: skip
                fingerprint.update(source.fingerprint.encode())
                notes += [f"{part}: {note}" for note in source.notes]
                left_out |= {f"{part}: {file}": why for file, why in source.pictures.left_out.items()}
                rows = np.ones(len(source.pictures.array), bool)
            else:
                source, rows = found, chosen[part]
            split = _split(source, changed, kept, rows, value, part)
            splits[part] = split if len(split) else None
            copies = sum(source.pictures.digests[row] in trained for row in split.pictures.rows)
            notes += notes_on_split(part, len(split) or None, copies, shares[part])
    return AttributedSet(
        found.pictures.name, fingerprint.hexdigest(), train, splits["validation"], splits["test"], changed, kept,
        left_out, notes, found.pictures.ranges,
    )  # fmt: skip


def _attributes(values: dict[str, Column], order: Sequence[str] = ()) -> list[Attribute]:
    return [Attribute(name, list(order) or sorted(set(found) - {""})) for name, found in values.items()]


def _check(attributes: list[Attribute], train: AttributedSplit, data: str, folders: bool) -> None:
    """Raises InputError for an attribute, whose values may be `folders`, that cannot be learnt."""
    for attribute, values in zip(attributes, train.values.T, strict=True):
        name, known = attribute.name, attribute.values
        if len(known) < 2:
            only = f"only the value {known[0]}" if known else "no definite values"
            raise InputError(f"attribute: {name} of {data} has {only}: there is nothing to change it to.", "attribute")
        if len(known) > MOST and folders:
            raise InputError(
                f"{data} has {len(known)} folders that are looks: merge or remove some until at most {MOST} are left.",
                "data",
            )
        if len(known) > MOST:
            raise InputError(
                f"attribute: {name} of {data} has {len(known):,} values: choose one with at most {MOST}.", "attribute"
            )
        counts = np.bincount(values, minlength=len(known))
        if counts.min() < FEWEST:
            raise InputError(
                f"{data} has {counted(int(counts.min()))} with {name} {known[counts.argmin()]} to train on: give at "
                f"least {FEWEST}, or remove that value.", "data",
            )  # fmt: skip


def _split(
    source: Source, attributes: list[Attribute], kept: list[Attribute], chosen: Bool[np.ndarray, " pictures"],
    data: str, option: str,
) -> AttributedSplit:  # fmt: skip
    """The chosen pictures that have a definite value of each attribute.

    Raises:
        InputError: a value is unknown, or an attribute is missing.
    """
    values = []
    for attribute in attributes:
        found = source.labels.changed.get(attribute.name)
        if found is None:
            raise InputError(f"{data} has no attribute {attribute.name}.", option)
        if unknown := sorted(set(found) - {"", *attribute.values}):
            raise InputError(
                f"{data} has an unknown {attribute.name} {unknown[0]}; the values are "
                f"{', '.join(attribute.values)}.", option,
            )  # fmt: skip
        values.append(attribute.indices(found))
    table = np.stack(values, 1)
    others = [attribute.indices(source.labels.kept[attribute.name]) if attribute.name in source.labels.kept
              else np.full(len(table), -1) for attribute in kept]  # fmt: skip
    rows = np.flatnonzero(chosen & (table >= 0).all(1))
    names, keys = ([each[row] for row in rows] for each in (source.pictures.names, source.keys))
    return AttributedSplit(
        source.pictures.name, PictureSplit(source.pictures.array, rows, None, names, None, keys), table[rows],
        np.stack(others, 1)[rows] if others else np.empty((len(rows), 0), np.int64),
    )  # fmt: skip
