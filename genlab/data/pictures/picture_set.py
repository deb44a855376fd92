"""Reads the user's pictures and splits them into uint8 arrays.

Data flow::

    folder, zip or sample set -> array (`arrays.py`), classes and splits (`layout.py`, `classes.py`) -> splits

Sub-folders are classes, unless --label names a column of a table; `description_source.py` reads descriptions. Folders
called train, valid and test are splits. Otherwise the content of a file alone, or its group in groups.csv, decides its
split, so that adding pictures moves no others, and copies and variants share a split.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genlab.data.pictures.description_source import (
    DescriptionSource,
    check_alike,
    held_out_combinations,
    like,
)
from genlab.data.pictures.dividing import HELD_OUT, divide, notes_on_split, rough
from genlab.data.pictures.facts import Described
from genlab.data.pictures.labelled import Labelled, read_labelled
from genlab.data.pictures.pixels import to_tensor
from genlab.data.pictures.ranges import Ranges
from genlab.data.shared.splits import shares_of
from genlab.errors import InputError

FEWEST = 2
"""Smallest number of pictures to train on."""


@dataclass(frozen=True)
class PictureSplit:
    """One split of the pictures."""

    array: UInt8[np.ndarray, "all height width channels"] = field(repr=False)
    """All pictures of the set, memory-mapped."""
    rows: Int[np.ndarray, " pictures"] = field(repr=False)
    """Indices into `array` of the pictures in this split."""
    labels: Int[np.ndarray, " pictures"] | None = field(repr=False)
    """Class index of each picture; None without classes."""
    names: list[str] = field(repr=False)
    """The file of each picture."""
    described: Described | None = field(default=None, repr=False)
    """What is known about each picture; None without descriptions."""
    keys: list[str] = field(default_factory=list, repr=False)
    """What decides the split of each picture, shared by a group; empty for pictures that come from no files."""

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, picks: Int[np.ndarray, " some"]) -> "PictureSplit":
        """The pictures at these indices of the split."""
        labels = None if self.labels is None else self.labels[picks]
        described = None if self.described is None else self.described.take(picks)
        names, keys = ([each[pick] for pick in picks] if each else [] for each in (self.names, self.keys))
        return PictureSplit(self.array, self.rows[picks], labels, names, described, keys)

    def tensor(self, picks: Any = slice(None)) -> Float[Tensor, "some channels height width"]:
        """The pictures at `picks` (by default all), in [-1, 1], channels last in memory."""
        return to_tensor(self.array[self.rows[picks]])


@dataclass(frozen=True)
class PictureSet:
    """Pictures split for training."""

    name: str
    fingerprint: str
    """SHA-256 of the files' names and contents, and of the reading options."""
    train: PictureSplit
    validation: PictureSplit | None
    test: PictureSplit | None
    classes: list[str]
    """Names of the classes, sorted; empty without classes."""
    left_out: dict[str, str]
    """Files that were left out, with the reason."""
    notes: list[str] = field(default_factory=list)
    ranges: Ranges = field(default_factory=dict)
    """Black and white level of pictures with more than 8 bits per channel, by kind of picture. A run saves them as
    JSON and passes them to `open_pictures` and `read_pictures` for other pictures.
    """
    unseen: PictureSplit | None = None
    """Pictures that are not in training or validation because of the combination of their values."""
    combinations: list[list[int]] = field(default_factory=list)
    """These combinations, a value index per attribute of the descriptions."""

    @property
    def channels(self) -> int:
        """1 if every picture is grey, else 3."""
        return self.train.array.shape[3]

    def counts(self) -> dict[str, Any]:
        """Number of pictures in each split and class."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test, "unseen": self.unseen}
        return {part: self._count(pictures) for part, pictures in splits.items() if pictures is not None}

    def _count(self, pictures: PictureSplit) -> dict[str, Any]:
        if pictures.labels is None:
            return {"pictures": len(pictures)}
        each = np.bincount(pictures.labels, minlength=len(self.classes)).tolist()
        return {"pictures": len(pictures), "classes": dict(zip(self.classes, each, strict=True))}

    def without(self, split: str, note: str) -> "PictureSet":
        """The same set without its validation or test split, with a note that gives the reason."""
        pictures = self.validation if split == "validation" else self.test
        notes = [kept for kept in self.notes if pictures is None or kept != rough(split, len(pictures))]
        rest = replace(self, notes=[*notes, note])
        return replace(rest, validation=None) if split == "validation" else replace(rest, test=None)


def read_pictures(
    data: str,
    validation: str,
    test: str,
    encoding: str | None = None,
    *,
    pixels: int,
    label: str | None = None,
    channels: int | None = None,
    classes: list[str] | None = None,
    ranges: Ranges | None = None,
    descriptions: DescriptionSource | None = None,
) -> PictureSet:
    """Reads and splits `data`.

    Args:
        data: Folder, zip file or @sample.
        validation: Fraction of the pictures that selects the weights, or a path to other pictures. Folders in `data`
            that are splits override a fraction; 0 trains on their pictures.
        test: Fraction of the pictures that is only reported, or a path to other pictures; as for `validation`.
        encoding: Encoding of a table beside the pictures that is not UTF-8.
        pixels: Side of the square that every picture is resized to.
        label: Column of the table beside the pictures with the classes; None for the sub-folders.
        channels: 1 for grey, 3 for colour; None for grey if every picture is.
        classes: Classes of a trained model, whose indices label the pictures; None for those of the data.
        ranges: Value ranges of a trained model; None for those of the data.
        descriptions: Where descriptions come from; None for none.

    Raises:
        InputError: the data cannot be read, there are too few pictures, one has an unknown class, or it is unclear
            which folders are splits.
    """
    shares = shares_of(validation, test)
    found = read_labelled(data, pixels, label, channels, "data", ranges, encoding, descriptions)
    if classes is None:
        classes = sorted(set(found.classes) - {""})
    else:
        found.check(classes, data, "data")
    if len(found.pictures.array) < FEWEST:
        raise InputError(f"{data} has only one readable picture: give at least {FEWEST}.", "data")
    notes, left_out = list(found.notes), dict(found.left_out)
    chosen = divide(found.keys, found.layout, found.classes, shares, notes)
    described = found.described
    combinations = held_out_combinations(described, descriptions, notes)
    unseen = found.given & found.has(combinations) & (chosen["train"] | chosen["validation"])
    chosen = {part: rows & found.given for part, rows in chosen.items()}
    chosen |= {part: chosen[part] & ~unseen for part in ("train", "validation")}
    if chosen["train"].sum() < FEWEST:
        raise InputError(f"{data} leaves fewer than two pictures to train on: give more, or hold out less.", "data")

    fingerprint = hashlib.sha256(found.fingerprint.encode())
    digests = np.array(found.pictures.digests)
    trained = set(digests[chosen["train"]])
    splits: dict[str, PictureSplit | None] = {}
    for part, value in zip(HELD_OUT, (validation, test), strict=True):
        if shares[part] is None:
            other = read_labelled(
                value, pixels, label, found.pictures.array.shape[3], part, found.pictures.ranges, encoding,
                like(descriptions, described),
            )  # fmt: skip
            check_alike(described, other.described, found.pictures.name, value, part)
            fingerprint.update(other.fingerprint.encode())
            notes += [f"{part}: {note}" for note in other.notes]
            left_out |= {f"{part}: {file}": why for file, why in other.left_out.items()}
            known = classes if described is None or other.all_of(classes) else []  # descriptions replace classes
            other.check(known, value, part)
            splits[part] = _split(other, known, other.given & ~(other.has(combinations) & (part == "validation")))
            copies = sum(digest in trained for digest in other.pictures.digests)
        else:
            splits[part] = _split(found, classes, chosen[part]) if chosen[part].any() else None
            copies = sum(digest in trained for digest in digests[chosen[part]])
        held_out = splits[part]
        notes += notes_on_split(part, None if held_out is None else len(held_out), copies, shares[part])
    return PictureSet(
        found.pictures.name, fingerprint.hexdigest(), _split(found, classes, chosen["train"]), splits["validation"],
        splits["test"], classes, left_out, notes, found.pictures.ranges,
        _split(found, classes, unseen) if unseen.any() else None, combinations,
    )  # fmt: skip


def _split(found: Labelled, classes: list[str], chosen: Bool[np.ndarray, " pictures"]) -> PictureSplit:
    """The split of the chosen pictures; a folder that contains them all is a class only if the name is known."""
    rows, names, around = np.flatnonzero(chosen), found.pictures.names, found.pictures.around
    own = found.classes or ([around] * len(names) if around in classes else [])
    labels = np.searchsorted(classes, [own[row] for row in rows]) if own and classes else None
    described = None if found.described is None else found.described.take(rows)
    keys = [found.keys[row] for row in rows]
    return PictureSplit(found.pictures.array, rows, labels, [names[row] for row in rows], described, keys)
