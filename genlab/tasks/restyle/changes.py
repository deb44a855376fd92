"""Changes to evaluate a model on, with their truth where it is known, and the baselines' pictures."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from jaxtyping import Int, UInt8

from genlab.data.pictures.attribute_set import AttributedSplit
from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.image_decoding import decode, grey
from genlab.metrics.restyle import colours_swapped, mean_pictures, means_shifted, value_colours
from genlab.tasks.shared.drawings import are_drawings

Pixels = UInt8[np.ndarray, "pictures height width channels"]
MOST_CHANGES = 1000
"""Largest number of changes to measure on."""
SWAP_PICTURES = 5000
"""Largest number of pictures to find colours or means in, shared equally among the values of an attribute."""


@dataclass(frozen=True)
class Changes:
    """Changes to make: each gives one attribute of a picture another value."""

    attributes: list[Attribute]
    """The attributes to change."""
    pictures: Pixels = field(repr=False)
    names: list[str] = field(repr=False)
    """File of each picture."""
    recorded: Int[np.ndarray, "changes columns"] = field(repr=False)
    """Value of every column of the table: of the attributes to change, then of the others; -1 where unknown."""
    changed: Int[np.ndarray, " changes"] = field(repr=False)
    """Index of the attribute to change."""
    wanted: Int[np.ndarray, " changes"] = field(repr=False)
    """Its new value."""

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def source(self) -> Int[np.ndarray, "changes attributes"]:
        """The present values of the attributes."""
        return self.recorded[:, : len(self.attributes)]

    @property
    def target(self) -> Int[np.ndarray, "changes attributes"]:
        """Their new values."""
        values = self.source.copy()
        values[np.arange(len(self)), self.changed] = self.wanted
        return values

    @property
    def present(self) -> Int[np.ndarray, " changes"]:
        """The present value of the attribute to change."""
        return self.recorded[np.arange(len(self)), self.changed]

    def each(self) -> Iterator[tuple[int, int, int]]:
        """Yields index, attribute and new value of every change."""
        yield from zip(range(len(self)), self.changed.tolist(), self.wanted.tolist(), strict=True)


def changes_of(split: AttributedSplit, attributes: list[Attribute], most: int = MOST_CHANGES) -> Changes:
    """At most `most` changes of random pictures, always the same: each attribute in turn gets a random other value."""
    random = np.random.default_rng(0)
    order, count = random.permutation(len(split)), len(attributes)
    turns = np.arange(min(most, len(split) * count))
    rounds, place = np.divmod(turns, len(split))
    changed = (place + rounds) % count  # every round over the pictures changes another attribute
    some = split.take(order[place])
    recorded = np.concatenate((some.values, some.kept), 1)
    counts = np.array([len(attribute.values) for attribute in attributes])[changed]
    wanted = (recorded[turns, changed] + random.integers(1, counts)) % counts
    pictures = some.pictures.array[some.pictures.rows]
    return Changes(attributes, pictures, some.pictures.names, recorded, changed, wanted)


def true_pictures(changes: Changes, truth: Callable[[str, Mapping[str, str]], bytes]) -> Pixels:
    """The pictures with nothing else changed, of a sample set that can redraw them."""
    side, channels = changes.pictures.shape[2:]
    files = []
    for row, index, value in changes.each():
        attribute = changes.attributes[index]
        files.append(decode(truth(changes.names[row], {attribute.name: attribute.values[value]}), side))
    pictures = np.stack(files)
    return pictures if channels == 3 else grey(pictures)


def random_real(changes: Changes, held_out: AttributedSplit, studied: AttributedSplit) -> tuple[Pixels, list[str]]:
    """For each change, a random real picture that has the new value, and notes.

    It is one of `held_out`, because a judge knows those of `studied` by heart. Only a value that no held-out picture
    has is shown by a studied one, and a note says so.
    """
    random, made, notes = np.random.default_rng(0), np.empty_like(changes.pictures), []
    for index, attribute in enumerate(changes.attributes):
        for value, name in enumerate(attribute.values):
            rows = np.flatnonzero((changes.changed == index) & (changes.wanted == value))
            split, having = held_out, np.flatnonzero(held_out.values[:, index] == value)
            if len(rows) and not len(having):
                split, having = studied, np.flatnonzero(studied.values[:, index] == value)
                notes.append(
                    f"No held-out picture has {attribute.name} {name}: the random_real pictures of it are some that "
                    "the judge learnt from."
                )
            if len(rows):
                made[rows] = split.pictures.array[split.pictures.rows[random.choice(having, len(rows))]]
    return made, notes


def swapped(changes: Changes, studied: AttributedSplit) -> tuple[Pixels, str]:
    """The plainest way to make the changes, and its name: for drawings a colour swap, else the shift of the mean."""
    drawings = are_drawings(studied.pictures)
    made = np.empty_like(changes.pictures)
    for index, attribute in enumerate(changes.attributes):
        rows = changes.changed == index
        change = changes.pictures[rows], changes.present[rows], changes.wanted[rows]
        count = len(attribute.values)
        having = [np.flatnonzero(studied.values[:, index] == value) for value in range(count)]
        some = studied.take(np.concatenate([each[:: ceil(len(each) * count / SWAP_PICTURES)] for each in having]))
        known = some.pictures.array[some.pictures.rows], some.values[:, index], count
        made[rows] = (
            colours_swapped(*change, value_colours(*known)[:, 0])
            if drawings
            else means_shifted(*change, mean_pictures(*known))
        )
    return made, "colour swap" if drawings else "difference of mean pictures"
