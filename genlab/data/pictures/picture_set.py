"""The user's pictures -> splits of uint8 arrays.

Data flow::

    folder, zip or sample set -> array (`data/picture_arrays.py`) and classes (`data/picture_classes.py`) -> splits

The first level of sub-folders that tells pictures apart is their class; a table beside the pictures
gives them others. Which split a picture falls into depends on its file's content alone, so that
adding pictures moves no other, and a copy is never on both sides.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genlab.data.pictures.arrays import PictureArray, read_array
from genlab.data.pictures.classes import folder_classes, table_classes
from genlab.data.pictures.pixels import to_tensor
from genlab.data.shared.splits import divided, shares_of
from genlab.errors import InputError

FEWEST = 2
"""Pictures that a training needs."""
ROUGH = 100
"""Held-out pictures below which a measure is called rough."""


@dataclass(frozen=True)
class PictureSplit:
    """Some of the pictures of a set."""

    array: UInt8[np.ndarray, "all height width channels"] = field(repr=False)
    """All of the set's, memory-mapped."""
    rows: Int[np.ndarray, " pictures"] = field(repr=False)
    """Which of them these are."""
    labels: Int[np.ndarray, " pictures"] | None = field(repr=False)
    """Of each the number of its class; None without classes."""
    names: list[str] = field(repr=False)
    """Of each its file."""

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, picks: Int[np.ndarray, " some"]) -> "PictureSplit":
        """The pictures at these places."""
        labels = None if self.labels is None else self.labels[picks]
        return PictureSplit(self.array, self.rows[picks], labels, [self.names[pick] for pick in picks])

    def tensor(self, picks: Any = slice(None)) -> Float[Tensor, "some channels height width"]:
        """Those at `picks` (default all), in [-1, 1], channels last in memory."""
        return to_tensor(self.array[self.rows[picks]])


@dataclass(frozen=True)
class PictureSet:
    """Pictures ready to train on."""

    name: str
    fingerprint: str
    """SHA-256 of the files' names and contents, and of the options that they were read with."""
    train: PictureSplit
    validation: PictureSplit | None
    test: PictureSplit | None
    classes: list[str]
    """Names of the classes, sorted; empty without."""
    left_out: dict[str, str]
    """Files that are not among the pictures, and why."""
    notes: list[str] = field(default_factory=list)

    @property
    def channels(self) -> int:
        """1 where every picture is grey, else 3."""
        return self.train.array.shape[3]

    def counts(self) -> dict[str, Any]:
        """Sizes of the splits, and of their classes."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: self._count(pictures) for part, pictures in splits.items() if pictures is not None}

    def _count(self, pictures: PictureSplit) -> dict[str, Any]:
        if pictures.labels is None:
            return {"pictures": len(pictures)}
        each = np.bincount(pictures.labels, minlength=len(self.classes)).tolist()
        return {"pictures": len(pictures), "classes": dict(zip(self.classes, each, strict=True))}


def read_pictures(
    data: str,
    validation: str,
    test: str,
    pixels: int,
    label: str | None = None,
    channels: int | None = None,
    classes: list[str] | None = None,
) -> PictureSet:
    """Reads and splits `data`.

    Args:
        data: Folder, zip file or @sample.
        validation: Share of the pictures that picks the weights, or a path to pictures of its own.
        test: Share of the pictures that is only reported, or a path to pictures of its own.
        pixels: Side of the square that every picture is brought to.
        label: Column of the table beside the pictures that is the class; None for the sub-folders.
        channels: 1 for grey, 3 for colour; None for grey where every picture is.
        classes: Those of a trained model, by whose numbers the pictures are labelled; None for the data's own.

    Raises:
        InputError: something cannot be read, there are too few pictures, or one is of an unknown class.
    """
    shares = shares_of(validation, test)
    found = _read(data, pixels, label, channels, "data")
    if classes is None:
        classes = sorted(set(found.classes))
    else:
        found.check(classes, data, "data")
    if len(found.pictures.array) < FEWEST:
        raise InputError(f"{data} has one picture that can be read: give at least {FEWEST}.", "data")
    chosen = divided([bytes.fromhex(digest) for digest in found.pictures.digests], shares)
    if chosen["train"].sum() < FEWEST:
        raise InputError(f"{data} leaves no two pictures to train on: give more or hold out less.", "data")

    notes = _told(found.pictures.left_out)
    fingerprint = hashlib.sha256(found.fingerprint.encode())
    splits: dict[str, PictureSplit | None] = {}
    for part, value in (("validation", validation), ("test", test)):
        if shares[part] is None:
            other = _read(value, pixels, label, found.pictures.array.shape[3], part)
            fingerprint.update(other.fingerprint.encode())
            other.check(classes, value, part)
            splits[part] = other.some(classes, np.ones(len(other.pictures.array), bool))
        else:
            splits[part] = found.some(classes, chosen[part]) if chosen[part].any() else None
        held_out = splits[part]
        if held_out is None and shares[part]:
            notes.append(f"the {part} split has no picture: it is left out.")
        elif held_out is not None and len(held_out) < ROUGH:
            notes.append(f"the {part} split has {len(held_out)} pictures: its measures are rough.")
    return PictureSet(
        found.pictures.name, fingerprint.hexdigest(), found.some(classes, chosen["train"]),
        splits["validation"], splits["test"], classes, found.pictures.left_out, notes,
    )  # fmt: skip


@dataclass(frozen=True)
class _Labelled:
    """All pictures of a source."""

    pictures: PictureArray
    classes: list[str]
    """Of each picture the name of its class; empty without classes."""
    fingerprint: str
    """Of the pictures, and of classes out of a table."""

    def check(self, classes: list[str], data: str, option: str) -> None:
        """Refuses pictures of a class that is not among the known ones."""
        for name in sorted(set(self.classes) - set(classes)) if classes else []:
            raise InputError(f"{data} has a class {name} that is not known: there are {', '.join(classes)}.", option)

    def some(self, classes: list[str], chosen: Bool[np.ndarray, " pictures"]) -> PictureSplit:
        """The chosen ones; the folder around all is their class only where one of that name is known."""
        rows, names, around = np.flatnonzero(chosen), self.pictures.names, self.pictures.around
        own = self.classes or ([around] * len(names) if around in classes else [])
        labels = np.searchsorted(classes, [own[row] for row in rows]) if own and classes else None
        return PictureSplit(self.pictures.array, rows, labels, [names[row] for row in rows])


def _read(data: str, pixels: int, label: str | None, channels: int | None, option: str) -> _Labelled:
    pictures = read_array(data, pixels, channels, option)
    if label is None:
        return _Labelled(pictures, folder_classes(pictures.names), pictures.fingerprint)
    classes = table_classes(pictures.table, pictures.names, label, data, option)
    fingerprint = hashlib.sha256(json.dumps([pictures.fingerprint, label, classes]).encode()).hexdigest()
    return _Labelled(pictures, classes, fingerprint)


def _told(left_out: dict[str, str]) -> list[str]:
    if not left_out:
        return []
    shown = "; ".join(f"{file}: {why}" for file, why in list(left_out.items())[:5])
    more = "; ..." if len(left_out) > 5 else ""
    return [f"{len(left_out)} files were left out (all are listed in left_out.txt): {shown}{more}"]
